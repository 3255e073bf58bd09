"""Adjust: `stock_conserved`. In one transaction with its own record; no unit lands where nobody looks."""

import pytest

from inventory.domain.adjustments import Adjustment, AdjustmentRequest
from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, InsufficientStock, InvalidRequest, Overloaded
from inventory.domain.limits import ATTEMPTS_MAX, THROTTLED_MAX
from inventory.domain.stock import Warehouse
from inventory.protocol import flow
from inventory.protocol.adjust import adjust
from inventory.protocol.adjustments_view import get_adjustment
from support.watched import Watched
from support.wire import BATCH_READS, READS, Fault, conflicting, in_progress, throttling
from support.world import World


def _stock_keeps_arriving(world: Watched, nth: int = 3) -> None:
    """From this call on that reads, before each; the first try makes two such calls."""
    other = world.instance()
    world.wire.meanwhile(lambda: world.adjust("A", 1, core=other), BATCH_READS, nth=nth, times=60)


class TestAdding:
    def test_the_first_units_make_the_item_and_its_warehouse(self, world: Watched) -> None:
        adjustment = world.adjust("A", 5).value
        assert (world.available("A"), world.held("A")) == (5, 0)
        assert world.directories()["A"].warehouses == {"W1": Warehouse(shards=1, counts=0)}
        assert get_adjustment(world.core, adjustment.id) == adjustment

    def test_a_second_warehouse_joins_the_directory(self, world: Watched) -> None:
        world.adjust("A", 5)
        world.adjust("A", 3, "W2")
        assert set(world.directories()["A"].warehouses) == {"W1", "W2"}

    def test_warehouses_with_names_that_no_expression_spells_are_fine(self, world: Watched) -> None:
        world.adjust("A", 5, "W-1.b_c")
        world.adjust("A", 5, "W-2.b_c")
        world.split("A", 2, "W-2.b_c")
        world.count("A", 3, "W-1.b_c")
        assert world.available("A") == 8

    @pytest.mark.parametrize("way", ["adjust", "transfer", "count"])
    def test_stock_never_comes_before_its_warehouse_has_an_entry(self, world: Watched, way: str) -> None:
        world.adjust("A", 9, "W2")
        fast, slow = world.instance(skew_ms=1_900), world.instance(skew_ms=-1_900)
        world.count("A", 0, core=fast)
        world.clock.pass_s(0.2)
        if way == "adjust":
            world.adjust("A", 7, core=slow)
        elif way == "transfer":
            world.transfer("A", 7, "W2", "W1", core=slow)
        else:
            world.count("A", 7, core=slow)
        [shard] = [shard for shard in world.shards("A") if shard.key.warehouse == "W1"]
        assert (shard.available, shard.at >= world.directories()["A"].at) == (7, True)

    def test_more_units_do_not_touch_the_directory(self, world: Watched) -> None:
        world.adjust("A", 5)
        world.adjust("A", 5)
        assert world.directories()["A"].rev == 1

    def test_the_emptiest_shard_gains(self, world: Watched) -> None:
        world.scatter("A", [4, 1, 3])
        world.adjust("A", 2)
        assert {shard.key.number: shard.available for shard in world.shards("A")} == {0: 4, 1: 3, 2: 3}

    def test_the_record_says_why_and_who(self, world: Watched) -> None:
        asked = AdjustmentRequest("A", "W1", "returned", world.by(), reference="hold_1", metadata={"k": "v"})
        made = adjust(world.core, asked, 2).value
        assert made == Adjustment(
            made.id, "A", "W1", 2, "returned", made.at, "key_test", made.fingerprint, None, "hold_1", {"k": "v"}
        )
        [shard] = [record for record in world.records(world.tables.stock) if "shard" in record]
        assert shard["cause"] == {
            "type": "adjustment",
            "id": made.id,
            "actor": "key_test",
            "reason": "returned",
            "reference": "hold_1",
        }

    def test_too_many_warehouses_are_refused(self, world: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flow, "WAREHOUSES_PER_ITEM_MAX", 2)
        for name in ("W1", "W2"):
            world.adjust("A", 1, name)
        with pytest.raises(InvalidRequest):
            world.adjust("A", 1, "W3")
        assert world.adjust("A", 1, "W2").value.quantity == 1

    def test_an_item_can_be_in_two_thousand_warehouses(self) -> None:
        world = World()
        world.receive("A", 1)
        items = world.database._tables[world.tables.stock].items
        entry = items[("A#*",)]["warehouses"]["M"]["W1"]
        many = {f"W{number}": entry for number in range(1, 2_000)}
        items[("A#*",)] = {**items[("A#*",)], "warehouses": {"M": many}}
        world.receive("A", 1, "W2000")
        assert len(world.directories()["A"].warehouses) == 2_000
        with pytest.raises(InvalidRequest):
            world.receive("A", 1, "W2001")


