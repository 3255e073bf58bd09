"""Whatever is done to the live tables by hand, an audit finds it and names it."""

import json
from typing import Any

import pytest

from inventory.domain.events import Source, record_key
from inventory.history.layout import stamp_of
from inventory.history.plan import Mode
from inventory.protocol.resolve import release
from inventory.storage.codec import encode
from support.audits import Audits
from support.folding import revision
from support.handiwork import HOUR_MS, INSTANTS, LAST, archived, edit, found, is_shard, named, next_snapshot, objects
from support.workflow import History, Incomplete
from support.world import START_MS


@pytest.mark.parametrize("depth", ["increment", None])
def test_a_counter_edited_by_hand_is_named_with_what_it_should_be(
    history: History, audits: Audits, depth: str | None
) -> None:
    shard = next(each for each in history.tape.world.records(history.tape.tables[Source.STOCK]) if is_shard(each))
    edit(history, Source.STOCK, lambda each: each == shard, available=shard["available"] + 1)
    audits.run(LAST, depth=depth)
    [row] = found(audits)["live_stock"]
    assert row["record"] == shard["stock_id"]
    evidence = json.loads(row["evidence"])
    assert evidence["live"]["available"] == evidence["archive"]["available"] + 1


@pytest.mark.parametrize("object_s_hash", ["0" * 16, "f" * 16])
def test_an_edited_counter_is_named_by_its_table_too_once_the_edit_is_archived(
    history: History, audits: Audits, object_s_hash: str
) -> None:
    """The edit is an event of an id that the archive has: the one that was there first says what it should be."""
    shard = next(each for each in history.tape.world.records(history.tape.tables[Source.STOCK]) if is_shard(each))
    edit(history, Source.STOCK, lambda each: each == shard, available=shard["available"] + 1)
    before = set(objects(history, Source.STOCK))
    history.archive(history.tape.records[-1:])
    [archived_edit] = set(objects(history, Source.STOCK)) - before
    _, first, last = archived_edit.name.split("-")
    archived_edit.rename(archived_edit.with_name(f"{object_s_hash}-{first}-{last}"))
    audits.run(LAST, depth="increment")
    rows = found(audits)
    assert set(rows) == {"live_stock", "equal_twins"}
    assert named(rows["live_stock"]) == {shard["stock_id"]}
    evidence = json.loads(rows["live_stock"][0]["evidence"])
    assert evidence["live"]["available"] == evidence["archive"]["available"] + 1


@pytest.mark.parametrize("changes", [{"available": "many"}, {"rev": None}, {"at": "now"}, {"held": None}])
def test_a_counter_that_is_no_number_any_more_is_found_and_stops_no_audit(
    history: History, audits: Audits, changes: dict[str, Any]
) -> None:
    shard = edit(history, Source.STOCK, is_shard, **changes)
    audits.run(LAST, depth="increment")
    assert named(found(audits)["live_stock"]) == {shard["stock_id"]}


@pytest.mark.parametrize("depth", ["increment", None])
@pytest.mark.parametrize("changes", [{"quantity": 7_777}, {"metadata": {"by": "hand"}}, {"rev": 3}, {"quantity": "x"}])
def test_an_adjustment_edited_by_hand_is_named_with_what_it_should_be(
    history: History, audits: Audits, changes: dict[str, Any], depth: str | None
) -> None:
    made = edit(history, Source.ADJUSTMENTS, lambda each: each["at"] > INSTANTS[1] and "from" not in each, **changes)
    audits.run(LAST, depth=depth)
    rows = found(audits)
    assert set(rows) == {"live_adjustments"}
    [row] = rows["live_adjustments"]
    assert row["record"] == made["adjustment_id"]
    assert row["path"].startswith("archive/adjustments/")
    evidence = json.loads(row["evidence"])
    assert evidence["archive"]["quantity"] == made["quantity"]
    assert evidence["live"] != evidence["archive"]


@pytest.mark.parametrize("depth", ["increment", None])
def test_an_adjustment_deleted_and_one_added_without_an_event_are_named(
    history: History, audits: Audits, depth: str | None
) -> None:
    world, table = history.tape.world, history.tape.tables[Source.ADJUSTMENTS]
    made = next(each for each in world.records(table) if each["at"] > INSTANTS[1])
    world.database.client.delete_item(TableName=table, Key=encode({"adjustment_id": made["adjustment_id"]}))
    added = made | {"adjustment_id": "adj_" + "e" * 32}
    world.database.client.put_item(TableName=table, Item=encode(added))
    audits.run(LAST, depth=depth)
    rows = found(audits)
    assert set(rows) == {"live_adjustments"}
    assert named(rows["live_adjustments"]) == {made["adjustment_id"], added["adjustment_id"]}


