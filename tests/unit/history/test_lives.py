"""The queries that tell holds of one id apart: each event is of the life that it lies in, and so is what a base has."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.adapters.scratch import scratch_database
from inventory.history.columnar import HOLDS, MEMORY_MB, load
from inventory.history.lives import AS_ARCHIVED, SLACK_MS, tell_lives_apart, tell_lives_of_base_apart
from inventory.history.map_task import columns_of

START_MS = 1_764_000_000_000
WEEKS_MS = 35 * 86_400_000
HOLD, OTHER = "hold_1", "hold_2"
Row = dict[str, Any]


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        load(sql, "told", columns_of("holds"), [])
        load(sql, "base", HOLDS, [])
        yield sql


def insert(sql: duckdb.DuckDBPyConnection, table: str, *rows: Row) -> None:
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        sql.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' for _ in row)})", list(row.values()))


def apart(sql: duckdb.DuckDBPyConnection, *events: Row, until_ms: int | None = None) -> tuple[bool, list[str]]:
    """Whether there is more than one life, and each event with its life's name; they are told in any order."""
    shuffled = [event | {"ttl": number} for number, event in enumerate(events)]
    random.Random(len(events)).shuffle(shuffled)  # noqa: S311 - repeatable, not secret
    insert(sql, "told", *shuffled)
    sql.execute(f"CREATE VIEW events AS FROM told WHERE at_ms <= {until_ms or 2**62}")
    more = tell_lives_apart(sql)
    return more, [
        f"{key}@{rev}" for key, rev in sql.execute("SELECT record_key, rev FROM events ORDER BY ttl").fetchall()
    ]


def event(rev: int, kind: str, at_ms: int, key: str = HOLD, **more: Any) -> Row:
    return {"record_key": key, "type": f"hold_{kind}", "rev": rev, "at_ms": at_ms, **more}


def removal(rev: int, at_ms: int, by: str = "ttl", *, settled: bool = True, key: str = HOLD) -> Row:
    return event(rev, "removed", at_ms, key, by=by, settled=settled)


FIRST, ENDED = event(1, "placed", START_MS), event(2, "settled", START_MS + 100)
AGAIN_MS = START_MS + WEEKS_MS
AGAIN = event(1, "placed", AGAIN_MS)


@pytest.mark.parametrize("late_ms", [-1000, 0, 1900, SLACK_MS - 1])
def test_a_hold_that_follows_the_removal_of_a_settled_one_is_another_though_that_is_told_late(
    sql: duckdb.DuckDBPyConnection, late_ms: int
) -> None:
    told = apart(sql, FIRST, ENDED, removal(3, AGAIN_MS + late_ms), AGAIN, event(2, "extended", AGAIN_MS + 100))
    assert told == (True, ["hold_1~1@1", "hold_1~1@2", "hold_1~1@3", "hold_1@1", "hold_1@2"])


def test_a_removal_that_came_after_the_instant_lies_between_all_the_same(sql: duckdb.DuckDBPyConnection) -> None:
    told = apart(sql, FIRST, ENDED, AGAIN, removal(3, AGAIN_MS + 1900), until_ms=AGAIN_MS)
    assert told == (True, ["hold_1~1@1", "hold_1~1@2", "hold_1@1"])


def test_what_happens_at_the_very_instant_of_a_placement_is_of_the_life_that_begins(
    sql: duckdb.DuckDBPyConnection,
) -> None:
    told = apart(sql, FIRST, ENDED, removal(3, AGAIN_MS - 1), AGAIN, event(2, "executed", AGAIN_MS))
    assert told == (True, ["hold_1~1@1", "hold_1~1@2", "hold_1~1@3", "hold_1@1", "hold_1@2"])


