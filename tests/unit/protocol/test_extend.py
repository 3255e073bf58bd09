"""Extend: a new time counted from the write, and merged metadata, for an active hold only."""

from typing import Any

import pytest

from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, InvalidRequest, Missing, Overloaded
from inventory.domain.holds import Hold, Status
from inventory.domain.limits import ATTEMPTS_MAX, METADATA_KEYS_MAX
from inventory.storage.codec import encode
from support.watched import Watched
from support.wire import BATCH_READS, TRANSACTIONS, WRITES, conflicting, in_progress


def _active(world: Watched, expires_in_s: int = 900) -> Hold:
    world.receive("A", 1)
    return world.place_all(Want("A", "W1", 1), metadata={"a": "1", "b": "2"}, expires_in_s=expires_in_s).value


class TestTimeAndMetadata:
    def test_the_new_time_counts_from_the_write(self, world: Watched) -> None:
        hold = _active(world)
        world.clock.pass_s(100)
        extended = world.extend(hold, 60).value
        assert extended.expires_at == extended.at + 60_000
        assert world.hold(hold.id) == extended

    def test_it_may_become_shorter(self, world: Watched) -> None:
        hold = _active(world)
        assert world.extend(hold, 1).value.expires_at < hold.expires_at

    def test_without_a_time_the_time_stays(self, world: Watched) -> None:
        hold = _active(world)
        assert world.extend(hold, None, {"c": "3"}).value.expires_at == hold.expires_at

    def test_metadata_is_merged_and_an_empty_value_removes_its_key(self, world: Watched) -> None:
        hold = _active(world)
        changed = world.extend(hold, None, {"a": "", "b": "4", "c": "3", "d": ""}).value
        assert dict(changed.metadata) == dict(world.hold(hold.id).metadata) == {"b": "4", "c": "3"}

    def test_an_empty_value_that_was_placed_stays_until_it_is_named(self, world: Watched) -> None:
        world.receive("A", 1)
        hold = world.place_all(Want("A", "W1", 1), metadata={"note": "", "order": "7"}).value
        assert dict(world.extend(hold, 60).value.metadata) == {"note": "", "order": "7"}
        assert dict(world.extend(hold, None, {"note": ""}).value.metadata) == {"order": "7"}

    def test_too_many_keys_are_refused(self, world: Watched) -> None:
        hold = _active(world)
        more = {f"k{number}": "x" for number in range(METADATA_KEYS_MAX - 1)}
        with pytest.raises(InvalidRequest):
            world.extend(hold, None, more)
        assert len(world.extend(hold, None, {**more, "a": ""}).value.metadata) == METADATA_KEYS_MAX

    def test_the_sweeper_finds_it_at_its_new_time(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.extend(hold, 100)
        world.clock.pass_s(20)
        assert world.sweep().expired == 0
        world.clock.pass_s(100)
        assert world.sweep().expired == 1


class TestWhatCannotBeExtended:
    def test_a_hold_that_has_ended(self, world: Watched) -> None:
        hold = _active(world)
        world.release(hold)
        with pytest.raises(InvalidRequest) as refusal:
            world.extend(hold, 60)
        assert refusal.value.code == "hold_already_released"

    def test_a_hold_whose_time_is_over(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at - 99
        with pytest.raises(InvalidRequest) as refusal:
            world.extend(hold, 60)
        assert refusal.value.code == "hold_expired"

    def test_one_that_is_told_so_has_expired_for_good(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at + 100

        def is_refused() -> None:
            with pytest.raises(InvalidRequest) as refusal:
                world.extend(hold, 60, key="k")
            assert refusal.value.code == "hold_expired"

        world.wire.meanwhile(is_refused)
        with pytest.raises(InvalidRequest):  # an earlier try of the same, still on its way
            world.extend(hold, 60, key="k", core=world.instance(skew_ms=-1_900))
        assert world.hold(hold.id).status is Status.EXPIRED

    def test_one_that_another_gave_more_time_at_the_last_moment_is_not_told_so(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at + 100
        world.wire.meanwhile(lambda: world.extend(hold, 60, core=world.instance(skew_ms=-1_900)), WRITES)
        extended = world.extend(hold, 120).value
        assert (extended.rev, extended.expires_at) == (3, extended.at + 120_000)

    def test_a_moment_before_it_can(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=10)
        world.clock.now_ms = hold.expires_at - 104
        assert world.extend(hold, 60).value.at == hold.expires_at - 100

    def test_a_hold_that_ends_while_it_is_extended(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.meanwhile(lambda: world.execute(hold, core=world.instance()))
        with pytest.raises(InvalidRequest) as refusal:
            world.extend(hold, 60)
        assert refusal.value.code == "hold_already_executed"

    def test_a_hold_whose_time_runs_out_while_others_are_faster(self, world: Watched) -> None:
        hold = _active(world, expires_in_s=1)
        world.wire.meanwhile(lambda: world.clock.pass_s(2))
        world.wire.refuse(conflicting(), times=2)
        with pytest.raises(InvalidRequest) as refusal:
            world.extend(hold, 60)
        assert refusal.value.code == "hold_expired"

    def test_a_hold_that_never_was(self, world: Watched) -> None:
        hold = _active(world)
        for identifier in ("hold_" + "0" * 32, "nonsense"):
            with pytest.raises(Missing):
                world.extend(Hold(identifier, Status.ACTIVE, hold.lines, 0, 0, 1, 0, "", ""), 60)


class TestOthersMeanwhile:
    def test_metadata_that_another_added_meanwhile_is_kept(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.meanwhile(lambda: world.extend(hold, None, {"other": "1"}, core=world.instance()))
        changed = world.extend(hold, None, {"mine": "2"}).value
        assert dict(changed.metadata) == {"a": "1", "b": "2", "other": "1", "mine": "2"}

    def test_a_disturbance_is_waited_for(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.refuse(conflicting(), times=3)
        world.extend(hold, 60)
        assert world.hold(hold.id).rev == 2

    def test_a_long_one_is_a_conflict(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.refuse(conflicting(), times=ATTEMPTS_MAX)
        with pytest.raises(Conflict):
            world.extend(hold, 60)


class TestRetries:
    def test_the_same_request_with_a_key_changes_it_once(self, world: Watched) -> None:
        hold = _active(world)
        first = world.extend(hold, 60, key="k")
        world.clock.pass_s(10)
        again = world.extend(hold, 60, key="k")
        assert (first.replayed, again.replayed) == (False, True)
        assert again.value.expires_at == first.value.expires_at

    def test_a_replay_is_told_though_the_reading_showed_the_end_and_not_yet_the_change(
        self, world: Watched, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hold = _active(world)
        world.extend(hold, 60, key="k")
        world.release(hold)
        read = world.core.database.batch_get
        monkeypatch.setattr(world.core.database, "batch_get", lambda keys: read(keys[:1]))
        assert world.extend(hold, 60, key="k").replayed
        with pytest.raises(IdempotencyKeyMismatch):
            world.extend(hold, 61, key="k")

    def test_a_replay_is_told_even_after_the_end(self, world: Watched) -> None:
        hold = _active(world)
        world.extend(hold, 60, key="k")
        world.release(hold)
        assert world.extend(hold, 60, key="k").value.status is Status.RELEASED

    def test_the_same_key_with_other_parameters_is_a_mismatch(self, world: Watched) -> None:
        hold = _active(world)
        world.extend(hold, 60, key="k")
        with pytest.raises(IdempotencyKeyMismatch):
            world.extend(hold, 61, key="k")

    def test_a_lost_answer_is_found_by_the_retry(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.lose()
        with pytest.raises(Overloaded):
            world.extend(hold, 60, key="k")
        assert world.extend(hold, 60, key="k").replayed
        assert world.hold(hold.id).rev == 2

    def test_of_two_twins_at_once_one_changes_it(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.meanwhile(lambda: world.extend(hold, 60, key="k", core=world.instance()), TRANSACTIONS)
        assert world.extend(hold, 60, key="k").replayed
        assert world.hold(hold.id).rev == 2

    def test_a_stranger_with_the_same_key_at_once_is_a_mismatch(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.meanwhile(lambda: world.extend(hold, 61, key="k", core=world.instance()), TRANSACTIONS)
        with pytest.raises(IdempotencyKeyMismatch):
            world.extend(hold, 60, key="k")

    def test_an_unknown_outcome_within_one_request_is_found_by_itself(self, world: Watched) -> None:
        hold = _active(world)
        world.wire.mangle(in_progress)
        world.extend(hold, 60, key="k")
        assert world.hold(hold.id).rev == 2

    def test_a_replay_never_shows_the_hold_as_it_was_before(self, world: Watched) -> None:
        hold = _active(world)
        old = next(record for record in world.records(world.tables.holds))
        extended = world.extend(hold, 60, key="k").value
        judge = world.database.after_call

        def torn(operation: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
            judge(operation, request, answer)
            if operation in BATCH_READS:  # the hold was read before, the request after the change
                answer["Responses"][world.tables.holds] = [encode(old)]

        world.database.after_call = torn
        replayed = world.extend(hold, 60, key="k")
        world.database.after_call = judge
        assert replayed.value.expires_at == extended.expires_at
