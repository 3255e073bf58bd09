"""Refuse: `never_falsely_refused`. Every refusal here is judged against the recorded history of the stock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count as numbers
from typing import Any

import pytest

from inventory.domain.drawing import Shortage, Want
from inventory.domain.errors import Conflict, InsufficientStock
from inventory.domain.limits import READ_PASSES_MAX, READS_BEGIN_WITHIN_MS, SHARDS_PER_ITEM_MAX
from inventory.protocol.lookout import read_pass
from inventory.protocol.patience import Patience
from inventory.protocol.refuse import refuse_or_find
from inventory.protocol.stock_view import read_stock
from inventory.wiring import READS_AT_ONCE
from support.watched import Watched
from support.wire import BATCH_READS


def _torn(world: Watched, last: str, *passes: int) -> None:
    """Those of the next strong passes (1, 2) read this shard later than the others, in a call of its own."""
    left = iter([unread for number in (1, 2) for unread in ([True, False] if number in passes else [False])])
    world.database.unprocessed = lambda _table, key: key.get("stock_id", {}).get("S") == last and next(left, False)


class TestAProvedShortage:
    def test_more_than_there_is_is_refused_with_what_there_is(self, world: Watched) -> None:
        world.receive("A", 2)
        with pytest.raises(InsufficientStock) as refusal:
            world.place("A", 3)
        found = refusal.value
        assert (found.item, found.warehouse, found.wanted, found.available) == ("A", "W1", 3, 2)
        assert world.held("A") == 0

    def test_an_unknown_item_is_refused(self, world: Watched) -> None:
        with pytest.raises(InsufficientStock) as refusal:
            world.place("nothing", 1, None)
        assert refusal.value.available == 0

    def test_a_warehouse_that_never_had_the_item_is_refused(self, world: Watched) -> None:
        world.receive("A", 2)
        with pytest.raises(InsufficientStock):
            world.place("A", 1, "W2")

    def test_one_line_that_cannot_be_met_refuses_them_all(self, world: Watched) -> None:
        world.receive("A", 5)
        with pytest.raises(InsufficientStock) as refusal:
            world.place_all(Want("A", "W1", 1), Want("B", "W1", 1))
        assert refusal.value.item == "B"
        assert world.held("A") == 0

    def test_named_and_open_lines_of_one_item_are_short_together(self, world: Watched) -> None:
        world.receive("A", 5)
        with pytest.raises(InsufficientStock) as refusal:
            world.place_all(Want("A", "W1", 3), Want("A", None, 3))
        assert (refusal.value.wanted, refusal.value.available) == (6, 5)

    def test_it_takes_two_passes_and_no_write(self, world: Watched) -> None:
        world.receive("A", 1)
        world.wire.calls.clear()
        with pytest.raises(InsufficientStock):
            world.place("A", 2)
        assert "TransactWriteItems" not in world.wire.calls
        # the projection; twice the directory and the shards that the projection told of
        assert world.wire.calls == ["BatchGetItem"] * 3

    def test_an_item_that_stays_sold_out_costs_one_pass_a_second(self, world: Watched) -> None:
        for _ in range(3):
            world.wire.calls.clear()
            with pytest.raises(InsufficientStock):
                world.place("A", 2)
            world.clock.pass_s(1)
        assert world.wire.calls == ["BatchGetItem"] * 2  # the projection, and the pass


class TestStockThatMovesMeanwhile:
    def test_a_move_from_an_unread_shard_to_a_read_one_is_not_missed(self, world: Watched) -> None:
        world.scatter("A", [0, 5])
        world.clock.pass_s(2)
        world.hide_from_readers("A")
        _torn(world, "A#W1#1", 1)
        # Directory, shard 0 (empty), and then all stock goes from the shard not read yet to the one read already.
        world.wire.meanwhile(lambda: world.move("A", 1, 0, 5), BATCH_READS, nth=3)
        assert world.place("A", 5).value.lines[0].quantity == 5

    def test_a_second_pass_that_is_torn_as_well_is_not_believed(self, world: Watched) -> None:
        world.scatter("A", [0, 5])
        world.clock.pass_s(2)
        world.hide_from_readers("A")
        _torn(world, "A#W1#1", 1, 2)
        # Both passes see nothing on either shard, though there always are five.
        world.wire.meanwhile(lambda: world.move("A", 1, 0, 5), BATCH_READS, nth=3)
        world.wire.meanwhile(lambda: world.move("A", 0, 1, 5), BATCH_READS, nth=4)
        world.wire.meanwhile(lambda: world.move("A", 1, 0, 5), BATCH_READS, nth=5)
        assert world.place("A", 5).value.lines[0].quantity == 5

    def test_enough_seen_before_and_too_little_on_a_torn_pass_is_no_proof(self, world: Watched) -> None:
        world.scatter("A", [0, 5])
        read_pass(world.core, "A", "W1")
        _torn(world, "A#W1#1", 1)
        # Shard 0 is read empty, then gets all of shard 1: neither was seen to gain, yet there always are five.
        world.wire.meanwhile(lambda: world.move("A", 1, 0, 5), BATCH_READS, nth=2)
        assert refuse_or_find(world.core, Shortage("A", "W1", 5, 0), Patience(world.core.clock.elapsed)) == {
            "W1": {0: 5, 1: 0}
        }

    def test_units_that_come_and_are_sold_between_the_passes_make_another_pass(self, world: Watched) -> None:
        world.receive("A", 1)
        other = world.instance()

        def arrive_and_go() -> None:
            world.adjust("A", 4, core=other)
            world.place_all(Want("A", "W1", 4), core=other)

        world.wire.meanwhile(arrive_and_go, BATCH_READS, nth=3)
        world.wire.calls.clear()
        with pytest.raises(InsufficientStock):
            world.place("A", 3)
        reads = len([call for call in world.wire.calls if call == "BatchGetItem"])
        assert reads > 3

    def test_a_warehouse_that_is_new_between_the_passes_is_seen(self, world: Watched) -> None:
        world.receive("A", 1)
        world.wire.meanwhile(lambda: world.adjust("A", 5, "W2"), BATCH_READS, nth=2)
        hold = world.place("A", 4, None).value
        assert [line.warehouse for line in hold.lines] == ["W2"]

    def test_a_shard_that_is_new_between_the_passes_is_seen(self, world: Watched) -> None:
        world.receive("A", 5)
        taken = world.place("A", 5).value
        world.flow()

        def split_and_receive() -> None:
            world.split("A", 2)
            world.adjust("A", 3)
            world.adjust("A", 3)

        world.wire.meanwhile(split_and_receive, BATCH_READS, nth=3)
        assert world.place("A", 6).value.lines[0].quantity == 6
        assert world.held("A") == 11
        assert taken.id

    def test_stock_that_never_stands_still_is_a_conflict_and_no_refusal(self, world: Watched) -> None:
        world.receive("A", 1)
        sizes = numbers(1)
        other = world.instance()

        def arrive_and_go() -> None:
            quantity = 3 + next(sizes)
            world.adjust("A", quantity, core=other)
            world.adjust("A", -quantity, core=other)

        world.wire.meanwhile(arrive_and_go, BATCH_READS, times=2 * READ_PASSES_MAX + 2)
        with pytest.raises(Conflict):
            world.place("A", 3)

    def test_what_arrives_behind_the_reader_s_back_is_not_missed(self, world: Watched) -> None:
        """An earlier pass that saw enough proves nothing, even where no shard is seen to gain after it."""
        world.scatter("A", [1, 4])
        world.clock.pass_s(2)
        read_pass(world.core, "A", "W1")
        world.core.hints.remember("A", "W1", {})
        _torn(world, "A#W1#1", 1)
        other = world.instance()

        def arrive_and_go() -> None:
            world.adjust("A", 2, core=other)  # on shard 0, read already
            world.place_all(Want("A", "W1", 4), core=other)  # from shard 1, not read yet

        world.wire.meanwhile(arrive_and_go, BATCH_READS, nth=2)
        assert world.place("A", 3).value.lines[0].quantity == 3

    def test_what_only_falls_between_the_passes_is_no_obstacle(self, world: Watched) -> None:
        world.receive("A", 3)
        other = world.instance()
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 1), core=other), BATCH_READS, nth=3)
        with pytest.raises(InsufficientStock) as refusal:
            world.place("A", 4)
        assert refusal.value.available == 3


class TestSlowReads:
    def test_a_proof_that_took_over_a_second_is_no_proof(self, world: Watched) -> None:
        world.scatter("A", [0, 1])
        world.hide_from_readers("A")
        _torn(world, "A#W1#1", 2)

        def arrive_long_ago() -> None:
            world.adjust("A", 5)  # on shard 0, which the second pass has read already
            world.clock.pass_s(3)

        world.wire.meanwhile(arrive_long_ago, BATCH_READS, nth=4)
        assert world.place("A", 3).value.lines[0].quantity == 3

    def test_reads_that_are_all_too_slow_end_in_a_conflict(self, world: Watched) -> None:
        world.receive("A", 1)
        # Over a second for each, and short enough for a second pass before there is no time left.
        world.wire.meanwhile(lambda: world.clock.pass_s(1.1), BATCH_READS, times=2 * READ_PASSES_MAX)
        with pytest.raises(Conflict):
            world.place("A", 2)

    def test_a_pass_that_took_over_a_second_proves_nothing_by_itself(self, world: Watched) -> None:
        world.receive("A", 1)
        world.wire.meanwhile(lambda: world.clock.pass_s(1.1), BATCH_READS, times=2 * READ_PASSES_MAX)
        with pytest.raises(Conflict):
            refuse_or_find(world.core, Shortage("A", "W1", 2, 1), Patience(world.core.clock.elapsed))

    @pytest.mark.parametrize(
        ("warehouse", "after_s", "is_refused"),
        [("W1", 3.9, True), ("W1", 4, True), ("W1", 6.9, True), ("W1", 7, False), (None, 3.9, True), (None, 4, False)],
    )
    def test_whoever_waited_for_other_buyers_is_told_a_shortage_while_the_places_can_be_read(
        self, world: Watched, warehouse: str | None, after_s: float, *, is_refused: bool
    ) -> None:
        """Those of one warehouse are read in a tenth of a second; those of all may take three."""
        world.receive("A", 1)
        patience = Patience(world.core.clock.elapsed)
        world.clock.pass_s(after_s)
        with pytest.raises(InsufficientStock if is_refused else Conflict) as told:
            refuse_or_find(world.core, Shortage("A", warehouse, 2, 1), patience)
        assert is_refused or ("name a warehouse" in str(told.value)) == (warehouse is None)

    def test_a_slow_look_for_its_own_hold_makes_the_proof_too_old(self, world: Watched) -> None:
        world.receive("A", 1)

        def arrive_long_ago() -> None:
            world.adjust("A", 5, core=world.instance())
            world.clock.pass_s(3)

        world.wire.meanwhile(arrive_long_ago, frozenset({"GetItem"}))
        assert world.place("A", 3, key="k").value.lines[0].quantity == 3

    def test_so_does_a_slow_look_for_its_own_adjustment(self, world: Watched) -> None:
        world.receive("A", 1)

        def arrive_long_ago() -> None:
            world.adjust("A", 5, core=world.instance())
            world.clock.pass_s(3)

        world.wire.meanwhile(arrive_long_ago, frozenset({"GetItem"}))
        assert world.adjust("A", -3).value.quantity == -3


class TestAnItemOfManyShards:
    """As many as an item is spread over by itself, in ten warehouses, and each answer takes a tenth of a second."""

    @pytest.fixture
    def wide(self, world: Watched) -> Watched:
        for number in range(10):
            world.adjust("A", 1, f"W{number}")
            world.split("A", SHARDS_PER_ITEM_MAX // 10, f"W{number}")
        world.flow()
        world.wire.calls.clear()
        world.wire.meanwhile(lambda: world.clock.pass_s(0.1), BATCH_READS, times=1_000)
        return world

    def test_is_refused_as_its_shards_are_read_eight_calls_at_a_time(self, wide: Watched) -> None:
        def at_once(function: Callable[[Any], Any], arguments: Iterable[Any], /) -> Iterator[Any]:
            asked = list(arguments)
            for first in range(0, len(asked), READS_AT_ONCE):
                begun_ms = wide.clock.now_ms
                for argument in asked[first : first + READS_AT_ONCE]:
                    wide.clock.now_ms = begun_ms
                    yield function(argument)

        wide.core = replace(wide.core, at_once=at_once)
        with pytest.raises(InsufficientStock) as refusal:
            wide.place("A", 11, None)
        assert refusal.value.available == 10
        assert wide.wire.calls == ["BatchGetItem"] * 2 * 11

    def test_would_be_refused_to_nobody_if_they_were_read_one_after_another(self, wide: Watched) -> None:
        with pytest.raises(Conflict):
            wide.place("A", 11, None)

    def test_nor_does_anybody_read_so_long_that_the_function_s_time_is_up(self, wide: Watched) -> None:
        begun_ms = wide.clock.now_ms
        with pytest.raises(Conflict, match="name a warehouse"):
            wide.place("A", 11, None)
        assert wide.clock.now_ms - begun_ms <= READS_BEGIN_WITHIN_MS + 1_100, "the pass that began last ends"

    def test_nor_where_one_item_after_another_is_looked_for(self, world: Watched) -> None:
        for item in "ABCDEFGH":
            world.receive(item, 1)
        for item in "ABCDEFGH":
            world.core.hints.remember(item, None, {"W1": {0: 0}})  # each seems gone, and is there
        world.wire.meanwhile(lambda: world.clock.pass_s(0.9), BATCH_READS, times=1_000)
        begun_ms = world.clock.now_ms
        with pytest.raises(Conflict, match="could not be read in time"):
            world.place_all(*(Want(item, None, 1) for item in "ABCDEFGH"))
        assert world.clock.now_ms - begun_ms <= READS_BEGIN_WITHIN_MS + 2 * 900, "a pass is two calls"
        assert world.held("A") == 0

    def test_nor_where_each_item_s_warehouses_are_looked_up_for_long(self, world: Watched) -> None:
        for item in "ABCDEFGH":
            world.receive(item, 1)
        world.wire.meanwhile(lambda: world.clock.pass_s(0.9), frozenset({"Query"}), times=1_000)
        with pytest.raises(Conflict, match="could not be read in time"):
            world.place_all(*(Want(item, None, 1) for item in "ABCDEFGH"))

    def test_a_consistent_reading_that_takes_long_tells_what_it_saw_last(self, wide: Watched) -> None:
        wide.wire.meanwhile(lambda: wide.adjust("A", 1, core=wide.instance()), BATCH_READS, times=1_000)
        begun_ms = wide.clock.now_ms
        assert len(read_stock(wide.core, "A", consistent=True).warehouses) == 10
        assert wide.clock.now_ms - begun_ms <= READS_BEGIN_WITHIN_MS + 3_300


class TestMemory:
    def test_a_sold_out_item_costs_no_call_for_a_second(self, world: Watched) -> None:
        world.receive("A", 1)
        world.place("A")
        for _ in range(2):
            world.wire.calls.clear()
            with pytest.raises(InsufficientStock):
                world.place("A")
        assert world.wire.calls == []

    def test_a_smaller_want_is_not_refused_from_memory(self, world: Watched) -> None:
        world.receive("A", 2)
        with pytest.raises(InsufficientStock):
            world.place("A", 3)
        assert world.place("A", 2).value.lines[0].quantity == 2

    def test_what_was_seen_as_enough_is_not_refused_from_memory(self, world: Watched) -> None:
        world.receive("A", 3)
        with pytest.raises(InsufficientStock):
            world.place("A", 4)
        world.core.hints.remember("A", "W1", {})  # seems empty: the refusal in mind must not be used for 3
        assert world.place("A", 3).value.lines[0].quantity == 3

    def test_after_a_second_it_looks_again(self, world: Watched) -> None:
        with pytest.raises(InsufficientStock):
            world.place("A")
        world.adjust("A", 1)
        world.clock.pass_s(1)
        assert world.place("A").value.lines[0].quantity == 1

    def test_a_refusal_for_one_warehouse_says_nothing_of_another(self, world: Watched) -> None:
        world.receive("A", 1, "W2")
        with pytest.raises(InsufficientStock):
            world.place("A", 1, "W1")
        assert world.place("A", 1, "W2").value.lines[0].warehouse == "W2"
        with pytest.raises(InsufficientStock):
            world.place("A", 1, None)

    def test_memory_is_of_the_instant_of_the_proof_and_not_of_the_answer(self, world: Watched) -> None:
        world.receive("A", 1)
        world.wire.meanwhile(lambda: world.clock.pass_s(0.9), BATCH_READS, nth=3)  # the second pass takes 0.9 s
        with pytest.raises(InsufficientStock):
            world.place("A", 2)
        world.adjust("A", 5, core=world.instance())
        world.clock.pass_s(0.2)
        assert world.place("A", 2).value.lines[0].quantity == 2
