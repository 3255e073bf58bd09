"""Sweep: `everything_settles`, whatever else failed, slice by slice, and run after run if time is short."""

from dataclasses import replace
from typing import Any

import pytest

from inventory.domain.drawing import Want
from inventory.domain.errors import ClockSkewed, Overloaded
from inventory.domain.holds import Hold, Status
from inventory.domain.limits import ATTEMPTS_MAX, THROTTLED_MAX
from inventory.protocol import sweep as sweep_module
from inventory.protocol.settle import SETTLING_ROUNDS_MAX
from inventory.protocol.sweep import ROUND_RUNS_MAX, order_from, sweep, turn_of
from support.edited import edit
from support.together import Together
from support.watched import Watched
from support.wire import READS, TRANSACTIONS, WRITES, Fault, conflicting, throttling, unreachable


def _placed(world: Watched, number: int, expires_in_s: int = 10) -> list[Hold]:
    world.receive("A", number)
    return [world.place("A", expires_in_s=expires_in_s).value for _ in range(number)]


def _lose_the_stream(world: Watched) -> None:
    world.database.stream(world.tables.holds).drain()


class TestExpiry:
    def test_what_is_past_its_time_expires_and_gives_its_stock_back(self, world: Watched) -> None:
        _placed(world, 5)
        world.clock.pass_s(11)
        assert world.sweep().expired == 5
        world.flow()
        assert (world.available("A"), world.held("A")) == (5, 0)

    def test_they_end_several_at_a_time_and_the_longest_waiting_is_told(self, world: Watched) -> None:
        world.open_slices = 1
        world.core = world.instance()
        holds = _placed(world, 3)
        world.clock.pass_s(5)
        _placed(world, 2)
        world.clock.pass_s(40)
        began_ms, at_once = world.clock.now_ms, Together()
        swept = sweep(replace(world.core, at_once=at_once), until_ms=began_ms + 60_000)
        assert (swept.expired, at_once.calls) == (5, [1, 5, 1]), "of the only slice, what is due and what is not"
        assert began_ms <= holds[0].expires_at + swept.lag_ms <= world.clock.now_ms

    def test_what_has_time_left_stays(self, world: Watched) -> None:
        _placed(world, 3)
        world.clock.pass_s(9)
        swept = world.sweep()
        assert (swept.expired, swept.seen) == (0, 3)

    def test_each_slice_is_gone_through_in_pages(self, world: Watched) -> None:
        world.open_slices = 1
        world.core = world.instance()
        _placed(world, 230)
        world.clock.pass_s(11)
        swept = world.sweep()
        assert (swept.expired, swept.finished, swept.slices) == (230, True, 1)

    def test_what_was_extended_since_the_index_was_read_stays(self, world: Watched) -> None:
        [hold] = _placed(world, 1)
        world.clock.pass_s(9.9)
        slow, other = world.instance(skew_ms=1_500), world.instance()
        world.wire.meanwhile(lambda: world.extend(hold, 60, core=other), WRITES)
        assert sweep(slow, until_ms=world.clock.now_ms + 60_000).expired == 0
        assert world.hold(hold.id).status is Status.ACTIVE

    def test_what_was_executed_since_the_index_was_read_stays_executed(self, world: Watched) -> None:
        [hold] = _placed(world, 1)
        world.clock.pass_s(10.1)
        behind = world.instance(skew_ms=-1_900)
        world.wire.meanwhile(lambda: world.execute(hold, core=behind), WRITES)
        assert world.sweep().expired == 0
        assert world.hold(hold.id).status is Status.EXECUTED

    def test_one_that_is_contended_stops_no_other(self, world: Watched) -> None:
        _placed(world, 3)
        world.clock.pass_s(11)
        world.wire.refuse(conflicting(), WRITES, times=ATTEMPTS_MAX)
        swept = world.sweep()
        assert (swept.expired, swept.contended) == (2, 1)
        assert world.sweep().expired == 1

    @pytest.mark.parametrize("fault", [throttling, unreachable])
    def test_one_that_the_database_did_not_take_stops_no_other(self, world: Watched, fault: Fault) -> None:
        _placed(world, 6)
        world.clock.pass_s(11)
        world.wire.refuse(fault, WRITES, nth=3, times=THROTTLED_MAX if fault is throttling else 1)
        swept = world.sweep()
        assert (swept.expired, swept.contended) == (5, 1)
        assert world.sweep().expired == 1