class TestTaking:
    def test_available_units_go(self, world: Watched) -> None:
        world.receive("A", 5)
        world.adjust("A", -5)
        assert world.available("A") == 0

    def test_from_several_shards_where_needed(self, world: Watched) -> None:
        world.scatter("A", [2, 2, 2])
        world.adjust("A", -5)
        assert world.available("A") == 1

    def test_from_more_shards_than_a_transaction_takes_after_gathering(self, world: Watched) -> None:
        world.scatter("A", [1] * 130)
        world.adjust("A", -130)
        assert world.available("A") == 0

    def test_more_than_there_is_is_refused(self, world: Watched) -> None:
        world.receive("A", 5)
        world.place("A", 3)
        with pytest.raises(InsufficientStock) as refusal:
            world.adjust("A", -3)
        assert (refusal.value.wanted, refusal.value.available) == (3, 2)
        assert list(world.records(world.tables.adjustments))[1:] == []

    def test_of_an_unknown_item_nothing_can_be_taken(self, world: Watched) -> None:
        with pytest.raises(InsufficientStock):
            world.adjust("A", -1)

    def test_a_buyer_who_is_faster_is_noticed(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 1), core=world.instance()))
        with pytest.raises(InsufficientStock):
            world.adjust("A", -5)


class TestOthersMeanwhile:
    def test_two_first_receipts_of_an_item_both_arrive(self, world: Watched) -> None:
        world.wire.meanwhile(lambda: world.adjust("A", 3, "W2", core=world.instance()))
        world.adjust("A", 5, "W1")
        assert world.available("A") == 8

    def test_two_first_receipts_of_a_warehouse_both_arrive(self, world: Watched) -> None:
        world.adjust("A", 1)
        world.wire.meanwhile(lambda: world.adjust("A", 3, "W2", core=world.instance()))
        world.adjust("A", 5, "W2")
        assert world.available("A") == 9

    def test_units_do_not_land_on_a_shard_given_up_meanwhile(self, world: Watched) -> None:
        world.scatter("A", [5, 0])
        world.wire.meanwhile(lambda: world.split("A", 1, core=world.instance()))
        world.adjust("A", 3)
        assert {shard.key.number: shard.available for shard in world.shards("A")} == {0: 8, 1: 0}

    def test_a_directory_that_is_ahead_of_the_clock_sets_the_instant(self, world: Watched) -> None:
        world.adjust("A", 1)
        world.split("A", 2, core=world.instance(skew_ms=1_900))
        behind = world.instance(skew_ms=-1_900)
        made = world.adjust("A", 1, core=behind).value
        assert made.at >= world.directories()["A"].at


