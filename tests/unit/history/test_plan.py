"""What a plan decides by the chain alone: where it begins, what it adds to the ledger, and whether anything is left."""

from pathlib import Path

import pytest

from inventory.domain.events import Source
from inventory.history.layout import archive_hour
from inventory.history.plan import (
    InstantTooRecent,
    Mode,
    NotAnOpening,
    Opening,
    Plan,
    check_instant,
    make_plan,
    read_task,
)
from support.chain import Chain

START_MS = 1_764_000_000_000
HOUR_MS = 3_600_000
OPENING = Opening("why", "who", "partials/live/opening-1/", START_MS)


def at(seconds: int) -> int:
    return START_MS + 1000 * seconds


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def planned(chain: Chain, as_of_ms: int, mode: Mode = Mode.INCREMENT, *, now_ms: int = at(3600)) -> Plan:
    opening = OPENING if mode is Mode.OPENING else None
    return make_plan(chain.objects, as_of_ms=as_of_ms, mode=mode, now_ms=now_ms, buckets=2, opening=opening)


def archived(chain: Chain, hour_ms: int) -> str:
    """An object in the archive's folder of an hour."""
    key = f"{archive_hour(Source.STOCK, hour_ms)}{'0' * 16}-1-2.jsonl.gz"
    chain.objects.put(key, b"{}")
    return key


def read_by(chain: Chain, plan: Plan) -> list[str]:
    return [stored.key for task in plan.tasks for stored in read_task(chain.objects, task)]


@pytest.mark.parametrize(("ago_ms", "too_recent"), [(59_999, True), (60_000, False), (60_001, False)])
def test_an_instant_is_as_long_ago_as_the_grace(ago_ms: int, *, too_recent: bool) -> None:
    now_ms = START_MS + ago_ms
    if too_recent:
        with pytest.raises(InstantTooRecent, match="less than 60 s ago"):
            check_instant(START_MS, now_ms, 60_000)
    else:
        check_instant(START_MS, now_ms, 60_000)


def test_the_first_snapshot_begins_with_the_first_event_and_so_does_the_ledger(chain: Chain) -> None:
    plan = planned(chain, at(10))
    assert (plan.head, plan.exists, plan.sealed, plan.done) == (0, None, False, False)
    assert (plan.base_ms, plan.fold_from_ms, plan.ledger_from_ms, plan.buckets) == (None, 0, 0, 2)


def test_an_increment_begins_with_the_snapshot_before_and_a_rebuild_with_the_first_event(chain: Chain) -> None:
    chain.seal(at(5))
    increment, rebuild = (planned(chain, at(10), mode) for mode in (Mode.INCREMENT, Mode.REBUILD))
    assert (increment.base_ms, increment.fold_from_ms, increment.ledger_from_ms) == (at(5), at(5), at(5))
    assert (rebuild.base_ms, rebuild.fold_from_ms, rebuild.ledger_from_ms) == (None, 0, at(5))
    assert increment.run != rebuild.run


def test_one_of_before_the_latest_adds_nothing_to_the_ledger_and_is_sealed(chain: Chain) -> None:
    chain.seal(at(5))
    chain.seal(at(20))
    plan = planned(chain, at(10))
    assert (plan.sealed, plan.base_ms, plan.ledger_from_ms) == (True, at(5), None)


@pytest.mark.parametrize("mode", [Mode.INCREMENT, Mode.REBUILD])
def test_one_that_exists_is_made_again_by_a_rebuild_alone_and_cut_as_it_was(chain: Chain, mode: Mode) -> None:
    chain.seal(at(5), buckets=3)
    chain.seal(at(10), buckets=3, ledger_from_ms=at(5))
    archived(chain, at(0))
    plan = planned(chain, at(10), mode)
    assert (plan.exists, plan.buckets, plan.ledger_from_ms, plan.done) == (2, 3, at(5), mode is Mode.INCREMENT)
    assert len(plan.tasks) == (0 if plan.done else 1)


def test_a_rebuild_begins_with_the_latest_opening_before_its_instant(chain: Chain) -> None:
    chain.seal(at(5))
    for seconds in (10, 20, 30):
        chain.seal(at(seconds), opens_after_ms=at(seconds - 5))
    assert [planned(chain, at(seconds), Mode.REBUILD).base_ms for seconds in (5, 10, 11, 20, 25, 31)] == [
        None,
        None,
        at(10),
        at(10),
        at(20),
        at(30),
    ]


def test_an_opening_is_held_against_the_snapshot_before_and_adds_nothing_to_the_ledger(chain: Chain) -> None:
    chain.seal(at(5))
    plan = planned(chain, at(10), Mode.OPENING)
    assert (plan.base_ms, plan.ledger_from_ms, plan.opening) == (at(5), None, OPENING)
    for seconds in (4, 5):
        with pytest.raises(NotAnOpening, match="a snapshot of 20251124T160005Z is there"):
            planned(chain, at(seconds), Mode.OPENING)


def test_the_archive_is_read_up_to_the_hour_of_now_or_of_a_while_after_a_sealed_instant(chain: Chain) -> None:
    instant = START_MS // HOUR_MS * HOUR_MS + HOUR_MS
    keys = [archived(chain, instant + hours * HOUR_MS) for hours in range(3)]
    assert read_by(chain, planned(chain, instant, now_ms=instant + HOUR_MS)) == keys[:2]
    assert read_by(chain, planned(chain, instant, now_ms=instant + HOUR_MS - 1)) == keys[:1]
    chain.seal(instant + 2 * HOUR_MS)
    assert read_by(chain, planned(chain, instant + 45 * 60_000, now_ms=instant + 9 * HOUR_MS)) == keys[:2]
    assert read_by(chain, planned(chain, instant + 45 * 60_000 - 1000, now_ms=instant + 9 * HOUR_MS)) == keys[:1]


def test_what_is_not_called_as_the_archiver_calls_it_is_passed_over_and_what_comes_after_it_is_read(
    chain: Chain,
) -> None:
    first = archived(chain, START_MS)
    folder = archive_hour(Source.STOCK, START_MS)
    chain.objects.put(f"{folder}..strange", b"{}")
    chain.objects.put(f"{folder[:-3]}99/{'0' * 16}-1-2.jsonl.gz", b"{}")
    later = archived(chain, START_MS + HOUR_MS)
    assert read_by(chain, planned(chain, at(10), now_ms=at(7200))) == [first, later]