class TestSettling:
    def test_what_the_settler_missed_for_over_a_minute_is_settled(self, world: Watched) -> None:
        for hold in _placed(world, 4, 900):
            world.execute(hold)
        _lose_the_stream(world)
        world.clock.pass_s(62)
        swept = world.sweep()
        assert swept.settling.settled == 4
        assert world.held("A") == 0

    def test_what_ended_just_now_is_left_to_the_settler(self, world: Watched) -> None:
        for hold in _placed(world, 4, 900):
            world.execute(hold)
        world.clock.pass_s(58)
        assert world.sweep().settling.settled == 0

    def test_a_contended_shard_is_left_to_the_next_run(self, world: Watched) -> None:
        for hold in _placed(world, 2, 900):
            world.release(hold)
        _lose_the_stream(world)
        world.clock.pass_s(62)
        world.wire.refuse(conflicting(), TRANSACTIONS, times=2 * SETTLING_ROUNDS_MAX)
        assert world.sweep().contended == 2
        world.wire.calm()
        assert world.sweep().settling.settled == 2

    def test_everything_settles_with_the_sweeper_alone(self, world: Watched) -> None:
        holds = _placed(world, 9)
        for hold in holds[:3]:
            world.execute(hold)
        for hold in holds[3:6]:
            world.release(hold)
        _lose_the_stream(world)
        world.clock.pass_s(11)
        world.sweep()
        _lose_the_stream(world)
        world.clock.pass_s(62)
        world.sweep()
        assert all(hold.settlement for hold in world.holds())
        assert (world.available("A"), world.held("A")) == (6, 0)


