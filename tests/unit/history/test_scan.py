"""Reading a part of a live table: every record in its bucket's file, however many there are."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.adapters.scratch import scratch_database
from inventory.domain.events import Source
from inventory.history import scan as scanning
from inventory.history.layout import bucket_of
from inventory.history.scan import Reading, Segment, scan_segment
from support.objects import DirectoryObjects
from support.pages import PAGE, Table

BUCKETS = 3


def scanned(folder: Path, records: int, table: Table | None = None) -> int:
    work = folder / "work"
    work.mkdir(parents=True)
    reading = Reading("live/", BUCKETS, Segment(Source.HOLDS, 0, 1))
    return scan_segment(DirectoryObjects(folder), table or Table(records), "holds", reading, work)


@pytest.mark.parametrize("records", [0, 1, 2 * PAGE + 5])
def test_every_record_is_in_the_file_of_its_bucket_and_every_bucket_has_one(tmp_path: Path, records: int) -> None:
    assert scanned(tmp_path, records) == records
    for bucket in range(BUCKETS):
        file = tmp_path / f"live/holds-{bucket:04d}-holds-000.parquet"
        rows = duckdb.connect().execute(f"SELECT * FROM read_parquet('{file}')").fetchall()
        wanted = [number for number in range(records) if bucket_of(f"hold_{number}", BUCKETS) == bucket]
        assert rows == sorted((f"hold_{n}", n % 7, 10**12 + n, n % 2 == 1) for n in wanted)


def test_every_page_is_read_consistently_and_of_its_own_segment(tmp_path: Path) -> None:
    table = Table(2 * PAGE + 5)
    scanned(tmp_path, 0, table)
    assert len(table.requests) == 3
    for request in table.requests:
        assert (request["ConsistentRead"], request["Segment"], request["TotalSegments"]) == (True, 0, 1)


def test_memory_does_not_grow_with_the_segment(tmp_path: Path) -> None:
    def peak(records: int) -> int:
        tracemalloc.start()
        try:
            scanned(tmp_path / str(records), records)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(PAGE)  # what is loaded once
    assert peak(30 * PAGE) < 2 * peak(3 * PAGE)


def test_rows_are_loaded_by_the_file_and_not_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class Counting:
        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self._connection = connection

        def execute(self, query: str, *values: Any) -> Any:
            told.append("execute")
            return self._connection.execute(query, *values)

        def executemany(self, query: str, rows: list[Any]) -> Any:
            told.extend(["executemany"] * len(rows))
            return self._connection.executemany(query, rows)

    @contextmanager
    def counted(*, memory_mb: int) -> Iterator[Counting]:
        with scratch_database(memory_mb=memory_mb) as connection:
            yield Counting(connection)

    monkeypatch.setattr(scanning, "scratch_database", counted)
    scanned(tmp_path, 2 * PAGE)
    assert told == ["execute"] * BUCKETS
