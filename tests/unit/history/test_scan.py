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
from inventory.history.scan import Reading, RecordDamaged, Segment, scan_segment
from inventory.storage.codec import encode
from support.objects import DirectoryObjects
from support.pages import PAGE, Table
from support.parquet import rows_of

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


RECORDS: dict[str, tuple[Source, dict[str, Any]]] = {
    "shard": (
        Source.STOCK,
        {
            "stock_id": "cup#berlin#0",
            "item_id": "cup",
            "warehouse_id": "berlin",
            "shard": 0,
            "available": 5,
            "held": 2,
            "inflow": 7,
            "rev": 3,
            "at": 10**12,
        },
    ),
    "directory": (
        Source.STOCK,
        {
            "stock_id": "cup#*",
            "item_id": "cup",
            "warehouses": {"berlin": {"shards": 1, "counts": 0}},
            "rev": 1,
            "at": 10**12,
        },
    ),
    "hold": (
        Source.HOLDS,
        {
            "hold_id": "hold_7",
            "status": "active",
            "lines": [],
            "created": 10**12,
            "expires_at": 10**12 + 1,
            "actor": "shop",
            "fingerprint": "f",
            "metadata": {},
            "open": "1",
            "rev": 1,
            "at": 10**12,
        },
    ),
    "adjustment": (Source.ADJUSTMENTS, {"adjustment_id": "adj_7", "item": "cup", "rev": 1, "at": 10**12}),
}


