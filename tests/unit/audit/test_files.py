"""An audit's copies of sealed files: whole or not there, and gone when they have been looked at."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Barrier

import duckdb
import pytest

from inventory.adapters.objects import NoSuchObject, Stored
from inventory.audit.chain import check_chain, check_files_of, download_present
from inventory.audit.plan import AuditPlan, Depth, read_manifest
from inventory.proof.findings import Check
from inventory.proof.manifest import manifest_path
from inventory.proof.signatures import RsaVerifier
from support.objects import DirectoryObjects

RUN = "partials/audit/audit_x/"


class Going(DirectoryObjects):
    """A bucket whose objects go while they are read."""

    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        path.write_bytes(b"half of it")
        raise NoSuchObject(key)


def test_half_of_an_object_that_went_while_it_was_read_is_not_there(tmp_path: Path) -> None:
    download_present(Going(tmp_path / "bucket"), ["ledger/a", "ledger/b"], tmp_path / "work")
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []


class Waiting(DirectoryObjects):
    """A bucket that gives no file before so many were asked for, and counts how many lie in a folder meanwhile."""

    def __init__(self, root: Path, work: Path, at_once: int) -> None:
        super().__init__(root)
        self.asked = Barrier(at_once, timeout=10)
        self.work = work
        self.most = 0

    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        self.asked.wait()
        super().download(key, path, tag=tag)
        self.most = max(self.most, sum(each.is_file() for each in self.work.rglob("*")))


def put_manifest(objects: DirectoryObjects, content: bytes, paths: Sequence[str]) -> None:
    """The first manifest of a chain, which names these files of one content."""
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
    for path in paths:
        objects.put(path, content)
    objects.put(manifest_path(1), json.dumps({"manifest": told}).encode())


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    duckdb.execute("COPY (SELECT 1 AS one) TO $file (FORMAT parquet)", {"file": str(tmp_path / "made")})
    return (tmp_path / "made").read_bytes()


def check_files(objects: DirectoryObjects, work: Path) -> Check:
    work.mkdir(exist_ok=True)
    [check] = check_files_of(objects, RUN, 1, RsaVerifier(()), work).checks
    return check


def test_files_are_on_their_way_together_and_each_leaves_the_disk_when_it_has_been_looked_at(
    tmp_path: Path, content: bytes
) -> None:
    objects = Waiting(tmp_path / "bucket", tmp_path / "work", at_once=8)
    put_manifest(objects, content, [f"ledger/as_of=19700101T000001Z/items-{number:04}.parquet" for number in range(64)])
    check = check_files(objects, tmp_path / "work")
    assert (check.looked_at, check.discrepancies) == (64, 0)
    assert 1 <= objects.most <= 8
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []


def test_a_file_that_a_manifest_names_twice_is_looked_at_twice(tmp_path: Path, content: bytes) -> None:
    objects = DirectoryObjects(tmp_path / "bucket")
    put_manifest(objects, content, ["ledger/as_of=19700101T000001Z/items-0000.parquet"] * 100)
    check = check_files(objects, tmp_path / "work")
    assert (check.looked_at, check.discrepancies) == (100, 0)


def test_of_a_manifest_that_is_gone_or_is_none_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    """It ends no audit: the chain says that it is missing, or no manifest."""
    objects = DirectoryObjects(tmp_path / "bucket")
    for _ in range(2):
        assert check_files(objects, tmp_path / "work").looked_at == 0
        objects.put(manifest_path(1), b"{}")


PLACES = ("snapshots", "holds", "ledger", "state", "opened")


@pytest.mark.parametrize("place", PLACES)
def test_a_file_beside_the_sealed_ones_is_named_wherever_only_a_commit_may_put_files(
    tmp_path: Path, content: bytes, place: str
) -> None:
    objects, named = DirectoryObjects(tmp_path / "bucket"), "ledger/as_of=19700101T000001Z/items-0000.parquet"
    put_manifest(objects, content, [named])
    strange = f"{place}/as_of=19700101T000001Z/items-9999.parquet"
    objects.put(strange, content)
    objects.put(f"{place}/as_of=19700101T000002Z/items-0000.parquet", content)  # of another manifest, if of any
    check = check_files(objects, tmp_path / "work")
    assert (check.looked_at, [each.path for each in check.findings]) == (2, [strange])


class Committing(DirectoryObjects):
    """A bucket that gets another manifest and its file as soon as the chain's names were told."""

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        told = list(super().list(prefix, after=after))
        if prefix == "manifests/":
            self.put(manifest_path(2), b"{}")
            self.put("ledger/as_of=19700101T000002Z/items-0000.parquet", b"")
        return iter(told)


WHOLE = AuditPlan("audit_x", 1_000, Depth.FULL, manifest=1)


@pytest.mark.parametrize("place", PLACES)
def test_a_file_of_an_instant_that_no_manifest_has_is_named_by_an_audit_from_the_first_event(
    tmp_path: Path, content: bytes, place: str
) -> None:
    objects = DirectoryObjects(tmp_path / "bucket")
    put_manifest(objects, content, [f"{place}/as_of=19700101T000001Z/items-0000.parquet"])
    strange = f"{place}/as_of=19700101T000002Z/items-0000.parquet"
    objects.put(strange, content)
    _, files = check_chain(objects, WHOLE, RsaVerifier(())).checks
    assert (files.looked_at, [each.path for each in files.findings]) == (1, [strange])


def test_what_is_committed_while_the_chain_is_followed_has_no_strange_files(tmp_path: Path, content: bytes) -> None:
    objects = Committing(tmp_path / "bucket")
    put_manifest(objects, content, ["ledger/as_of=19700101T000001Z/items-0000.parquet"])
    chain, files = check_chain(objects, WHOLE, RsaVerifier(())).checks
    assert (chain.looked_at, files.looked_at, files.findings) == (1, 0, [])


class Endless(DirectoryObjects):
    """A bucket whose manifest is larger than any memory."""

    def read_start(self, key: str, count: int) -> bytes:
        return b" " * count

    def read(self, key: str) -> bytes:
        raise MemoryError(key)


def test_a_manifest_that_no_memory_holds_is_none(tmp_path: Path, content: bytes) -> None:
    objects = Endless(tmp_path / "bucket")
    put_manifest(objects, content, [])
    chain, _ = check_chain(objects, WHOLE, RsaVerifier(())).checks
    assert [found.what for found in chain.findings] == ["It is no manifest: It has more than 4,194,304 bytes."]
    assert read_manifest(objects, 1) is None


class Rewritten(DirectoryObjects):
    """A bucket in which somebody writes over its manifest as soon as that was read."""

    def read(self, key: str) -> bytes:
        content = super().read(key)
        if key == manifest_path(1):
            self.put(key, b"{}")
        return content


def test_what_was_found_of_a_manifest_is_not_believed_of_one_that_was_written_over_it_meanwhile(
    tmp_path: Path, content: bytes
) -> None:
    objects, bucket = Rewritten(tmp_path / "bucket"), DirectoryObjects(tmp_path / "bucket")
    put_manifest(objects, content, ["ledger/as_of=19700101T000001Z/items-0000.parquet"])
    check_files(objects, tmp_path / "work")
    chain, _ = check_chain(
        bucket, AuditPlan("audit_x", 1_000, Depth.FULL, manifest=1, files=(1,)), RsaVerifier(())
    ).checks
    assert [(each.path, each.what.split(":")[0]) for each in chain.findings] == [
        (manifest_path(1), "It is no manifest")
    ]
