"""Split and merge: more shards or fewer, while sales go on; a request that stopped half way is finished by the next."""

import pytest

from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, InvalidRequest, Missing, Overloaded
from inventory.domain.limits import ATTEMPTS_MAX, SHARDS_MAX, SPLIT_SHARDS_PER_ITEM_MAX
from support.watched import Watched
from support.wire import BATCH_READS, TRANSACTIONS, WRITES, conflicting, in_progress


class TestSplit:
    def test_stock_is_levelled_over_the_new_shards(self, world: Watched) -> None:
        world.receive("A", 10)
        stock = world.split("A", 4).value
        assert world.units_by_shard("A") == [3, 3, 2, 2]
        assert [(each.shards, each.available) for each in stock.warehouses] == [(4, 10)]

    def test_what_is_held_stays_where_it_is(self, world: Watched) -> None:
        world.receive("A", 10)
        hold = world.place("A", 6).value
        world.split("A", 2)
        assert (world.units_by_shard("A"), world.held("A")) == ([2, 2], 6)
        world.release(hold)
        world.flow()
        assert world.available("A") == 10

    def test_the_same_number_again_only_levels(self, world: Watched) -> None:
        world.scatter("A", [7, 1])
        world.split("A", 2)
        assert world.units_by_shard("A") == [4, 4]

    def test_as_many_as_there_may_be(self, world: Watched) -> None:
        world.receive("A", SHARDS_MAX)
        world.split("A", SHARDS_MAX)
        assert world.units_by_shard("A") == [1] * SHARDS_MAX

    def test_sales_go_on_meanwhile(self, world: Watched) -> None:
        world.receive("A", 100)
        other = world.instance()
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 5), core=other), WRITES, times=6)
        world.split("A", 8)
        assert (world.available("A"), world.held("A"), world.shard_count("A")) == (90, 10, 8)

    @pytest.mark.parametrize(("item", "warehouse"), [("B", "W1"), ("A", "W2")])
    def test_what_is_not_there_cannot_be_split(self, world: Watched, item: str, warehouse: str) -> None:
        world.receive("A", 10)
        with pytest.raises(Missing):
            world.split(item, 2, warehouse)

    @pytest.mark.parametrize("write", range(1, 3))
    def test_after_a_stop_half_way_the_next_request_finishes(self, world: Watched, write: int) -> None:
        world.receive("A", 9)
        world.wire.lose(TRANSACTIONS, nth=write)
        try:
            world.split("A", 3, key="k")
        except Overloaded:
            world.split("A", 3, key="k")
        world.wire.calm()
        assert world.units_by_shard("A") == [3, 3, 3]

    def test_another_who_splits_at_once_is_no_error(self, world: Watched) -> None:
        world.receive("A", 8)
        world.wire.meanwhile(lambda: world.split("A", 2, core=world.instance()))
        world.split("A", 4)
        assert world.shard_count("A") == 4


class TestShardsOfAllWarehouses:
    """Who asks for more than there is in any of them reads them all: no split makes that too slow to be refused."""

    FULL = SPLIT_SHARDS_PER_ITEM_MAX // SHARDS_MAX

    @pytest.fixture
    def full(self, world: Watched) -> Watched:
        for number in range(self.FULL):
            world.adjust("A", 1, f"W{number}")
            if number < self.FULL - 1:
                world.split("A", SHARDS_MAX, f"W{number}")
        world.adjust("A", 1, "last")
        return world

    def test_no_split_leads_to_more_than_can_be_read_in_time(self, full: Watched) -> None:
        with pytest.raises(InvalidRequest, match=r"2049 shards in its 9 .* 2048 at most") as refused:
            full.split("A", SHARDS_MAX, f"W{self.FULL - 1}")
        assert (refused.value.code, refused.value.param) == ("parameter_invalid", "shards")
        full.split("A", SHARDS_MAX - 1, f"W{self.FULL - 1}", key="k")
        with pytest.raises(InvalidRequest):
            full.split("A", 2, "last")
        full.adjust("A", 1, "one more")
        assert full.split("A", SHARDS_MAX - 1, f"W{self.FULL - 1}", key="k").replayed, "what is done is not refused"
        assert full.split("A", SHARDS_MAX - 1, f"W{self.FULL - 1}").value.warehouses, "nor what is so already"
        full.split("A", SHARDS_MAX - 2, "W0")
        with pytest.raises(InvalidRequest, match="2049 "):
            full.split("A", SHARDS_MAX, "W0")

    def test_of_two_splits_at_once_the_second_knows_of_the_first(self, full: Watched) -> None:
        warehouse, other = f"W{self.FULL - 1}", full.instance()
        full.wire.meanwhile(lambda: full.split("A", 2, "last", core=other))
        with pytest.raises(InvalidRequest, match="2049 "):
            full.split("A", SHARDS_MAX - 1, warehouse)
        assert full.directories()["A"].warehouses[warehouse].shards == 1