def test_an_old_adjustment_edited_by_hand_is_named_by_the_next_audit_that_begins_at_the_first_event(
    history: History, audits: Audits
) -> None:
    made = edit(history, Source.ADJUSTMENTS, lambda each: each["at"] <= INSTANTS[0], reason="gift")
    audits.run(LAST, depth="increment")
    assert found(audits) == {}
    audits.run(LAST)
    assert named(found(audits)["live_adjustments"]) == {made["adjustment_id"]}


@pytest.mark.parametrize("depth", ["increment", None])
def test_an_unsettled_hold_added_by_hand_is_named_however_old_it_is_by_its_own_account(
    history: History, audits: Audits, depth: str | None
) -> None:
    world, table = history.tape.world, history.tape.tables[Source.HOLDS]
    hold = next(each for each in world.records(table) if "settlement" not in each)
    added = hold | {"hold_id": "hold_" + "e" * 32, "at": INSTANTS[0]}
    world.database.client.put_item(TableName=table, Item=encode(added))
    audits.run(LAST, depth=depth)
    rows = found(audits)
    assert set(rows) == {"live_holds"}
    assert named(rows["live_holds"]) == {added["hold_id"]}


@pytest.mark.parametrize("depth", ["increment", None])
@pytest.mark.parametrize(
    "warehouses", [{}, {"berlin": {"shards": 99, "counts": 0}}, "none", {"moon": {"shards": 1, "counts": 0}}]
)
def test_a_directory_edited_by_hand_is_named_with_what_it_should_be(
    history: History, audits: Audits, warehouses: Any, depth: str | None
) -> None:
    directory = edit(history, Source.STOCK, lambda each: "warehouses" in each, warehouses=warehouses)
    audits.run(LAST, depth=depth)
    rows = found(audits)
    assert set(rows) == {"live_directories"}
    [row] = rows["live_directories"]
    assert row["record"] == directory["stock_id"]
    evidence = json.loads(row["evidence"])
    assert json.loads("{" + evidence["archive"]["warehouses"] + "}") == directory["warehouses"]


def test_a_directory_deleted_by_hand_is_named(history: History, audits: Audits) -> None:
    world, table = history.tape.world, history.tape.tables[Source.STOCK]
    directory = next(each for each in world.records(table) if "warehouses" in each)
    world.database.client.delete_item(TableName=table, Key=encode({"stock_id": directory["stock_id"]}))
    audits.run(LAST, depth="increment")
    assert named(found(audits)["live_directories"]) == {directory["stock_id"]}


