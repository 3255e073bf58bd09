"""What an opening snapshot starts from, and what it says is lost, on tables made by hand."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.adapters.scratch import scratch_database
from inventory.history.columnar import DIRECTORIES, HOLDS, MEMORY_MB, SHARDS, SNAPSHOT, load
from inventory.history.map_task import columns_of
from inventory.history.opening import (
    BEGIN_BOOKS,
    CHANGED_ITEMS,
    FINAL_READ,
    ReadTooLate,
    begin_with_reading,
    totals_of_lost,
)
from inventory.history.plan import Opening
from inventory.history.scan import WHOLE

#: The snapshot before, the beginning of what is folded, the reading, and the instant.
SINCE_MS, FROM_MS, READ_MS, AS_OF_MS = 1_000, 5_000, 6_000, 9_000
OPENING = Opening("why", "who", "partials/live/opening-6000/", FROM_MS)
KEY = "cup#berlin#0"

Lost = set[tuple[str, str, int, int | None]]


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        load(sql, "whole", WHOLE, [])
        load(sql, "sealed_shards", SHARDS, [])
        load(sql, "sealed_directories", DIRECTORIES, [])
        load(sql, "sealed_holds", HOLDS, [])
        load(sql, "sealed_snapshot", SNAPSHOT, [])
        load(sql, "snapshot", SNAPSHOT, [])
        yield sql


def insert(sql: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    sql.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


def read_shard(sql: duckdb.DuckDBPyConnection, rev: int, at_ms: int = READ_MS, **more: Any) -> None:
    told = {"item_id": "cup", "warehouse_id": "berlin", "shard": 0, "available": 5, "held": 1, "inflow": 2} | more
    insert(sql, "whole", record_key=KEY, rev=rev, at_ms=at_ms, settled=False, **told)


def opened(
    sql: duckdb.DuckDBPyConnection, archived: Mapping[int, int], *, sealed: int | None = None, kind: str = "items"
) -> tuple[Lost, list[str]]:
    """What is lost of one record, and what is still to come; `archived` has its revisions with their instants."""
    load(sql, "events", columns_of(kind), [])
    for rev, at_ms in archived.items():
        insert(sql, "events", record_key=KEY, rev=rev, at_ms=at_ms, type="shard_changed")
    if sealed is not None:
        insert(sql, "sealed_shards", item_id="cup", warehouse_id="berlin", shard=0, rev=sealed, at_ms=SINCE_MS)
    coming = begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, kind)
    return set(sql.execute("SELECT record_key, what, from_rev, until_rev FROM lost").fetchall()), coming


def folded(sql: duckdb.DuckDBPyConnection) -> list[int]:
    return [rev for (rev,) in sql.execute("SELECT rev FROM events ORDER BY rev").fetchall()]


@pytest.mark.parametrize(
    ("sealed", "archived", "read", "lost"),
    [
        pytest.param(3, {4: 2_000, 5: 3_000}, 5, set(), id="nothing"),
        pytest.param(3, {4: 2_000, 7: 4_000}, 7, {("missing", 5, 6)}, id="between"),
        pytest.param(3, {}, 7, {("missing", 4, 7)}, id="all of it"),
        pytest.param(3, {5: 2_000}, 6, {("missing", 4, 4), ("missing", 6, 6)}, id="on both sides"),
        pytest.param(None, {3: 2_000}, 3, {("missing", 1, 2)}, id="a record that began in the hole"),
        pytest.param(5, {}, 5, set(), id="a record that nobody touched"),
        pytest.param(9, {10: 2_000}, 7, {("given_again", 8, 10)}, id="a table as it was before the snapshot"),
        pytest.param(3, {4: 2_000, 5: 2_500, 6: 3_000}, 4, {("given_again", 5, 6)}, id="a table as it was after it"),
        pytest.param(5, {5: 4_500}, 5, {("given_again", 5, 5)}, id="a table as it was just before the snapshot"),
        pytest.param(5, {3: 4_000, 4: 4_500}, 6, {("given_again", 3, 4), ("missing", 6, 6)}, id="and sold from since"),
    ],
)
def test_each_revision_between_that_no_archive_has_or_that_came_twice_is_lost(
    sql: duckdb.DuckDBPyConnection, sealed: int | None, archived: dict[int, int], read: int, lost: Any
) -> None:
    read_shard(sql, read, at_ms=4_000)
    found, coming = opened(sql, archived, sealed=sealed)
    assert found == {(KEY, *each) for each in lost}
    assert coming == []
    assert folded(sql) == []


def test_a_revision_that_was_archived_with_two_instants_was_given_again(sql: duckdb.DuckDBPyConnection) -> None:
    """A table was restored and written to, and restored once more, or it would show by what is read."""
    load(sql, "events", columns_of("items"), [])
    for at_ms in (2_000, 3_000):
        insert(sql, "events", record_key=KEY, rev=4, at_ms=at_ms, type="shard_changed")
    insert(sql, "sealed_shards", item_id="cup", warehouse_id="berlin", shard=0, rev=3, at_ms=SINCE_MS)
    read_shard(sql, 4, at_ms=3_000)
    begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "items")
    assert sql.execute("FROM lost").fetchall() == [(KEY, "given_again", 4, 4)]


def test_a_record_that_is_there_no_more_is_gone_unless_its_end_is_archived(sql: duckdb.DuckDBPyConnection) -> None:
    found, _ = opened(sql, {4: 2_000}, sealed=3)
    assert found == {(KEY, "gone", 5, None)}


def test_a_record_whose_removal_is_archived_is_not_lost(sql: duckdb.DuckDBPyConnection) -> None:
    load(sql, "events", columns_of("items"), [])
    insert(sql, "sealed_shards", item_id="cup", warehouse_id="berlin", shard=0, rev=3, at_ms=SINCE_MS)
    insert(sql, "events", record_key=KEY, rev=4, at_ms=2_000, type="shard_removed", by="someone")
    begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "items")
    assert sql.execute("FROM lost").fetchall() == []


def test_what_came_after_the_reading_is_folded_and_what_was_read_already_is_not(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    read_shard(sql, 7)
    found, coming = opened(sql, {6: 5_500, 7: READ_MS, 8: 6_100, 9: 8_000}, sealed=5)
    assert (found, coming) == (set(), [])
    assert folded(sql) == [8, 9]
    assert sql.execute("SELECT item_id, shard, available, rev FROM base_shards").fetchall() == [("cup", 0, 5, 7)]


def test_the_former_time_of_a_restored_table_is_no_part_of_the_fold(sql: duckdb.DuckDBPyConnection) -> None:
    read_shard(sql, 4, at_ms=2_000)
    opened(sql, {5: 3_000, 6: 4_900}, sealed=3)
    assert folded(sql) == []


def test_a_record_that_changed_just_now_must_have_that_event_archived(sql: duckdb.DuckDBPyConnection) -> None:
    read_shard(sql, 7, at_ms=FROM_MS + 100)
    _, coming = opened(sql, {6: 4_000}, sealed=5)
    assert coming == [f"{KEY}@7"]


def test_what_was_read_after_the_instant_cannot_be_taken_back(sql: duckdb.DuckDBPyConnection) -> None:
    read_shard(sql, 7, at_ms=AS_OF_MS + 100)
    with pytest.raises(ReadTooLate, match=KEY):
        opened(sql, {}, sealed=5)


@pytest.mark.parametrize(
    ("key", "settled"), [("hold_1", True), ("adj_1", False), ("trf_1", False)], ids=["a hold", "adjustment", "transfer"]
)
def test_what_was_final_at_the_snapshot_before_is_not_in_its_state_and_not_lost(
    sql: duckdb.DuckDBPyConnection, key: str, *, settled: bool
) -> None:
    insert(sql, "whole", record_key=key, rev=1, at_ms=SINCE_MS, settled=settled)
    found, _ = opened(sql, {})
    assert found == set()


@pytest.mark.parametrize("item", ["adj_cup", "trf_cup"])
def test_a_counter_is_no_adjustment_whatever_its_item_is_called(sql: duckdb.DuckDBPyConnection, item: str) -> None:
    key = f"{item}#berlin#0"
    insert(sql, "whole", record_key=key, rev=2, at_ms=SINCE_MS, settled=False, item_id=item, shard=0)
    found, _ = opened(sql, {})
    assert found == {(key, "missing", 1, 2)}
    assert sql.execute(FINAL_READ).fetchall() == []


def test_books_begin_with_what_is_there(sql: duckdb.DuckDBPyConnection) -> None:
    names = ("available", "held", "on_hand", "shards", "adjusted", "executed", "holding")
    for item, values in (("cup", (5, 1, 6, 1, 0, 3, 1)), ("gone", (0, 0, 0, 0, 4, 4, 0))):
        row = dict(zip(names, values, strict=True))
        insert(sql, "snapshot", item_id=item, warehouse_id="berlin", **row)
    insert(sql, "sealed_snapshot", item_id="cup", warehouse_id="berlin", available=9, held=0, on_hand=9)
    sql.execute(BEGIN_BOOKS)
    changed = sql.execute(CHANGED_ITEMS).fetchall()
    assert changed == [("cup", "berlin", 9, 0, 5, 1, -3)]
    assert sql.execute("SELECT item_id, adjusted, executed FROM snapshot").fetchall() == [("cup", 6, 0)]


def test_the_loss_is_counted(sql: duckdb.DuckDBPyConnection) -> None:
    read_shard(sql, 7, at_ms=4_000)
    opened(sql, {5: 2_000}, sealed=3)
    assert totals_of_lost(sql) == {"lost_records": 1, "lost_revisions": 3}
