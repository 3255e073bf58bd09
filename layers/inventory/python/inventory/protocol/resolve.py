"""Resolve: execute, release or expire, each one conditional write on the hold alone."""

from collections.abc import Callable, Sequence
from typing import Final

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InvalidRequest, Missing
from inventory.domain.holds import Hold, Resolution, Status, Take, executed_by_line
from inventory.domain.ids import HOLD, Requester, is_object_id
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Answer, Core
from inventory.protocol.holds_view import get_hold
from inventory.storage.database import ConditionFailed
from inventory.storage.hold_records import execute_hold, expire_hold, hold_from, release_hold
from inventory.storage.writes import Write

#: The code and the sentence for a hold that has ended.
ENDED: Final = {
    Status.EXECUTED: ("hold_already_executed", "This hold was already executed."),
    Status.RELEASED: ("hold_already_released", "This hold was already released."),
    Status.EXPIRED: ("hold_expired", "This hold has expired; its stock may be gone. Place a new one."),
}


def execute(core: Core, hold_id: str, takes: Sequence[Take] | None, *, by: Requester) -> Answer[Hold]:
    """Takes what a hold reserved: all of it, or the `takes`; the rest becomes available again.

    Raises:
        Missing: No such hold.
        InvalidRequest: It is executed, released or expired already, or the takes do not fit it.
        IdempotencyKeyMismatch: The key executed this hold with other parameters.
        Conflict, Overloaded: Nothing is known to have changed; try again.
    """
    executed: list[int] | None = None
    if takes is not None:
        # Only which line is which has to be known: lines never change, so this reading cannot be stale.
        hold = get_hold(core, hold_id)
        if hold.status is not Status.ACTIVE:
            return _ended(hold, by)
        executed = executed_by_line(hold, takes)
    resolution = Resolution(by.token, by.fingerprint, by.actor)
    return _resolve(core, hold_id, by, lambda at: execute_hold(core.tables, hold_id, resolution, at, executed))


def release(core: Core, hold_id: str, *, by: Requester) -> Answer[Hold]:
    """Gives back what a hold reserved.

    Raises:
        Missing: No such hold.
        InvalidRequest: It is executed, released or expired already.
        IdempotencyKeyMismatch: The key released this hold with other parameters.
        Conflict, Overloaded: Nothing is known to have changed; try again.
    """
    resolution = Resolution(by.token, by.fingerprint, by.actor)
    return _resolve(core, hold_id, by, lambda at: release_hold(core.tables, hold_id, resolution, at))


def expire(core: Core, hold_id: str) -> Hold | None:
    """Ends a hold whose time is over.

    Returns:
        The hold as expired, or None where it has more time, has ended another way, or is gone.

    Raises:
        Conflict, Overloaded: Nothing is known to have changed; the next sweep tries again.
    """
    attempts = Attempts(core.pause, hold_id)
    while True:
        attempts.begin()
        at = core.clock.stamp(attempts.seen_at)
        try:
            expired = attempts.write(core.database, expire_hold(core.tables, hold_id, at))
        except ConditionFailed as failure:
            if failure.record is None or failure.record["at"] <= at:
                return None
        else:
            if expired is not None:
                return hold_from(expired)


def _resolve(core: Core, hold_id: str, by: Requester, write: Callable[[Milliseconds], Write]) -> Answer[Hold]:
    if not is_object_id(HOLD, hold_id):
        raise Missing("hold", hold_id)
    attempts = Attempts(core.pause, hold_id)
    while True:
        attempts.begin()
        at = core.clock.stamp(attempts.seen_at)
        try:
            resolved = attempts.write(core.database, write(at))
        except ConditionFailed as failure:
            if failure.record is None:
                raise Missing("hold", hold_id) from None
            hold = hold_from(failure.record)
            if hold.status is not Status.ACTIVE:
                return _ended(hold, by)
            # Active: its time is over, or it is only ahead of this clock. Who is told that it has expired is told so
            # for good: an earlier try of this request may still be on its way, with an earlier `at`.
            if expire(core, hold_id) is not None:
                raise InvalidRequest(*ENDED[Status.EXPIRED]) from None
        else:
            if resolved is not None:
                return Answer(hold_from(resolved), replayed=False)


def _ended(hold: Hold, by: Requester) -> Answer[Hold]:
    """A hold that has ended: by an earlier try of this request, or by another."""
    if hold.resolution is not None and hold.resolution.key == by.token:
        by.recognise(hold.resolution.fingerprint)
        return Answer(hold, replayed=by.keyed)
    raise InvalidRequest(*ENDED[hold.status])
