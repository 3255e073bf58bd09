"""Whatever the live tables have that the events do not give is found, and named with what it should be."""

from typing import Any

import pytest

from inventory.domain.events import Source, record_key
from inventory.domain.limits import KEPT_AFTER_SETTLEMENT_S
from inventory.proof.live import LIVE_RULES
from support.auditing import Audit, Events, follow_with
from support.folding import revision
from support.tape import Tape


def test_a_live_counter_edited_in_place_is_found(events: Events, audit: Audit) -> None:
    def edit(stock: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shard = next(each for each in stock if "available" in each)
        return [{**each, "available": each["available"] + 1} if each is shard else each for each in stock]

    found = audit(events, edit_stock=edit)
    assert set(found) == {"live_stock"}
    [finding] = found["live_stock"]
    assert finding.evidence["live"]["available"] == finding.evidence["archive"]["available"] + 1


_OF_CHECK = {
    "live_stock": (Source.STOCK, "available"),
    "live_directories": (Source.STOCK, "warehouses"),
    "live_adjustments": (Source.ADJUSTMENTS, "quantity"),
    "live_holds": (Source.HOLDS, "expires_at"),
}


@pytest.mark.parametrize("check", [rule.name for rule in LIVE_RULES])
def test_a_table_restored_to_an_earlier_time_or_short_of_a_record_is_found(
    events: Events, audit: Audit, check: str
) -> None:
    source, attribute = _OF_CHECK[check]

    def edit(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        counted = [each for each in records if attribute in each and "settlement" not in each]
        back, lost = sorted(counted, key=lambda each: -each["rev"])[:2]
        kept = [each for each in records if each is not lost and each is not back]
        return [*kept, {**back, "rev": back["rev"] - 1}]

    found = audit(events, **{f"edit_{source}": edit})
    assert set(found) == {check}
    assert len(found[check]) == 2


@pytest.mark.parametrize(
    ("check", "kind"),
    [("live_stock", "shard_changed"), ("live_directories", "directory_changed"), ("live_holds", "hold_extended")],
)
def test_a_record_restored_to_what_it_rightly_was_once_is_behind_the_archive(
    events: Events, audit: Audit, check: str, kind: str
) -> None:
    """Each of its values is one that its events gave: nothing but the revision tells."""
    told = events[_OF_CHECK[check][0]]
    latest = {record_key(event): event for event in sorted(told, key=revision)}
    last = next(event for event in latest.values() if event["type"] == kind)
    again = {name: value for name, value in last.items() if name not in {"v", "event_id", "type"}}
    if check == "live_stock":
        again |= {"before": last["after"], "cause": {"type": "move", "id": "mov_1", "actor": "operator"}}
    follow_with(told, record_key(last), kind, **again)
    found = audit(events)
    assert set(found) == {check}
    assert [finding.record for finding in found[check]] == [record_key(last)]


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("live_stock", {"held": 999}),
        ("live_stock", {"inflow": 999}),
        ("live_stock", {"at": 100}),
        ("live_stock", {"cause": "not even a map"}),
        ("live_stock", {"cause": {"type": "count", "id": "adj_1", "actor": "somebody"}}),
        ("live_directories", {"warehouses": {"berlin": {"shards": 9, "counts": 0}}}),
        ("live_directories", {"warehouses": {}}),
        ("live_directories", {"warehouses": None}),
        ("live_directories", {"warehouses": "not even a map"}),
        ("live_directories", {"at": 100}),
        ("live_directories", {"cause": {"type": "split", "id": "spl_1", "actor": "somebody else"}}),
        ("live_directories", {"cause": "not even a map"}),
        ("live_adjustments", {"quantity": 999}),
        ("live_adjustments", {"reason": "gift"}),
        ("live_adjustments", {"actor": "somebody"}),
        ("live_adjustments", {"metadata": {"note": "other"}}),
        ("live_adjustments", {"rev": 2}),
        ("live_adjustments", {"rev": None}),
        ("live_adjustments", {"at": 100}),
        ("live_holds", {"status": "lost"}),
        ("live_holds", {"expires_at": 100}),
        ("live_holds", {"lines": []}),
        ("live_holds", {"lines": "not even a list"}),
        ("live_holds", {"created": 100}),
        ("live_holds", {"actor": "somebody"}),
        ("live_holds", {"metadata": {"note": "other"}}),
        ("live_holds", {"fingerprint": "0"}),
        ("live_holds", {"resolution": {"key": "k", "fingerprint": "0", "actor": "somebody"}}),
        ("live_holds", {"settlement": "stl_1"}),
        ("live_holds", {"open": "none"}),
        ("live_holds", {"due": "0"}),
        ("live_holds", {"ttl": 1}),
        ("live_holds", {"at": 100}),
    ],
)
def test_a_live_record_edited_in_place_is_found_with_what_it_should_be(
    events: Events, audit: Audit, check: str, changes: dict[str, Any]
) -> None:
    source, attribute = _OF_CHECK[check]
    edited: dict[str, Any] = {}

    def edit(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        edited.update(next(each for each in records if attribute in each and "from" not in each))
        key = next(iter({"stock_id", "hold_id", "adjustment_id"} & edited.keys()))
        return [{**each, **changes} if each[key] == edited[key] else each for each in records]

    found = audit(events, **{f"edit_{source}": edit})
    assert set(found) == {check}
    [finding] = found[check]
    assert finding.record in edited.values()
    assert finding.evidence["live"] != finding.evidence["archive"]


@pytest.mark.parametrize(
    ("check", "removal"),
    [
        ("live_stock", "shard_removed"),
        ("live_directories", "directory_removed"),
        ("live_adjustments", "adjustment_removed"),
        ("live_holds", "hold_removed"),
    ],
)
def test_a_live_record_that_was_deleted_since_the_snapshot_is_found(
    events: Events, audit: Audit, tape: Tape, check: str, removal: str
) -> None:
    """Though its removal is archived: only the table's own expiry of a settled hold may remove one."""
    source, attribute = _OF_CHECK[check]
    until = max(event["at"] for told in events.values() for event in told)
    records = tape.world.records(tape.tables[source])
    lost = next(each for each in records if attribute in each and "settlement" not in each)

    def edit(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in records if each != lost]

    key = lost[next(iter({"stock_id", "hold_id", "adjustment_id"} & lost.keys()))]
    gone = {"v": 1, "event_id": f"{key}@{lost['rev'] + 1}", "type": removal, "at": until + 100, "by": "someone"}
    events[source].append(gone | ({"settled": False} if source is Source.HOLDS else {}))
    told = audit(events, until=until, **{f"edit_{source}": edit})
    assert [(name, finding.record) for name, findings in told.items() for finding in findings] == [(check, key)]


@pytest.mark.parametrize("check", ["live_stock", "live_directories", "live_adjustments", "live_holds"])
def test_a_live_record_without_any_event_is_found(events: Events, audit: Audit, check: str) -> None:
    source, attribute = _OF_CHECK[check]

    def edit(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        other = next(each for each in records if attribute in each and "settlement" not in each)
        key = next(iter({"stock_id", "hold_id", "adjustment_id"} & other.keys()))
        return [*records, {**other, key: other[key].replace("_", "_f").replace("cup", "cap")}]

    found = audit(events, **{f"edit_{source}": edit})
    assert set(found) == {check}
    assert len(found[check]) == 1


@pytest.mark.parametrize("check", [rule.name for rule in LIVE_RULES])
@pytest.mark.parametrize(("later_ms", "told"), [(0, 1), (1, 0)])
def test_archive_complete_a_live_record_of_the_very_end_has_an_event_and_one_of_after_it_need_not(
    events: Events, audit: Audit, check: str, later_ms: int, told: int
) -> None:
    source, attribute = _OF_CHECK[check]
    until = max(event["at"] for of_source in events.values() for event in of_source)
    strange: dict[str, Any] = {}

    def edit(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        other = next(each for each in records if attribute in each and "settlement" not in each)
        key = next(iter({"stock_id", "hold_id", "adjustment_id"} & other.keys()))
        new = other[key].replace("_", "_f").replace("cup", "cap")
        strange.update({**other, key: new, "rev": 1, "at": until + later_ms})
        return [*records, strange]

    found = audit(events, **{f"edit_{source}": edit})
    assert set(found) == ({check} if told else set())
    assert [each.record in strange.values() for each in found.get(check, [])] == [True] * told


@pytest.mark.parametrize(("later_ms", "told"), [(0, 1), (1, 0)])
def test_an_adjustment_of_the_very_end_is_in_the_table_and_one_of_after_it_need_not_have_been_there(
    events: Events, audit: Audit, later_ms: int, told: int
) -> None:
    """It is archived, but the table was read before it was made."""
    until = max(event["at"] for of_source in events.values() for event in of_source)
    late = "adj_" + "f" * 32
    made = events[Source.ADJUSTMENTS]
    made.append({**made[0], "event_id": f"{late}@1", "at": until + later_ms})
    found = audit(events, until=until).get("live_adjustments", [])
    assert [each.record for each in found] == [late] * told


@pytest.mark.parametrize(("later_ms", "told"), [(0, 0), (1, 1)])
def test_an_adjustment_that_the_base_does_not_know_is_of_its_time_or_has_an_event(
    events: Events, audit: Audit, later_ms: int, told: int
) -> None:
    until = max(event["at"] for of_source in events.values() for event in of_source)
    since, strange = until - 1000, "adj_" + "f" * 32

    def edit(adjustments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*adjustments, {**adjustments[0], "adjustment_id": strange, "at": since + later_ms}]

    found = audit(events, since=since, edit_adjustments=edit)["live_adjustments"]
    assert [each.record for each in found if each.record == strange] == [strange] * told


def test_a_live_record_may_be_ahead_of_the_archive_but_not_strange_to_it(events: Events, audit: Audit) -> None:
    until = max(event["at"] for told in events.values() for event in told)

    def edit(stock: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shard = next(each for each in stock if "available" in each)
        ahead = {**shard, "rev": shard["rev"] + 1, "available": 999, "at": until + 100}
        strange = {**shard, "stock_id": "cup#nowhere#0", "at": until}
        return [*(each for each in stock if each is not shard), ahead, strange]

    found = audit(events, edit_stock=edit)
    assert [each.record for each in found["live_stock"]] == ["cup#nowhere#0"]


@pytest.mark.parametrize("check", [rule.name for rule in LIVE_RULES])
@pytest.mark.parametrize(("later_ms", "is_found"), [(0, True), (1, False)])
def test_a_live_record_may_lack_its_event_only_after_the_very_instant_up_to_which_all_is_archived(
    events: Events, audit: Audit, check: str, later_ms: int, *, is_found: bool
) -> None:
    source, attribute = _OF_CHECK[check]
    until = max(event["at"] for told in events.values() for event in told)

    def edit(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        some = next(each for each in records if attribute in each and "settlement" not in each)
        key = next(iter({"stock_id", "hold_id", "adjustment_id"} & some.keys()))
        again = {key: some[key].replace("_", "_f").replace("cup", "cap"), "rev": 1, "at": until + later_ms}
        return [*records, {**some, **again}]

    found = audit(events, **{f"edit_{source}": edit})
    assert set(found) == ({check} if is_found else set())


def test_a_directory_s_entry_of_nothing_that_no_event_gives_is_found(events: Events, audit: Audit) -> None:
    """Whoever reads the directory stumbles over it."""
    edited: dict[str, Any] = {}

    def edit(stock: list[dict[str, Any]]) -> list[dict[str, Any]]:
        edited.update(next(each for each in stock if "warehouses" in each))
        some = {**edited, "warehouses": {**edited["warehouses"], "oslo": None}}
        return [*(each for each in stock if each["stock_id"] != edited["stock_id"]), some]

    found = audit(events, edit_stock=edit)
    assert set(found) == {"live_directories"}
    assert [finding.record for finding in found["live_directories"]] == [edited["stock_id"]]


def test_a_warehouse_that_an_event_took_out_of_a_directory_is_not_in_the_table(events: Events, audit: Audit) -> None:
    told = events[Source.STOCK]
    event = next(each for each in told if each["type"] == "directory_changed")
    event["after"] = {**event["after"], "oslo": {"counts": 0, "shards": 1}}
    until = max(each["at"] for told in events.values() for each in told)
    changed = follow_with(told, record_key(event), "directory_changed", cause=event["cause"], at=until)
    told[-1] |= {"before": {"oslo": {"counts": 0, "shards": 1}}, "after": {"oslo": None}}

    def edit(stock: list[dict[str, Any]]) -> list[dict[str, Any]]:
        made = {"rev": int(changed.rpartition("@")[2]), "at": until, "cause": event["cause"]}
        return [{**each, **made} if each["stock_id"] == record_key(event) else each for each in stock]

    assert audit(events, edit_stock=edit) == {}


@pytest.mark.parametrize("check", [rule.name for rule in LIVE_RULES])
@pytest.mark.parametrize("lost", ["rev", "at"])
def test_a_live_record_without_a_revision_or_an_instant_is_found_though_the_rest_is_ahead_of_the_archive(
    events: Events, audit: Audit, check: str, lost: str
) -> None:
    source, attribute = _OF_CHECK[check]
    until = max(event["at"] for told in events.values() for event in told)

    def edit(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        some = next(each for each in records if attribute in each and "settlement" not in each)
        if lost == "rev":
            return [*(each for each in records if each is not some), {**some, "rev": None, "at": until + 100}]
        key = next(iter({"stock_id", "hold_id", "adjustment_id"} & some.keys()))
        return [*records, {**some, key: some[key].replace("_", "_f").replace("cup", "cap"), "rev": 1, "at": None}]

    found = audit(events, **{f"edit_{source}": edit})
    assert set(found) == {check}
    assert len(found[check]) == 1


@pytest.mark.parametrize("settled", [True, False])
def test_of_holds_that_the_base_does_not_know_only_settled_ones_are_no_discrepancy(
    events: Events, audit: Audit, *, settled: bool
) -> None:
    until = max(event["at"] for told in events.values() for event in told)
    strange = "hold_" + "f" * 32

    def edit(holds: list[dict[str, Any]]) -> list[dict[str, Any]]:
        old = next(each for each in holds if ("settlement" in each) == settled)
        return [*holds, {**old, "hold_id": strange}]

    found = audit(events, since=until, edit_holds=edit).get("live_holds", [])
    assert [each.record for each in found] == ([] if settled else [strange])


@pytest.mark.parametrize(("changes", "later_ms", "told"), [({}, 0, 0), ({}, 1, 1), ({"settlement": ""}, 0, 1)])
def test_a_settled_hold_that_the_base_does_not_know_is_of_its_time_or_has_an_event(
    events: Events, audit: Audit, changes: dict[str, Any], later_ms: int, told: int
) -> None:
    until = max(event["at"] for of_source in events.values() for event in of_source)
    since, strange = until - 1000, "hold_" + "f" * 32

    def edit(holds: list[dict[str, Any]]) -> list[dict[str, Any]]:
        old = next(each for each in holds if "settlement" in each)
        return [*holds, {**old, "hold_id": strange, "at": since + later_ms, **changes}]

    found = audit(events, since=since, edit_holds=edit).get("live_holds", [])
    assert [each.record for each in found] == [strange] * told


@pytest.mark.parametrize(
    ("removal", "again", "checks"),
    [
        ({"by": "ttl", "settled": True}, {"rev": 1, "later_ms": 1}, set()),
        ({"by": "ttl", "settled": True}, {"rev": 1, "later_ms": 0}, {"live_holds"}),
        ({"by": "ttl", "settled": True}, {"rev": 0, "later_ms": 1}, {"live_holds"}),
        ({"by": "ttl", "settled": True}, {"rev": None, "later_ms": 1}, {"live_holds"}),
        ({"by": "someone", "settled": True}, {"rev": 1, "later_ms": 1}, {"live_holds", "removals"}),
        ({"by": "ttl", "settled": False}, {"rev": 1, "later_ms": 1}, {"live_holds", "removals"}),
    ],
    ids=["expired", "began before the snapshot", "rev 0", "no rev", "deleted by hand", "not settled"],
)
def test_a_key_that_came_again_may_have_its_new_hold_in_the_table_before_the_archive_has_it(
    events: Events, audit: Audit, tape: Tape, removal: dict[str, Any], again: dict[str, Any], checks: set[str]
) -> None:
    """Unless the hold before it did not expire, or the new one must have been archived, or is none."""
    until = max(event["at"] for told in events.values() for event in told) + KEPT_AFTER_SETTLEMENT_S * 1000
    old = next(each for each in tape.world.records(tape.tables[Source.HOLDS]) if "settlement" in each)
    follow_with(events[Source.HOLDS], old["hold_id"], "hold_removed", at=until, **removal)

    def edit(holds: list[dict[str, Any]]) -> list[dict[str, Any]]:
        other = next(each for each in holds if "settlement" not in each)
        placed = {**other, "hold_id": old["hold_id"], "rev": again["rev"], "at": until + again["later_ms"]}
        return [*(each for each in holds if each["hold_id"] != old["hold_id"]), placed]

    assert set(audit(events, edit_holds=edit)) == checks
