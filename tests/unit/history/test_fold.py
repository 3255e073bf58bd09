"""The fold's own queries, on events made by hand: what is there once, what is not there, and what became of each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.adapters.scratch import scratch_database
from inventory.history.columnar import DIRECTORIES, EFFECTS, HOLDS, MEMORY_MB, SHARDS, SNAPSHOT, load
from inventory.history.fold import (
    BASE_STOCK,
    DRAWS_OF_HOLDS,
    EFFECTS_OF_HOLDS,
    END_HOLDS,
    FOLD_HOLDS,
    FOLD_SHARDS,
    SNAPSHOT_OF_STOCK,
    STOCK_HEADS,
    EventsDiffer,
    changed_directory,
    drop_doubles,
    fold_directories,
    gaps_of,
    item_totals,
)
from inventory.history.map_task import columns_of

Row = dict[str, Any]
SHARD = "cup#berlin#0"
EVERY = "true"


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A bucket of holds, or of items, with nothing in its base."""
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        load(sql, "base", HOLDS, [])
        load(sql, "base_shards", SHARDS, [])
        load(sql, "base_directories", DIRECTORIES, [])
        load(sql, "base_snapshot", SNAPSHOT, [])
        load(sql, "effects", EFFECTS, [])
        yield sql


def insert(sql: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        sql.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' for _ in row)})", list(row.values()))


def tell(sql: duckdb.DuckDBPyConnection, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Makes the events of a bucket."""
    load(sql, "events", columns_of(kind), [])
    insert(sql, "events", rows)


def rows_of(sql: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """In an order of their own."""
    result = sql.execute(f"FROM ({query}) ORDER BY ALL")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def shard(rev: int, **more: Any) -> Row:
    told = {"record_key": SHARD, "type": "shard_changed", "rev": rev, "at_ms": 1000 * rev, "cause_type": "count"}
    place = {"item_id": "cup", "warehouse_id": "berlin", "shard": 0}
    counts = {"available_after": 10 * rev, "held_after": rev, "inflow_after": 1}
    return told | place | counts | more


def hold(rev: int, kind: str, **more: Any) -> Row:
    return {"record_key": "hold_1", "type": f"hold_{kind}", "rev": rev, "at_ms": 1000 * rev} | more


def test_equal_events_are_told_once_and_others_as_they_are(sql: duckdb.DuckDBPyConnection) -> None:
    tell(sql, "items", [shard(1), shard(2), shard(2), shard(2), shard(3)])
    drop_doubles(sql, "TABLE")
    assert rows_of(sql, "SELECT record_key, rev, available_after FROM events") == [
        {"record_key": SHARD, "rev": rev, "available_after": 10 * rev} for rev in (1, 2, 3)
    ]


@pytest.mark.parametrize("changed", [{"available_after": 7}, {"at_ms": 7}, {"by": "someone"}, {"reason": "gift"}])
def test_events_of_one_id_that_differ_in_anything_are_named(sql: duckdb.DuckDBPyConnection, changed: Row) -> None:
    tell(sql, "items", [shard(1), shard(2), shard(2) | changed, shard(3), shard(3)])
    with pytest.raises(EventsDiffer) as told:
        drop_doubles(sql, "TABLE")
    assert told.value.event_id == f"{SHARD}@2"


@pytest.mark.parametrize(
    ("base", "revs", "missing"),
    [
        pytest.param(None, [1, 2, 3], [], id="none"),
        pytest.param(3, [4, 5], [], id="none after the base"),
        pytest.param(3, [], [], id="nothing happened"),
        pytest.param(None, [2, 3], [1], id="the first"),
        pytest.param(3, [5, 6], [4], id="the first after the base"),
        pytest.param(None, [1, 3], [2], id="one between"),
        pytest.param(3, [4, 6], [5], id="one between, after the base"),
        pytest.param(1, [3, 4], [2], id="one after a base that is the first"),
        pytest.param(3, [4, 7, 9], [5, 8], id="the first of each of several"),
        pytest.param(None, [3, 5], [1, 4], id="the first, and one between"),
    ],
)
def test_gapless_of_each_gap_the_first_missing_event_is_named(
    sql: duckdb.DuckDBPyConnection, base: int | None, revs: list[int], missing: list[int]
) -> None:
    tell(sql, "items", [shard(rev) for rev in revs])
    if base is not None:
        insert(sql, "base_shards", [{"item_id": "cup", "warehouse_id": "berlin", "shard": 0, "rev": base}])
    assert gaps_of(sql, BASE_STOCK, EVERY) == [f"{SHARD}@{rev}" for rev in missing]


@pytest.mark.parametrize("revs", [[3], [3, 4], [1, 4], [2, 3, 4, 6]])
def test_gapless_a_revision_that_the_base_has_already_was_given_out_again_and_is_no_gap(
    sql: duckdb.DuckDBPyConnection, revs: list[int]
) -> None:
    """Its event is of after the base, as all are that are folded: the table was restored."""
    tell(sql, "items", [shard(rev) for rev in revs])
    insert(sql, "base_shards", [{"item_id": "cup", "warehouse_id": "berlin", "shard": 0, "rev": 3}])
    with pytest.raises(EventsDiffer) as told:
        gaps_of(sql, BASE_STOCK, EVERY)
    assert told.value.event_id == f"{SHARD}@{revs[0]}"


def test_gapless_looks_at_directories_too_and_at_each_record_by_itself(sql: duckdb.DuckDBPyConnection) -> None:
    directory = {"record_key": "cup#*", "type": "directory_changed", "item_id": "cup", "at_ms": 1}
    tell(sql, "items", [directory | {"rev": 4}, directory | {"rev": 6}, shard(1), shard(2)])
    insert(sql, "base_directories", [{"item_id": "cup", "rev": 3}])
    assert gaps_of(sql, BASE_STOCK, EVERY) == ["cup#*@5"]


def test_gapless_counts_those_that_are_asked_for_and_tells_the_first_twenty(sql: duckdb.DuckDBPyConnection) -> None:
    keys = [f"cup#berlin#{number:02d}" for number in range(25)]
    tell(sql, "items", [shard(2, record_key=key) for key in reversed(keys)])
    assert gaps_of(sql, BASE_STOCK, EVERY) == [f"{key}@1" for key in keys[:20]]
    assert gaps_of(sql, BASE_STOCK, "type = 'shard_removed'") == []


def lines(*taken: tuple[str, str, int, int | None]) -> str:
    """Lines as they are archived: item, warehouse, quantity, and what was executed of it; each of one shard."""
    told = [
        {"item": item, "warehouse": warehouse, "quantity": quantity, "drawn": [{"shard": 1, "quantity": quantity}]}
        | ({} if executed is None else {"executed": executed})
        for item, warehouse, quantity, executed in taken
    ]
    return json.dumps(told)


PLACED = hold(
    1,
    "placed",
    status="active",
    lines=lines(("cup", "berlin", 5, None)),
    actor="shop",
    created_ms=1000,
    expires_at_ms=9,
)
EXTENDED = hold(2, "extended", expires_at_ms=12)
EXECUTED = hold(2, "executed", status="executed", lines=lines(("cup", "berlin", 5, 2)), actor="till", resolution="{}")
SETTLED = hold(3, "settled", settlement="stl_1")


def folded(sql: duckdb.DuckDBPyConnection, *events: Row) -> list[Row]:
    """The unsettled holds."""
    tell(sql, "holds", events)
    sql.execute(END_HOLDS)
    sql.execute(FOLD_HOLDS)
    sql.execute(f"CREATE TABLE draws AS {DRAWS_OF_HOLDS}")
    return rows_of(sql, "SELECT hold_id, rev, at_ms, status, actor, created_ms, expires_at_ms FROM folded")


def heads(sql: duckdb.DuckDBPyConnection) -> list[Row]:
    return rows_of(sql, "SELECT hold_id, rev, at_ms, final, settles FROM ended")


def test_archive_complete_a_hold_is_what_its_events_give_and_whose_it_is_who_placed_it(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    told = {"hold_id": "hold_1", "actor": "shop", "created_ms": 1000}
    assert folded(sql, PLACED) == [told | {"rev": 1, "at_ms": 1000, "status": "active", "expires_at_ms": 9}]
    sql.execute("DROP TABLE ended; DROP TABLE folded; DROP TABLE draws")
    late = EXECUTED | {"rev": 3, "at_ms": 3000}
    assert folded(sql, late, EXTENDED, PLACED) == [
        told | {"rev": 3, "at_ms": 3000, "status": "executed", "expires_at_ms": 12}
    ]
    assert heads(sql) == [{"hold_id": "hold_1", "rev": 3, "at_ms": 3000, "final": False, "settles": False}]


def test_archive_complete_a_hold_of_the_base_goes_on_from_there(sql: duckdb.DuckDBPyConnection) -> None:
    told = {"status": "active", "lines": lines(("cup", "berlin", 5, None)), "actor": "shop", "created_ms": 500}
    insert(sql, "base", [{"hold_id": name, "rev": 1, "at_ms": 500, **told} for name in ("hold_1", "hold_2")])
    begun = folded(sql, EXTENDED)
    assert [(each["hold_id"], each["rev"], each["actor"], each["expires_at_ms"]) for each in begun] == [
        ("hold_1", 2, "shop", 12),
        ("hold_2", 1, "shop", None),
    ]


@pytest.mark.parametrize(
    ("last", "final", "settles"),
    [
        pytest.param(EXECUTED, False, False, id="executed"),
        pytest.param(SETTLED, True, True, id="settled"),
        pytest.param(hold(3, "removed", by="someone", settled=False), True, False, id="removed by hand"),
    ],
)
def test_a_hold_is_final_once_it_is_settled_or_removed_and_has_left_the_fold_then(
    sql: duckdb.DuckDBPyConnection, last: Row, *, final: bool, settles: bool
) -> None:
    other = PLACED | {"record_key": "hold_2"}
    told = folded(sql, PLACED, *([] if last is EXECUTED else [EXECUTED]), last, other)
    assert [each["hold_id"] for each in told] == ([] if final else ["hold_1"]) + ["hold_2"]
    first, _ = heads(sql)
    assert (first["hold_id"], first["rev"], first["final"], first["settles"]) == ("hold_1", last["rev"], final, settles)


def test_the_removal_of_a_settled_hold_is_no_revision_of_it(sql: duckdb.DuckDBPyConnection) -> None:
    assert folded(sql, PLACED, EXECUTED, SETTLED, hold(4, "removed", by="ttl", settled=True)) == []
    assert heads(sql) == [{"hold_id": "hold_1", "rev": 3, "at_ms": 3000, "final": True, "settles": True}]


def test_each_draw_of_an_unsettled_hold_says_which_line_it_is_of(sql: duckdb.DuckDBPyConnection) -> None:
    drawn = [{"shard": 0, "quantity": 2}, {"shard": 1, "quantity": 3}]
    taken = [
        {"item": "cup", "warehouse": "berlin", "quantity": 5, "executed": 4, "drawn": drawn},
        {"item": "pot", "warehouse": "lyon", "quantity": 3, "drawn": [{"shard": 7, "quantity": 3}]},
    ]
    folded(sql, PLACED | {"lines": json.dumps(taken)})
    names = "line, item_id, warehouse_id, shard, quantity, line_quantity, line_executed, status, actor, at_ms"
    draws = [tuple(row.values()) for row in rows_of(sql, f"SELECT {names} FROM draws")]
    assert draws == [
        (0, "cup", "berlin", 0, 2, 5, 4, "active", "shop", 1000),
        (0, "cup", "berlin", 1, 3, 5, 4, "active", "shop", 1000),
        (1, "pot", "lyon", 7, 3, 3, None, "active", "shop", 1000),
    ]


@pytest.mark.parametrize(
    ("events", "executed", "holding"),
    [
        pytest.param([PLACED], 0, 5, id="held"),
        pytest.param([PLACED, EXECUTED], 0, 5, id="executed, and held until it is settled"),
        pytest.param([PLACED, EXECUTED, SETTLED], 2, 0, id="settled: a part was taken"),
        pytest.param([PLACED, hold(2, "executed", status="executed"), SETTLED], 5, 0, id="or all of it"),
        pytest.param([PLACED, hold(2, "released", status="released"), SETTLED], 0, 0, id="or nothing"),
        pytest.param([PLACED, EXECUTED, hold(3, "removed", by="someone", settled=False)], 0, 0, id="removed by hand"),
    ],
)
def test_held_matches_holds_and_stock_conserved_by_what_a_hold_takes_of_its_place(
    sql: duckdb.DuckDBPyConnection, events: list[Row], executed: int, holding: int
) -> None:
    folded(sql, *events)
    told = rows_of(sql, EFFECTS_OF_HOLDS)
    place = {"item_id": "cup", "warehouse_id": "berlin"}
    assert [row for row in told if row["executed"] or row["holding"]] == (
        [place | {"executed": executed, "holding": holding}] if executed or holding else []
    )


def snapshot(sql: duckdb.DuckDBPyConnection, *events: Row) -> list[Row]:
    """What there is of each item in each warehouse."""
    tell(sql, "items", events)
    sql.execute(FOLD_SHARDS)
    fold_directories(sql)
    sql.execute(f"CREATE TABLE snapshot AS {SNAPSHOT_OF_STOCK}")
    return rows_of(sql, "FROM snapshot")


def adjusted(kind: str, quantity: int, to: str | None = None) -> Row:
    key = {"adjustment_made": "adj_1", "transfer_made": "trf_1"}[kind]
    told = {"record_key": key, "type": kind, "rev": 1, "at_ms": 1, "item_id": "cup", "warehouse_id": "berlin"}
    return told | {"to_warehouse_id": to, "quantity": quantity}


def test_a_place_has_the_latest_counts_of_all_its_shards_and_the_instant_of_the_last(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    base = {"item_id": "cup", "warehouse_id": "berlin", "available": 100, "held": 10, "inflow": 1}
    insert(sql, "base_shards", [base | {"shard": number, "rev": 1, "at_ms": 500} for number in (0, 1)])
    [told] = snapshot(sql, shard(3, available_after=7), shard(2, available_after=99))
    names = ("available", "held", "on_hand", "shards", "at_ms")
    assert [told[name] for name in names] == [107, 13, 120, 2, 3000]
    assert str(told["last_event_at"]) == "1970-01-01 00:00:03"
    assert rows_of(sql, STOCK_HEADS) == [
        {"record_key": "cup#berlin#0", "rev": 3, "at_ms": 3000, "final": False},
        {"record_key": "cup#berlin#1", "rev": 1, "at_ms": 500, "final": False},
    ]


def test_what_was_removed_by_hand_counts_no_more_and_is_final(sql: duckdb.DuckDBPyConnection) -> None:
    directory = {"record_key": "cup#*", "item_id": "cup", "at_ms": 5}
    told = snapshot(
        sql,
        shard(1),
        shard(2, type="shard_removed", by="someone", available_after=None, held_after=None),
        directory | {"type": "directory_changed", "rev": 1, "after": '{"berlin":{"shards":1}}'},
        directory | {"type": "directory_removed", "rev": 2},
        adjusted("adjustment_made", 10),
    )
    assert [(row["available"], row["held"], row["shards"], row["adjusted"]) for row in told] == [(0, 0, 0, 10)]
    assert rows_of(sql, "FROM directories") == []
    assert [(row["record_key"], row["rev"], row["final"]) for row in rows_of(sql, STOCK_HEADS)] == [
        ("adj_1", 1, True),
        ("cup#*", 2, True),
        (SHARD, 2, True),
    ]


def test_stock_conserved_books_go_on_from_the_bases_and_a_transfer_is_in_both_places(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    base = {"item_id": "cup", "warehouse_id": "berlin", "available": 9, "held": 9, "adjusted": 100, "executed": 40}
    insert(sql, "base_snapshot", [base | {"holding": 7, "shards": 3, "at_ms": 9_999}])
    insert(sql, "effects", [{"item_id": "cup", "warehouse_id": "berlin", "executed": 5, "holding": 2}])
    told = snapshot(sql, adjusted("adjustment_made", 20), adjusted("transfer_made", 8, "lyon"))
    names = ("warehouse_id", "available", "held", "shards", "at_ms", "adjusted", "executed", "holding")
    assert [[row[name] for name in names] for row in told] == [
        ["berlin", 0, 0, 0, None, 112, 45, 2],
        ["lyon", 0, 0, 0, None, 8, 0, 0],
    ]
    assert [(row["record_key"], row["rev"], row["final"]) for row in rows_of(sql, STOCK_HEADS)] == [
        ("adj_1", 1, True),
        ("trf_1", 1, True),
    ]


def test_a_directory_is_what_its_changes_made_of_it_in_their_order(sql: duckdb.DuckDBPyConnection) -> None:
    insert(
        sql,
        "base_directories",
        [
            {"item_id": item, "warehouses": '{"berlin":{"shards":1},"lyon":{"shards":1}}', "rev": 1, "at_ms": 1}
            for item in ("cup", "pot")
        ],
    )
    event: Row = {"record_key": "cup#*", "item_id": "cup", "type": "directory_changed"}
    changes = {2: {"berlin": {"shards": 2}}, 3: {"lyon": None, "oslo": {"shards": 1}}, 4: {"berlin": {"shards": 3}}}
    snapshot(sql, *(event | {"rev": rev, "at_ms": rev, "after": json.dumps(changes[rev])} for rev in (3, 4, 2)))
    assert rows_of(sql, "FROM directories") == [
        {"item_id": "cup", "warehouses": '{"berlin":{"shards":3},"oslo":{"shards":1}}', "rev": 4, "at_ms": 4},
        {"item_id": "pot", "warehouses": '{"berlin":{"shards":1},"lyon":{"shards":1}}', "rev": 1, "at_ms": 1},
    ]


def test_a_directory_that_was_removed_begins_anew_with_the_next_change() -> None:
    assert changed_directory({"berlin": {"shards": 2}}, "directory_removed", "{}") is None
    assert changed_directory(None, "directory_changed", '{"lyon":{"shards":1}}') == {"lyon": {"shards": 1}}


@pytest.mark.parametrize(
    ("in_ledger", "stock", "adjustments"), [("true", 3, 2), ("at_ms > 1000", 1, 0), ("false", 0, 0)]
)
def test_totals_count_items_once_and_events_that_are_new_to_the_ledger(
    sql: duckdb.DuckDBPyConnection, in_ledger: str, stock: int, adjustments: int
) -> None:
    directory = {
        "record_key": "cup#*",
        "item_id": "cup",
        "at_ms": 5,
        "type": "directory_changed",
        "rev": 1,
        "after": "{}",
    }
    snapshot(sql, shard(1), shard(2), directory, adjusted("adjustment_made", 20), adjusted("transfer_made", 8, "lyon"))
    totals = item_totals(sql, in_ledger)
    counts = {"available": 20, "held": 2, "on_hand": 22, "adjusted": 20, "executed": 0, "holding": 0, "shards": 1}
    assert totals == counts | {"items": 1, "stock_events": stock, "adjustment_events": adjustments}


def test_an_empty_bucket_adds_nothing_to_the_totals(sql: duckdb.DuckDBPyConnection) -> None:
    assert snapshot(sql) == []
    assert set(item_totals(sql, EVERY).values()) == {0}
