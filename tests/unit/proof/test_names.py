"""Only names of the kind that the service gives are read, and each of them as it stands."""

import json
from pathlib import Path

import duckdb
import pytest

from inventory.domain.events import Source
from inventory.history import layout
from inventory.pipeline.archiver import ArchivedEvent, object_key
from inventory.proof.names import is_plain, literal
from support.sealed import Sealer

LATEST_MS = 253_402_300_799_000


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("sequence", ["1", "9" * 56])
@pytest.mark.parametrize("stream_ms", [0, LATEST_MS])
def test_what_the_archiver_calls_an_object_is_plain(source: Source, sequence: str, stream_ms: int) -> None:
    batch = [ArchivedEvent(source, stream_ms, "f" * 32, sequence, {}, "")]
    key = object_key(layout.archive_hour(source, stream_ms), batch)
    assert is_plain(key)
    assert layout.hour_of(key) is not None


def test_every_file_that_is_sealed_has_a_plain_name(sealed_day: Sealer) -> None:
    files = [path.relative_to(sealed_day.folder).as_posix() for path in sealed_day.folder.rglob("*") if path.is_file()]
    kinds = {"archive", "keys", "ledger", "listed", "holds", "manifests", "snapshots", "state"}
    assert {path.split("/")[0] for path in files} == kinds
    assert [path for path in files if not is_plain(path)] == []
    assert is_plain(layout.opened_path(LATEST_MS, "lost-items", 4095))
    assert is_plain(layout.manifest_path(99_999_999))


@pytest.mark.parametrize(
    "path",
    [
        "archive/stock/dt=2026-11-22/hour=18/",
        "archive/stock/dt=2026-11-22/",
        "archive/stock/dt=2026-11-22/hour=18/a/b",
        "archive/stock/dt=2026-11-22/hour=18/a",
        "archive/stock/dt=2026-11-22/hour=99/0123456789abcdef-1-2.jsonl.gz",
        "archive/stock/dt=2026-13-41/hour=18/0123456789abcdef-1-2.jsonl.gz",
        "archive/other/dt=2026-11-22/hour=18/0123456789abcdef-1-2.jsonl.gz",
        "archive/stock/dt=2026-11-22/hour=18/0123456789abcdef-1-2.jsonl.gz\n",
        "archive/stock/dt=2026-11-22/hour=18/0123456789abcdef-1-٣.jsonl.gz",
        "archive/stock/dt=2026-11-22/hour=18/..",
        "archive/stock/dt=2026-11-22/hour=18/../../../../../etc/passwd",
        "archive/stock/dt=2026-11-22/hour=18/A",
        "archive/stock/dt=2026-11-22/hour=18/é",
        "archive/stock/dt=2026-11-22/hour=18/٣",
        "archive/stock/dt=2026-11-22/hour=18/" + "x" * 201,
        "archive/stock/dt=2026-11-22/hour=18/a\n",
        "archive/stock/dt=2026-11-22/hour=18/[0]",
        "archive/stock/dt=2026-11-22/hour=*/0",
        "archive/stock/dt=2026-11-22/hour=1?/0",
        "/archive/stock/dt=2026-11-22/hour=18/0",
        "archive//dt=2026-11-22/hour=18/0",
        "snapshots/as_of=20261122t180000z/items-0000.parquet",
        "snapshots/as_of=20261122T180000Z/../../manifests/00000001.json",
        "snapshots/items-0000.parquet",
        "partials/run/x",
        "",
    ],
)
def test_other_names_are_not_plain(path: str) -> None:
    assert not is_plain(path)


@pytest.mark.parametrize("folder", ["copy[1]", "copy?", "copy*", "**", "a[!b]", "[", "x,{y}", "~x", "it's"])
def test_a_path_is_read_as_it_stands_whatever_lies_beside_it(tmp_path: Path, folder: str) -> None:
    for name in (folder, "copy1", "copyx", "copy", "a!", "ac"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.jsonl").write_text(json.dumps({"from": name}))
    path = tmp_path / folder / "0.jsonl"
    rows = duckdb.execute(
        "SELECT json->>'from', filename FROM read_ndjson_objects(?, filename = true)", [[literal(path)]]
    )
    assert rows.fetchall() == [(folder, str(path))]
