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
        pytest.param(9, {}, 7, {("given_again", 8, 9)}, id="and not written to since"),
        pytest.param(3, {4: 2_000, 5: 2_500, 6: 3_000}, 4, {("given_again", 5, 6)}, id="a table as it was after it"),
        pytest.param(5, {5: 4_500}, 5, {("given_again", 5, 5)}, id="a table as it was just before the snapshot"),
        pytest.param(5, {3: 4_000, 4: 4_500}, 6, {("given_again", 3, 4), ("missing", 6, 6)}, id="and sold from since"),
        pytest.param(
            3, {4: 2_000, 7: 3_000}, 4, {("given_again", 7, 7)}, id="a table as it was, and a hole after that"
        ),
        pytest.param(5, {2: 4_000, 4: 4_500}, 5, {("given_again", 2, 4)}, id="a table as it was, and a hole before it"),
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


@pytest.mark.parametrize(
    ("again_ms", "lost"),
    [
        pytest.param(3_000, [(KEY, "given_again", 4, 4)], id="with two instants"),
        pytest.param(2_000, [], id="with one"),
    ],
)
def test_a_revision_that_was_archived_twice_was_given_again_where_its_instants_differ(
    sql: duckdb.DuckDBPyConnection, again_ms: int, lost: list[Any]
) -> None:
    """A table was restored and written to, and restored once more, or it would show by what is read."""
    load(sql, "events", columns_of("items"), [])
    for at_ms in (2_000, again_ms):
        insert(sql, "events", record_key=KEY, rev=4, at_ms=at_ms, type="shard_changed")
    insert(sql, "sealed_shards", item_id="cup", warehouse_id="berlin", shard=0, rev=3, at_ms=SINCE_MS)
    read_shard(sql, 4, at_ms=again_ms)
    begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "items")
    assert sql.execute("FROM lost").fetchall() == lost


@pytest.mark.parametrize(("archived", "sealed", "from_rev"), [({4: 2_000}, 3, 5), ({}, 3, 4), ({1: 2_000}, None, 2)])
def test_a_record_that_is_there_no_more_is_gone_unless_its_end_is_archived(
    sql: duckdb.DuckDBPyConnection, archived: dict[int, int], sealed: int | None, from_rev: int
) -> None:
    found, _ = opened(sql, archived, sealed=sealed)
    assert found == {(KEY, "gone", from_rev, None)}


def test_a_record_whose_removal_is_archived_is_not_lost(sql: duckdb.DuckDBPyConnection) -> None:
    load(sql, "events", columns_of("items"), [])
    insert(sql, "sealed_shards", item_id="cup", warehouse_id="berlin", shard=0, rev=3, at_ms=SINCE_MS)
    insert(sql, "events", record_key=KEY, rev=4, at_ms=2_000, type="shard_removed", by="someone")
    begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "items")
    assert sql.execute("FROM lost").fetchall() == []


@pytest.mark.parametrize(
    ("last", "lost"),
    [
        ({"type": "hold_settled", "settlement": "stl_1"}, set()),
        ({"type": "hold_removed", "by": "someone"}, set()),
        ({"type": "hold_executed", "status": "executed"}, {("hold_1", "gone", 3, None)}),
    ],
)
def test_a_hold_that_is_there_no_more_is_gone_unless_it_was_settled_or_its_removal_is_archived(
    sql: duckdb.DuckDBPyConnection, last: dict[str, Any], lost: Lost
) -> None:
    load(sql, "events", columns_of("holds"), [])
    insert(sql, "sealed_holds", hold_id="hold_1", rev=1, at_ms=SINCE_MS)
    insert(sql, "events", record_key="hold_1", rev=2, at_ms=2_000, **last)
    begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "holds")
    assert set(sql.execute("FROM lost").fetchall()) == lost


def test_of_a_directory_too_what_was_sealed_is_known(sql: duckdb.DuckDBPyConnection) -> None:
    load(sql, "events", columns_of("items"), [])
    insert(sql, "sealed_directories", item_id="cup", rev=3, at_ms=SINCE_MS)
    insert(sql, "whole", record_key="cup#*", item_id="cup", warehouses="{}", rev=5, at_ms=4_000, settled=False)
    begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "items")
    assert sql.execute("FROM lost").fetchall() == [("cup#*", "missing", 4, 5)]


def test_an_adjustment_that_was_altered_by_hand_was_not_given_again(sql: duckdb.DuckDBPyConnection) -> None:
    load(sql, "events", columns_of("items"), [])
    insert(sql, "whole", record_key="adj_1", rev=1, at_ms=2_000, settled=False)
    insert(sql, "events", record_key="adj_1", rev=1, at_ms=2_000, type="adjustment_made")
    insert(sql, "events", record_key="adj_1", rev=2, at_ms=3_000, type="adjustment_altered")
    begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "items")
    assert sql.execute("FROM lost").fetchall() == []