class TestRetries:
    def test_the_same_request_with_a_key_adjusts_once(self, world: Watched) -> None:
        first, again = (world.adjust("A", 5, key="k") for _ in range(2))
        assert (first.replayed, again.replayed, again.value) == (False, True, first.value)
        assert world.available("A") == 5

    def test_the_same_key_with_other_parameters_is_a_mismatch(self, world: Watched) -> None:
        world.adjust("A", 5, key="k")
        with pytest.raises(IdempotencyKeyMismatch):
            world.adjust("A", 6, key="k")

    def test_a_lost_answer_is_found_by_the_retry(self, world: Watched) -> None:
        world.wire.lose()
        with pytest.raises(Overloaded):
            world.adjust("A", 5, key="k")
        assert world.adjust("A", 5, key="k").replayed
        assert world.available("A") == 5

    @pytest.mark.parametrize("key", ["k", None])
    def test_an_unknown_outcome_within_one_request_is_found_by_itself(self, world: Watched, key: str | None) -> None:
        world.receive("A", 5)
        world.wire.mangle(in_progress)
        assert world.adjust("A", -5, key=key).value.quantity == -5
        assert world.available("A") == 0

    def test_what_was_made_and_not_told_is_found_though_stock_moves_too_quickly_to_refuse(self, world: Watched) -> None:
        world.receive("A", 50)
        world.wire.mangle(in_progress)
        _stock_keeps_arriving(world)
        assert world.adjust("A", -50).value.quantity == -50
        assert [record["quantity"] for record in world.records(world.tables.adjustments)].count(-50) == 1

    def test_where_nobody_knows_what_became_of_a_try_nobody_says_that_nothing_was_changed(self, world: Watched) -> None:
        world.receive("A", 50)
        world.wire.refuse(in_progress)
        other = world.instance()
        world.wire.meanwhile(lambda: world.adjust("A", -50, core=other), BATCH_READS, nth=3)
        _stock_keeps_arriving(world, nth=4)
        with pytest.raises(Overloaded, match="did not say"):
            world.adjust("A", -50)

    def test_while_a_try_may_still_be_made_nobody_is_told_that_there_was_too_little(self, world: Watched) -> None:
        world.receive("A", 5)
        other = world.instance()
        world.wire.refuse(in_progress)
        world.wire.meanwhile(lambda: world.adjust("A", -5, core=other), BATCH_READS, nth=3)
        with pytest.raises(Overloaded, match="did not say"):
            world.adjust("A", -2)

    def test_of_two_twins_at_once_one_adjusts(self, world: Watched) -> None:
        world.wire.meanwhile(lambda: world.adjust("A", 5, key="k", core=world.instance()))
        assert world.adjust("A", 5, key="k").replayed
        assert world.available("A") == 5

    @pytest.mark.parametrize("read", [1, 2, 3, 4, 5])
    def test_of_two_twins_for_the_last_units_none_is_refused(self, world: Watched, read: int) -> None:
        world.receive("A", 5)
        twin = world.instance()
        world.wire.meanwhile(lambda: world.adjust("A", -5, key="k", core=twin), READS, nth=read)
        assert world.adjust("A", -5, key="k").value.quantity == -5
        world.wire.calm()
        assert world.available("A") == 0

    def test_a_stranger_with_the_same_key_at_once_is_a_mismatch(self, world: Watched) -> None:
        world.wire.meanwhile(lambda: world.adjust("A", 6, key="k", core=world.instance()))
        with pytest.raises(IdempotencyKeyMismatch):
            world.adjust("A", 5, key="k")

    @pytest.mark.parametrize(("fault", "times"), [(conflicting(1), 3), (throttling, THROTTLED_MAX - 1)])
    def test_a_short_disturbance_is_waited_for(self, world: Watched, fault: Fault, times: int) -> None:
        world.wire.refuse(fault, times=times)
        world.adjust("A", 5)
        assert world.available("A") == 5

    def test_a_long_one_is_a_conflict(self, world: Watched) -> None:
        world.wire.refuse(conflicting(1), times=ATTEMPTS_MAX)
        with pytest.raises(Conflict):
            world.adjust("A", 5)

    def test_a_receipt_between_the_reads_of_a_taking_is_found(self, world: Watched) -> None:
        world.receive("A", 1)
        world.wire.meanwhile(lambda: world.adjust("A", 5, core=world.instance()), BATCH_READS, nth=3)
        assert world.adjust("A", -4).value.quantity == -4