class Holding(Table):
    """A client that scans one record, as DynamoDB tells it."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        super().__init__(1)
        self._attributes = attributes

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield {"Items": [self._attributes]}


def scanned_one(folder: Path, source: Source, attributes: dict[str, Any], *, whole: bool) -> int:
    work = folder / "work"
    work.mkdir(parents=True)
    reading = Reading("live/", BUCKETS, Segment(source, 0, 1), whole=whole)
    return scan_segment(DirectoryObjects(folder), Holding(attributes), f"the-{source}-table", reading, work)


ACTIVE = {
    "hold_id": "hold_7",
    "status": "active",
    "lines": "[]",
    "metadata": "{}",
    "actor": "shop",
    "fingerprint": "f",
    "open": "1",
    "created_ms": 10**12,
    "expires_at_ms": 10**12 + 1,
}
RELEASED = {"status": "released", "resolution": {"key": "k", "fingerprint": "g", "actor": "shop"}}


@pytest.mark.parametrize(
    ("kind", "changes", "known"),
    [
        (
            "shard",
            {"available": 7, "held": 2, "inflow": 3, "rev": 9},
            {"item_id": "cup", "warehouse_id": "berlin", "shard": 0, "available": 7, "held": 2, "inflow": 3},
        ),
        ("directory", {}, {"item_id": "cup", "warehouses": '{"berlin":{"counts":0,"shards":1}}'}),
        ("hold", {"metadata": {"order": "7"}}, ACTIVE | {"metadata": '{"order":"7"}'}),
        (
            "hold",
            RELEASED | {"open": None, "settlement": "stl_1"},
            {name: value for name, value in ACTIVE.items() if name != "open"}
            | {"status": "released", "resolution": '{"actor":"shop","fingerprint":"g","key":"k"}'},
        ),
        ("adjustment", {}, {}),
    ],
)
def test_an_opening_keeps_all_that_a_fold_knows_of_a_record_and_the_seal_its_revision_alone(
    tmp_path: Path, kind: str, changes: dict[str, Any], known: dict[str, Any]
) -> None:
    source, record = RECORDS[kind]
    changed = {name: value for name, value in {**record, **changes}.items() if value is not None}
    key = changed.get("stock_id") or changed.get("hold_id") or changed["adjustment_id"]
    told = {"record_key": key, "rev": changed["rev"], "at_ms": changed["at"], "settled": "settlement" in changed}
    for whole in (True, False):
        folder = tmp_path / str(whole)
        scanned_one(folder, source, encode(changed), whole=whole)
        [row] = rows_of(f"{folder}/live/*.parquet")
        assert {name: value for name, value in row.items() if value is not None} == told | (known if whole else {})


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", RECORDS)
def test_what_the_service_writes_is_taken(tmp_path: Path, kind: str, *, whole: bool) -> None:
    source, record = RECORDS[kind]
    assert scanned_one(tmp_path, source, encode(record), whole=whole) == 1


@pytest.mark.parametrize(
    ("kind", "name", "value", "told"),
    [
        ("shard", "rev", None, "no attribute 'rev'"),
        ("shard", "at", None, "no attribute 'at'"),
        ("directory", "rev", None, "no attribute 'rev'"),
        ("hold", "rev", {"S": "three"}, "rev is 'three'"),
        ("hold", "rev", {"S": "3"}, "rev is '3'"),
        ("hold", "rev", {"S": "3" * 1_000}, "rev is '3{99}$"),
        ("shard", "rev", {"N": "1.5"}, "1.5"),
        ("shard", "at", {"N": "9" * 30}, "at_ms is 9+, which has too many digits"),
        ("shard", "at", {"NULL": True}, "at_ms is None"),
        ("adjustment", "item", None, "no attribute 'item'"),
        ("adjustment", "item", {"N": "4"}, "item_id is 4"),
        ("adjustment", "item", {"NULL": True}, "item_id is None"),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_a_record_that_is_none_of_the_service_is_named_with_its_table_and_what_is_wrong(
    tmp_path: Path, kind: str, name: str, value: dict[str, Any] | None, told: str, *, whole: bool
) -> None:
    damaged_is_named(tmp_path, kind, name, value, told, whole=whole)


@pytest.mark.parametrize(
    ("kind", "name", "value", "told"),
    [
        ("hold", "created", None, "no attribute 'created'"),
        ("hold", "created", {"S": "today"}, "created_ms is 'today'"),
        ("hold", "expires_at", {"S": "today"}, "expires_at_ms is 'today'"),
        ("hold", "status", {"N": "4"}, "status is 4"),
        ("hold", "status", {"S": "lost"}, "'lost' is not a valid Status"),
        ("hold", "status", None, "no attribute 'status'"),
        ("hold", "fingerprint", None, "no attribute 'fingerprint'"),
        ("hold", "fingerprint", {"NULL": True}, "fingerprint is None"),
        ("hold", "actor", None, "no attribute 'actor'"),
        ("hold", "metadata", {"NULL": True}, "metadata is None"),
        ("hold", "lines", None, "no attribute 'lines'"),
        ("hold", "lines", {"S": "two"}, "indices"),
        ("shard", "item_id", {"B": b"cup"}, "item_id is Binary"),
        ("shard", "item_id", {"S": "mug"}, "'mug#berlin#0'"),
        ("shard", "warehouse_id", {"NULL": True}, "warehouse_id is None"),
        ("directory", "item_id", {"L": []}, r"item_id is \[\]"),
        ("directory", "item_id", {"S": "mug"}, r"'mug#\*'"),
        ("directory", "warehouses", {"NULL": True}, "warehouses is None"),
        ("directory", "warehouses", {"L": []}, "items"),
        ("directory", "warehouses", {"M": {"berlin": {"M": {}}}}, "no attribute 'shards'"),
        ("hold", "lines", {"L": [{"B": b"x"}]}, "Binary"),
        ("shard", "available", {"S": "many"}, "available is 'many'"),
        ("shard", "shard", {"N": "3000000000"}, "shard is 3000000000, which has too many digits"),
        ("directory", "warehouses", None, "no attribute 'warehouses'"),
    ],
)
def test_so_is_one_of_which_only_an_opening_reads_what_is_wrong(
    tmp_path: Path, kind: str, name: str, value: dict[str, Any] | None, told: str
) -> None:
    damaged_is_named(tmp_path, kind, name, value, told, whole=True)


def damaged_is_named(
    folder: Path, kind: str, name: str, value: dict[str, Any] | None, told: str, *, whole: bool
) -> None:
    source, record = RECORDS[kind]
    attributes = {key: each for key, each in encode(record).items() if key != name}
    if value is not None:
        attributes[name] = value
    with pytest.raises(RecordDamaged, match=told) as caught:
        scanned_one(folder, source, attributes, whole=whole)
    key = next(iter(record.values()))
    assert str(caught.value).startswith(f"table the-{source}-table, record {key!r}: ")
    assert (caught.value.table, caught.value.key) == (f"the-{source}-table", key)