def test_a_counter_edited_like_a_write_of_the_service_is_found_by_what_nothing_else_tells_of(
    history: History, audits: Audits
) -> None:
    """Whoever edits `rev` and `at` as well makes an event, but no adjustment, hold or settlement to go with it."""
    world = history.tape.world
    shard = next(each for each in world.records(history.tape.tables[Source.STOCK]) if is_shard(each))
    world.clock.now_ms += 1000
    changes = {"available": shard["available"] + 3, "rev": shard["rev"] + 1, "at": world.clock.now_ms // 100 * 100}
    edit(history, Source.STOCK, lambda each: each == shard, **changes)
    instant = next_snapshot(history)
    audits.run(instant, depth="increment")
    rows = found(audits, instant)
    assert f"{shard['item_id']} {shard['warehouse_id']}" in named(rows["stock_conserved"])
    assert any(shard["cause"]["id"] in (row["record"] or "") for each in rows.values() for row in each)


def test_a_hold_settled_twice_is_named(history: History, audits: Audits) -> None:
    world = history.tape.world
    world.clock.now_ms += 1000
    world.receive("cup", 5, "berlin")
    hold = world.place("cup", warehouse="berlin").value
    release(world.core, hold.id, by=world.by())
    world.flow()
    settled = edit(history, Source.HOLDS, lambda each: each["hold_id"] == hold.id)
    world.clock.now_ms += 1000
    again = {"settlement": "stl_again", "rev": settled["rev"] + 1, "at": world.clock.now_ms // 100 * 100}
    edit(history, Source.HOLDS, lambda each: each["hold_id"] == hold.id, **again)
    instant = next_snapshot(history)
    audits.run(instant, depth="increment")
    assert named(found(audits, instant)["holds_legal"]) == {f"{hold.id}@{settled['rev'] + 1}"}


def test_a_hold_settled_again_after_its_settlement_was_sealed_stops_increments_and_a_rebuild_names_it(
    history: History, audits: Audits
) -> None:
    world = history.tape.world
    settled = next(each for each in world.holds() if each.settlement is not None)
    world.clock.now_ms += 1000
    again = {"settlement": "stl_again", "rev": settled.rev + 1, "at": world.clock.now_ms // 100 * 100}
    edit(history, Source.HOLDS, lambda each: each["hold_id"] == settled.id, **again)
    with pytest.raises(Incomplete) as stopped:
        next_snapshot(history)
    [[told]] = stopped.value.args
    assert told["record_key"] == f"{settled.id}@1"
    assert "changed it after it was settled; a rebuild from the first event tells which" in told["why"]

    history.snapshot(LAST + HOUR_MS, mode=Mode.REBUILD)
    audits.run(LAST + HOUR_MS, depth="increment")
    assert f"{settled.id}@{settled.rev + 1}" in named(found(audits, LAST + HOUR_MS)["gapless"])
    audits.run(LAST + HOUR_MS)
    assert f"{settled.id}@{settled.rev + 1}" in named(found(audits, LAST + HOUR_MS)["holds_legal"])


def test_a_settlement_that_counted_twice_is_named(history: History, audits: Audits) -> None:
    """The settler's condition gone: the shard is told again what it was told already."""
    settlement = next(each for each in archived(history, Source.STOCK) if each["cause"]["type"] == "settlement")
    shard = next(
        each
        for each in history.tape.world.records(history.tape.tables[Source.STOCK])
        if each["stock_id"] == record_key(settlement)
    )
    world = history.tape.world
    world.clock.now_ms += 1000
    changes = {"available": shard["available"] + 2, "rev": shard["rev"] + 1, "at": world.clock.now_ms // 100 * 100}
    edit(history, Source.STOCK, lambda each: each == shard, cause=settlement["cause"], **changes)
    instant = next_snapshot(history)
    audits.run(instant)
    assert f"{settlement['cause']['id']} {shard['stock_id']}" in named(found(audits, instant)["settlements_match"])


def test_a_deleted_hold_is_named_before_and_after_its_removal_is_archived(history: History, audits: Audits) -> None:
    world, table = history.tape.world, history.tape.tables[Source.HOLDS]
    hold = next(each for each in world.records(table) if "settlement" not in each)
    world.database.client.delete_item(TableName=table, Key=encode({"hold_id": hold["hold_id"]}))
    audits.run(LAST, depth="increment")
    assert named(found(audits)["live_holds"]) == {hold["hold_id"]}
    instant = next_snapshot(history)
    audits.run(instant, depth="increment")
    rows = found(audits, instant)
    assert named(rows["removals"]) == {f"{hold['hold_id']}@{hold['rev'] + 1}"}
    assert f"{hold['lines'][0]['item']} {hold['lines'][0]['warehouse']}" in named(rows["held_matches_holds"])


def test_of_a_place_whose_last_shard_was_deleted_the_row_is_as_sealed(history: History, audits: Audits) -> None:
    world, table = history.tape.world, history.tape.tables[Source.STOCK]
    gone = [each for each in world.records(table) if is_shard(each) and each["item_id"] == "pot"]
    for shard in gone:
        world.database.client.delete_item(TableName=table, Key=encode({"stock_id": shard["stock_id"]}))
    instant = next_snapshot(history)
    audits.run(instant)
    rows = found(audits, instant)
    assert named(rows["removals"]) == {f"{shard['stock_id']}@{shard['rev'] + 1}" for shard in gone}
    assert "snapshots_rows" not in rows


def test_discrepancies_are_told_as_rows_counts_and_an_event_and_repaired_by_nobody(
    history: History, audits: Audits
) -> None:
    shard = edit(history, Source.STOCK, is_shard, available=123_456)
    before = history.visible()
    result = audits.run(LAST, depth="increment")
    assert result["discrepancies"] == audits.counted["live_stock"] == sum(audits.counted.values()) == 1
    [(what, detail)] = audits.announced
    assert what == "Audit found discrepancies"
    assert detail == result | {"findings": detail["findings"]}
    assert [(each["check"], each["record"]) for each in detail["findings"]] == [("live_stock", shard["stock_id"])]
    assert audits.catalogue.registered == {("audit_findings", stamp_of(LAST))}
    assert {row["audit"] for row in audits.findings(LAST)} == {result["id"]}
    assert history.visible() == before
    assert 123_456 in {each.available for each in history.tape.world.shards()}


def test_a_revision_that_goes_back_is_a_table_restored_to_an_earlier_time(history: History, audits: Audits) -> None:
    event = next(
        each
        for each in reversed(archived(history, Source.STOCK))
        if each["type"] == "shard_changed" and revision(each) > 1
    )
    shard = edit(history, Source.STOCK, lambda each: each["stock_id"] == record_key(event), rev=1, at=START_MS)
    audits.run(LAST, depth="increment")
    assert named(found(audits)["live_stock"]) == {shard["stock_id"]}