class TestMerge:
    def test_stock_moves_down_and_the_directory_follows(self, world: Watched) -> None:
        world.scatter("A", [2, 3, 4])
        world.split("A", 1)
        assert (world.units_by_shard("A"), world.shard_count("A")) == ([9, 0, 0], 1)

    def test_more_shards_than_a_transaction_can_check_are_given_up_in_steps(self, world: Watched) -> None:
        world.scatter("A", [1] * 220)
        world.split("A", 3, key="k")
        assert (world.units_by_shard("A")[:3], world.shard_count("A")) == ([74, 73, 73], 3)
        assert world.split("A", 3, key="k").replayed

    def test_shards_that_never_had_anything_can_be_given_up(self, world: Watched) -> None:
        world.receive("A", 1)
        world.split("A", 5)
        world.split("A", 2)
        assert world.shard_count("A") == 2

    def test_a_shard_that_carries_holds_cannot_be_given_up(self, world: Watched) -> None:
        world.scatter("A", [1, 3])
        hold = world.place("A", 2).value
        with pytest.raises(Conflict, match="Shard 1 still carries holds"):
            world.split("A", 1)
        assert world.shard_count("A") == 2
        world.release(hold)
        world.flow()
        world.split("A", 1)
        assert world.units_by_shard("A") == [4, 0]

    @pytest.mark.parametrize("write", range(1, 3))
    def test_a_receipt_meanwhile_is_never_lost(self, world: Watched, write: int) -> None:
        world.scatter("A", [3, 3, 3])
        other = world.instance()
        world.wire.meanwhile(lambda: world.adjust("A", 5, core=other), TRANSACTIONS, nth=write)
        world.split("A", 1)
        world.wire.calm()
        assert world.available("A") in (9, 14)
        assert sum(world.units_by_shard("A")[world.shard_count("A") :]) == 0

    @pytest.mark.parametrize("write", range(1, 3))
    def test_a_settlement_meanwhile_is_never_lost(self, world: Watched, write: int) -> None:
        world.scatter("A", [3, 3, 3])
        hold = world.place("A", 3).value
        world.release(hold)
        world.wire.meanwhile(world.settle, TRANSACTIONS, nth=write)
        try:
            world.split("A", 1)
        except Conflict:
            world.flow()
            world.split("A", 1)
        assert world.units_by_shard("A")[0] + world.held("A") == 9

    @pytest.mark.parametrize("nth", [1, 2])  # before stock moves down, and before the directory gives shards up
    def test_of_two_merges_at_once_the_one_that_ends_last_has_its_way(self, world: Watched, nth: int) -> None:
        world.scatter("A", [1] * 6)
        seen: list[int] = []

        def merge() -> None:
            world.split("A", 2, core=world.instance())
            seen.append(world.shard_count("A"))

        world.wire.meanwhile(merge, nth=nth)
        world.split("A", 3)
        assert (seen, world.shard_count("A")) == ([2], 3)
        assert world.available("A") == 6

    def test_a_count_meanwhile_applies_once(self, world: Watched) -> None:
        world.scatter("A", [2, 2])
        world.wire.meanwhile(lambda: world.count("A", 9, core=world.instance()), nth=2)
        world.split("A", 1)
        assert world.available("A") == 9

    def test_after_a_merge_and_a_split_nothing_of_old_comes_back(self, world: Watched) -> None:
        world.scatter("A", [2, 2, 2])
        for shards in (1, 3, 2, 4, 1):
            world.split("A", shards)
            world.flow()
            world.check_the_projection()
        assert world.available("A") == 6


