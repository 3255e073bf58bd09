"""Each rule finds the damage that it is there for, and names it; a recorded day that nobody touched breaks none."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.audit.scan import ATTRIBUTES
from inventory.domain.events import Source, record_key, revision
from inventory.proof.archive import archived_objects, read_archive
from inventory.proof.base import begin_from
from inventory.proof.checks import RULES, check_events
from inventory.proof.findings import Finding
from inventory.proof.live import LIVE_COLUMNS, LIVE_RULES, check_live_tables, create_live_tables
from inventory.proof.rebuild import fold_archive
from inventory.proof.spans import Span
from support.sealed import Sealer
from support.tape import Tape

Events = dict[Source, list[dict[str, Any]]]
Audit = Callable[..., dict[str, list[Finding]]]
Damage = Callable[[Events], str]


@pytest.fixture
def events(tape: Tape) -> Events:
    return {source: [dict(event) for event in tape.events(source)] for source in Source}


@pytest.fixture
def audit(tape: Tape, tmp_path: Path) -> Iterator[Audit]:
    """Audits these events, and the tables with these changes; gives what was found, by check."""
    with duckdb.connect() as database:

        def auditing(events: Events, **edits: Any) -> dict[str, list[Finding]]:
            Sealer(tmp_path, events).archive(batch=400)
            until = edits.get("until") or max(event["at"] for told in events.values() for event in told)
            read_archive(database, tmp_path, archived_objects(tmp_path))
            begin_from(database, tmp_path, None)
            fold_archive(database, until)
            tables = {source: list(tape.world.records(name)) for source, name in tape.tables.items()}
            edited = {source: edits.get(f"edit_{source}", list)(records) for source, records in tables.items()}
            checks = check_events(database)
            create_live_tables(database)
            for table, rows in live(edited).items():
                marks = ", ".join("?" for _ in LIVE_COLUMNS[table])
                database.executemany(f"INSERT INTO {table} VALUES ({marks})", [list(row.values()) for row in rows])
            checks += check_live_tables(database, Span(0, until))
            return {check.name: check.findings for check in checks if check.discrepancies}

        yield auditing


def live(tables: dict[Source, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Records as an audit reads them."""

    def rows(kind: str, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        attributes = ATTRIBUTES[kind].items()
        return [{name: spelled(record.get(attribute)) for name, attribute in attributes} for record in records]

    stock = tables[Source.STOCK]
    return {
        "live_shard": rows("live_shard", (each for each in stock if "warehouses" not in each)),
        "live_directory": rows("live_directory", (each for each in stock if "warehouses" in each)),
        "live_hold": rows("live_hold", tables[Source.HOLDS]),
        "live_adjustment": rows("live_adjustment", tables[Source.ADJUSTMENTS]),
    }


def spelled(value: Any) -> Any:
    """Maps and lists as the archive spells them."""
    if not isinstance(value, dict | list):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_a_day_that_nobody_touched_breaks_no_rule_and_each_looks_at_something(
    events: Events, audit: Audit, tape: Tape, tmp_path: Path
) -> None:
    assert audit(events) == {}
    with duckdb.connect() as database:
        read_archive(database, tmp_path, archived_objects(tmp_path))
        begin_from(database, tmp_path, None)
        fold_archive(database, tape.instants()[-1])
        looked_at = {check.name: check.looked_at for check in check_events(database)}
    assert looked_at.pop("removals") == 0
    assert all(looked_at.values())
    assert len(looked_at) == len(RULES) - 1


def test_no_rule_is_broken_at_any_instant_of_the_day(events: Events, tape: Tape, tmp_path: Path) -> None:
    Sealer(tmp_path, events).archive(batch=400)
    instants = tape.instants()
    with duckdb.connect() as database:
        read_archive(database, tmp_path, archived_objects(tmp_path))
        begin_from(database, tmp_path, None)
        for instant in instants[:: len(instants) // 12]:
            fold_archive(database, instant)
            assert [check.name for check in check_events(database) if check.discrepancies] == []


def first(events: list[dict[str, Any]], kind: str, **wanted: Any) -> int:
    """Where the first event of a type is, whose fields are these."""
    return next(
        position
        for position, event in enumerate(events)
        if event["type"] == kind and all(event.get(name) == value for name, value in wanted.items())
    )


def a_counter_edited_by_hand(events: Events) -> str:
    stock = events[Source.STOCK]
    last = next(event for event in reversed(stock) if event["type"] == "shard_changed")
    after = {**last["after"], "available": last["after"]["available"] + 5}
    edit = {**last, "event_id": f"{record_key(last)}@{revision(last) + 1}", "after": after}
    edit["before"] = {name: last["after"][name] for name in ("available", "held")}
    stock.append(edit)
    return str(edit["cause"]["id"])


def an_event_that_says_another_count(events: Events) -> str:
    stock = events[Source.STOCK]
    position = next(n for n, event in enumerate(stock) if event["type"] == "shard_changed" and revision(event) == 4)
    stock[position]["before"] = {"available": 1_000, "held": 0}
    return str(stock[position]["event_id"])


def a_hold_settled_twice(events: Events) -> str:
    holds = events[Source.HOLDS]
    settled = holds[first(holds, "hold_settled")]
    again = {**settled, "event_id": f"{record_key(settled)}@{revision(settled) + 1}"}
    again["set"] = {**settled["set"], "settlement": "stl_again"}
    holds.append(again)
    return str(again["event_id"])


def a_settlement_that_took_too_much(events: Events) -> str:
    for event in events[Source.STOCK]:
        if event["type"] == "shard_changed" and event["cause"]["type"] == "settlement":
            event["after"] = {**event["after"], "held": event["after"]["held"] + 1}
            return str(event["cause"]["id"])
    raise AssertionError


def a_placement_without_its_shard(events: Events) -> str:
    stock = events[Source.STOCK]
    lost = next(event for event in stock if event["type"] == "shard_changed" and event["cause"]["type"] == "hold")
    stock.remove(lost)
    return str(lost["cause"]["id"])


def half_of_a_placement_at_another_instant(events: Events) -> str:
    for event in reversed(events[Source.STOCK]):
        if event["type"] == "shard_changed" and event["cause"]["type"] == "hold":
            event["at"] += 100
            return str(event["cause"]["id"])
    raise AssertionError


def an_adjustment_that_says_more(events: Events) -> str:
    made = events[Source.ADJUSTMENTS][0]
    made["set"] = {**made["set"], "quantity": made["set"]["quantity"] + 1}
    return record_key(made)


def an_adjustment_that_is_gone(events: Events) -> str:
    return record_key(events[Source.ADJUSTMENTS].pop(3))


def a_move_that_made_units(events: Events) -> str:
    for event in events[Source.STOCK]:
        if event["type"] == "shard_changed" and event["cause"]["type"] == "move":
            event["after"] = {**event["after"], "available": event["after"]["available"] + 1}
            return str(event["cause"]["id"])
    raise AssertionError


def a_cause_that_nobody_has(events: Events) -> str:
    event = events[Source.STOCK][first(events[Source.STOCK], "shard_changed")]
    event["cause"] = {**event["cause"], "type": "gift"}
    return str(event["event_id"])


def a_counter_below_zero(events: Events) -> str:
    event = events[Source.STOCK][first(events[Source.STOCK], "shard_changed")]
    event["after"] = {**event["after"], "available": -1}
    return str(event["event_id"])


def an_execution_after_the_hold_expired(events: Events) -> str:
    holds = events[Source.HOLDS]
    executed = holds[first(holds, "hold_executed")]
    placed = next(event for event in holds if event["event_id"] == f"{record_key(executed)}@1")
    placed["set"] = {**placed["set"], "expires_at": executed["at"]}
    return str(executed["event_id"])


def an_expiry_before_its_time(events: Events) -> str:
    holds = events[Source.HOLDS]
    expired = holds[first(holds, "hold_expired")]
    placed = next(event for event in holds if event["event_id"] == f"{record_key(expired)}@1")
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


def an_attribute_that_nobody_writes(events: Events) -> str:
    event = events[Source.HOLDS][5]
    event["other"] = {"set": {"vip": True}}
    return str(event["event_id"])


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (a_counter_edited_by_hand, None),
        (an_event_that_says_another_count, "counts_continue"),
        (a_hold_settled_twice, "holds_legal"),
        (a_settlement_that_took_too_much, "settlements_match"),
        (a_placement_without_its_shard, "placements_match"),
        (half_of_a_placement_at_another_instant, "placements_match"),
        (an_adjustment_that_says_more, "adjustments_match"),
        (an_adjustment_that_is_gone, "adjustments_match"),
        (a_move_that_made_units, "moves_balance"),
        (a_cause_that_nobody_has, "known_causes"),
        (a_counter_below_zero, "never_oversold"),
        (an_execution_after_the_hold_expired, "holds_legal"),
        (an_expiry_before_its_time, "holds_legal"),
        (a_line_executed_for_more_than_it_had, "lines_legal"),
        (a_hold_deleted, "removals"),
        (an_attribute_that_nobody_writes, "alterations"),
    ],
)
def test_damage_is_found_and_named(events: Events, audit: Audit, damage: Damage, check: str | None) -> None:
    damaged = damage(events)
    found = audit(events)
    named = {name for name, findings in found.items() for each in findings if damaged in (each.record or "")}
    assert named >= {check} if check else named


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
    ("check", "changes"),
    [
        ("live_stock", {"held": 999}),
        ("live_stock", {"inflow": 999}),
        ("live_stock", {"at": 100}),
        ("live_stock", {"cause": "not even a map"}),
        ("live_stock", {"cause": {"type": "count", "id": "adj_1", "actor": "somebody"}}),
        ("live_directories", {"warehouses": {"berlin": {"shards": 9, "counts": 0}}}),
        ("live_directories", {"warehouses": {}}),
        ("live_directories", {"at": 100}),
        ("live_adjustments", {"quantity": 999}),
        ("live_adjustments", {"reason": "gift"}),
        ("live_adjustments", {"actor": "somebody"}),
        ("live_adjustments", {"metadata": {"note": "other"}}),
        ("live_adjustments", {"rev": 2}),
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


def test_a_live_record_may_be_ahead_of_the_archive_but_not_strange_to_it(events: Events, audit: Audit) -> None:
    until = max(event["at"] for told in events.values() for event in told)

    def edit(stock: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shard = next(each for each in stock if "available" in each)
        ahead = {**shard, "rev": shard["rev"] + 1, "available": 999, "at": until + 100}
        strange = {**shard, "stock_id": "cup#nowhere#0", "at": until}
        return [*(each for each in stock if each is not shard), ahead, strange]

    found = audit(events, edit_stock=edit)
    assert [each.record for each in found["live_stock"]] == ["cup#nowhere#0"]
