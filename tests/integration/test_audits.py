"""Seeded damage: whatever is done to archive, snapshots or tables, an audit finds it and names it."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.domain.events import Event, Source, record_key, revision
from inventory.history.layout import data_path, instant_of_audit, stamp_of
from inventory.history.steps import start_audit
from inventory.protocol.resolve import release
from inventory.storage.codec import Record, decode, encode
from support.audits import Audits
from support.sealed import Sealer, rewrite_object
from support.tape import Tape
from support.trade import trade
from support.workflow import History
from support.world import START_MS, World

HOUR_MS = 3_600_000
#: Snapshots of these instants; nothing happened after the last one, until a test lets it.
INSTANTS = tuple(START_MS + hours * HOUR_MS for hours in (1, 2, 3))
LAST = INSTANTS[-1]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Three spells of trade an hour apart, each with its snapshot."""
    world = World(seed=29)
    tape = Tape(world)
    for spell, instant in enumerate(INSTANTS):
        trade(world, 90, seed=spell + 29)
        world.clock.now_ms = instant
    history = History(tmp_path_factory.mktemp("day") / "bucket", tape)
    history.archive(batch=400)
    history.now_ms = world.clock.now_ms
    for instant in INSTANTS:
        history.snapshot(instant)
    world.clock.now_ms = history.now_ms  # what happens from now on is after what is sealed
    return history


@pytest.fixture
def history(day: History, tmp_path: Path) -> Iterator[History]:
    """A copy to do what one likes with. Tables and tape are as before afterwards."""
    shutil.copytree(day.objects.root, tmp_path / "bucket")
    mine = History(tmp_path / "bucket", day.tape)
    mine.now_ms = day.now_ms
    world = day.tape.world
    tables = {table: {key(item): item for item in world.database.items(table)} for table in day.tape.tables.values()}
    told = len(day.tape.records)
    yield mine
    for table, kept in tables.items():
        for name in {key(item) for item in world.database.items(table)} - kept.keys():
            world.database.client.delete_item(TableName=table, Key=encode(dict([name])))
        for item in kept.values():
            world.database.client.put_item(TableName=table, Item=item)
    for table in day.tape.tables.values():
        world.database.stream(table).drain()  # what was done by hand is no consumer's business
    del day.tape.records[told:]
    world.clock.now_ms = day.now_ms


def key(item: Any) -> tuple[str, str]:
    record = decode(item)
    return next((name, record[name]) for name in ("stock_id", "hold_id", "adjustment_id") if name in record)


@pytest.fixture
def audits(history: History) -> Audits:
    return Audits(history)


