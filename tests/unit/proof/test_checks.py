"""Each rule finds the damage that it is there for, and names it; a recorded day that nobody touched breaks none."""

import tracemalloc
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.domain.events import Source, record_key
from inventory.proof.archive import archived_objects, read_archive
from inventory.proof.base import begin_from
from inventory.proof.checks import RULES, Rule, check_events, checked
from inventory.proof.findings import Finding
from inventory.proof.rebuild import fold_archive
from support.auditing import Audit, Damage, Events, checks_naming, first, follow_with
from support.folding import revision
from support.sealed import Sealer
from support.tape import Tape


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


def a_counter_edited_by_hand(events: Events) -> str:
    stock = events[Source.STOCK]
    latest = {record_key(event): event for event in stock if event["type"] == "shard_changed"}
    last = next(event for event in latest.values() if event["cause"]["type"] == "hold")
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


def an_event_that_says_another_count_of_what_is_held(events: Events) -> str:
    stock = events[Source.STOCK]
    event = next(each for each in stock if each["type"] == "shard_changed" and revision(each) == 4)
    event["before"] = {**event["before"], "held": event["before"]["held"] + 1}
    return str(event["event_id"])


def an_event_of_a_shard_that_forgot_its_counts(events: Events) -> str:
    stock = events[Source.STOCK]
    event = next(each for each in stock if each["type"] == "shard_changed" and revision(each) == 4)
    event["before"] = None
    return str(event["event_id"])


def a_new_shard_that_had_units_before(counter: str) -> Damage:
    def damage(events: Events) -> str:
        event = events[Source.STOCK][first(events[Source.STOCK], "shard_changed", before=None)]
        assert revision(event) == 1
        event["before"] = {"available": 0, "held": 0, counter: 7}
        return str(event["event_id"])

    damage.__name__ = f"a_new_shard_with_{counter}_before"
    return damage


def a_settlement_told_twice_at_one_instant(events: Events) -> str:
    """`settled_once`: the shard gave the same units twice."""
    stock = events[Source.STOCK]
    latest = {record_key(event): event for event in sorted(stock, key=revision) if event["type"] == "shard_changed"}
    settled = next(event for event in latest.values() if event["cause"]["type"] == "settlement")
    by = {name: settled["after"][name] - settled["before"][name] for name in ("available", "held")}
    after = {name: value + by.get(name, 0) for name, value in settled["after"].items()}
    told = {"before": settled["after"], "after": after, "cause": settled["cause"]}
    follow_with(stock, record_key(settled), "shard_changed", **told)
    return str(settled["cause"]["id"])


def a_settlement_that_took_too_much(events: Events) -> str:
    for event in events[Source.STOCK]:
        if event["type"] == "shard_changed" and event["cause"]["type"] == "settlement":
            event["after"] = {**event["after"], "held": event["after"]["held"] + 1}
            return str(event["cause"]["id"])
    raise AssertionError


def of_what_is_held_alone(events: Events) -> dict[str, Any]:
    """What a settlement did to a shard to which nothing came back."""
    return next(
        event
        for event in events[Source.STOCK]
        if event["type"] == "shard_changed"
        and event["cause"]["type"] == "settlement"
        and event["before"]["available"] == event["after"]["available"]
    )


def a_settlement_of_what_is_held_alone_that_no_hold_has(events: Events) -> str:
    event = of_what_is_held_alone(events)
    event["cause"] = {**event["cause"], "id": "stl_nobody_s"}
    return "stl_nobody_s"


def a_settlement_of_what_is_held_alone_that_no_shard_has(events: Events) -> str:
    event = of_what_is_held_alone(events)
    settlement = str(event["cause"]["id"])
    event["cause"] = {**event["cause"], "id": "stl_nobody_s"}
    return settlement


def a_placement_without_its_shard(events: Events) -> str:
    stock = events[Source.STOCK]
    lost = next(event for event in stock if event["type"] == "shard_changed" and event["cause"]["type"] == "hold")
    stock.remove(lost)
    return str(lost["cause"]["id"])


def a_settlement_without_its_shard(events: Events) -> str:
    """One of holds that were executed: what is available stays as it was."""
    stock = events[Source.STOCK]
    lost = next(
        event
        for event in stock
        if event["type"] == "shard_changed"
        and event["cause"]["type"] == "settlement"
        and event["after"]["available"] == event["before"]["available"]
    )
    stock.remove(lost)
    return str(lost["cause"]["id"])


def held_for_nobody(cause: str) -> Damage:
    """A unit that is held in the name of what is not there; nothing else changes."""

    def damage(events: Events) -> str:
        stock = events[Source.STOCK]
        shard = record_key(stock[first(stock, "shard_changed")])
        last = max((event for event in stock if record_key(event) == shard), key=revision)
        before = {name: last["after"][name] for name in ("available", "held")}
        after = {**last["after"], "held": before["held"] + 1}
        why = {**last["cause"], "type": cause, "id": "nobody"}
        follow_with(stock, shard, last["type"], before=before, after=after, cause=why)
        return "nobody"

    damage.__name__ = f"held_for_no_{cause}"
    return damage


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


def a_change_of_shards_that_made_units(kind: str) -> Damage:
    """What a split or a merge does to shards is told as a move is."""

    def damage(events: Events) -> str:
        moved = of_place(events, "cup#berlin")
        whole = [event for event in moved if event["cause"] == moved[0]["cause"]]
        cause = {**moved[0]["cause"], "type": kind}
        for event in whole:
            event["cause"] = cause
        changed(whole[0], "available", 1)
        return str(cause["id"])

    damage.__name__ = f"a_{kind}_that_made_units"
    return damage


