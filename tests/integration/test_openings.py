"""A history that cannot go on is opened anew: what is lost is named and signed, and all after it is proved again."""

from pathlib import Path
from typing import Any

import pytest

from inventory.domain.errors import InstantNotSealed
from inventory.domain.events import Source
from inventory.history.fold import EventsDiffer
from inventory.history.layout import instant_of_path, stamp_of
from inventory.history.manifest import read_manifest
from inventory.history.past import Past
from inventory.history.plan import InstantLost, Mode, NotAnOpening
from inventory.history.standing import openings
from inventory.storage.codec import encode
from support.objects import Killed
from support.reopened import Shop, a_hole, restore, restored_and_opened, revisions
from support.workflow import History, Incomplete, KeyInMemory, Workflow
from support.world import START_MS

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def missing(rows: list[dict[str, Any]]) -> set[tuple[str, int]]:
    return {
        (row["record_key"], rev)
        for row in rows
        if row["what"] == "missing"
        for rev in range(row["from_rev"], row["until_rev"] + 1)
    }


def test_a_history_with_a_hole_goes_on_from_an_opening_that_names_each_revision_that_is_lost(shop: Shop) -> None:
    lost = a_hole(shop)
    with pytest.raises(Incomplete):
        shop.seal()
    opened = shop.open()
    head = shop.history.head()
    assert head.body["opening"]["reason"] == "the archiver was down"
    assert head.body["opening"]["actor"] == "operator"
    assert head.body["opening"]["after"]["as_of_ms"] == shop.sealed
    assert head.body["ledger_from_ms"] is None
    rows = shop.lost()
    assert missing(rows) == revisions(lost)
    assert {row["what"] for row in rows} == {"missing"}
    assert head.body["opening"]["lost_revisions"] == len(revisions(lost))
    assert head.body["totals"].keys() == read_manifest(shop.history.objects, 1).body["totals"].keys()
    assert shop.stock(opened) == shop.live_stock()
    for row in shop.history.rows(f"snapshots/as_of={stamp_of(opened)}/*.parquet"):
        assert row["on_hand"] == row["adjusted"] - row["executed"]
        assert row["held"] == row["holding"]


def test_what_changed_since_the_last_proof_is_told_for_each_item_and_warehouse(shop: Shop) -> None:
    before = shop.stock(shop.sealed)
    a_hole(shop)
    after = shop.stock(shop.open())
    told = {(row["item_id"], row["warehouse_id"]): row for row in shop.history.rows("opened/*/changed-items-*.parquet")}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert told.keys() == changed
    for name in changed:
        was, now = before.get(name, (0, 0)), after.get(name, (0, 0))
        assert (told[name]["available_before"], told[name]["held_before"]) == was
        assert (told[name]["available_after"], told[name]["held_after"]) == now
        assert told[name]["on_hand_change"] == sum(now) - sum(was)


def test_after_an_opening_snapshots_go_on_and_a_rebuild_from_it_makes_the_same_bytes(shop: Shop) -> None:
    a_hole(shop)
    opened = shop.open()
    shop.trade(65)
    shop.archive()
    first = shop.seal()
    assert shop.stock(first) == shop.live_stock()
    assert shop.history.head().body["ledger_from_ms"] == opened
    shop.trade(66)
    shop.archive()
    second = shop.seal()
    assert shop.stock(second) == shop.live_stock()
    for instant in (first, second):
        assert shop.history.snapshot(instant, mode=Mode.REBUILD)["outcome"] == "existed"
    assert shop.history.snapshot(opened, mode=Mode.REBUILD)["done"]
    assert shop.history.snapshot(shop.sealed, mode=Mode.REBUILD)["outcome"] == "existed"


