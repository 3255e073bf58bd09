"""Holds that went a way that no hold may go are found and named by the rules that are there for it."""

from typing import Any

import pytest

from inventory.domain.events import Event, Source, record_key
from support.auditing import Audit, Damage, Events, checks_naming, first, follow_with, placement_of
from support.folding import revision

SETTLED = {"settlement": "stl_again", "ttl": 2_000_000_000}
WHO = {"key": "k", "fingerprint": "0", "actor": "somebody"}
#: Twice as much is more than a counter counts.
MANY = 9 * 10**18


def ended_by(events: Events, kind: str) -> Event:
    """The first event of a type whose hold had time left then."""
    holds = events[Source.HOLDS]
    return next(
        event for event in holds if event["type"] == kind and ends_at(events, event) > last_of(events, event)["at"]
    )


def ends_at(events: Events, event: Event) -> int:
    """When the event's hold ends, by all that its events say."""
    told = [each for each in events[Source.HOLDS] if record_key(each) == record_key(event)]
    return int([each["set"]["expires_at"] for each in told if "expires_at" in each["set"]][-1])


def last_of(events: Events, event: Event) -> Event:
    """The last event of the same hold."""
    return max((each for each in events[Source.HOLDS] if record_key(each) == record_key(event)), key=revision)


def active(events: Events) -> Event:
    """The last event of a hold that is still active."""
    return next(each for each in events[Source.HOLDS] if last_of(events, each)["type"] == "hold_placed")


def a_hold_settled_twice(events: Events) -> str:
    holds = events[Source.HOLDS]
    settled = holds[first(holds, "hold_settled")]
    again = {**settled, "event_id": f"{record_key(settled)}@{revision(settled) + 1}"}
    again["set"] = {**settled["set"], "settlement": "stl_again"}
    holds.append(again)
    return str(again["event_id"])


def a_hold_settled_twice_with_something_between(events: Events) -> str:
    """`settled_once`, whatever is told of the hold meanwhile."""
    holds = events[Source.HOLDS]
    settled = record_key(holds[first(holds, "hold_settled")])
    follow_with(holds, settled, "hold_altered", set={"actor": "somebody"})
    return follow_with(holds, settled, "hold_settled", set=SETTLED)


def of_a_hold_that_nobody_placed(kind: str, **told: Any) -> Damage:
    """The first event of its hold."""

    def damage(events: Events) -> str:
        holds = events[Source.HOLDS]
        event_id = "hold_" + "f" * 32 + "@1"
        holds.append({"v": 1, "event_id": event_id, "type": kind, "at": holds[-1]["at"], "set": told})
        return event_id

    damage.__name__ = f"{kind}_of_a_hold_that_nobody_placed"
    return damage


def an_execution_after_the_hold_expired(events: Events) -> str:
    holds = events[Source.HOLDS]
    executed = holds[first(holds, "hold_executed")]
    placed = placement_of(holds, executed)
    placed["set"] = {**placed["set"], "expires_at": executed["at"]}
    return str(executed["event_id"])


def an_expiry_before_its_time(events: Events) -> str:
    holds = events[Source.HOLDS]
    expired = holds[first(holds, "hold_expired")]
    placed = placement_of(holds, expired)
    placed["set"] = {**placed["set"], "expires_at": expired["at"] + 100_000}
    return str(expired["event_id"])


def a_line_executed_for_more_than_it_had(events: Events) -> str:
    for event in events[Source.HOLDS]:
        if event["type"] == "hold_executed" and "lines" in event["set"]:
            lines = [{**line, "executed": line["quantity"] + 1} for line in event["set"]["lines"]]
            event["set"] = {**event["set"], "lines": lines}
            return str(event["event_id"])
    raise AssertionError


def a_hold_deleted(events: Events) -> str:
    holds = events[Source.HOLDS]
    placed = next(event for event in holds if event["type"] == "hold_placed")
    mine = [event for event in holds if record_key(event) == record_key(placed)]
    gone = {"v": 1, "event_id": f"{record_key(placed)}@{len(mine) + 1}", "type": "hold_removed", "by": "someone"}
    holds.append({**gone, "at": max(event["at"] for event in holds), "settled": True})
    return str(gone["event_id"])


def a_hold_placed_as_released(events: Events) -> str:
    placed = events[Source.HOLDS][first(events[Source.HOLDS], "hold_placed")]
    placed["set"] = {**placed["set"], "status": "released"}
    return str(placed["event_id"])


