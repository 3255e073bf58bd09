"""Place: all lines or none, in one transaction; whatever stands in the way has its own answer."""

from contextlib import nullcontext

import pytest

from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, InsufficientStock, InvalidRequest, Overloaded
from inventory.domain.holds import Draw, Line, Status
from inventory.domain.limits import ATTEMPTS_MAX, LINES_MAX
from support.watched import Watched
from support.wire import (
    BATCH_READS,
    READS,
    TRANSACTIONS,
    conflicting,
    in_progress,
    throttling,
    throttling_one,
    unreachable,
)


class TestTheUsualCase:
    def test_a_hold_takes_from_available_and_adds_to_held(self, world: Watched) -> None:
        world.receive("A", 10)
        hold = world.place("A", 3, expires_in_s=60).value
        assert hold.lines == (Line("A", "W1", 3, (Draw(0, 3),)),)
        assert hold.status is Status.ACTIVE
        assert hold.expires_at == hold.created + 60_000 == hold.at + 60_000
        assert (world.available("A"), world.held("A")) == (7, 3)
        assert world.hold(hold.id) == hold

    def test_it_costs_one_read_and_one_transaction_and_the_next_one_only_the_transaction(self, world: Watched) -> None:
        world.receive("A", 10)
        world.wire.calls.clear()
        world.place("A")
        assert world.wire.calls == ["BatchGetItem", "TransactWriteItems"]
        world.place("A")
        assert world.wire.calls[2:] == ["TransactWriteItems"]

    def test_the_hold_keeps_its_metadata_and_who_made_it(self, world: Watched) -> None:
        world.receive("A", 1)
        hold = world.place_all(Want("A", "W1", 1), metadata={"order": "7"}).value
        assert (dict(hold.metadata), hold.actor) == ({"order": "7"}, "key_test")
        [shard] = [record for record in world.records(world.tables.stock) if "shard" in record]
        assert shard["cause"] == {"type": "hold", "id": hold.id, "actor": "key_test"}

    def test_lines_of_several_items_are_held_together(self, world: Watched) -> None:
        world.receive("A", 5)
        world.receive("B", 5, "W2")
        hold = world.place_all(Want("A", "W1", 2), Want("B", "W2", 3)).value
        assert {(line.item, line.warehouse, line.quantity) for line in hold.lines} == {("A", "W1", 2), ("B", "W2", 3)}

    def test_equal_lines_are_merged(self, world: Watched) -> None:
        world.receive("A", 5)
        hold = world.place_all(Want("A", "W1", 2), Want("A", "W1", 3)).value
        assert [line.quantity for line in hold.lines] == [5]

    def test_a_named_and_an_open_line_of_one_item_share_what_is_there(self, world: Watched) -> None:
        world.receive("A", 5)
        hold = world.place_all(Want("A", None, 2), Want("A", "W1", 3)).value
        assert hold.lines == (Line("A", "W1", 5, (Draw(0, 5),)),)

    def test_stock_that_no_reader_has_heard_of_yet_is_found(self, world: Watched) -> None:
        world.adjust("A", 5)  # not projected
        assert world.place("A", 5).value.lines[0].quantity == 5

    def test_a_large_cart_of_such_stock_is_one_try(self, world: Watched) -> None:
        items = [f"part{number}" for number in range(LINES_MAX)]
        for item in items:
            world.adjust(item, 5)  # not projected
        world.wire.calls.clear()
        hold = world.place_all(*(Want(item, "W1", 2) for item in items)).value
        assert {line.item for line in hold.lines} == set(items)
        assert world.wire.calls.count("TransactWriteItems") == 1