def found(audits: Audits, as_of_ms: int = LAST) -> dict[str, list[dict[str, Any]]]:
    """What all audits of an instant found, by check."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in audits.findings(as_of_ms):
        rows.setdefault(row["check_name"], []).append(row)
    return rows


def named(rows: list[dict[str, Any]]) -> set[str]:
    return {row["record"] for row in rows}


def objects(history: History, source: Source) -> list[Path]:
    return sorted((history.objects.root / "archive" / source).rglob("*.gz"))


def archived(history: History, source: Source, since_ms: int = INSTANTS[1], until_ms: int = LAST) -> list[Event]:
    told = [
        json.loads(line) for path in objects(history, source) for line in gzip.decompress(path.read_bytes()).split()
    ]
    return [event for event in told if since_ms < event["at"] <= until_ms]


def archive_also(history: History, source: Source, *events: Event) -> None:
    """Another object in the archive, in the hour of the first event."""
    Sealer(history.objects.root, {}).archive_object(source, "zz", events)


def change_archive(history: History, source: Source, change: Callable[[list[Event]], list[Event]]) -> None:
    for path in objects(history, source):
        rewrite_object(path, change)


def edit(history: History, source: Source, wanted: Callable[[Record], bool], **changes: Any) -> Record:
    """Puts a record into a live table by hand, as it was but for these attributes; gives what it was."""
    world = history.tape.world
    table = history.tape.tables[source]
    record = next(each for each in world.records(table) if wanted(each))
    world.database.client.put_item(TableName=table, Item=encode(record | changes))
    return record


def is_shard(record: Record) -> bool:
    return "available" in record


def next_snapshot(history: History) -> int:
    """What was done meanwhile is archived and sealed; gives the instant."""
    history.archive(batch=400)
    history.snapshot(LAST + HOUR_MS)
    return LAST + HOUR_MS


def test_a_day_that_nobody_touched_has_nothing_wrong_whatever_an_audit_begins_with(audits: Audits) -> None:
    for instant, depth in ((LAST, "increment"), (LAST, None), (INSTANTS[1], "increment"), (INSTANTS[0], "increment")):
        result = audits.run(instant, depth=depth)
        assert audits.findings(instant) == []
        assert result["discrepancies"] == 0
        looked_at = {check["name"]: check["looked_at"] for check in result["checks"]}
        assert looked_at.pop("removals") == 0
        assert all(looked_at.values())
        live = {name for name in looked_at if name.startswith("live_")}
        all_live = {"live_stock", "live_directories", "live_adjustments", "live_holds"}
        assert live == (all_live if depth is None or instant != INSTANTS[1] else set())
    assert audits.announced == []
    assert audits.catalogue.registered == set()


def test_an_increment_says_how_far_back_it_looked_and_reads_nothing_older(audits: Audits) -> None:
    increment, full = (audits.run(LAST, depth=depth) for depth in ("increment", None))
    assert (increment["depth"], increment["since_ms"]) == ("increment", INSTANTS[1])
    assert (full["depth"], full["since_ms"]) == ("full", 0)
    assert audits.run(INSTANTS[0], depth="increment")["depth"] == "full"
    looked_at = [{each["name"]: each["looked_at"] for each in result["checks"]} for result in (increment, full)]
    events = sum(len(archived(audits.history, source)) for source in Source)
    assert looked_at[0]["gapless"] == looked_at[0]["ledger_rows"] == events < looked_at[1]["gapless"] / 2
    assert looked_at[0]["sealed_files"] < looked_at[1]["sealed_files"]
    assert looked_at[0]["archive_readable"] < looked_at[1]["archive_readable"]


def test_sales_while_an_audit_runs_are_no_discrepancy(audits: Audits) -> None:
    world = audits.history.tape.world

    def sell() -> None:
        trade(world, 30, seed=3)
        audits.history.archive(batch=400)

    sell()
    audits.run(LAST, depth="increment", meanwhile=sell)
    audits.run(LAST, meanwhile=sell)
    assert audits.findings(LAST) == []


@pytest.mark.parametrize("depth", ["increment", None])
def test_a_missing_event_is_named(history: History, audits: Audits, depth: str | None) -> None:
    missing = next(each for each in archived(history, Source.STOCK) if each["type"] == "shard_changed")
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


def test_a_settled_hold_that_expired_from_the_table_is_no_discrepancy_though_the_base_does_not_know_it(
    history: History, audits: Audits
) -> None:
    world, table = history.tape.world, history.tape.tables[Source.HOLDS]
    hold = next(each for each in world.records(table) if "settlement" in each and each["at"] <= INSTANTS[1])
    world.database.client.delete_item(TableName=table, Key=encode({"hold_id": hold["hold_id"]}))
    gone = {"v": 1, "event_id": f"{hold['hold_id']}@{hold['rev'] + 1}", "type": "hold_removed"}
    archive_also(history, Source.HOLDS, {**gone, "at": LAST + 100_000, "by": "ttl", "settled": True})
    del history.tape.records[-1]  # what a person's deletion would tell
    instant = next_snapshot(history)
    result = audits.run(instant, depth="increment")
    assert found(audits, instant) == {}
    assert {each["name"]: each["looked_at"] for each in result["checks"]}["removals"] == 1


@pytest.mark.parametrize("table", ["snapshots", "holds", "ledger", "state"])
def test_a_changed_file_of_a_snapshot_is_named(history: History, audits: Audits, table: str) -> None:
    path = min((history.objects.root / table / f"as_of={stamp_of(LAST)}").iterdir())
    content = path.read_bytes()
    path.write_bytes(bytes([*content[:20], content[20] ^ 1, *content[21:]]))
    audits.run(LAST, depth="increment")
    [row] = found(audits)["sealed_files"]
    assert row["path"] == path.relative_to(history.objects.root).as_posix()


def test_a_file_that_no_manifest_names_and_one_that_is_gone_are_named(history: History, audits: Audits) -> None:
    kept = data_path("ledger", LAST, "items", 0)
    strange = kept.replace("items-0000", "items-9999")
    (history.objects.root / kept).rename(history.objects.root / strange)
    audits.run(LAST, depth="increment")
    rows = found(audits)
    assert {row["path"] for row in rows["sealed_files"]} == {kept, strange}
    assert rows["late_events"], "the archive's events are in no ledger now"


@pytest.mark.parametrize(("number", "depth"), [(1, "increment"), (1, None), (2, "increment"), (3, "increment")])
def test_a_dropped_manifest_is_named_be_it_the_newest(
    history: History, audits: Audits, number: int, depth: str | None
) -> None:
    (history.objects.root / f"manifests/{number:08}.json").unlink()
    result = audits.run(LAST, depth=depth)
    rows = found(audits)
    assert f"manifests/{number:08}.json" in {row["path"] for row in rows["manifest_chain"]}
    if number == 3:
        assert [each["name"] for each in result["checks"]] == ["manifest_chain", "sealed_files"]


def test_a_manifest_signed_by_anyone_else_is_named(history: History, audits: Audits) -> None:
    path = history.objects.root / "manifests/00000003.json"
    told = json.loads(path.read_bytes())
    told["signature"]["value"] = json.loads((path.parent / "00000002.json").read_bytes())["signature"]["value"]
    path.write_bytes(json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    audits.run(LAST, depth="increment")
    assert [row["what"] for row in found(audits)["manifest_chain"]] == ["Its signature is wrong."]


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


def test_each_snapshot_starts_one_audit_however_often_it_is_told_to(history: History) -> None:
    started: dict[str, Any] = {}

    class Machine:
        def start(self, execution: str, words: Any) -> int | None:
            return None if started.setdefault(execution, words) is not words else 1

        def find(self, execution: str) -> None:
            return None

    for instant in (LAST, INSTANTS[0], LAST):
        start_audit(history.objects, Machine(), {"step": "audit", "as_of_ms": instant})
    assert [words["as_of_ms"] for words in started.values()] == [LAST, INSTANTS[0]]
    assert {words["depth"] for words in started.values()} == {"increment"}
    assert all(name == words["audit"] and instant_of_audit(name) for name, words in started.items())
