"""Settle: `settled_once`. In batches by shard, whatever is given twice, late, in pieces or out of order."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, Overloaded, RecordAhead
from inventory.domain.holds import Draw, Hold, Line, Status, Take
from inventory.protocol.core import Core
from inventory.protocol.settle import SETTLING_ROUNDS_MAX, Settled, settle
from inventory.storage.codec import encode
from simulated_dynamodb.errors import Refused, as_client_error
from support.watched import Watched
from support.wire import TRANSACTIONS, conflicting, in_progress, throttling, unreachable


def _ended(world: Watched, number: int, item: str = "A") -> list[Hold]:
    """So many holds of one unit, executed and released by turns, not settled yet."""
    holds = [world.place(item).value for _ in range(number)]
    for index, hold in enumerate(holds):
        (world.release if index % 2 else world.execute)(hold)
    return [world.hold(hold.id) for hold in holds]


def _settle(core: Core, holds: Iterable[Hold]) -> Settled:
    """Settles with a minute to spend."""
    return settle(core, holds, until_ms=core.clock.now() + 60_000)


def _break(world: Watched, stock_id: str, **attributes: object) -> None:
    """Somebody changed a shard record by hand: from here on, the invariants cannot hold."""
    world.ends_well = False
    world.database.after_call = lambda *_: None
    table = world.database._tables[world.tables.stock]
    table.items[(stock_id,)] = {**table.items[(stock_id,)], **encode(attributes)}


class TestBatches:
    def test_holds_of_one_shard_share_one_transaction(self, world: Watched) -> None:
        world.receive("A", 20)
        holds = _ended(world, 20)
        world.wire.calls.clear()
        assert _settle(world.core, holds).settled == 20
        assert world.wire.calls == ["TransactWriteItems"]
        assert (world.available("A"), world.held("A")) == (10, 0)
        assert len({hold.settlement for hold in world.holds()}) == 1

    def test_a_transaction_takes_99_holds_and_their_shard(self, world: Watched) -> None:
        world.receive("A", 200)
        holds = _ended(world, 199)
        world.wire.calls.clear()
        assert _settle(world.core, holds).settled == 199
        assert len(world.wire.calls) == 3

    def test_each_shard_has_its_own_transaction(self, world: Watched) -> None:
        world.scatter("A", [20] * 4)
        holds = _ended(world, 30)
        world.wire.calls.clear()
        _settle(world.core, holds)
        assert len(world.wire.calls) == 4

    def test_a_hold_with_several_draws_settles_alone(self, world: Watched) -> None:
        world.receive("A", 10)
        world.scatter("B", [2, 2])
        wide = world.place_all(Want("A", "W1", 1), Want("B", "W1", 3)).value
        world.execute(wide, [Take("B", "W1", 3)])
        holds = [*_ended(world, 2), world.hold(wide.id)]
        world.wire.calls.clear()
        assert _settle(world.core, holds).settled == 3
        assert len(world.wire.calls) == 2
        assert (world.available("A"), world.available("B"), world.held("B")) == (9, 1, 0)

    def test_what_was_taken_comes_off_a_line_s_draws_in_their_order(self, world: Watched) -> None:
        world.scatter("A", [1, 2, 4])
        hold = world.place("A", 7).value
        world.execute(hold, [Take("A", "W1", 5)])
        world.flow()
        assert {shard.key.number: shard.available for shard in world.shards("A")} == {0: 1, 1: 1, 2: 0}

    def test_it_leaves_the_list_of_the_unfinished_and_gets_a_time_to_live(self, world: Watched) -> None:
        world.receive("A", 1)
        _settle(world.core, _ended(world, 1))
        [record] = world.records(world.tables.holds)
        assert "open" not in record
        assert "due" not in record
        assert record["ttl"] == record["at"] // 1000 + 35 * 86_400

    def test_the_lag_is_from_the_end_of_a_hold_to_its_settlement(self, world: Watched) -> None:
        world.receive("A", 2)
        holds = _ended(world, 2)
        world.clock.pass_s(3)
        assert 3_000 <= _settle(world.core, holds).lag_ms <= 3_200


class TestTwice:
    def test_what_is_given_again_changes_nothing(self, world: Watched) -> None:
        world.receive("A", 4)
        holds = _ended(world, 4)
        _settle(world.core, holds)
        again = _settle(world.core, holds)
        assert (again.settled, again.broken) == (0, [])

    def test_what_is_given_twice_in_one_batch_is_settled_once(self, world: Watched) -> None:
        world.receive("A", 2)
        holds = _ended(world, 2)
        assert _settle(world.core, [*holds, *holds]).settled == 2

    def test_of_a_group_settled_in_part_the_rest_is_settled(self, world: Watched) -> None:
        world.receive("A", 6)
        holds = _ended(world, 6)
        _settle(world.core, holds[1:3])
        done = _settle(world.core, holds)
        assert (done.settled, done.broken) == (4, [])

    def test_two_settlers_at_once_settle_each_hold_once(self, world: Watched) -> None:
        world.receive("A", 6)
        holds = _ended(world, 6)
        world.wire.meanwhile(lambda: _settle(world.instance(), holds[:4]))
        assert _settle(world.core, holds).settled == 2

    def test_active_and_settled_holds_are_passed_over(self, world: Watched) -> None:
        world.receive("A", 3)
        active = world.place("A").value
        _settle(world.core, _ended(world, 1))
        [settled] = world.holds(Status.EXECUTED)
        world.wire.calls.clear()
        assert _settle(world.core, [active, settled]).settled == 0
        assert world.wire.calls == []

    def test_after_a_lost_answer_the_batch_is_given_again(self, world: Watched) -> None:
        world.receive("A", 4)
        holds = _ended(world, 4)
        world.wire.lose()
        unanswered = _settle(world.core, holds)
        assert isinstance(unanswered.hindered, Overloaded)
        assert unanswered.left == holds
        done = _settle(world.core, holds)
        assert (done.settled, done.broken) == (0, [])

    def test_an_unknown_outcome_is_found_out(self, world: Watched) -> None:
        world.receive("A", 4)
        holds = _ended(world, 4)
        world.wire.mangle(in_progress)
        assert _settle(world.core, holds).broken == []
        assert world.held("A") == 0


class TestDisturbances:
    @pytest.mark.parametrize("fault", [conflicting(0), conflicting(1), throttling])
    def test_a_short_one_is_waited_for(self, world: Watched, fault: Any) -> None:
        world.receive("A", 2)
        holds = _ended(world, 2)
        world.wire.refuse(fault, times=3)
        assert _settle(world.core, holds).settled == 2

    @pytest.mark.parametrize(("fault", "least_ms", "most_ms"), [(conflicting(1), 0, 8), (throttling, 50, 600)])
    def test_who_is_refused_for_load_waits_longer_than_who_meets_others(
        self, world: Watched, fault: Any, least_ms: int, most_ms: int
    ) -> None:
        """A busy shard is tried again as soon as a buyer would; a table that is asked too much is left in peace."""
        world.receive("A", 1)
        holds = _ended(world, 1)
        world.wire.refuse(fault, times=8)
        waits: list[float] = []
        core = replace(world.core, pause=lambda seconds: waits.append(seconds * 1000))
        assert _settle(core, holds).settled == 1
        assert len(waits) == 8
        assert all(least_ms <= wait_ms <= most_ms for wait_ms in waits)

    def test_one_contended_shard_does_not_keep_the_others_waiting(self, world: Watched) -> None:
        for item in "AB":
            world.receive(item, 1)
        holds = [*_ended(world, 1, "A"), *_ended(world, 1, "B")]
        world.wire.refuse(conflicting(1))
        world.wire.refuse(conflicting(1), nth=3, times=SETTLING_ROUNDS_MAX - 1)  # the second call is B's
        done = _settle(world.core, holds)
        assert isinstance(done.hindered, Conflict)
        assert (done.settled, done.left) == (1, holds[:1])
        assert (world.held("A"), world.held("B")) == (1, 0)
        assert _settle(world.core, holds).settled == 1

    def test_a_hold_that_is_ahead_of_the_clock_sets_the_instant(self, world: Watched) -> None:
        world.receive("A", 1)
        hold = world.place("A").value
        ahead = world.execute(hold, core=world.instance(skew_ms=1_900)).value
        behind = world.instance(skew_ms=-1_900)
        _settle(behind, [ahead])
        assert world.hold(hold.id).at == ahead.at

    def test_so_does_a_shard(self, world: Watched) -> None:
        world.receive("A", 2)
        hold = world.place("A").value
        world.release(hold)
        later = world.place_all(Want("A", "W1", 1), core=world.instance(skew_ms=1_900)).value
        _settle(world.instance(skew_ms=-1_900), [world.hold(hold.id)])
        assert world.hold(hold.id).at == later.at


class TestTime:
    def test_a_busy_shard_is_left_when_the_time_is_up(self, world: Watched) -> None:
        world.receive("A", 1)
        holds = _ended(world, 1)
        world.wire.refuse(throttling, times=SETTLING_ROUNDS_MAX)
        until_ms = world.clock.now_ms + 3_000
        done = settle(world.core, holds, until_ms=until_ms)
        assert (done.settled, done.left) == (0, holds)
        assert isinstance(done.hindered, Overloaded)
        assert world.clock.now_ms < until_ms
        world.wire.calm()
        assert _settle(world.core, holds).settled == 1

    def test_of_many_groups_those_that_find_no_time_are_left(self, world: Watched) -> None:
        world.receive("A", 9)
        world.receive("B", 9)
        holds = [*_ended(world, 2, "A"), *_ended(world, 3, "B")]
        world.wire.meanwhile(lambda: world.clock.pass_s(1.5))
        done = settle(world.core, holds, until_ms=world.clock.now_ms + 1_000)
        assert (done.settled, done.left) == (2, holds[2:])
        assert done.hindered is not None

    def test_where_the_database_does_not_answer_it_is_not_asked_for_each_group(self, world: Watched) -> None:
        world.receive("A", 1)
        world.receive("B", 1)
        holds = [*_ended(world, 1, "A"), *_ended(world, 1, "B")]
        world.wire.calls.clear()
        world.wire.refuse(unreachable)
        assert _settle(world.core, holds).left == holds
        assert world.wire.calls == ["TransactWriteItems"]

    def test_what_is_broken_is_told_also_where_others_are_left(self, world: Watched) -> None:
        world.receive("A", 2)
        world.receive("B", 1)
        [lost, *_] = _ended(world, 2)
        [contended] = _ended(world, 1, "B")
        lost = replace(lost, lines=(Line("A", "W1", 1, (Draw(7, 1),)),))
        world.wire.refuse(conflicting(1), nth=2, times=SETTLING_ROUNDS_MAX)
        done = _settle(world.core, [lost, contended])
        assert ([hold for hold, _ in done.broken], done.left) == ([lost], [contended])


class TestAhead:
    def test_a_hold_that_lies_far_ahead_waits_alone(self, world: Watched) -> None:
        world.receive("A", 20)
        first, *others = _ended(world, 20)
        told = [replace(first, at=first.at + 3_600_000), *others]
        done = _settle(world.core, told)
        assert (done.settled, [hold.id for hold in done.left]) == (19, [first.id])
        assert isinstance(done.hindered, RecordAhead)

    def test_where_it_is_the_shard_all_of_its_holds_wait_and_no_others(self, world: Watched) -> None:
        world.receive("A", 5)
        world.receive("B", 5)
        of_a, of_b = _ended(world, 5), _ended(world, 5, "B")
        _break(world, "A#W1#0", at=world.clock.now_ms + 3_600_000)
        done = _settle(world.core, [*of_a, *of_b])
        assert (done.settled, {hold.id for hold in done.left}) == (5, {hold.id for hold in of_a})


class TestWhatCannotBe:
    def test_a_hold_whose_record_says_it_is_active_is_set_apart(self, world: Watched) -> None:
        world.receive("A", 3)
        active = world.place("A").value
        holds = _ended(world, 2)
        done = _settle(world.core, [replace(active, status=Status.EXECUTED), *holds])
        assert done.settled == 2
        assert [(hold.id, why) for hold, why in done.broken] == [(active.id, "the hold's status is active by now")]

    def test_a_hold_that_is_gone_is_set_apart(self, world: Watched) -> None:
        world.receive("A", 3)
        holds = _ended(world, 2)
        gone = replace(holds[0], id="hold_" + "0" * 32)
        done = _settle(world.core, [gone, *holds])
        assert done.settled == 2
        assert [hold.id for hold, _ in done.broken] == [gone.id]

    def test_a_shard_that_holds_less_than_was_drawn_sets_apart_what_does_not_fit(self, world: Watched) -> None:
        world.receive("A", 10)
        holds = _ended(world, 6)
        _break(world, "A#W1#0", held=4)
        done = _settle(world.core, holds)
        assert done.settled == 4
        assert len(done.broken) == 2
        assert world.held("A") == 0

    def test_a_shard_that_is_not_there_sets_its_holds_apart_and_stops_no_others(self, world: Watched) -> None:
        world.receive("A", 2)
        [hold, other] = _ended(world, 2)
        lost = replace(hold, lines=(Line("A", "W1", 1, (Draw(7, 1),)),))
        done = _settle(world.core, [lost, other])
        assert (done.settled, [hold for hold, _ in done.broken]) == (1, [lost])

    def test_a_shard_settled_a_moment_before_its_hold_is_no_contradiction(self, world: Watched) -> None:
        """While another settler's transaction is being carried out, its shard may be free again before its hold."""
        world.receive("A", 2)
        [hold] = _ended(world, 1)

        def half_way(operation: str, request: dict[str, Any]) -> Exception:
            reasons = [
                {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"},
                {
                    "Code": "ConditionalCheckFailed",
                    "Message": "The conditional request failed",
                    "Item": encode({**shard, "held": 0}),
                },
            ]
            return as_client_error(Refused("TransactionCanceledException", "", CancellationReasons=reasons), operation)

        [shard] = [record for record in world.records(world.tables.stock) if "shard" in record]
        world.wire.refuse(half_way, TRANSACTIONS)
        done = _settle(world.core, [hold])
        assert (done.settled, done.broken) == (1, [])


def test_one_unit_that_comes_back_is_an_inflow(world: Watched) -> None:
    """The second reading of a refusal, or of a count, tells by it that stock did not only fall between them."""
    world.receive("A", 1)
    world.release(world.place("A", 1).value)
    [before] = world.shards("A")
    world.flow()
    [after] = world.shards("A")
    assert (after.available, after.inflow) == (1, before.inflow + 1)


def test_a_hold_whose_companion_was_settled_meanwhile_is_not_broken(world: Watched) -> None:
    world.receive("A", 2)
    first, second = _ended(world, 2)
    world.wire.meanwhile(lambda: _settle(world.instance(), [first]))
    done = _settle(world.core, [first, second])
    assert (done.settled, done.broken) == (1, [])


def test_the_lag_is_the_longest_of_all_groups(world: Watched) -> None:
    world.receive("A", 1)
    world.receive("B", 1)
    early = _ended(world, 1, "A")
    world.clock.pass_s(30)
    assert _settle(world.core, [*early, *_ended(world, 1, "B")]).lag_ms >= 30_000
