"""Rebalance: hot items are split and levelled, cold ones merged, by themselves and while sales go on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from inventory.domain.availability import Availability
from inventory.domain.drawing import Want
from inventory.domain.heat import Heat, Thresholds
from inventory.domain.leveling import MOVED_SHARDS_MAX
from inventory.domain.limits import ATTEMPTS_MAX, SHARDS_MAX, SHARDS_PER_ITEM_MAX
from inventory.domain.rebalancing import REBALANCED_EVERY_MS
from inventory.pipeline.projector import project_batch
from inventory.protocol.core import Core
from inventory.protocol.rebalance import Resharded, merge_cold, rebalance
from inventory.storage.availability_records import availability_from
from support.watched import Watched
from support.wire import TRANSACTIONS, conflicting, throttling_one, unreachable

EAGER = Thresholds(changes_per_shard=10)


@pytest.fixture
def told(world: Watched) -> list[tuple[str, Mapping[str, Any]]]:
    """What is announced. A few changes a second are enough for a split here."""
    announced: list[tuple[str, Mapping[str, Any]]] = []
    world.core = replace(world.core, thresholds=EAGER, announce=lambda name, detail: announced.append((name, detail)))
    return announced


@pytest.fixture
def hot(world: Watched, told: list[tuple[str, Mapping[str, Any]]]) -> Watched:
    """An item with 5,000 units on one shard, sold 60 times within a second; the projector has not looked yet."""
    world.receive("A", 5_000)
    for _ in range(60):
        world.place("A")
    return world


def _projection(world: Watched) -> Availability:
    return next(each for each in map(availability_from, world.records(world.tables.availability)) if each.item == "A")


class TestSplit:
    def test_a_hot_item_is_split_and_its_stock_spread_by_who_hears_of_it(self, hot: Watched) -> None:
        hot.project()
        assert hot.shard_count("A") == 4
        assert hot.units_by_shard("A") == [1_235] * 4
        assert (hot.counted["ItemsSplit"], hot.counted["UnitsLeveled"]) == (1, 3 * 1_235)

    def test_it_is_told(self, hot: Watched, told: list[tuple[str, Mapping[str, Any]]]) -> None:
        hot.project()
        assert told == [("Item Split", {"item": "A", "warehouse": "W1", "shards_before": 1, "shards_after": 4})]

    def test_buyers_find_the_new_shards(self, hot: Watched) -> None:
        hot.project()
        hot.flow()
        drawn = {hot.place("A").value.lines[0].drawn[0].shard for _ in range(40)}
        assert drawn == {0, 1, 2, 3}

    def test_to_256_shards_in_four_transactions(self, world: Watched) -> None:
        world.receive("A", 1_000_000)
        very_hot = replace(_projection(world), heat=Heat(world.clock.now_ms, 8_000_000, 512_000_000))
        world.wire.calls.clear()
        assert rebalance(world.core, very_hot, until_ms=world.clock.now_ms + 1_000) == Resharded(
            "A", "W1", 1, SHARDS_MAX
        )
        assert world.wire.calls == ["BatchGetItem"] * 2 + ["TransactWriteItems"] * 4
        assert (min(world.units_by_shard("A")), max(world.units_by_shard("A"))) == (3_906, 3_907)

    def test_a_calm_item_is_left_alone_at_no_cost(self, world: Watched) -> None:
        world.receive("A", 5_000)
        for _ in range(60):
            world.place("A")
        world.wire.calls.clear()
        world.project()
        assert world.wire.calls == ["BatchGetItem", "PutItem"]

    def test_the_same_news_again_changes_nothing(self, hot: Watched) -> None:
        told_twice = hot.database.stream(hot.tables.stock).drain()
        for _ in range(3):
            project_batch(hot.core, told_twice, hot._set_aside)
        assert hot.counted["ItemsSplit"] == 1

    def test_one_looks_after_it_at_a_time(self, hot: Watched) -> None:
        """Of two who hear of it within a second, the second one leaves it to the first."""
        hot.project(limit=55)
        before = hot.wire.calls.count("TransactWriteItems")
        hot.place("A")
        hot.clock.pass_s(REBALANCED_EVERY_MS / 1000 - 0.1)
        placed = 1
        hot.project()
        assert hot.wire.calls.count("TransactWriteItems") == before + placed

    @pytest.mark.parametrize("nth", [1, 2])
    def test_who_stops_half_way_is_followed_by_another(self, hot: Watched, nth: int) -> None:
        hot.wire.refuse(unreachable, TRANSACTIONS, nth)
        hot.project()
        assert hot.counted["RebalancesPutOff"] == 1
        hot.clock.pass_s(1)
        for _ in range(30):
            hot.place("A")
        hot.project()
        assert hot.shard_count("A") == 4
        assert max(hot.units_by_shard("A")) - min(hot.units_by_shard("A")) <= 60

    def test_contention_puts_it_off_and_the_stream_goes_on(self, hot: Watched) -> None:
        hot.wire.refuse(conflicting(), TRANSACTIONS, times=100)
        started_ms = hot.clock.now_ms
        assert hot.project() == 1
        assert (hot.counted["RebalancesPutOff"], hot.shard_count("A")) == (1, 1)
        assert hot.clock.now_ms - started_ms < 10_000
        assert _projection(hot).available == 4_940

    def test_a_shard_that_is_drawn_from_is_left_out_of_the_move(self, hot: Watched) -> None:
        """Of a move's records (what gives and gains, the directory) number 1 is the second that gains."""
        hot.wire.refuse(conflicting(1), TRANSACTIONS, nth=2)
        hot.project()
        assert sorted(hot.units_by_shard("A")) == [1_235, 1_235, 2_470]

    def test_a_move_out_of_a_contended_shard_ends_in_time(self, hot: Watched) -> None:
        """After the directory's write come the moves: of each, number 1 is the shard that gives."""
        hot.wire.refuse(conflicting(3), TRANSACTIONS, nth=2, times=100)
        very_hot = replace(_projection(hot), heat=Heat(hot.clock.now_ms, 8_000_000, 512_000_000))
        until_ms = hot.clock.now_ms + 100
        assert rebalance(hot.core, very_hot, until_ms=until_ms) is not None, "the split is made, and told"
        assert hot.clock.now_ms < until_ms + 20
        assert hot.counted["UnitsLeveled"] == 0

    def test_a_database_that_refuses_for_load_is_not_asked_again(self, hot: Watched) -> None:
        before = hot.wire.calls.count("TransactWriteItems")
        hot.wire.refuse(throttling_one(0), TRANSACTIONS, nth=2, times=100)
        hot.project()
        assert hot.counted["RebalancesPutOff"] == 1
        assert hot.wire.calls.count("TransactWriteItems") == before + 2

    def test_it_ends_in_time(self, world: Watched) -> None:
        world.receive("A", 1_000_000)
        very_hot = replace(_projection(world), heat=Heat(world.clock.now_ms, 8_000_000, 512_000_000))
        world.wire.meanwhile(lambda: world.clock.pass_s(1.5), TRANSACTIONS, nth=2)
        rebalance(world.core, very_hot, until_ms=world.clock.now_ms + 1_000)
        assert world.units_by_shard("A").count(3_906) + world.units_by_shard("A").count(3_907) == MOVED_SHARDS_MAX - 1

    def test_of_many_items_in_a_batch_those_that_find_no_time_wait_for_the_next(self, hot: Watched) -> None:
        hot.adjust("B", 5_000)
        for _ in range(60):
            hot.place("B")
        hot.wire.meanwhile(lambda: hot.clock.pass_s(2), TRANSACTIONS)
        hot.project()
        assert (hot.counted["ItemsSplit"], hot.counted["RebalancesPutOff"]) == (1, 1)

    def test_another_who_split_meanwhile_is_no_error(self, hot: Watched) -> None:
        hot.wire.meanwhile(lambda: hot.split("A", 2, core=hot.instance()))
        hot.project()
        assert (hot.shard_count("A"), hot.counted["ItemsSplit"]) == (2, 0)

    def test_buyers_who_take_the_units_meanwhile_win(self, hot: Watched) -> None:
        other = hot.instance()
        hot.wire.meanwhile(lambda: hot.place_all(Want("A", "W1", 4_000), core=other), nth=2)
        hot.project()
        assert (hot.shard_count("A"), hot.available("A")) == (4, 940)