class TestWarehousesAndShards:
    def test_an_open_line_is_taken_from_a_warehouse_that_has_it_all(self, world: Watched) -> None:
        world.receive("A", 2, "W1")
        world.receive("A", 5, "W2")
        assert [line.warehouse for line in world.place("A", 4, None).value.lines] == ["W2"]

    def test_an_open_line_is_split_where_no_warehouse_has_it_all(self, world: Watched) -> None:
        world.receive("A", 2, "W1")
        world.receive("A", 5, "W2")
        lines = world.place("A", 6, None).value.lines
        assert [(line.warehouse, line.quantity) for line in lines] == [("W2", 5), ("W1", 1)]

    def test_a_line_is_drawn_from_one_shard_that_has_it_all(self, world: Watched) -> None:
        world.scatter("A", [1, 1, 4])
        assert world.place("A", 3).value.lines[0].drawn == (Draw(2, 3),)

    def test_a_line_is_drawn_from_several_shards_where_none_has_it_all(self, world: Watched) -> None:
        world.scatter("A", [1, 2, 4])
        assert world.place("A", 6).value.lines[0].drawn == (Draw(2, 4), Draw(1, 2))

    def test_different_holds_are_spread_over_the_shards(self, world: Watched) -> None:
        world.scatter("A", [50] * 4)
        drawn = {world.place("A").value.lines[0].drawn[0].shard for _ in range(30)}
        assert drawn == {0, 1, 2, 3}


class TestStaleHints:
    def test_a_shard_that_has_less_than_thought_leads_to_another(self, world: Watched) -> None:
        world.scatter("A", [3, 3])
        other = world.instance()
        world.place("A", 1)  # now this instance remembers both shards
        for _ in range(3):
            world.place_all(Want("A", "W1", 1), core=other)
        assert world.available("A") == 2
        held = sum(world.place("A", 1).value.lines[0].quantity for _ in range(2))
        assert (held, world.available("A")) == (2, 0)

    def test_two_misses_lead_to_a_strong_reading(self, world: Watched) -> None:
        world.scatter("A", [2] * 8)
        world.place("A", 1)
        other = world.instance()
        for number in range(7):
            world.adjust("A", -1, core=other)
            world.level("A", 1 if number == 6 else 8)
        world.wire.calls.clear()
        world.place("A", 8)
        assert world.wire.calls.count("TransactWriteItems") <= 3

    def test_an_instance_deducts_what_it_has_just_taken_itself(self, world: Watched) -> None:
        world.scatter("A", [1, 1, 1])
        world.wire.calls.clear()
        for _ in range(3):
            world.place("A")
        assert world.wire.calls.count("TransactWriteItems") == 3


class TestIdempotency:
    def test_the_same_request_with_a_key_finds_its_hold(self, world: Watched) -> None:
        world.receive("A", 10)
        first, again = (world.place("A", 2, key="k") for _ in range(2))
        assert (first.replayed, again.replayed) == (False, True)
        assert first.value.id == again.value.id
        assert world.held("A") == 2

    def test_a_replay_shows_the_hold_as_it_is_now(self, world: Watched) -> None:
        world.receive("A", 10)
        world.execute(world.place("A", 2, key="k").value)
        assert world.place("A", 2, key="k").value.status is Status.EXECUTED

    def test_the_same_key_with_other_parameters_is_a_mismatch(self, world: Watched) -> None:
        world.receive("A", 10)
        world.place("A", 2, key="k")
        with pytest.raises(IdempotencyKeyMismatch):
            world.place("A", 3, key="k")
        assert world.held("A") == 2

    def test_without_a_key_the_same_request_is_another_hold(self, world: Watched) -> None:
        world.receive("A", 10)
        assert world.place("A").value.id != world.place("A").value.id

    def test_a_retry_of_the_request_that_took_the_last_unit_finds_its_hold(self, world: Watched) -> None:
        world.receive("A", 1)
        hold = world.place("A", key="k").value
        world.flow()
        again = world.place("A", key="k")
        assert (again.value.id, again.replayed) == (hold.id, True)

    def test_a_mismatch_is_told_even_where_nothing_is_left(self, world: Watched) -> None:
        world.receive("A", 1)
        world.place("A", key="k")
        world.flow()
        with pytest.raises(IdempotencyKeyMismatch):
            world.place("A", 2, key="k")

    @pytest.mark.parametrize("read", [1, 2, 3, 4])
    def test_of_two_twins_for_the_last_unit_none_is_refused(self, world: Watched, read: int) -> None:
        world.adjust("A", 1)  # not projected, so that both must read strongly
        other = world.instance()
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 1), key="k", core=other), READS, nth=read)
        answer = world.place_all(Want("A", "W1", 1), key="k")
        assert len(world.holds()) == 1
        world.wire.calm()
        assert world.place_all(Want("A", "W1", 1), key="k").value.id == answer.value.id

    def test_a_refused_request_can_be_sent_again_under_its_key(self, world: Watched) -> None:
        with pytest.raises(InsufficientStock):
            world.place("A", key="k")
        world.receive("A", 1)
        assert not world.place("A", key="k").replayed


