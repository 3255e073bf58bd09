"""Holds of one id that came one after the other are told apart by TTL's removal between them, and by nothing else."""

import itertools
import random
from typing import Any

import pytest

from inventory.domain.limits import KEPT_AFTER_SETTLEMENT_S
from inventory.history.fold import EventsDiffer
from inventory.history.lives import SLACK_MS
from support.folding import EventMissing, fold
from support.lives import Lives

START_MS = 1_800_000_000_000
KEPT_MS = KEPT_AFTER_SETTLEMENT_S * 1000
HOLD = "hold_" + "0" * 32
Event = dict[str, Any]


def placed(rev: int, at: int, order: str = "") -> Event:
    told = {"status": "active", "expires_at": at + 1000, "metadata": {"order": order}}
    return {"event_id": f"{HOLD}@{rev}", "type": "hold_placed", "at": at, "set": told}


def settled(rev: int, at: int) -> Event:
    return {
        "event_id": f"{HOLD}@{rev}",
        "type": "hold_settled",
        "at": at,
        "set": {"settlement": "s"},
        "unset": ["open"],
    }


def removal(rev: int, at: int, by: str = "ttl", *, final: bool = True) -> Event:
    return {"event_id": f"{HOLD}@{rev}", "type": "hold_removed", "at": at, "by": by, "settled": final}


def two_lives(*, late_ms: int = 0) -> list[Event]:
    """The removal seems to come `late_ms` after the second placement."""
    again = START_MS + KEPT_MS + 1000
    return [
        placed(1, START_MS, "1"),
        settled(2, START_MS + 100),
        removal(3, again + late_ms),
        placed(1, again, "2"),
        settled(2, again + 100),
    ]


@pytest.mark.parametrize("late_ms", [-1000, 0, 1900])
def test_of_two_lives_the_last_is_told_in_any_order(late_ms: int) -> None:
    for seed in range(10):
        events = two_lives(late_ms=late_ms)
        random.Random(seed).shuffle(events)  # noqa: S311
        [(key, record)] = fold([*events, events[0]]).items()
        assert (key, record["metadata"], record["settlement"], record["rev"]) == (HOLD, {"order": "2"}, "s", 2)


@pytest.mark.parametrize("late_ms", [0, 1900])
def test_an_instant_between_a_placement_and_the_removal_that_is_told_after_it_has_the_second(late_ms: int) -> None:
    events = two_lives(late_ms=late_ms)
    at = events[3]["at"]
    assert fold(events, until=at)[HOLD]["metadata"] == {"order": "2"}
    assert fold(events, until=at - 100)[HOLD]["metadata"] == {"order": "1"}


def test_lives_are_numbered_from_the_first_and_the_last_has_the_plain_id() -> None:
    events = two_lives()
    third = events[-1]["at"] + KEPT_MS + 1000
    events += [removal(3, third - 100), placed(1, third)]
    lives = Lives(events)
    assert [lives.told_apart(event)["event_id"].removeprefix(HOLD) for event in events] == [
        "~1@1", "~1@2", "~1@3", "~2@1", "~2@2", "~2@3", "@1",
    ]  # fmt: skip


def test_a_base_that_had_the_first_life_ends_it() -> None:
    events = two_lives()
    base = fold(events[:1])
    assert fold(events, base=base) == fold(events)


def test_a_gap_in_an_ended_life_is_named_with_it() -> None:
    with pytest.raises(EventMissing, match=f"{HOLD}~1@1"):
        fold(two_lives()[1:])


def test_without_its_placement_a_second_life_is_no_life_of_its_own() -> None:
    with pytest.raises(EventsDiffer, match=f"{HOLD}@2"):
        fold([event for number, event in enumerate(two_lives()) if number != 3])


@pytest.mark.parametrize(
    "between",
    [(), (removal(3, START_MS + 1000, "someone"),), (removal(3, START_MS + 1000, final=False),)],
    ids=["nothing", "somebody's removal", "the removal of what had not settled"],
)
def test_nothing_else_lies_between_two_lives(between: tuple[Event, ...]) -> None:
    """A placement that was forged, or a table that was restored, is a discrepancy."""
    first, end, _, second, _ = two_lives()
    with pytest.raises(EventsDiffer, match=f"{HOLD}@1"):
        fold([first, end, *between, second])


def test_a_removal_after_a_forged_placement_is_none_between() -> None:
    first, end, gone, second, _ = two_lives()
    forged = {**second, "at": gone["at"] - SLACK_MS}
    with pytest.raises(EventsDiffer, match=f"{HOLD}@1"):
        fold([first, end, forged, gone])


def test_records_of_other_tables_have_one_life() -> None:
    shard = {"event_id": "cup#W1#0@1", "type": "shard_changed", "at": START_MS}
    assert all(
        Lives(events).told_apart(shard) is shard for events in itertools.permutations([*two_lives()[:2], shard], 3)
    )
