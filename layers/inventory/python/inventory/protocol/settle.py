"""Settle: what resolved holds do to the counters, exactly once each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from inventory.domain.clock import AHEAD_MAX_MS, Milliseconds
from inventory.domain.errors import Conflict, InvariantBroken, Overloaded, RecordAhead
from inventory.domain.holds import Hold, Status, settling_changes
from inventory.domain.limits import TRANSACTION_RECORDS_MAX
from inventory.domain.stock import Cause, ShardKey, summed
from inventory.metric import Metric
from inventory.protocol.attempts import Attempts, failed_for_good
from inventory.protocol.core import Core
from inventory.storage.database import Reason
from inventory.storage.hold_records import hold_from, settle_hold
from inventory.storage.stock_records import change_shard

ACTOR = "settler"
SETTLING_ROUNDS_MAX: Final = 64
_PERSISTENCE_S = 0.008  # about as long as a transaction keeps its shard (docs/performance.md)
_HOLDS_MAX = TRANSACTION_RECORDS_MAX - 1  # the shard is one of the records


@dataclass(slots=True)
class Settled:
    """What a run of settling did.

    Attributes:
        settled: How many holds this run settled.
        lag_ms: The longest time from a hold's resolution to its settlement.
        broken: Holds that contradict the protocol, with what is wrong: to be set aside for a person.
        left: Holds that could not be settled now; they may be given again.
        hindered: Why there are any.
        ahead: A record that lies so far ahead that some of them have to wait, which hinders no others.
    """

    settled: int = 0
    lag_ms: Milliseconds = 0
    broken: list[tuple[Hold, str]] = field(default_factory=list)
    left: list[Hold] = field(default_factory=list)
    hindered: Conflict | Overloaded | None = None
    ahead: RecordAhead | None = None


def settle(core: Core, holds: Iterable[Hold], *, until_ms: Milliseconds) -> Settled:
    """Settles those of the holds that are resolved and not settled yet.

    Holds drawn from one and the same shard share a transaction that updates the shard once with their sum; a hold
    with several draws settles alone, as one transaction over many hot shards would never win. Whatever is given
    twice, or was settled by others, changes nothing. A group whose shard is busy is tried again after all others
    were, so that none waits for it.

    Returns:
        What was done, and what is left: where others were faster in every round, the database did not answer, or
        the next try would begin at `until_ms` or later.

    Raises:
        ClockSkewed: This instance's clock is not to be trusted.
    """
    report = Settled()
    groups = [_Group(core, together) for together in _groups(holds)]
    for _ in range(SETTLING_ROUNDS_MAX):
        again: list[_Group] = []
        for group in groups:
            stop = report.hindered is not None or core.clock.now() >= until_ms
            again += [group] if stop else _try(core, group, report)
        groups = again
        if not groups:
            break
        wait_s = max(_wait_s(group.attempts) for group in groups)
        if report.hindered is not None or core.clock.now() + wait_s * 1000 >= until_ms:
            break
        core.pause(wait_s)
    report.left += [hold for group in groups for hold in group.left.values()]
    if groups:
        report.hindered = report.hindered or groups[0].attempts.failure()
    report.hindered = report.hindered or report.ahead
    return report


def _wait_s(attempts: Attempts) -> float:
    """How long to wait before the next round: on a busy shard, no longer than one of the many buyers that want it."""
    return attempts.wait_s if attempts.was_throttled else min(attempts.wait_s, _PERSISTENCE_S)


def _groups(holds: Iterable[Hold]) -> list[list[Hold]]:
    by_shard: dict[ShardKey, dict[str, Hold]] = {}
    alone: dict[str, Hold] = {}
    for hold in holds:
        if hold.status is Status.ACTIVE or hold.settlement is not None:
            continue
        shards = hold.shard_keys()
        if len(shards) == 1:
            by_shard.setdefault(next(iter(shards)), {})[hold.id] = hold
        else:
            alone[hold.id] = hold
    groups = [[hold] for hold in alone.values()]
    for together in by_shard.values():
        listed = list(together.values())
        groups += [listed[start : start + _HOLDS_MAX] for start in range(0, len(listed), _HOLDS_MAX)]
    return groups


class _Group:
    """Holds that are settled in one transaction under one id, and what was met in trying."""

    def __init__(self, core: Core, holds: Iterable[Hold]) -> None:
        self.settlement = core.new_id("stl")
        self.left = {hold.id: hold for hold in holds}
        self.attempts = Attempts(core.pause, self.settlement)


def _try(core: Core, group: _Group, report: Settled) -> list[_Group]:
    """Tries to settle a group once, and gives what of it is to be tried again: it, nothing, or its holds apart."""
    attempts, left = group.attempts, group.left
    try:
        at = core.clock.stamp(attempts.seen_at, *(hold.at for hold in left.values()))
    except RecordAhead as ahead:
        report.ahead = ahead
        return _put_off(core, group, report)
    changes = summed(change for hold in left.values() for change in settling_changes(hold))
    cause = Cause("settlement", group.settlement, ACTOR, hops=attempts.hops)
    writes = [
        *(settle_hold(core.tables, hold, group.settlement, at) for hold in left.values()),
        *(change_shard(core.tables, change, at, cause) for change in changes),
    ]
    try:
        failed = attempts.transact(core.database, writes)
    except Overloaded as unanswered:  # each of the others would wait for an answer as long
        report.hindered = unanswered
        return [group]
    except InvariantBroken as contradiction:
        return _apart(core, group, report, str(contradiction))
    if failed is None:
        report.settled += len(left)
        report.lag_ms = max([report.lag_ms, *(at - hold.at for hold in left.values())])
        core.report(Metric.SHARD_CONFLICTS, attempts.conflicts)
        return []
    broken = failed_for_good(failed, at)
    dropped = [reason for reason in broken if reason.write.about in left]
    for reason in dropped:
        _drop(left, reason, report)
    # Where another is on a hold right now, it may be settling it, and the shard's part of that be done already.
    if broken and not dropped and len(broken) == len(failed):
        return _apart(core, group, report, "a shard holds less than the hold drew from it")
    return [group] if left else []


def _put_off(core: Core, group: _Group, report: Settled) -> list[_Group]:
    """Leaves what waits for a record that lies far ahead; those that do not are tried without it."""
    latest_ms = core.clock.now() + AHEAD_MAX_MS
    waiting = [hold for hold in group.left.values() if hold.at > latest_ms]
    for hold in waiting or list(group.left.values()):  # if it is none of the holds, it is their shard
        report.left.append(group.left.pop(hold.id))
    return [group] if group.left else []


def _drop(left: dict[str, Hold], reason: Reason, report: Settled) -> None:
    """Takes a hold that cannot be settled (again) out of its group."""
    hold = left.pop(str(reason.write.about))
    if reason.record is None:
        report.broken.append((hold, "the hold is gone before it was settled"))
    elif hold_from(reason.record).settlement is None:
        report.broken.append((hold, f"the hold's status is {reason.record['status']} by now"))


def _apart(core: Core, group: _Group, report: Settled, why: str) -> list[_Group]:
    """Takes a group that can never be settled as it is apart, hold by hold: what still fails is broken."""
    holds = list(group.left.values())
    if len(holds) == 1:
        report.broken.append((holds[0], why))
        return []
    return [_Group(core, [hold]) for hold in holds]