def a_hold_placed_when_its_time_was_over(events: Events) -> str:
    placed = events[Source.HOLDS][first(events[Source.HOLDS], "hold_placed")]
    placed["set"] = {**placed["set"], "expires_at": placed["at"]}
    return str(placed["event_id"])


def a_hold_placed_twice(events: Events) -> str:
    holds = events[Source.HOLDS]
    placed = holds[first(holds, "hold_placed")]
    last = last_of(events, placed)
    told = {**placed["set"], "expires_at": last["at"] + 100}
    return follow_with(holds, record_key(placed), "hold_placed", set=told)


def an_extension_after_the_hold_expired(events: Events) -> str:
    extended = events[Source.HOLDS][first(events[Source.HOLDS], "hold_extended")]
    placed = placement_of(events[Source.HOLDS], extended)
    placed["set"] = {**placed["set"], "expires_at": extended["at"]}
    return str(extended["event_id"])


def once_more(kind: str, after: str, **told: Any) -> Damage:
    """A hold that had ended already goes another step, with time left."""

    def damage(events: Events) -> str:
        return follow_with(events[Source.HOLDS], record_key(ended_by(events, after)), kind, set=told)

    damage.__name__ = f"{kind}_after_{after}"
    return damage


def an_expiry_of_a_hold_that_was_released(events: Events) -> str:
    released = ended_by(events, "hold_released")
    at, told = ends_at(events, released), {"status": "expired"}
    return follow_with(events[Source.HOLDS], record_key(released), "hold_expired", set=told, at=at)


def a_settlement_of_an_active_hold(events: Events) -> str:
    return follow_with(events[Source.HOLDS], record_key(active(events)), "hold_settled", set=SETTLED)


def a_line_drawn_as(*quantities: int, quantity: int | None) -> Damage:
    def damage(events: Events) -> str:
        placed = events[Source.HOLDS][first(events[Source.HOLDS], "hold_placed")]
        drawn = [{"shard": shard, "quantity": each} for shard, each in enumerate(quantities)]
        lines = [{**line, "quantity": quantity, "drawn": drawn} for line in placed["set"]["lines"]]
        placed["set"] = {**placed["set"], "lines": lines}
        return str(placed["event_id"])

    return damage


def a_line_that_was_not_drawn_whole(events: Events) -> str:
    placed = events[Source.HOLDS][first(events[Source.HOLDS], "hold_placed")]
    lines = [{**line, "quantity": line["quantity"] + 1} for line in placed["set"]["lines"]]
    placed["set"] = {**placed["set"], "lines": lines}
    return str(placed["event_id"])


def an_unsettled_hold_removed_as_ttl_would(events: Events) -> str:
    return follow_with(events[Source.HOLDS], record_key(active(events)), "hold_removed", by="ttl", settled=False)


def a_removal_that_does_not_say_whether_the_hold_was_settled(events: Events) -> str:
    settled = events[Source.HOLDS][first(events[Source.HOLDS], "hold_settled")]
    return follow_with(events[Source.HOLDS], record_key(settled), "hold_removed", by="ttl")


def a_settlement_that_says_that_it_removed(events: Events) -> str:
    settled = events[Source.HOLDS][first(events[Source.HOLDS], "hold_settled")]
    settled |= {"by": "ttl", "settled": True}
    return str(settled["event_id"])


def a_hold_altered(events: Events) -> str:
    return follow_with(events[Source.HOLDS], record_key(active(events)), "hold_altered", set={"actor": "somebody"})


