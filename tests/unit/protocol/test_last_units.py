"""The last units of a hot item: found wherever they lie, by buyers whose hints are behind; and then no write more."""

from collections import Counter
from typing import Any

import pytest

from inventory.domain.drawing import HOLDS_PER_SHARD_PER_S, Want
from inventory.domain.errors import InsufficientStock
from inventory.protocol.core import Core
from inventory.protocol.lookout import read_pass
from inventory.protocol.place import place
from inventory.protocol.split import split
from support.watched import Watched
from support.world import World

SHARDS = 64
LAST = 200
INSTANCES = 20


class Rush:
    """Many instances that sell one item over many shards, 5 sales a millisecond, and a projector that is behind."""

    def __init__(self) -> None:
        self.world = World(seed=7)
        self.world.receive("A", 3 * LAST)
        split(self.world.core, "A", "W1", SHARDS, by=self.world.by())
        self.world.flow()
        self.world.clock.pass_s(2)
        self.instances = [self.world.instance() for _ in range(INSTANCES)]
        self.calls = Counter[str]()
        self.keys_read = 0
        self.sold = self.refused = 0
        self.world.database.before_call = self._count

    def _count(self, operation: str, request: dict[str, Any]) -> None:
        self.calls[operation] += 1
        if operation == "BatchGetItem":
            self.keys_read += sum(len(table["Keys"]) for table in request["RequestItems"].values())

    def buyers(self, count: int) -> None:
        """So many ask for one unit each, of whatever instance."""
        for number in range(count):
            try:
                self._buy(self.instances[number * 7 % INSTANCES])
                self.sold += 1
            except InsufficientStock:
                self.refused += 1
            self.world.clock.now_ms += number % 5 == 0

    def _buy(self, instance: Core) -> None:
        place(instance, [Want("A", "W1", 1)], expires_in_s=900, metadata={}, by=self.world.by())

    def again(self) -> None:
        """Counts anew from here."""
        self.calls.clear()
        self.keys_read = self.sold = self.refused = 0


@pytest.fixture
def rush() -> Rush:
    """All but the last units have been sold, within hints' life: the instances think that there are thrice as many."""
    before = Rush()
    before.buyers(2 * LAST)
    assert before.sold == 2 * LAST
    before.again()
    return before


def test_all_are_sold_in_less_than_three_calls_each_and_none_twice(rush: Rush) -> None:
    rush.buyers(LAST)
    assert (rush.sold, rush.refused, rush.world.available("A")) == (LAST, 0, 0)
    assert sum(rush.calls.values()) < 2 * LAST


def test_who_comes_after_costs_one_vain_try_an_instance_and_then_no_write(rush: Rush) -> None:
    rush.buyers(LAST)
    rush.again()
    rush.buyers(5 * INSTANCES)
    assert rush.refused == 5 * INSTANCES
    assert rush.calls["TransactWriteItems"] <= INSTANCES
    rush.world.clock.pass_s(1)
    rush.again()
    rush.buyers(5 * INSTANCES)
    assert rush.calls["TransactWriteItems"] == 0
    # a second later each looks into the projection, which is behind, and then strongly, once
    assert rush.calls == {"BatchGetItem": 2 * INSTANCES}
    assert rush.keys_read == INSTANCES * (1 + 1 + SHARDS)


def test_a_strong_reading_reaches_the_next_buyer_of_the_instance(rush: Rush) -> None:
    rush.buyers(LAST)
    instance = rush.instances[0]
    instance.hints.remember("A", "W1", read_pass(instance, "A", "W1").view)
    assert instance.hints.recall("A", "W1") == {"W1": dict.fromkeys(range(SHARDS), 0)}


def test_only_the_warehouse_in_question_is_read(rush: Rush) -> None:
    rush.world.receive("A", 5, "W2")
    rush.buyers(LAST)
    rush.again()
    rush.buyers(INSTANCES)
    assert rush.keys_read <= INSTANCES * 2 * (1 + SHARDS)


class TestLittleOfAHotItem:
    """A reading costs less than a write in vain, so what may be gone by now is read before it is written."""

    @pytest.fixture
    def hot(self, world: Watched) -> Watched:
        world.scatter("A", [5, 5, 5, 5])
        world.place_all(Want("A", "W1", 1), core=world.instance())
        world.flow()  # so that the projection has heard of a sale
        world.wire.calls.clear()
        return world

    def test_who_comes_after_the_last_unit_went_tries_no_write(self, hot: Watched) -> None:
        late = hot.instance()
        hot.place_all(Want("A", "W1", 19), core=hot.instance())  # of which the projection has not heard
        hot.wire.calls.clear()
        with pytest.raises(InsufficientStock):
            hot.place_all(Want("A", "W1", 1), core=late)
        assert set(hot.wire.calls) == {"BatchGetItem"}

    def test_nor_does_one_who_saw_the_last_units_a_moment_ago(self, hot: Watched) -> None:
        late = hot.instance()
        hot.place_all(Want("A", "W1", 1), core=late)
        hot.place_all(Want("A", "W1", 18), core=hot.instance())
        hot.clock.now_ms += 19 * 1000 // (4 * HOLDS_PER_SHARD_PER_S)
        hot.wire.calls.clear()
        with pytest.raises(InsufficientStock):
            hot.place_all(Want("A", "W1", 1), core=late)
        assert set(hot.wire.calls) == {"BatchGetItem"}

    def test_what_is_known_to_run_out_is_read_strongly_at_once_and_only_once_while_it_lasts(self, hot: Watched) -> None:
        buyer = hot.instance()
        hot.place_all(Want("A", "W1", 1), core=buyer)
        assert hot.wire.calls == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]
        hot.clock.now_ms += 1_001
        hot.wire.calls.clear()
        hot.place_all(Want("A", "W1", 1), core=buyer)
        hot.place_all(Want("A", "W1", 1), core=buyer)
        assert hot.wire.calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]

    def test_before_any_sale_is_known_of_the_projection_is_believed(self, world: Watched) -> None:
        world.scatter("A", [5, 5, 5, 5])
        world.flow()
        world.wire.calls.clear()
        world.place_all(Want("A", "W1", 1), core=world.instance())
        assert world.wire.calls == ["BatchGetItem", "TransactWriteItems"]