def test_sales_while_the_tables_are_read_are_in_the_opening_up_to_its_instant(shop: Shop) -> None:
    a_hole(shop)
    seeds = iter(range(100, 200))

    def sell(state: str) -> None:
        shop.world.clock.now_ms = max(shop.world.clock.now_ms, shop.history.now_ms)
        if state in ("Read", "Scan", "Open", "Map"):
            shop.trade(next(seeds), 5)
            shop.archive()
        elif state == "WaitAfterReading":
            shop.pass_s(30)

    opened = shop.open(before=sell)
    shop.archive()
    shop.pass_s(120)
    after = shop.seal()
    assert shop.stock(after) == shop.live_stock()
    for instant in (opened, after):
        for row in shop.history.rows(f"snapshots/as_of={stamp_of(instant)}/*.parquet"):
            assert row["held"] == row["holding"]
            assert row["on_hand"] == row["adjusted"] - row["executed"]


@pytest.mark.parametrize("item", ["adj_cup", "trf_cup"])
def test_a_history_is_opened_while_an_item_sells_that_is_called_as_adjustments_are(shop: Shop, item: str) -> None:
    a_hole(shop)

    def sell(state: str) -> None:
        shop.world.clock.now_ms = max(shop.world.clock.now_ms, shop.history.now_ms)
        if state in ("Open", "Scan", "Map"):
            shop.world.receive(item, 5, "berlin")
            shop.archive()

    opened = shop.open(before=sell)
    assert shop.stock(opened)[item, "berlin"] == (5, 0)
    assert not any(row["record_key"].startswith(item) for row in shop.lost())
    shop.pass_s(120)
    assert shop.stock(shop.seal()) == shop.live_stock()


def test_what_the_archiver_brings_late_is_waited_for_and_not_told_as_lost(shop: Shop) -> None:
    a_hole(shop)

    def bring_late(state: str) -> None:
        if state == "Open":
            shop.trade(70, 20)

    with pytest.raises(Incomplete):
        shop.open(before=bring_late)
    shop.archive()
    shop.open()
    late = revisions(shop.tape.records[-1:])
    assert not late & missing(shop.lost())


def test_a_bucket_without_any_snapshot_is_opened_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "first")
    shop.trade(71)
    shop.lose()
    shop.pass_s(300)
    shop.history = History(tmp_path / "second", shop.tape)
    opened = shop.open()
    assert shop.history.head().body["opening"]["after"] is None
    assert shop.history.head().number == 1
    assert shop.stock(opened) == shop.live_stock()
    shop.trade(72)
    shop.archive()
    assert shop.stock(shop.seal()) == shop.live_stock()


def test_tables_restored_to_an_earlier_time_go_on_from_an_opening(shop: Shop) -> None:
    """Before and after the last snapshot: revisions are given out again that were archived already, and sealed."""
    sealed, _, first = restored_and_opened(shop)
    assert {"given_again", "gone"} <= {row["what"] for row in shop.lost()}
    opening = read_manifest(shop.history.objects, 3).body["opening"]
    assert opening["after"]["as_of_ms"] == sealed
    assert shop.history.snapshot(first, mode=Mode.REBUILD)["outcome"] == "existed"


@pytest.mark.parametrize("writes", [1, 2])
def test_gapless_a_revision_that_a_restored_table_gave_out_once_more_is_named_though_none_is_missing(
    shop: Shop, writes: int
) -> None:
    """Just the last one that is sealed: whatever came after the restore follows it without a gap."""
    shop.world.receive("vase", 5, "berlin")
    kept = {table: list(shop.world.database.items(table)) for table in shop.tape.tables.values()}
    shop.world.receive("vase", 3, "berlin")
    shop.archive()
    shop.seal()
    restore(shop, kept)
    shop.pass_s(600)
    for _ in range(writes):
        shop.world.receive("vase", 1, "berlin")
    shop.archive()
    shop.pass_s(300)
    with pytest.raises(EventsDiffer, match="two events called vase#berlin#0@2 differ"):
        shop.seal()
    opened = shop.open()
    assert shop.stock(opened)["vase", "berlin"] == (5 + writes, 0)