class TestTime:
    def test_it_stops_in_time_and_the_next_run_goes_on(self, world: Watched) -> None:
        _placed(world, 40)
        world.clock.pass_s(11)
        first = sweep(world.core, until_ms=world.clock.now_ms + 30)
        assert not first.finished
        assert 0 < first.expired < 40
        runs = 0
        while any(hold.status is Status.ACTIVE for hold in world.holds()):
            world.clock.pass_s(60)
            sweep(world.core, until_ms=world.clock.now_ms + 30)
            runs += 1
        assert runs <= world.open_slices

    def test_it_stops_in_time_within_a_page_of_contended_holds(self, world: Watched) -> None:
        _placed(world, 20)
        world.clock.pass_s(11)
        world.wire.refuse(conflicting(), WRITES, times=5 * ATTEMPTS_MAX)
        until_ms = world.clock.now_ms + 8_000
        swept = sweep(world.core, until_ms=until_ms)
        assert (swept.finished, swept.expired) == (False, 0)
        assert world.clock.now_ms < until_ms + 10_000  # one hold's tries
        world.wire.calm()
        assert world.sweep().expired == 20

    def test_it_stops_in_time_while_it_settles_and_tells_what_it_did(self, world: Watched) -> None:
        """Of the two shards one is free, and one is so busy that all tries together would take half a minute."""
        world.open_slices = 1
        world.core = world.instance()
        world.receive("A", 1)
        world.receive("B", 1)
        for item in "AB":
            world.release(world.place(item).value)
        _lose_the_stream(world)
        world.clock.pass_s(62)
        world.wire.refuse(throttling)
        world.wire.refuse(throttling, nth=3, times=SETTLING_ROUNDS_MAX)
        until_ms = world.clock.now_ms + 3_000
        swept = sweep(world.core, until_ms=until_ms)
        assert (swept.settling.settled, swept.contended) == (1, 1)
        assert world.clock.now_ms < until_ms + 1_000
        world.wire.calm()
        assert world.sweep().settling.settled == 1

    def test_with_no_time_at_all_it_does_nothing(self, world: Watched) -> None:
        _placed(world, 2)
        world.clock.pass_s(11)
        swept = sweep(world.core, until_ms=world.clock.now_ms)
        assert (swept.seen, swept.finished) == (0, False)

    def test_each_minute_begins_with_another_slice(self, world: Watched) -> None:
        begun = set()
        for _ in range(world.open_slices):
            world.clock.pass_s(60)
            seen: list[str] = []
            judge = world.database.before_call
            world.database.before_call = lambda operation, request, seen=seen: seen.append(  # type: ignore[misc]
                request["ExpressionAttributeValues"][":open"]["S"]
            )
            world.sweep()
            world.database.before_call = judge
            begun.add(seen[0])
        assert begun == {"0", "1", "2", "3"}

    @pytest.mark.parametrize("slices", [*range(1, 70), 1_024])
    def test_in_as_many_minutes_each_slice_is_first_once(self, slices: int) -> None:
        turn = turn_of(slices)
        assert {minute * turn % slices for minute in range(slices)} == set(range(slices))
        assert turn * ROUND_RUNS_MAX >= slices

    def test_due_holds_of_all_slices_come_before_the_rest(
        self, world: Watched, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep_module, "_PAGE", 2)
        _placed(world, 8)
        _placed(world, 160, 900)
        world.clock.pass_s(11)
        # 8 expiries, at most 4 reads of holds and 8 of the index, 2 ms each; the rest of one slice would take 40 ms.
        sweep(world.core, until_ms=world.clock.now_ms + 50)
        assert {hold.status for hold in world.holds() if hold.expires_at < world.clock.now_ms} == {Status.EXPIRED}

    def test_an_instance_with_a_wrong_clock_does_not_sweep(self, world: Watched) -> None:
        _placed(world, 1)
        with pytest.raises(ClockSkewed):
            sweep(world.instance(skew_ms=60_000), until_ms=world.clock.now_ms + 120_000)
        assert world.holds()[0].status is Status.ACTIVE

    def test_a_record_that_lies_far_ahead_stops_no_other(self, world: Watched) -> None:
        """Somebody's clock was an hour ahead when it wrote shard 0 of A."""
        world.ends_well = False
        world.receive("B", 100)
        late = _placed(world, 20)
        for hold in late:
            world.release(hold)
        due = [world.place("B", 1, expires_in_s=11).value for _ in range(20)]
        _lose_the_stream(world)
        edit(world, world.tables.stock, "A#W1#0", at={"N": str(world.clock.now_ms + 3_600_000)})
        world.clock.pass_s(72)
        swept = world.sweep()
        assert {world.hold(hold.id).status for hold in due} == {Status.EXPIRED}
        assert (swept.finished, swept.contended, swept.settling.settled) == (True, 20, 0)
        assert all(world.hold(hold.id).settlement is None for hold in late)
        world.clock.pass_s(3_600)
        assert world.sweep().settling.settled == 40

    def test_nor_does_a_hold_that_lies_far_ahead(self, world: Watched) -> None:
        world.ends_well = False
        holds = _placed(world, 20)
        edit(world, world.tables.holds, holds[0].id, at={"N": str(world.clock.now_ms + 3_600_000)})
        world.clock.pass_s(11)
        swept = world.sweep()
        assert (swept.finished, swept.expired, swept.contended) == (True, 19, 1)

    def test_an_index_that_cannot_be_read_is_an_overload(self, world: Watched) -> None:
        world.wire.refuse(unreachable, READS)
        with pytest.raises(Overloaded):
            world.sweep()


