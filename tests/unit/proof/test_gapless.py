"""`gapless`: which events of a record are missed, and where they may be missing."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb
import pytest

from inventory.proof.archive import missing_revisions
from inventory.proof.findings import Finding
from inventory.proof.spans import Span, tell_holes

SHARD, HOLD = "cup#berlin#0", "hold_" + "a" * 32
SINCE, UNTIL = 1_000, 2_000
GONE = "The hold was settled before this audit begins and changed again, or the events between are missing."


class Event(NamedTuple):
    """What is looked at of an event, or of a record of the base."""

    key: str
    rev: int
    at_ms: int
    kind: str = "shard_changed"
    settled: bool | None = None


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        tell_holes(database, [])
        yield database


def found(database: duckdb.DuckDBPyConnection, events: Sequence[Event], since_ms: int = 0) -> list[tuple[str, str]]:
    """What is found of these events: which record, and what."""
    database.execute("""
        CREATE OR REPLACE TABLE known (record_key VARCHAR, rev BIGINT, at_ms BIGINT, type VARCHAR, settled BOOLEAN,
                                       event_id VARCHAR, path VARCHAR DEFAULT 'path');
        CREATE OR REPLACE VIEW event AS FROM known WHERE NOT ends_with(type, '_base')""")
    rows = [[*event, f"{event.key}@{event.rev}"] for event in events]
    database.executemany("INSERT INTO known VALUES (?, ?, ?, ?, ?, ?, DEFAULT)", rows)
    check = missing_revisions(database, Span(since_ms, UNTIL))
    of_span = [event for event in events if since_ms < event.at_ms <= UNTIL and not event.kind.endswith("_base")]
    assert check.looked_at == len(of_span)
    findings: list[Finding] = check.findings
    assert {each.path for each in findings} <= {"path"}
    return [(each.record or "", each.what) for each in findings]


def test_revisions_that_follow_each_other_from_the_first_on_have_no_gap(database: duckdb.DuckDBPyConnection) -> None:
    assert found(database, [Event(SHARD, rev, 1_500) for rev in (1, 2, 3)]) == []


@pytest.mark.parametrize(
    ("revisions", "missing", "more"),
    [((2,), 1, ""), ((1, 3), 2, ""), ((1, 4), 2, " and 1 more"), ((1, 2, 9), 3, " and 5 more")],
)
def test_the_first_that_is_missing_is_named_with_how_many_more(
    database: duckdb.DuckDBPyConnection, revisions: Sequence[int], missing: int, more: str
) -> None:
    what = f"The event is missing{more}; {SHARD}@{revisions[-1]} follows."
    assert found(database, [Event(SHARD, rev, 1_500) for rev in revisions]) == [(f"{SHARD}@{missing}", what)]


@pytest.mark.parametrize(("at_ms", "is_found"), [(UNTIL, True), (UNTIL + 1, False)])
def test_after_the_end_events_may_still_be_on_their_way(
    database: duckdb.DuckDBPyConnection, at_ms: int, *, is_found: bool
) -> None:
    assert bool(found(database, [Event(SHARD, 1, 1_500), Event(SHARD, 3, at_ms)])) == is_found


@pytest.mark.parametrize(("before", "is_found"), [(1_500, False), (1_501, True)])
def test_an_instant_may_stay_and_never_goes_back(
    database: duckdb.DuckDBPyConnection, before: int, *, is_found: bool
) -> None:
    what = "Its instant is before that of the event before it."
    told = found(database, [Event(SHARD, 1, before), Event(SHARD, 2, 1_500)])
    assert told == ([(f"{SHARD}@2", what)] if is_found else [])


def test_a_record_goes_on_from_its_base(database: duckdb.DuckDBPyConnection) -> None:
    base = Event(SHARD, 5, SINCE, "shard_base")
    assert found(database, [base, Event(SHARD, 6, 1_500)], SINCE) == []
    assert [record for record, _ in found(database, [base, Event(SHARD, 7, 1_500)], SINCE)] == [f"{SHARD}@6"]
    assert [record for record, _ in found(database, [Event(SHARD, 6, 1_500)], SINCE)] == [f"{SHARD}@1"]


@pytest.mark.parametrize(
    ("event", "since_ms", "what"),
    [
        pytest.param(Event(HOLD, 4, 1_500, "hold_removed", settled=True), SINCE, None, id="it expired"),
        pytest.param(Event(HOLD, 4, 1_500, "hold_removed", settled=False), SINCE, GONE, id="it was not settled"),
        pytest.param(Event(HOLD, 4, 1_500, "hold_removed"), SINCE, GONE, id="nobody says whether it was settled"),
        pytest.param(Event(HOLD, 4, 1_500, "hold_settled", settled=True), SINCE, GONE, id="it was not removed"),
        pytest.param(
            Event(HOLD, 4, 1_500, "hold_removed", settled=True),
            0,
            f"The event is missing and 2 more; {HOLD}@4 follows.",
            id="there is no base",
        ),
    ],
)
def test_of_a_hold_that_was_settled_before_the_base_only_its_expiry_may_follow(
    database: duckdb.DuckDBPyConnection, event: Event, since_ms: int, what: str | None
) -> None:
    record = f"{HOLD}@{4 if since_ms else 1}"
    assert found(database, [event], since_ms) == ([] if what is None else [(record, what)])


def test_of_a_hold_that_the_base_knows_nothing_may_be_missing_before_its_expiry(
    database: duckdb.DuckDBPyConnection,
) -> None:
    base, expiry = Event(HOLD, 2, SINCE, "hold_base"), Event(HOLD, 4, 1_500, "hold_removed", settled=True)
    assert found(database, [base, Event(HOLD, 3, 1_500, "hold_settled"), expiry], SINCE) == []
    assert [record for record, _ in found(database, [base, expiry], SINCE)] == [f"{HOLD}@3"]


def test_after_an_opening_revisions_go_on_from_its_records_and_not_from_what_was_before_it(
    database: duckdb.DuckDBPyConnection,
) -> None:
    """On both sides of the hole a record may have the same revisions: its table was restored."""
    tell_holes(database, [Span(1_200, 1_400)])
    opened, before = Event(SHARD, 3, 1_400, "shard_base"), [Event(SHARD, rev, 1_100) for rev in (1, 2, 7)]
    assert found(database, [*before, opened, Event(SHARD, 4, 1_500)], 1_400) == []
    assert [record for record, _ in found(database, [*before, opened, Event(SHARD, 5, 1_500)], 1_400)] == [f"{SHARD}@4"]