class TestShardsOfAllWarehouses:
    """Over all of them a shortage is proved within a second, or nobody is refused."""

    def _rebalance(self, world: Watched, warehouse: str, core: Core | None = None) -> None:
        very_hot = Availability("A", warehouse, heat=Heat(world.clock.now_ms, 8_000_000, 512_000_000))
        rebalance(core or world.core, very_hot, until_ms=world.clock.now_ms + 1_000)

    def _by_warehouse(self, world: Watched) -> dict[str, int]:
        return {name: entry.shards for name, entry in world.directories()["A"].warehouses.items()}

    def test_ten_hot_ones_share_what_can_be_read_in_time(self, world: Watched) -> None:
        warehouses = [f"W{number}" for number in range(10)]
        for warehouse in warehouses:
            world.adjust("A", 5_000, warehouse)
        for warehouse in warehouses * 2:
            self._rebalance(world, warehouse)
        shards = self._by_warehouse(world)
        assert sum(shards.values()) == SHARDS_PER_ITEM_MAX
        assert (max(shards.values()), min(shards.values())) == (SHARDS_MAX, SHARDS_PER_ITEM_MAX // 20)

    def test_what_cannot_be_split_further_is_levelled(self, world: Watched) -> None:
        for warehouse in ("W1", "W2", "W3", "W4"):
            world.adjust("A", 256, warehouse)
            world.split("A", SHARDS_MAX, warehouse)
        world.adjust("A", 10_000, "W5")
        before = self._by_warehouse(world)
        world.adjust("A", 50_000, "W1")
        self._rebalance(world, "W5")
        self._rebalance(world, "W1")
        assert (self._by_warehouse(world), world.counted["ItemsSplit"]) == (before, 0)
        assert world.counted["UnitsLeveled"] > 25_000

    def test_those_that_are_split_at_the_same_time_know_of_each_other(self, world: Watched) -> None:
        for warehouse in ("W1", "W2", "W3"):
            world.adjust("A", 256, warehouse)
            world.split("A", SHARDS_MAX, warehouse)
        for warehouse in ("W4", "W5"):
            world.adjust("A", 10_000, warehouse)
        world.wire.meanwhile(lambda: self._rebalance(world, "W5", world.instance()))
        self._rebalance(world, "W4")
        shards = self._by_warehouse(world)
        assert sum(shards.values()) == SHARDS_PER_ITEM_MAX
        assert min(shards.values()) == SHARDS_PER_ITEM_MAX // 10


class TestLevelling:
    def test_a_receipt_on_one_shard_of_many_reaches_all_with_its_news(self, world: Watched) -> None:
        world.scatter("A", [0] * 8 + [1])
        world.adjust("A", 90_000)
        world.project()
        assert min(world.units_by_shard("A")) >= 9_999

    def test_a_move_takes_from_one_shard_and_gives_to_the_poor_alone(self, world: Watched) -> None:
        world.scatter("A", [900, 800, 0, 700])
        world.clock.pass_s(1)
        world.place("A", 1)
        world.project()
        levels = world.units_by_shard("A")
        assert levels[2] >= 590
        assert sum(levels) == 2_399

    def test_no_unit_lands_on_a_shard_given_up_meanwhile(self, world: Watched) -> None:
        world.adjust("A", 900)
        world.split("A", 3)
        world.move("A", 1, 0, 300)
        world.move("A", 2, 0, 300)
        world.wire.meanwhile(lambda: world.split("A", 1, core=world.instance()))
        rebalance(world.core, Availability("A", "W1"), until_ms=world.clock.now_ms + 1_000)
        assert (world.shard_count("A"), world.units_by_shard("A")) == (1, [900, 0, 0])

    def test_little_stock_stays_where_it_is(self, world: Watched) -> None:
        world.scatter("A", [30, 0, 0])
        world.clock.pass_s(1)
        world.place("A")
        world.project()
        assert sorted(world.units_by_shard("A")) == [0, 0, 29]


class TestMerge:
    def _cool(self, world: Watched) -> None:
        world.clock.now_ms += Thresholds().cold_after_ms

    def test_what_nothing_changes_for_an_hour_is_merged(
        self, world: Watched, told: list[tuple[str, Mapping[str, Any]]]
    ) -> None:
        world.scatter("A", [5, 6, 7])
        self._cool(world)
        assert world.merge_cold() == 1
        assert (world.shard_count("A"), world.units_by_shard("A")) == (1, [18, 0, 0])
        assert told == [("Item Merged", {"item": "A", "warehouse": "W1", "shards_before": 3, "shards_after": 1})]
        world.flow()
        assert world.merge_cold() == 0
        assert not [record for record in world.records(world.tables.availability) if "split" in record]

    def test_not_before(self, world: Watched) -> None:
        world.scatter("A", [5, 6, 7])
        world.clock.now_ms += Thresholds().cold_after_ms - 60_000
        assert (world.merge_cold(), world.shard_count("A")) == (0, 3)

    def test_what_is_sold_meanwhile_is_not_cold(self, world: Watched) -> None:
        world.scatter("A", [5, 6, 7])
        self._cool(world)

        def sell() -> None:
            world.place_all(Want("A", "W1", 1), core=world.instance())
            world.project()

        world.wire.meanwhile(sell, frozenset({"PutItem"}))
        assert (world.merge_cold(), world.shard_count("A")) == (0, 3)

    def test_what_another_is_just_at_waits_and_stops_no_other(self, world: Watched) -> None:
        for item in ("A", "B"):
            world.scatter(item, [5, 6, 7])
        self._cool(world)
        world.wire.refuse(conflicting(), frozenset({"PutItem"}))
        assert world.merge_cold() == 1
        assert world.merge_cold() == 1

    def test_a_merge_that_buyers_hinder_is_put_off_and_stops_no_other(self, world: Watched) -> None:
        for item in ("A", "B"):
            world.scatter(item, [5, 6, 7])
        self._cool(world)
        world.wire.refuse(conflicting(), TRANSACTIONS, times=ATTEMPTS_MAX)
        assert world.merge_cold() == 1
        assert world.counted["RebalancesPutOff"] == 1
        assert {directory.warehouses["W1"].shards for directory in world.directories().values()} == {1, 3}

    def test_shards_that_carry_holds_stay_and_those_above_go(self, world: Watched) -> None:
        world.scatter("A", [1, 9, 1, 1])
        hold = world.place("A", 9, expires_in_s=100_000).value
        world.flow()
        self._cool(world)
        assert world.merge_cold() == 1
        assert world.shard_count("A") == 2
        world.flow()
        assert world.merge_cold() == 0, "it has just been tried"
        world.release(hold)
        world.flow()
        self._cool(world)
        assert (world.merge_cold(), world.shard_count("A"), world.available("A")) == (1, 1, 12)

    def test_a_try_that_changes_nothing_is_not_made_again_for_an_hour(self, world: Watched) -> None:
        world.scatter("A", [1, 9])
        world.place("A", 9, expires_in_s=100_000)
        world.flow()
        self._cool(world)
        world.merge_cold()
        world.wire.calls.clear()
        world.merge_cold()
        assert world.wire.calls == ["Query", "BatchGetItem"]

    def test_a_hold_on_what_would_go_puts_it_off(self, world: Watched) -> None:
        world.scatter("A", [5, 6, 7])
        self._cool(world)
        other = world.instance()
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 7), core=other), TRANSACTIONS)
        assert (world.merge_cold(), world.shard_count("A")) == (0, 3)
        assert world.counted["RebalancesPutOff"] == 1
        assert (world.available("A"), world.held("A")) == (11, 7)

    def test_a_hold_on_what_stays_does_not(self, world: Watched) -> None:
        world.scatter("A", [5, 6, 7])
        self._cool(world)
        other = world.instance()
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 7), core=other), TRANSACTIONS, nth=2)
        assert (world.merge_cold(), world.shard_count("A")) == (1, 1)
        assert world.counted["RebalancesPutOff"] == 0
        assert (world.available("A"), world.held("A")) == (11, 7)

    def test_every_page_of_what_is_split_is_looked_through(
        self, world: Watched, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("inventory.protocol.rebalance._LISTED", 2)
        for warehouse in ("W1", "W2", "W3", "W4", "W5"):
            world.adjust("A", 4, warehouse)
            world.split("A", 2, warehouse)
        world.flow()
        self._cool(world)
        assert world.merge_cold() == 5

    def test_it_stops_in_time(self, world: Watched) -> None:
        world.scatter("A", [5, 6])
        self._cool(world)
        assert merge_cold(world.core, until_ms=world.clock.now_ms) == []


def test_no_unit_lands_on_the_highest_of_several_shards_where_that_was_given_up_meanwhile(world: Watched) -> None:
    world.adjust("A", 1_200)
    world.split("A", 4)
    for source in (3, 2):
        world.move("A", source, 0, 300)

    def merge() -> None:
        world.split("A", 3, core=world.instance())
        world.move("A", 1, 0, 400)

    world.wire.meanwhile(merge)
    rebalance(world.core, Availability("A", "W1"), until_ms=world.clock.now_ms + 60_000)
    assert sum(world.units_by_shard("A")[: world.shard_count("A")]) == 1_200


def test_where_each_shard_that_would_gain_is_contended_nothing_is_moved(world: Watched) -> None:
    world.adjust("A", 900)
    world.split("A", 2)
    world.move("A", 1, 0, 450)
    world.wire.refuse(conflicting(0))
    assert rebalance(world.core, Availability("A", "W1"), until_ms=world.clock.now_ms + 60_000) is None
    assert world.units_by_shard("A") == [900, 0]