class TestRetries:
    def test_the_same_request_with_a_key_is_a_replay(self, world: Watched) -> None:
        world.receive("A", 4)
        first, again = (world.split("A", 2, key="k") for _ in range(2))
        assert (first.replayed, again.replayed) == (False, True)

    def test_a_replay_does_not_undo_what_others_did_since(self, world: Watched) -> None:
        world.receive("A", 4)
        world.split("A", 2, key="k")
        world.split("A", 4, key="l")
        assert world.split("A", 2, key="k").value.warehouses[0].shards == 4

    def test_the_same_key_with_other_parameters_is_a_mismatch(self, world: Watched) -> None:
        world.receive("A", 4)
        world.split("A", 2, key="k")
        with pytest.raises(IdempotencyKeyMismatch):
            world.split("A", 3, key="k")

    def test_of_two_twins_at_once_both_see_it_done(self, world: Watched) -> None:
        world.receive("A", 4)
        world.wire.meanwhile(lambda: world.split("A", 2, key="k", core=world.instance()))
        later = world.split("A", 2, key="k")
        assert later.value.warehouses[0].shards == 2
        assert later.replayed
        assert world.directories()["A"].rev == 2

    def test_a_stranger_with_the_same_key_at_once_is_a_mismatch(self, world: Watched) -> None:
        world.receive("A", 4)
        world.wire.meanwhile(lambda: world.split("A", 3, key="k", core=world.instance()))
        with pytest.raises(IdempotencyKeyMismatch):
            world.split("A", 2, key="k")
        assert world.shard_count("A") == 3

    def test_an_unknown_outcome_is_found_out(self, world: Watched) -> None:
        world.receive("A", 4)
        world.wire.mangle(in_progress)
        world.split("A", 2)
        assert world.units_by_shard("A") == [2, 2]

    def test_a_long_disturbance_is_a_conflict(self, world: Watched) -> None:
        world.receive("A", 4)
        world.wire.refuse(conflicting(), times=ATTEMPTS_MAX)
        with pytest.raises(Conflict, match="Nothing was held, sold or booked"):  # units may have been moved
            world.split("A", 2)

    def test_a_directory_that_is_ahead_of_the_clock_sets_the_instant(self, world: Watched) -> None:
        world.receive("A", 4)
        world.split("A", 2, core=world.instance(skew_ms=1_900))
        ahead = world.directories()["A"].at
        world.split("A", 3, core=world.instance(skew_ms=-1_900))
        assert world.directories()["A"].at >= ahead


def test_levelling_looks_again_where_a_buyer_was_faster(world: Watched) -> None:
    world.scatter("A", [8, 0])
    other = world.instance()
    world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 7), core=other))
    world.level("A", 2)
    assert world.units_by_shard("A") == [1, 0]  # the move that no longer fitted was left


def test_a_move_does_not_land_on_a_shard_given_up_meanwhile(world: Watched) -> None:
    world.scatter("A", [8, 0])
    world.wire.meanwhile(lambda: world.split("A", 1, core=world.instance()))
    world.level("A", 2)
    assert world.units_by_shard("A") == [8, 0]


def test_nor_on_the_highest_of_several_where_that_alone_was_given_up(world: Watched) -> None:
    world.scatter("A", [4, 4, 0, 0])
    world.wire.meanwhile(lambda: world.split("A", 3, core=world.instance()))
    world.level("A", 4)
    assert sum(world.units_by_shard("A")[: world.shard_count("A")]) == 8


def test_a_reader_between_the_passes_sees_one_instant(world: Watched) -> None:
    world.scatter("A", [4, 4])
    world.wire.meanwhile(lambda: world.move("A", 0, 1, 3), BATCH_READS, nth=3)
    assert world.split("A", 2).value.available == 8
