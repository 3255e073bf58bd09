"""Count: the difference at one instant, applied once, whatever is sold meanwhile."""

from dataclasses import replace

import pytest

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, InvalidRequest, Overloaded
from inventory.domain.limits import ATTEMPTS_MAX, READ_PASSES_MAX
from inventory.domain.passes import Pass
from inventory.domain.stock import Warehouse
from inventory.protocol import count as count_module
from inventory.protocol.core import Core
from inventory.protocol.lookout import read_pass
from support.watched import Watched
from support.wire import BATCH_READS, conflicting, in_progress


def _on_hand(world: Watched, item: str = "A") -> int:
    return world.available(item) + world.held(item)


class TestTheDifference:
    def test_more_than_was_known_is_added(self, world: Watched) -> None:
        world.receive("A", 5)
        made = world.count("A", 8).value
        assert (made.quantity, made.count, _on_hand(world)) == (3, 8, 8)

    def test_less_than_was_known_is_taken_away(self, world: Watched) -> None:
        world.receive("A", 5)
        assert world.count("A", 3).value.quantity == -2
        assert _on_hand(world) == 3

    def test_what_is_held_is_on_hand(self, world: Watched) -> None:
        world.receive("A", 5)
        world.place("A", 2)
        assert world.count("A", 5).value.quantity == 0
        assert world.count("A", 2).value.quantity == -3
        assert (world.available("A"), world.held("A")) == (0, 2)

    def test_it_is_noted_in_the_directory_even_where_nothing_changes(self, world: Watched) -> None:
        world.receive("A", 5)
        world.count("A", 5)
        assert world.directories()["A"].warehouses["W1"] == Warehouse(shards=1, counts=1)

    def test_an_item_can_begin_with_a_count(self, world: Watched) -> None:
        assert world.count("A", 7).value.quantity == 7
        assert world.count("A", 4, "W2").value.quantity == 4
        assert world.count("B", 0).value.quantity == 0
        assert world.directories()["B"].warehouses == {"W1": Warehouse(shards=1, counts=1)}
        world.adjust("B", 2)
        assert _on_hand(world, "B") == 2

    def test_fewer_than_are_held_cannot_be(self, world: Watched) -> None:
        world.receive("A", 5)
        world.place("A", 3)
        with pytest.raises(InvalidRequest) as refusal:
            world.count("A", 2)
        assert refusal.value.code == "count_below_held"
        assert _on_hand(world) == 5

    def test_what_moves_from_a_shard_not_read_yet_to_one_already_read_is_no_reason_to_refuse(
        self, world: Watched, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Held on shard 0 until it was read, and on shard 1 before that is: units that never were fewer than five."""
        world.scatter("A", [5, 5])
        seen: list[Pass] = []

        def torn(core: Core, item: str, warehouse: str | None) -> Pass:
            current = read_pass(core, item, warehouse)
            seen.append(current)
            if len(seen) != 2:
                return current
            empty = {key: replace(shard, available=0, held=shard.on_hand) for key, shard in current.shards.items()}
            return replace(current, shards=empty)

        monkeypatch.setattr(count_module, "read_pass", torn)
        assert world.count("A", 5).value.quantity == -5
        assert len(seen) > 2

    def test_over_several_shards(self, world: Watched) -> None:
        world.scatter("A", [3, 3, 3])
        world.count("A", 1)
        assert _on_hand(world) == 1
        world.count("A", 10)
        assert {shard.available for shard in world.shards("A")} != {10}
        assert _on_hand(world) == 10

    def test_over_more_shards_than_a_transaction_takes(self, world: Watched) -> None:
        world.scatter("A", [1] * 130)
        world.count("A", 0)
        assert _on_hand(world) == 0


class TestOthersMeanwhile:
    @pytest.mark.parametrize("read", range(1, 5))
    def test_sales_meanwhile_are_no_error(self, world: Watched, read: int) -> None:
        world.receive("A", 10)
        hold = world.place("A", 2).value

        def sell() -> None:
            world.execute(hold)
            world.settle()
            world.place_all(Want("A", "W1", 1), core=world.instance())

        world.wire.meanwhile(sell, BATCH_READS, nth=read)
        made = world.count("A", 20).value
        world.wire.calm()
        if not world.hold(hold.id).settlement:
            sell()
        # Counted before or after the two were sold: two more or fewer were on the shelves then.
        assert (made.quantity, _on_hand(world)) in [(10, 18), (12, 20)]

    def test_sales_between_the_reading_and_the_writing_are_no_error(self, world: Watched) -> None:
        world.receive("A", 10)
        hold = world.place("A", 2).value
        world.execute(hold)
        world.wire.meanwhile(world.settle)
        assert world.count("A", 15).value.quantity == 5
        assert _on_hand(world) == 13

    def test_two_counts_at_once_do_not_both_apply(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.meanwhile(lambda: world.count("A", 8, core=world.instance()))
        assert world.count("A", 8).value.quantity == 0
        assert _on_hand(world) == 8

    def test_a_receipt_between_the_passes_makes_another_pass(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.meanwhile(lambda: world.adjust("A", 3, core=world.instance()), BATCH_READS, nth=3)
        assert world.count("A", 10).value.quantity == 2

    def test_units_that_move_to_and_fro_between_the_passes_are_counted_once(self, world: Watched) -> None:
        world.scatter("A", [10, 10])
        left = iter([True, False, True, False])
        world.database.unprocessed = lambda _table, key: (
            key.get("stock_id", {}).get("S") == "A#W1#1" and next(left, False)
        )
        # Both passes read ten on shard 0, and then fifteen on shard 1.
        world.wire.meanwhile(lambda: world.move("A", 0, 1, 5), BATCH_READS, nth=3)
        world.wire.meanwhile(lambda: world.move("A", 1, 0, 5), BATCH_READS, nth=4)
        world.wire.meanwhile(lambda: world.move("A", 0, 1, 5), BATCH_READS, nth=5)
        assert world.count("A", 20, core=world.instance()).value.quantity == 0

    def test_a_shard_that_is_new_between_the_passes_is_counted(self, world: Watched) -> None:
        world.receive("A", 10)
        world.wire.meanwhile(lambda: world.split("A", 4), BATCH_READS, nth=3)
        assert world.count("A", 12).value.quantity == 2

    def test_units_do_not_land_on_a_shard_given_up_meanwhile(self, world: Watched) -> None:
        world.scatter("A", [5, 0])
        world.wire.meanwhile(lambda: world.split("A", 1, core=world.instance()))
        world.count("A", 8)
        assert {shard.key.number: shard.available for shard in world.shards("A")} == {0: 8, 1: 0}

    def test_a_buyer_who_is_faster_is_counted_with(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 3), core=world.instance()))
        with pytest.raises(InvalidRequest):
            world.count("A", 1)
        world.clock.pass_s(2)
        world.count("A", 3)
        assert (world.available("A"), world.held("A")) == (0, 3)

    def test_stock_that_never_stands_still_cannot_be_counted(self, world: Watched) -> None:
        world.receive("A", 5)
        other = world.instance()
        world.wire.meanwhile(lambda: world.adjust("A", 1, core=other), BATCH_READS, times=READ_PASSES_MAX + 3)
        with pytest.raises(Conflict):
            world.count("A", 9)


class TestRetries:
    def test_while_a_try_may_still_be_made_nobody_is_told_that_it_cannot(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.refuse(in_progress)
        other = world.instance()
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 3), core=other), BATCH_READS, nth=5)
        with pytest.raises(Overloaded, match="did not say"):
            world.count("A", 1)

    def test_the_same_request_with_a_key_counts_once(self, world: Watched) -> None:
        world.receive("A", 5)
        first = world.count("A", 8, key="k")
        world.adjust("A", 4)
        again = world.count("A", 8, key="k")
        assert (again.replayed, again.value) == (True, first.value)
        assert _on_hand(world) == 12

    def test_the_same_key_with_another_number_is_a_mismatch(self, world: Watched) -> None:
        world.count("A", 8, key="k")
        with pytest.raises(IdempotencyKeyMismatch):
            world.count("A", 9, key="k")

    def test_a_lost_answer_is_found_by_the_retry(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.lose()
        with pytest.raises(Overloaded):
            world.count("A", 8, key="k")
        assert world.count("A", 8, key="k").replayed
        assert _on_hand(world) == 8

    def test_a_long_disturbance_is_a_conflict(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.refuse(conflicting(1), times=ATTEMPTS_MAX)
        with pytest.raises(Conflict):
            world.count("A", 8)


def test_of_two_counts_at_once_only_one_applies_however_many_there_were_before(world: Watched) -> None:
    world.receive("A", 10)
    world.count("A", 10)
    world.wire.meanwhile(lambda: world.count("A", 7, core=world.instance()))
    assert world.count("A", 7).value.quantity == 0
    assert world.available("A") == 7
    assert world.directories()["A"].warehouses["W1"] == Warehouse(shards=1, counts=3)


def test_one_unit_that_was_found_does_not_land_on_a_shard_given_up_meanwhile(world: Watched) -> None:
    world.scatter("A", [5, 0])
    world.wire.meanwhile(lambda: world.split("A", 1, core=world.instance()))
    world.count("A", 6)
    assert {shard.key.number: shard.available for shard in world.shards("A")} == {0: 6, 1: 0}


def test_a_count_says_by_what_it_was_asked_for(world: Watched) -> None:
    by = world.by(path="/v1/adjustments")
    count_module.count(
        world.core, AdjustmentRequest("A", "W1", "counted", by, reference="sheet-7", metadata={"who": "Ann"}), 7
    )
    [record] = world.records(world.tables.adjustments)
    assert (record["reason"], record["reference"], record["metadata"]) == ("counted", "sheet-7", {"who": "Ann"})
    causes = [each["cause"] for each in world.records(world.tables.stock)]
    assert [(cause["reason"], cause["reference"]) for cause in causes] == [("counted", "sheet-7")] * 2
