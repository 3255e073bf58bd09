"""An audit's copies of sealed files: whole or not there, and gone when they have been looked at."""

import hashlib
import json
from pathlib import Path

import duckdb

from inventory.adapters.objects import NoSuchObject
from inventory.audit.chain import check_files_of, download_present
from inventory.proof.manifest import manifest_path
from support.objects import DirectoryObjects


class Going(DirectoryObjects):
    """A bucket whose objects go while they are read."""

    def download(self, key: str, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise NoSuchObject(key)


def test_half_of_an_object_that_went_while_it_was_read_is_not_there(tmp_path: Path) -> None:
    download_present(Going(tmp_path / "bucket"), ["ledger/a", "ledger/b"], tmp_path / "work")
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []


def test_a_file_that_has_been_looked_at_leaves_the_disk(tmp_path: Path) -> None:
    objects, work = DirectoryObjects(tmp_path / "bucket"), tmp_path / "work"
    duckdb.execute("COPY (SELECT 1 AS one) TO $file (FORMAT parquet)", {"file": str(tmp_path / "made")})
    content = (tmp_path / "made").read_bytes()
    paths = [f"ledger/as_of=19700101T000001Z/items-{number:04}.parquet" for number in range(20)]
    for path in paths:
        objects.put(path, content)
    told = {
        "number": 1,
        "snapshot": "snap",
        "as_of": "19700101T000001Z",
        "as_of_ms": 1_000,
        "ledger_from_ms": 0,
        "buckets": 20,
        "files": [
            {"path": path, "bytes": len(content), "rows": 1, "sha256": hashlib.sha256(content).hexdigest()}
            for path in paths
        ],
        "totals": {},
    }
    objects.put(manifest_path(1), json.dumps({"manifest": told}).encode())
    work.mkdir()
    [check] = check_files_of(objects, 1, work).checks
    assert (check.looked_at, check.discrepancies) == (20, 0)
    assert [path for path in work.rglob("*") if path.is_file()] == []