class TestFaults:
    def test_a_lost_answer_is_found_by_the_retry(self, world: Watched) -> None:
        world.receive("A", 10)
        world.wire.lose()
        with pytest.raises(Overloaded):
            world.place("A", 2, key="k")
        assert world.place("A", 2, key="k").replayed
        assert world.held("A") == 2

    def test_an_unknown_outcome_within_one_request_is_found_by_itself(self, world: Watched) -> None:
        world.receive("A", 2)
        world.wire.mangle(in_progress)
        answer = world.place("A", 2)
        assert not answer.replayed
        assert len(world.holds()) == 1

    def test_while_a_try_may_still_be_made_nobody_is_told_that_there_was_too_little(self, world: Watched) -> None:
        world.receive("A", 5)
        other = world.instance()
        world.wire.refuse(in_progress)
        world.wire.meanwhile(lambda: world.adjust("A", -5, core=other), nth=2)
        with pytest.raises(Overloaded, match="did not say"):
            world.place("A", 2)

    def test_a_call_that_never_got_there_changes_nothing(self, world: Watched) -> None:
        world.receive("A", 10)
        world.wire.refuse(unreachable)
        with pytest.raises(Overloaded):
            world.place("A")
        assert world.held("A") == 0

    def test_a_contended_shard_is_left_for_another(self, world: Watched) -> None:
        undisturbed = Watched()
        for each in (undisturbed, world):
            each.scatter("A", [5, 5])
        world.wire.refuse(conflicting(1))
        hold, usual = world.place("A").value, undisturbed.place("A").value
        assert hold.id == usual.id
        assert hold.lines[0].drawn != usual.lines[0].drawn
        [record] = [each for each in world.records(world.tables.stock) if each.get("held")]
        assert record["cause"]["hops"] == 1
        assert world.counted["ShardConflicts"] == 1

    @pytest.mark.parametrize("fault", [conflicting(0), conflicting(1), in_progress])
    def test_a_short_disturbance_is_waited_for(self, world: Watched, fault: object) -> None:
        world.receive("A", 1)
        before_ms = world.clock.now_ms
        world.wire.refuse(fault, times=3)  # type: ignore[arg-type]
        assert world.place("A").value.lines[0].quantity == 1
        assert world.clock.now_ms - before_ms > 4 * 2 + 3  # four calls, and three waits

    def test_after_so_many_conflicts_the_buyer_is_told_to_try_again(self, world: Watched) -> None:
        world.receive("A", 1)
        world.wire.refuse(conflicting(1), times=ATTEMPTS_MAX)
        with pytest.raises(Conflict):
            world.place("A")
        assert world.available("A") == 1

    @pytest.mark.parametrize(("record", "others_too"), [(0, True), (1, False)], ids=["the hold", "the shard"])
    def test_what_was_refused_for_load_is_not_asked_for_again_for_a_moment(
        self, world: Watched, record: int, *, others_too: bool
    ) -> None:
        """Others have to execute and to settle. Other items have nothing to do with one item's shard."""
        world.receive("A", 1)
        world.receive("B", 1)
        world.wire.refuse(throttling_one(record))
        with pytest.raises(Overloaded):
            world.place("A")
        asked = len(world.wire.calls)
        with pytest.raises(Overloaded):
            world.place("A")
        with pytest.raises(Overloaded) if others_too else nullcontext():
            world.place("B")
        assert len(world.wire.calls) - asked == (0 if others_too else 2)
        assert world.counted["HoldsShed"] == (3 if others_too else 2)
        world.clock.now_ms += 500
        assert world.place("A").value.lines[0].quantity == 1

    def test_a_transaction_refused_as_a_whole_says_nothing_of_an_item(self, world: Watched) -> None:
        world.receive("A", 1)
        world.receive("B", 1)
        world.wire.refuse(throttling)
        for item in ("A", "B"):
            with pytest.raises(Overloaded):
                world.place(item)

    def test_keys_left_unread_are_read_again(self, world: Watched) -> None:
        world.receive("A", 1)
        left = iter([True, True])
        world.database.unprocessed = lambda _table, _key: next(left, False)
        world.place("A")
        assert world.wire.calls[-4:] == ["BatchGetItem"] * 3 + ["TransactWriteItems"]

    def test_reads_that_stay_unread_are_an_overload(self, world: Watched) -> None:
        world.receive("A", 1)
        world.database.unprocessed = lambda _table, _key: True
        with pytest.raises(Overloaded):
            world.place("A")
        world.database.unprocessed = lambda _table, _key: False