def test_lives_are_numbered_from_the_first_and_other_holds_have_one(sql: duckdb.DuckDBPyConnection) -> None:
    third_ms = AGAIN_MS + WEEKS_MS
    _, told = apart(
        sql,
        *(FIRST, ENDED, removal(3, AGAIN_MS - 100)),
        *(AGAIN, event(2, "settled", AGAIN_MS + 100), removal(3, third_ms - 100)),
        event(1, "placed", third_ms),
        *(event(1, "placed", START_MS, OTHER), event(2, "settled", START_MS, OTHER), removal(3, AGAIN_MS, key=OTHER)),
    )
    assert told == [
        *("hold_1~1@1", "hold_1~1@2", "hold_1~1@3"),
        *("hold_1~2@1", "hold_1~2@2", "hold_1~2@3"),
        "hold_1@1",
        *("hold_2@1", "hold_2@2", "hold_2@3"),
    ]


def test_an_event_that_is_told_twice_is_of_one_life(sql: duckdb.DuckDBPyConnection) -> None:
    gone, third = removal(2, AGAIN_MS + WEEKS_MS), event(1, "placed", AGAIN_MS + WEEKS_MS)
    first = removal(3, AGAIN_MS)
    _, told = apart(sql, FIRST, ENDED, ENDED, first, first, AGAIN, AGAIN, gone, gone, third)
    assert told == [
        *("hold_1~1@1", "hold_1~1@2", "hold_1~1@2", "hold_1~1@3", "hold_1~1@3"),
        *("hold_1~2@1", "hold_1~2@1", "hold_1~2@2", "hold_1~2@2"),
        "hold_1@1",
    ]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param([], id="nothing"),
        pytest.param([removal(3, AGAIN_MS - 100, "someone")], id="somebody's removal"),
        pytest.param([removal(3, AGAIN_MS - 100, settled=False)], id="the removal of what was not settled"),
        pytest.param([removal(3, AGAIN_MS + SLACK_MS)], id="a removal of a day later"),
        pytest.param([removal(3, AGAIN_MS - 100, key=OTHER)], id="another hold's removal"),
    ],
)
def test_nothing_else_lies_between_two_lives(sql: duckdb.DuckDBPyConnection, between: list[Row]) -> None:
    more, told = apart(sql, FIRST, ENDED, AGAIN, *between)
    assert not more
    assert told[:3] == ["hold_1@1", "hold_1@2", "hold_1@1"]


def test_the_first_removal_counts_for_all_that_was_placed_after_it(sql: duckdb.DuckDBPyConnection) -> None:
    """One of the last life is told too, weeks later."""
    _, told = apart(sql, FIRST, ENDED, removal(3, AGAIN_MS), AGAIN, removal(2, AGAIN_MS + WEEKS_MS))
    assert told == ["hold_1~1@1", "hold_1~1@2", "hold_1~1@3", "hold_1@1", "hold_1@2"]


def test_what_a_base_has_is_of_the_first_life_unless_it_began_later(sql: duckdb.DuckDBPyConnection) -> None:
    third_ms = AGAIN_MS + WEEKS_MS
    apart(sql, ENDED, removal(3, AGAIN_MS), AGAIN, removal(2, third_ms), event(1, "placed", third_ms))
    for hold, at_ms in ((HOLD, START_MS), (HOLD, AGAIN_MS), (OTHER, START_MS)):
        insert(sql, "base", {"hold_id": hold, "at_ms": at_ms})
    tell_lives_of_base_apart(sql)
    assert sql.execute("SELECT hold_id, at_ms FROM base ORDER BY ALL").fetchall() == [
        ("hold_1", AGAIN_MS),
        ("hold_1~1", START_MS),
        ("hold_2", START_MS),
    ]


def test_an_event_is_as_it_was_archived_whatever_its_life_is_called(sql: duckdb.DuckDBPyConnection) -> None:
    apart(sql, FIRST, ENDED, removal(3, AGAIN_MS), AGAIN)
    archived = sql.execute(f"SELECT {AS_ARCHIVED} FROM events").fetchall()
    assert sorted(map(repr, archived)) == sorted(map(repr, sql.execute("FROM told").fetchall()))