def a_hold_of_more_than_a_counter_counts(events: Events, *lines: tuple[int, ...], status: str = "released") -> str:
    """Placed and resolved, each line with these draws, of which the table knows nothing."""
    holds = events[Source.HOLDS]
    placed = dict(placement_of(holds, ended_by(events, "hold_released")))
    told = [
        {
            **placed["set"]["lines"][0],
            "quantity": sum(quantities),
            "drawn": [{"shard": shard, "quantity": quantity} for shard, quantity in enumerate(quantities)],
        }
        for quantities in lines
    ]
    hold = "hold_" + "f" * 32
    holds.append({**placed, "event_id": f"{hold}@1", "set": {**placed["set"], "lines": told}})
    follow_with(holds, hold, f"hold_{status}", set={"status": status, "resolution": WHO})
    return hold


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (a_hold_settled_twice, "holds_legal"),
        (a_hold_settled_twice_with_something_between, "holds_legal"),
        (of_a_hold_that_nobody_placed("hold_extended", metadata={"n": "2"}), "holds_legal"),
        (of_a_hold_that_nobody_placed("hold_executed", status="executed", resolution=WHO), "holds_legal"),
        (of_a_hold_that_nobody_placed("hold_released", status="released", resolution=WHO), "holds_legal"),
        (of_a_hold_that_nobody_placed("hold_expired", status="expired"), "holds_legal"),
        (of_a_hold_that_nobody_placed("hold_settled", **SETTLED), "holds_legal"),
        (an_execution_after_the_hold_expired, "holds_legal"),
        (an_expiry_before_its_time, "holds_legal"),
        (a_hold_placed_as_released, "holds_legal"),
        (a_hold_placed_when_its_time_was_over, "holds_legal"),
        (a_hold_placed_twice, "holds_legal"),
        (an_extension_after_the_hold_expired, "holds_legal"),
        (once_more("hold_extended", "hold_released", metadata={"n": "2"}), "holds_legal"),
        (once_more("hold_executed", "hold_released", status="executed", resolution=WHO), "holds_legal"),
        (once_more("hold_released", "hold_executed", status="released", resolution=WHO), "holds_legal"),
        (an_expiry_of_a_hold_that_was_released, "holds_legal"),
        (a_settlement_of_an_active_hold, "holds_legal"),
        (a_line_executed_for_more_than_it_had, "lines_legal"),
        (a_line_that_was_not_drawn_whole, "lines_legal"),
        (a_line_drawn_as(quantity=None), "lines_legal"),
        (a_line_drawn_as(-2, quantity=-2), "lines_legal"),
        (a_line_drawn_as(3, -1, quantity=2), "lines_legal"),
        (a_line_drawn_as(5, 10**19, quantity=5), "lines_legal"),
        (a_line_drawn_as(MANY, MANY, quantity=MANY), "lines_legal"),
        (a_line_drawn_as(quantity=5), "lines_legal"),
        (a_hold_deleted, "removals"),
        (an_unsettled_hold_removed_as_ttl_would, "removals"),
        (a_removal_that_does_not_say_whether_the_hold_was_settled, "removals"),
        (a_settlement_that_says_that_it_removed, "removals"),
        (a_hold_altered, "alterations"),
    ],
)
def test_a_hold_that_went_wrong_is_found_and_named(events: Events, audit: Audit, damage: Damage, check: str) -> None:
    damaged = damage(events)
    assert check in checks_naming(audit(events), damaged)


def test_a_hold_may_expire_at_the_very_instant_at_which_its_time_is_over(events: Events, audit: Audit) -> None:
    holds = events[Source.HOLDS]
    expired = next(
        event for event in holds if event["type"] == "hold_expired" and last_of(events, event)["type"] == "hold_settled"
    )
    expired["at"] = ends_at(events, expired)
    assert audit(events) == {}


def test_no_hold_claims_too_much_for_it_to_be_seen(events: Events, audit: Audit) -> None:
    """Twice 9e18 is more than a counter counts, and what is more is not taken for nothing."""
    hold = a_hold_of_more_than_a_counter_counts(events, (MANY,), (MANY,))
    follow_with(events[Source.HOLDS], hold, "hold_settled", set={**SETTLED, "settlement": "stl_forged"})
    found = audit(events)
    assert "placements_match" in checks_naming(found, hold)
    assert "settlements_match" in checks_naming(found, "stl_forged")


@pytest.mark.parametrize(
    ("lines", "check"),
    [
        pytest.param([(MANY,), (MANY,)], "held_matches_holds", id="two lines"),
        pytest.param([(MANY, MANY)], "held_matches_holds", id="two draws of one line"),
        pytest.param([(10**19,)], "lines_legal", id="no number that is read"),
        pytest.param([(-(2**63),)], "held_matches_holds", id="the least"),
    ],
)
def test_nor_while_it_is_not_settled(events: Events, audit: Audit, lines: list[tuple[int, ...]], check: str) -> None:
    hold = a_hold_of_more_than_a_counter_counts(events, *lines)
    found = audit(events)
    assert "placements_match" in checks_naming(found, hold)
    assert found[check]


def test_nor_of_what_it_executed(events: Events, audit: Audit) -> None:
    hold = a_hold_of_more_than_a_counter_counts(events, (MANY,), (MANY,), status="executed")
    follow_with(events[Source.HOLDS], hold, "hold_settled", set={**SETTLED, "settlement": "stl_forged"})
    found = audit(events)
    assert "settlements_match" in checks_naming(found, "stl_forged")
    assert found["stock_conserved"]