class TestTimeWithinARequest:
    def test_a_shard_that_is_ahead_of_the_clock_sets_the_instant(self, world: Watched) -> None:
        world.receive("A", 5)
        ahead, behind = world.instance(skew_ms=1_900), world.instance(skew_ms=-1_900)
        later = world.place_all(Want("A", "W1", 1), core=ahead).value
        hold = world.place_all(Want("A", "W1", 1), core=behind).value
        assert hold.at == later.at

    def test_the_time_to_live_counts_from_the_instant_of_the_write(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.refuse(conflicting(1), times=8)
        hold = world.place("A", expires_in_s=10).value
        assert hold.expires_at - hold.at == 10_000


def _apart(world: Watched, *, items: int, warehouses: int) -> list[Want]:
    """One unit of each item in each warehouse, and wants that take them all."""
    for item in range(items):
        for warehouse in range(warehouses):
            world.receive(f"I{item}", 1, f"W{warehouse}")
    return [Want(f"I{item}", None, warehouses) for item in range(items)]


def test_where_nobody_knows_what_became_of_a_try_nobody_says_that_nothing_was_changed(world: Watched) -> None:
    world.receive("A", 5)
    world.wire.refuse(in_progress)
    world.wire.refuse(conflicting(), nth=2, times=ATTEMPTS_MAX)
    with pytest.raises(Overloaded, match="did not say"):
        world.place("A", 1)


class TestScatteredStock:
    def test_a_line_over_more_shards_than_a_transaction_takes_is_gathered_first(self, world: Watched) -> None:
        world.scatter("A", [1] * 120)
        hold = world.place("A", 120).value
        assert sum(draw.quantity for draw in hold.lines[0].drawn) == 120
        assert len(hold.lines[0].drawn) <= 99
        assert world.available("A") == 0

    def test_a_cart_of_fifty_scattered_lines_is_gathered_in_one_try(self, world: Watched) -> None:
        items = [f"I{number}" for number in range(50)]
        for item in items:
            world.scatter(item, [1, 1, 1])
        hold = world.place_all(*(Want(item, "W1", 3) for item in items)).value
        assert len(hold.lines) == 50
        assert sum(len(line.drawn) for line in hold.lines) <= 99

    def test_gathering_gives_way_to_a_buyer_who_is_faster(self, world: Watched) -> None:
        world.scatter("A", [1] * 120)
        other = world.instance()
        world.wire.meanwhile(lambda: world.place_all(Want("A", "W1", 1), core=other), TRANSACTIONS)
        assert world.place("A", 110).value.lines[0].quantity == 110
        assert world.available("A") == 9

    def test_only_lines_of_several_draws_are_gathered(self, world: Watched) -> None:
        singles = [f"I{number}" for number in range(90)]
        for item in singles:
            world.receive(item, 1)
        world.scatter("A", [1] * 60)  # one move takes 48 of them
        hold = world.place_all(Want("A", "W1", 60), *(Want(item, "W1", 1) for item in singles)).value
        assert (len(hold.lines), sum(len(line.drawn) for line in hold.lines) <= 99) == (91, True)

    def test_a_hold_of_as_many_places_as_a_transaction_takes_is_placed(self, world: Watched) -> None:
        assert len(world.place_all(*_apart(world, items=33, warehouses=3)).value.lines) == 99

    @pytest.mark.parametrize(("items", "warehouses"), [(50, 2), (1, 100)])
    def test_one_of_more_places_is_refused_and_nothing_held(self, world: Watched, items: int, warehouses: int) -> None:
        wants = _apart(world, items=items, warehouses=warehouses)
        with pytest.raises(InvalidRequest, match="from 100 places") as refusal:
            world.place_all(*wants)
        assert (refusal.value.param, world.holds()) == ("lines", [])

    @pytest.mark.parametrize("key", [f"cart-{number}" for number in range(8)])
    def test_an_open_line_adds_no_place_to_those_of_a_named_one_of_its_item(self, world: Watched, key: str) -> None:
        wide = _apart(world, items=1, warehouses=60)
        for number in range(24):
            for warehouse in ("W0", "W1"):
                world.receive(f"J{number}", 2, warehouse)
        both = [Want(f"J{number}", warehouse, 1) for number in range(24) for warehouse in ("W0", None)]
        assert len(world.place_all(*wide, *both, key=key).value.lines) == 60 + 24

    def test_stock_that_only_seemed_to_lie_so_wide_is_held(self, world: Watched) -> None:
        wants = _apart(world, items=1, warehouses=100)
        with world.wire.undisturbed(), pytest.raises(InvalidRequest):
            world.place_all(*wants)  # now its instance remembers
        other = world.instance()
        world.adjust("I0", 100, "W7", core=other)
        assert world.place_all(*wants).value.lines[0].quantity == 100

    def test_a_hold_that_the_same_request_placed_when_stock_lay_otherwise_is_found(self, world: Watched) -> None:
        items = [f"I{number}" for number in range(50)]
        for item in items:
            world.receive(item, 2, "W0")
        wants = [Want(item, None, 2) for item in items]
        placed = world.place_all(*wants, key="cart").value
        _apart(world, items=50, warehouses=2)
        again = world.place_all(*wants, key="cart")
        assert (again.value, again.replayed) == (placed, True)

    def test_as_many_draws_as_a_transaction_takes_need_no_gathering(self, world: Watched) -> None:
        world.scatter("A", [1] * 99)
        world.wire.calls.clear()
        assert len(world.place("A", 99).value.lines[0].drawn) == 99
        assert world.wire.calls.count("TransactWriteItems") == 1


def test_a_read_between_two_projections_only_costs_another_try(world: Watched) -> None:
    world.scatter("A", [2, 2])
    world.place("A", 2)
    world.wire.meanwhile(world.project, BATCH_READS)
    world.clock.pass_s(2)
    world.place("A", 2)
    assert world.available("A") == 0


class TestARetryThatCannotBeCarriedOut:
    """Its hold stands: who is told that nothing was changed may place another, and this one's stock stays held."""

    def test_is_told_of_its_own_hold_where_it_met_others_each_time(self, world: Watched) -> None:
        world.receive("A", 2)
        placed = world.place("A", 1, key="k").value
        world.wire.refuse(conflicting(1), times=ATTEMPTS_MAX)
        again = world.place("A", 1, key="k")
        assert (again.value.id, again.replayed) == (placed.id, True)

    def test_is_told_of_its_own_hold_by_an_instance_with_a_wrong_clock(self, world: Watched) -> None:
        world.receive("A", 2)
        wants = [Want("A", None, 1)]
        placed = world.place_all(*wants, key="k").value
        again = world.place_all(*wants, key="k", core=world.instance(skew_ms=-60_000))
        assert (again.value, again.replayed) == (placed, True)


def test_as_many_places_as_a_transaction_takes_are_not_refused_where_more_seemed_to_be_needed(world: Watched) -> None:
    for number in range(100):
        world.receive("I0", 1, f"W{number}")
    with world.wire.undisturbed(), pytest.raises(InvalidRequest):
        world.place_all(Want("I0", None, 100))  # now its instance remembers
    world.adjust("I0", 1, "W7", core=world.instance())
    assert len(world.place_all(Want("I0", None, 100)).value.lines) == 99
