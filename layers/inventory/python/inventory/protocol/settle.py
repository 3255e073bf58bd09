"""Settle: what resolved holds do to the counters, exactly once each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import Conflict
from inventory.domain.holds import Hold, Status, settling_changes
from inventory.domain.limits import TRANSACTION_RECORDS_MAX
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.attempts import Attempts, failed_for_good
from inventory.protocol.core import Core
from inventory.storage.database import Reason
from inventory.storage.hold_records import hold_from, settle_hold
from inventory.storage.stock_records import change_shard

ACTOR = "settler"
_HOLDS_MAX = TRANSACTION_RECORDS_MAX - 1  # the shard is one of the records


@dataclass(slots=True)
class Settled:
    """What a run of settling did.

    Attributes:
        settled: How many holds this run settled.
        lag_ms: The longest time from a hold's resolution to its settlement.
        broken: Holds that contradict the protocol, with what is wrong: to be set aside for a person.
    """

    settled: int = 0
    lag_ms: Milliseconds = 0
    broken: list[tuple[Hold, str]] = field(default_factory=list)


def settle(core: Core, holds: Iterable[Hold]) -> Settled:
    """Settles those of the holds that are resolved and not settled yet.

    Holds drawn from one and the same shard share a transaction that updates the shard once with their sum; a hold
    with several draws settles alone, as one transaction over many hot shards would never win. Whatever is given
    twice, or was settled by others, changes nothing.

    Raises:
        Conflict, Overloaded: Some holds could not be settled now; the batch may be given again.
    """
    report = Settled()
    contended: Conflict | None = None
    for group in _groups(holds):
        try:
            _settle_group(core, group, report)
        except Conflict as conflict:  # the other groups go on; the caller tries this one again
            contended = conflict
    if contended is not None:
        raise contended
    return report


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


def _settle_group(core: Core, group: Sequence[Hold], report: Settled) -> None:
    settlement = core.new_id("stl")
    left = {hold.id: hold for hold in group}
    attempts = Attempts(core.pause, settlement)
    for _ in attempts:
        at = core.clock.stamp(attempts.seen_at, *(hold.at for hold in left.values()))
        changes = _summed(left.values())
        cause = Cause("settlement", settlement, ACTOR, hops=attempts.hops)
        writes = [
            *(settle_hold(core.tables, hold, settlement, at) for hold in left.values()),
            *(change_shard(core.tables, change, at, cause) for change in changes),
        ]
        failed = attempts.transact(core.database, writes)
        if failed is None:
            report.settled += len(left)
            report.lag_ms = max([report.lag_ms, *(at - hold.at for hold in left.values())])
            core.report("ShardConflicts", attempts.conflicts)
            return
        broken = failed_for_good(failed, at)
        dropped = [reason for reason in broken if reason.write.about in left]
        for reason in dropped:
            _drop(left, reason, report)
        if not left:
            return
        # Where another is on a hold right now, it may be settling it, and the shard's part of that be done already.
        if broken and not dropped and len(broken) == len(failed):
            _settle_apart(core, list(left.values()), report)
            return
    raise AssertionError("the tries end by an error of their own")


def _drop(left: dict[str, Hold], reason: Reason, report: Settled) -> None:
    """Takes a hold that cannot be settled (again) out of its group."""
    hold = left.pop(str(reason.write.about))
    if reason.record is None:
        report.broken.append((hold, "the hold is gone before it was settled"))
    elif hold_from(reason.record).settlement is None:
        report.broken.append((hold, f"the hold's status is {reason.record['status']} by now"))


def _settle_apart(core: Core, group: Sequence[Hold], report: Settled) -> None:
    """Settles a group whose shard holds less than the group says, hold by hold: what still fails is broken."""
    if len(group) == 1:
        report.broken.append((group[0], "a shard holds less than the hold drew from it"))
        return
    for hold in group:
        _settle_group(core, [hold], report)


def _summed(holds: Iterable[Hold]) -> list[Change]:
    total: dict[ShardKey, Change] = {}
    for hold in holds:
        for change in settling_changes(hold):
            so_far = total.get(change.key, Change(change.key, 0, 0))
            total[change.key] = Change(change.key, so_far.available + change.available, so_far.held + change.held)
    return list(total.values())
