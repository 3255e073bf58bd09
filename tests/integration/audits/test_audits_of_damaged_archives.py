"""Whatever is done to the archive, an audit finds it and names it."""

import json

import pytest

from inventory.domain.events import Source
from support.audits import Audits
from support.folding import revision
from support.handiwork import LAST, archive_also, archived, change_archive, found, named, remove_hold
from support.workflow import History


@pytest.mark.parametrize("depth", ["increment", None])
def test_a_missing_event_is_named(history: History, audits: Audits, depth: str | None) -> None:
    changed = [each for each in archived(history, Source.STOCK) if each["type"] == "shard_changed"]
    missing = next(each for each in changed if revision(each) == 1)  # others follow it
    change_archive(
        history, Source.STOCK, lambda told: [each for each in told if each["event_id"] != missing["event_id"]]
    )
    audits.run(LAST, depth=depth)
    rows = found(audits)
    assert named(rows["gapless"]) == named(rows["ledger_rows"]) == {missing["event_id"]}
    assert "lost" in rows["ledger_rows"][0]["what"]


def test_an_event_told_twice_with_other_content_is_named(history: History, audits: Audits) -> None:
    event = archived(history, Source.ADJUSTMENTS)[0]
    archive_also(history, Source.ADJUSTMENTS, {**event, "set": {**event["set"], "quantity": 77}})
    audits.run(LAST, depth="increment")
    rows = found(audits)
    assert named(rows["equal_twins"]) == {event["event_id"]}
    assert "77" in rows["equal_twins"][0]["evidence"]


def test_an_altered_event_is_named_with_what_differs(history: History, audits: Audits) -> None:
    event = next(each for each in archived(history, Source.HOLDS) if each["type"] == "hold_placed")
    other = {**event, "set": {**event["set"], "metadata": {"cart": "other"}}}
    change_archive(
        history, Source.HOLDS, lambda told: [other if each["event_id"] == event["event_id"] else each for each in told]
    )
    audits.run(LAST, depth="increment")
    [row] = found(audits)["ledger_rows"]
    assert row["record"] == event["event_id"]
    assert json.loads(row["evidence"])["expected"] == {"metadata": {"cart": "other"}}


def test_an_event_that_came_after_the_seal_is_late(history: History, audits: Audits) -> None:
    event = archived(history, Source.ADJUSTMENTS)[0]
    late = {**event, "event_id": "adj_" + "f" * 32 + "@1"}
    archive_also(history, Source.ADJUSTMENTS, late)
    audits.run(LAST, depth="increment")
    assert named(found(audits)["late_events"]) == {late["event_id"]}


@pytest.mark.parametrize("depth", ["increment", None])
@pytest.mark.parametrize(
    ("by", "settled"), [("ttl", False), ("someone", True)], ids=["of an unsettled hold", "by somebody"]
)
def test_a_removal_that_came_after_the_seal_is_late_unless_it_is_a_settled_hold_s_expiry(
    history: History, audits: Audits, by: str, depth: str | None, *, settled: bool
) -> None:
    removed_ms = LAST - 100
    event_id = remove_hold(
        history, lambda hold: ("settlement" in hold) == settled, at=removed_ms, by=by, settled=settled
    )
    audits.run(LAST, depth=depth)
    rows = found(audits)
    assert named(rows["late_events"]) == named(rows["removals"]) == {event_id}
    assert "hold_events" in named(rows["totals"])