def of_place(events: Events, place: str) -> list[dict[str, Any]]:
    """What moves did to the shards of an item in a warehouse."""
    stock = events[Source.STOCK]
    moved = [event for event in stock if event["type"] == "shard_changed" and event["cause"]["type"] == "move"]
    return [event for event in moved if event["event_id"].startswith(f"{place}#")]


def changed(event: dict[str, Any], counter: str, by: int) -> None:
    event["after"] = {**event["after"], counter: event["after"][counter] + by}


def a_move_between(one: str, other: str) -> Damage:
    """A move that took from one place what it gave to the other."""

    def damage(events: Events) -> str:
        given, taken = of_place(events, one)[0], of_place(events, other)[0]
        for event in [each for each in of_place(events, other) if each["cause"] == taken["cause"]]:
            event["cause"] = given["cause"]
        changed(given, "available", 1)
        changed(taken, "available", -1)
        return str(given["cause"]["id"])

    damage.__name__ = f"a_move_between_{one}_and_{other}"
    return damage


def a_move_of_what_is_held(events: Events) -> str:
    given, taken = of_place(events, "cup#berlin")[:2]
    assert given["cause"] == taken["cause"]
    changed(given, "held", 1)
    changed(taken, "held", -1)
    return str(given["cause"]["id"])


def an_event_without_a_cause(events: Events) -> str:
    event = events[Source.STOCK][first(events[Source.STOCK], "shard_changed")]
    del event["cause"]
    return str(event["event_id"])


def a_cause_that_nobody_has(events: Events) -> str:
    event = events[Source.STOCK][first(events[Source.STOCK], "shard_changed")]
    event["cause"] = {**event["cause"], "type": "gift"}
    return str(event["event_id"])


def a_counter_below_zero(events: Events) -> str:
    event = events[Source.STOCK][first(events[Source.STOCK], "shard_changed")]
    event["after"] = {**event["after"], "available": -1}
    return str(event["event_id"])


def what_is_held_below_zero(events: Events) -> str:
    event = events[Source.STOCK][first(events[Source.STOCK], "shard_changed")]
    event["after"] = {**event["after"], "held": -1}
    return str(event["event_id"])


def a_shard_removed_as_ttl_would(events: Events) -> str:
    stock = events[Source.STOCK]
    shard = next(event for event in stock if event["type"] == "shard_changed")
    return follow_with(stock, record_key(shard), "shard_removed", before={"available": 0, "held": 0}, by="ttl")


def an_adjustment_removed_as_ttl_would(events: Events) -> str:
    made = events[Source.ADJUSTMENTS]
    return follow_with(made, record_key(made[0]), "adjustment_removed", by="ttl")


def an_adjustment_altered(events: Events) -> str:
    made = events[Source.ADJUSTMENTS]
    return follow_with(made, record_key(made[0]), "adjustment_altered", set={"reason": "gift"})


def an_attribute_that_nobody_writes(events: Events) -> str:
    event = events[Source.HOLDS][5]
    event["other"] = {"set": {"vip": True}}
    return str(event["event_id"])


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (a_counter_edited_by_hand, "placements_match"),
        (an_event_that_says_another_count, "counts_continue"),
        (an_event_that_says_another_count_of_what_is_held, "counts_continue"),
        (an_event_of_a_shard_that_forgot_its_counts, "counts_continue"),
        (a_new_shard_that_had_units_before("available"), "counts_continue"),
        (a_new_shard_that_had_units_before("held"), "counts_continue"),
        (a_settlement_that_took_too_much, "settlements_match"),
        (a_settlement_told_twice_at_one_instant, "settlements_match"),
        (a_settlement_of_what_is_held_alone_that_no_hold_has, "settlements_match"),
        (a_settlement_of_what_is_held_alone_that_no_shard_has, "settlements_match"),
        (a_placement_without_its_shard, "placements_match"),
        (a_settlement_without_its_shard, "settlements_match"),
        (held_for_nobody("hold"), "placements_match"),
        (held_for_nobody("settlement"), "settlements_match"),
        (held_for_nobody("count"), "adjustments_match"),
        (half_of_a_placement_at_another_instant, "placements_match"),
        (an_adjustment_that_says_more, "adjustments_match"),
        (an_adjustment_that_is_gone, "adjustments_match"),
        (a_move_that_made_units, "moves_balance"),
        (a_change_of_shards_that_made_units("split"), "moves_balance"),
        (a_change_of_shards_that_made_units("merge"), "moves_balance"),
        (a_move_between("cup#berlin", "cup#lyon"), "moves_balance"),
        (a_move_between("cup#berlin", "pot#berlin"), "moves_balance"),
        (a_move_of_what_is_held, "moves_balance"),
        (an_event_without_a_cause, "known_causes"),
        (a_cause_that_nobody_has, "known_causes"),
        (a_counter_below_zero, "never_oversold"),
        (what_is_held_below_zero, "never_oversold"),
        (a_shard_removed_as_ttl_would, "removals"),
        (an_adjustment_removed_as_ttl_would, "removals"),
        (an_adjustment_altered, "alterations"),
        (an_attribute_that_nobody_writes, "alterations"),
    ],
)
def test_damage_is_found_and_named(events: Events, audit: Audit, damage: Damage, check: str) -> None:
    damaged = damage(events)
    assert check in checks_naming(audit(events), damaged)


def test_however_much_is_wrong_little_of_it_is_in_memory_at_once() -> None:
    many = 60_000
    rule = Rule(
        "many", "It is wrong.", f"SELECT {many}", f"SELECT 'r' || range, NULL, {{'n': range}} FROM range({many})"
    )
    with duckdb.connect() as database:
        tracemalloc.start()
        check = checked(database, rule)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (check.looked_at, check.discrepancies) == (many, many)
    assert check.findings[0] == Finding("It is wrong.", None, "r0", {"n": 0})
    assert most < 5_000_000