def test_a_fold_begins_with_what_was_read_of_each_kind_and_knows_settled_holds_no_more(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    told = {"rev": 2, "at_ms": 2_000}
    read_shard(sql, 2, at_ms=2_000)
    insert(sql, "whole", record_key="cup#*", item_id="cup", warehouses="{}", settled=False, **told)
    for name, settled in (("hold_1", False), ("hold_2", True)):
        insert(sql, "whole", record_key=name, hold_id=name, settled=settled, **told)
    insert(sql, "whole", record_key="adj_1", rev=1, at_ms=2_000, settled=False)
    for kind in ("items", "holds"):
        load(sql, "events", columns_of(kind), [])
        begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, kind)
        sql.execute("DROP TABLE sealed; DROP TABLE lost")
    assert sql.execute("SELECT item_id, warehouse_id, shard, rev FROM base_shards").fetchall() == [
        ("cup", "berlin", 0, 2)
    ]
    assert sql.execute("SELECT item_id, warehouses, rev FROM base_directories").fetchall() == [("cup", "{}", 2)]
    assert sql.execute("SELECT hold_id, rev FROM base").fetchall() == [("hold_1", 2)]
    assert sql.execute(f"{FINAL_READ} ORDER BY 1").fetchall() == [("adj_1", 1, 2_000, True), ("hold_2", 2, 2_000, True)]


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


def test_of_what_changed_just_now_the_first_few_are_told(sql: duckdb.DuckDBPyConnection) -> None:
    load(sql, "events", columns_of("items"), [])
    keys = [f"cup#berlin#{number:02d}" for number in range(25)]
    for key in reversed(keys):
        insert(sql, "whole", record_key=key, rev=7, at_ms=FROM_MS + 1, settled=False, shard=0)
    assert begin_with_reading(sql, OPENING, SINCE_MS, AS_OF_MS, "items") == [f"{key}@7" for key in keys[:20]]


def test_what_was_written_at_the_very_beginning_of_the_reading_is_of_before_it(sql: duckdb.DuckDBPyConnection) -> None:
    """All of it: what nobody archived is lost, and what the table has no more was given again, and is not folded."""
    read_shard(sql, 7, at_ms=FROM_MS)
    found, coming = opened(sql, {6: 4_000, 8: FROM_MS}, sealed=5)
    assert found == {(KEY, "missing", 7, 7), (KEY, "given_again", 8, 8)}
    assert (coming, folded(sql)) == ([], [])


def test_what_was_read_at_the_very_instant_is_of_it(sql: duckdb.DuckDBPyConnection) -> None:
    read_shard(sql, 6, at_ms=AS_OF_MS)
    assert opened(sql, {6: AS_OF_MS}, sealed=5) == (set(), [])


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


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((5, 1), (5, 1), None),
        ((5, 1), (5, 2), 1),
        ((5, 1), (4, 1), -1),
        ((5, 1), (4, 2), 0),
        (None, (4, 2), 6),
        ((4, 2), None, -6),
        (None, (0, 0), None),
        ((0, 0), None, None),
    ],
)
def test_a_place_has_changed_where_it_has_other_counts_and_one_that_is_not_told_has_none(
    sql: duckdb.DuckDBPyConnection, before: tuple[int, int] | None, after: tuple[int, int] | None, change: int | None
) -> None:
    for table, counts in (("sealed_snapshot", before), ("snapshot", after)):
        if counts is not None:
            told = dict(zip(("available", "held"), counts, strict=True))
            insert(sql, table, item_id="cup", warehouse_id="berlin", on_hand=sum(counts), **told)
    expected = ("cup", "berlin", *(before or (0, 0)), *(after or (0, 0)), change)
    assert sql.execute(CHANGED_ITEMS).fetchall() == ([] if change is None else [expected])


def test_books_keep_a_place_where_something_is_or_is_held(sql: duckdb.DuckDBPyConnection) -> None:
    for item, shards, holding in (("cup", 1, 0), ("pot", 0, 1), ("pan", 0, 0)):
        insert(sql, "snapshot", item_id=item, warehouse_id="berlin", on_hand=0, shards=shards, holding=holding)
    sql.execute(BEGIN_BOOKS)
    assert sql.execute("SELECT item_id FROM snapshot ORDER BY 1").fetchall() == [("cup",), ("pot",)]


def test_a_loss_of_two_kinds_is_one_of_a_record_and_none_is_none(sql: duckdb.DuckDBPyConnection) -> None:
    read_shard(sql, 6, at_ms=4_000)
    opened(sql, {3: 4_000, 4: 4_500}, sealed=5)
    assert totals_of_lost(sql) == {"lost_records": 1, "lost_revisions": 3}
    sql.execute("DELETE FROM lost")
    assert totals_of_lost(sql) == {"lost_records": 0, "lost_revisions": 0}


def test_the_loss_is_counted(sql: duckdb.DuckDBPyConnection) -> None:
    read_shard(sql, 7, at_ms=4_000)
    opened(sql, {5: 2_000}, sealed=3)
    assert totals_of_lost(sql) == {"lost_records": 1, "lost_revisions": 3}