class TestTurns:
    @pytest.fixture
    def busy(self, world: Watched, monkeypatch: pytest.MonkeyPatch) -> Watched:
        """Ten slices, three a turn, and so much open that a run does no more than its turn."""
        monkeypatch.setattr(sweep_module, "_ENOUGH", 0)
        world.open_slices = 10
        world.core = world.instance()
        return world

    def test_what_is_not_due_is_looked_through_in_turns(self, busy: Watched) -> None:
        _placed(busy, 100, 900)
        swept = busy.sweep()
        assert (swept.slices, swept.finished) == (3, True)
        assert 0 < swept.seen < 60

    def test_where_little_is_open_every_run_sees_all_of_it(self, world: Watched) -> None:
        _placed(world, 100, 900)
        swept = world.sweep()
        assert (swept.slices, swept.seen) == (world.open_slices, 100)

    def test_what_is_due_is_finished_in_every_slice_by_each_run(self, busy: Watched) -> None:
        _placed(busy, 60)
        busy.clock.pass_s(11)
        assert busy.sweep().expired == 60

    def test_what_the_settler_missed_is_settled_when_all_slices_have_had_their_turn(self, busy: Watched) -> None:
        for hold in _placed(busy, 60, 900):
            busy.execute(hold)
        _lose_the_stream(busy)
        busy.clock.pass_s(2)
        for _ in range(ROUND_RUNS_MAX):
            busy.clock.pass_s(60)
            assert busy.sweep().finished
        assert busy.held("A") == 0
        assert all(hold.settlement for hold in busy.holds())

    def test_what_was_missed_is_settled_when_it_is_due_whosever_turn_it_is(self, busy: Watched) -> None:
        for hold in _placed(busy, 60, 61):
            busy.execute(hold)
        _lose_the_stream(busy)
        busy.clock.pass_s(62)
        assert busy.sweep().settling.settled == 60

    def test_only_what_is_due_is_worth_a_strong_reading(self, world: Watched) -> None:
        _placed(world, 20)
        _placed(world, 20, 900)
        world.clock.pass_s(11)
        strong: list[bool] = []
        judge = world.database.before_call

        def note(operation: str, request: dict[str, Any]) -> None:
            strong.extend(each["ConsistentRead"] for each in request.get("RequestItems", {}).values())
            judge(operation, request)

        world.database.before_call = note
        assert world.sweep().expired == 20
        assert strong == [True] * 4 + [False] * 4


class TestSlicesThatPlacesDoNotUse:
    """The sweeper goes through as many slices as there may ever have been."""

    def test_holds_in_them_end_and_settle(self, world: Watched) -> None:
        """There were 128 slices; now there are 4, or were before a rollback."""
        earlier = replace(world.core, open_slices=128)
        world.receive("A", 60)
        for number in range(60):
            hold = world.place_all(Want("A", "W1", 1), expires_in_s=10, core=earlier).value
            if number % 3 == 0:
                world.execute(hold)
        _lose_the_stream(world)
        world.clock.pass_s(62)
        world.core = replace(world.core, open_slices=1_024)
        swept = world.sweep()
        assert (swept.expired, swept.settling.settled, swept.finished) == (40, 20, True)

    @pytest.mark.parametrize("used", [16, 64, 128])
    def test_they_put_no_used_slice_off(self, used: int) -> None:
        """Each run has time for a tenth of the used ones only, which are the lowest."""
        left = set(range(used))
        for minute in range(30):
            order = order_from(minute * turn_of(1_024) % 1_024, 1_024)
            left -= set([number for number in order if number < used][: used // 10])
        assert not left

    @pytest.mark.parametrize("used", [16, 64, 128])
    def test_they_leave_each_turn_its_part_of_the_used_ones(self, used: int) -> None:
        turn = turn_of(1_024)
        for minute in range(1_024):
            order = order_from(minute * turn % 1_024, 1_024)
            part = sum(number < used for number in order[:turn])
            assert abs(part - used / ROUND_RUNS_MAX) < 4

    def test_time_may_be_over_before_any_hold_is_met(self, world: Watched) -> None:
        many = replace(world.core, open_slices=1_024)
        until_ms = world.clock.now_ms + 300
        swept = sweep(many, until_ms=until_ms)
        assert (swept.finished, swept.slices > 100) == (False, True)
        assert world.clock.now_ms < until_ms + 50

    def test_they_are_asked_several_at_a_time(self, world: Watched) -> None:
        at_once = Together()
        sweep(replace(world.core, open_slices=20, at_once=at_once), until_ms=world.clock.now_ms + 60_000)
        assert at_once.calls == [8, 8, 4] * 2