@pytest.mark.parametrize(("reason", "actor"), [("", "operator"), ("why", ""), ("  ", "operator")])
def test_nobody_opens_a_history_without_saying_who_and_why(tmp_path: Path, reason: str, actor: str) -> None:
    history = Workflow(tmp_path / "bucket", KeyInMemory())
    with pytest.raises(NotAnOpening):
        history.steps.run({"step": "open", "reason": reason, "actor": actor})
    assert history.objects.contents("") == {}


def test_no_mode_but_its_own_opens_a_history(tmp_path: Path) -> None:
    history = Workflow(tmp_path / "bucket", KeyInMemory())
    history.now_ms = START_MS
    with pytest.raises(NotAnOpening):
        history.steps.run({"step": "begin", "as_of_ms": None, "mode": "opening", "opening": None})
    opening = history.steps.run({"step": "open", "reason": "why", "actor": "who"})
    with pytest.raises(NotAnOpening):
        history.steps.run({"step": "begin", "as_of_ms": None, "mode": "increment", "opening": opening})


def test_no_snapshot_is_made_of_a_time_that_was_given_up(shop: Shop) -> None:
    a_hole(shop)
    opened = shop.open()
    for instant in (shop.sealed + 1000, opened - 1000):
        with pytest.raises(InstantLost):
            shop.history.snapshot(instant)


def test_nothing_is_opened_before_an_instant_that_another_has_sealed_meanwhile(shop: Shop) -> None:
    shop.trade(62, 10)
    shop.archive()

    def seal_a_later_one(state: str) -> None:
        if state == "Plan":
            shop.history.snapshot(shop.history.now_ms // 1000 * 1000)

    shop.pass_s(300)
    with pytest.raises(NotAnOpening):
        shop.open(before=seal_a_later_one)
    assert "opening" not in shop.history.head().body


def test_a_write_that_was_under_way_when_the_reading_began_is_in_the_opening(shop: Shop) -> None:
    """It was stamped some seconds before, and takes effect when its record has been read."""
    a_hole(shop)

    def write_late(state: str) -> None:
        if state == "WaitAfterReading":
            shop.world.clock.now_ms -= 5_000
            shop.world.receive("cup", 7, "berlin")
            shop.world.clock.now_ms += 5_000
            shop.archive()

    before = shop.live_stock()["cup", "berlin"]
    opened = shop.open(before=write_late)
    assert shop.stock(opened)["cup", "berlin"] == (before[0] + 7, before[1])


def test_a_changed_record_is_no_reason_to_read_it_twice(shop: Shop) -> None:
    """A record that is damaged in a table is in the opening as the table has it: that is what is opened."""
    a_hole(shop)
    table = shop.tape.tables[Source.STOCK]
    shard = next(each for each in shop.world.records(table) if "available" in each)
    shop.world.database.client.put_item(TableName=table, Item=encode(shard | {"available": 12_345}))
    del shop.tape.records[-1:]
    shop.world.database.stream(table).drain()
    opened = shop.open()
    assert shop.stock(opened)[shard["item_id"], shard["warehouse_id"]][0] >= 12_345


def test_an_opening_whose_files_are_there_and_that_is_not_listed_yet_stands_in_nobodys_way(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = shop.sealed + 1000
    a_hole(shop)
    first = shop.open()
    objects, put_new = shop.history.objects, shop.history.objects.put_new

    def dying(key: str, body: bytes) -> bool:
        if key.startswith("listed/"):
            raise Killed
        return put_new(key, body)

    a_hole(shop)
    monkeypatch.setattr(objects, "put_new", dying)
    with pytest.raises(Killed):
        shop.open()
    monkeypatch.undo()
    assert len({instant_of_path(stored.key) for stored in objects.list("opened/")}) == 2
    assert [each.as_of_ms for each in openings(objects)] == [first]
    with pytest.raises(InstantNotSealed) as refused:
        Past(shop.history.as_seen_by("stock_at")).stock_of("cup", lost, tmp_path)
    assert refused.value.lost_until_s == first // 1000
    with pytest.raises(InstantLost):
        shop.history.begin(lost)
    shop.history.finish()
    assert [each.as_of_ms for each in openings(objects)] == [first, shop.history.head().as_of_ms]
