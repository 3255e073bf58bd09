"""Resolve: `resolved_once` and `expiry_exact`. One conditional write on the hold alone; the counters follow later."""

import pytest

from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, InvalidRequest, Missing, Overloaded
from inventory.domain.holds import Hold, Status, Take
from inventory.domain.limits import ATTEMPTS_MAX, THROTTLED_MAX
from inventory.protocol.resolve import expire
from support.watched import Watched
from support.wire import WRITES, Fault, conflicting, throttling

UNKNOWN = "hold_" + "0" * 32


def _active(world: Watched, quantity: int = 5, expires_in_s: int = 900) -> Hold:
    world.receive("A", quantity)
    return world.place("A", quantity, expires_in_s=expires_in_s).value


def _code(refusal: pytest.ExceptionInfo[InvalidRequest]) -> str:
    return refusal.value.code


class TestExecute:
    def test_it_is_one_write_on_the_hold_and_the_counters_follow(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.calls.clear()
        executed = world.execute(hold).value
        assert world.wire.calls == ["UpdateItem"]
        assert executed.status is Status.EXECUTED
        assert world.held("A") == 5
        world.flow()
        assert (world.available("A"), world.held("A")) == (0, 0)

    def test_less_than_was_held_gives_the_rest_back(self, world: Watched) -> None:
        hold = _active(world)
        executed = world.execute(hold, [Take("A", "W1", 2)]).value
        assert [executed.executed(line) for line in executed.lines] == [2]
        world.flow()
        assert (world.available("A"), world.held("A")) == (3, 0)

    def test_a_line_left_out_takes_nothing(self, world: Watched) -> None:
        world.receive("A", 2)
        world.receive("B", 2)
        hold = world.place_all(Want("A", "W1", 2), Want("B", "W1", 2)).value
        executed = world.execute(hold, [Take("B", "W1", 1)]).value
        assert {line.item: executed.executed(line) for line in executed.lines} == {"A": 0, "B": 1}
        world.flow()
        assert (world.available("A"), world.available("B")) == (2, 1)

    @pytest.mark.parametrize("take", [Take("A", "W1", 6), Take("A", "W2", 1), Take("B", "W1", 1)])
    def test_what_was_not_held_cannot_be_taken(self, world: Watched, take: Take) -> None:
        hold = _active(world)
        with pytest.raises(InvalidRequest) as refusal:
            world.execute(hold, [take])
        assert _code(refusal) == "parameter_invalid"
        assert world.hold(hold.id).status is Status.ACTIVE

    def test_a_hold_that_never_was_is_missing(self, world: Watched) -> None:
        hold = _active(world)
        unknown = Hold(UNKNOWN, hold.status, hold.lines, 0, 0, 1, 0, "", "")
        for takes in (None, [Take("A", "W1", 1)]):
            with pytest.raises(Missing):
                world.execute(unknown, takes)

    def test_what_is_no_id_of_a_hold_is_missing_and_costs_no_call(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.calls.clear()
        with pytest.raises(Missing):
            world.execute(Hold("adj_1", hold.status, hold.lines, 0, 0, 1, 0, "", ""))
        assert world.wire.calls == []


class TestOnlyOnce:
    def test_what_was_executed_cannot_be_released(self, world: Watched) -> None:
        hold = _active(world)
        world.execute(hold)
        with pytest.raises(InvalidRequest) as refusal:
            world.release(hold)
        assert _code(refusal) == "hold_already_executed"

    def test_what_was_released_cannot_be_executed(self, world: Watched) -> None:
        hold = _active(world)
        world.release(hold)
        for takes in (None, [Take("A", "W1", 1)]):
            with pytest.raises(InvalidRequest) as refusal:
                world.execute(hold, takes)
            assert _code(refusal) == "hold_already_released"

    def test_of_two_at_once_one_wins(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.meanwhile(lambda: world.release(hold, core=world.instance()), WRITES)
        with pytest.raises(InvalidRequest) as refusal:
            world.execute(hold)
        assert _code(refusal) == "hold_already_released"
        world.flow()
        assert world.available("A") == 5

    def test_without_a_key_the_same_again_is_an_error(self, world: Watched) -> None:
        hold = _active(world)
        world.execute(hold)
        with pytest.raises(InvalidRequest):
            world.execute(hold)


class TestExpiry:
    def test_an_instant_before_its_time_it_can_be_executed(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at - 100 - 2
        assert world.execute(hold).value.at == hold.expires_at - 100

    def test_at_its_time_it_cannot(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at - 99
        with pytest.raises(InvalidRequest) as refusal:
            world.execute(hold)
        assert _code(refusal) == "hold_expired"
        assert world.hold(hold.id).status is Status.EXPIRED, "for good: an earlier try may still arrive"

    def test_an_instance_whose_clock_is_behind_keeps_to_the_instant_of_the_write(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        behind = world.instance(skew_ms=-1_900)
        world.clock.now_ms = hold.expires_at + 500
        assert world.execute(hold, core=behind).value.at < hold.expires_at

    def test_it_can_be_released_until_somebody_has_expired_it(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.pass_s(20)
        assert world.release(hold).value.status is Status.RELEASED

    def test_before_its_time_it_does_not_expire(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at - 102
        assert expire(world.core, hold.id) is None
        assert world.hold(hold.id).status is Status.ACTIVE

    def test_at_its_time_it_expires(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at - 99
        expired = expire(world.core, hold.id)
        assert expired is not None
        assert (expired.status, expired.at) == (Status.EXPIRED, hold.expires_at)
        with pytest.raises(InvalidRequest) as refusal:
            world.execute(hold)
        assert _code(refusal) == "hold_expired"

    def test_what_has_ended_or_never_was_does_not_expire(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.execute(hold)
        world.clock.pass_s(20)
        assert expire(world.core, hold.id) is None
        assert expire(world.core, UNKNOWN) is None

    def test_a_caller_sees_a_hold_past_its_time_as_expired(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        assert hold.status_at(hold.expires_at - 1) is Status.ACTIVE
        assert hold.status_at(hold.expires_at) is Status.EXPIRED


class TestRetries:
    def test_the_same_request_with_a_key_finds_what_it_did(self, world: Watched) -> None:
        hold = _active(world)
        first, again = (world.execute(hold, key="k") for _ in range(2))
        assert (first.replayed, again.replayed) == (False, True)
        world.flow()
        assert world.execute(hold, key="k").value.settlement is not None

    def test_the_same_key_with_other_takes_is_a_mismatch(self, world: Watched) -> None:
        hold = _active(world)
        world.execute(hold, [Take("A", "W1", 1)], key="k")
        for takes in (None, [Take("A", "W1", 2)]):
            with pytest.raises(IdempotencyKeyMismatch):
                world.execute(hold, takes, key="k")

    def test_another_key_is_another_request(self, world: Watched) -> None:
        hold = _active(world)
        world.release(hold, key="k")
        with pytest.raises(InvalidRequest):
            world.release(hold, key="l")

    def test_a_lost_answer_is_found_by_the_retry(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.lose(WRITES)
        with pytest.raises(Overloaded):
            world.release(hold, key="k")
        assert world.release(hold, key="k").replayed

    def test_an_answer_lost_on_the_way_to_the_client_s_own_repetition_is_recognised(self, world: Watched) -> None:
        hold = _active(world)
        by = world.by(None, None, "/execute")  # one request without a key, sent to the tables twice
        from inventory.protocol.resolve import execute

        execute(world.core, hold.id, None, by=by)
        assert not execute(world.core, hold.id, None, by=by).replayed

    @pytest.mark.parametrize(("fault", "times"), [(conflicting(), 3), (throttling, THROTTLED_MAX - 1)])
    def test_a_short_disturbance_is_waited_for(self, world: Watched, fault: Fault, times: int) -> None:
        hold = _active(world)
        world.wire.refuse(fault, WRITES, times=times)
        assert world.execute(hold).value.status is Status.EXECUTED

    def test_a_long_one_is_a_conflict(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.refuse(conflicting(), WRITES, times=ATTEMPTS_MAX)
        with pytest.raises(Conflict):
            world.execute(hold)

    def test_a_database_that_goes_on_refusing_for_load_is_not_asked_for_ever(self, world: Watched) -> None:
        hold = _active(world)
        calls = len(world.wire.calls)
        world.wire.refuse(throttling, WRITES, times=ATTEMPTS_MAX)
        with pytest.raises(Overloaded):
            world.execute(hold)
        assert len(world.wire.calls) - calls == THROTTLED_MAX

    def test_a_disturbed_expiry_is_left_to_the_next_sweep(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.pass_s(20)
        world.wire.refuse(conflicting(), WRITES, times=ATTEMPTS_MAX)
        with pytest.raises(Conflict):
            expire(world.core, hold.id)

    def test_a_hold_that_is_ahead_of_the_clock_sets_the_instant(self, world: Watched) -> None:
        world.receive("A", 2)
        ahead, behind = world.instance(skew_ms=1_900), world.instance(skew_ms=-1_900)
        holds = [world.place_all(Want("A", "W1", 1), core=ahead).value for _ in range(2)]
        assert world.execute(holds[0], core=behind).value.at == holds[0].at
        assert world.release(holds[1], core=behind).value.at == holds[1].at

    def test_an_expiry_after_an_extension_by_a_faster_clock_is_none(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=3)
        world.extend(hold, 5, core=world.instance(skew_ms=1_900))
        assert expire(world.core, hold.id) is None
