"""The Holds stream's consumer: settles what was resolved, and passes on what is better settled together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inventory.adapters.collecting import NotPassedOn, PassOn
from inventory.domain.clock import Milliseconds
from inventory.domain.collecting import thinly_spread
from inventory.domain.holds import Hold, Status
from inventory.metric import Metric
from inventory.pipeline.stream import RecordChange, SetAside, StreamRecord, put_aside, understood
from inventory.protocol.core import Core
from inventory.protocol.settle import settle
from inventory.storage.hold_records import sound_hold_from
from inventory.telemetry import logger


def settle_batch(
    core: Core,
    records: Sequence[StreamRecord],
    set_aside: SetAside,
    *,
    until_ms: Milliseconds,
    pass_on: PassOn | None = None,
) -> int:
    """Settles the resolved holds of a batch and gives their number.

    Those of hot items that are spread thinly over many shards are passed on to the collector, which settles each
    shard's together with other batches'. What cannot be passed on is settled here, as all is without `pass_on`.

    Raises:
        Conflict, Overloaded: Some could not be settled by `until_ms`; the batch must be given again. What was
            settled is counted, and what never can be is set aside, all the same.
    """
    told = list(understood(records, _resolved, set_aside))
    if pass_on is not None:
        passed = _passed_on(core, [hold for _, hold in told], pass_on)
        told = [(record, hold) for record, hold in told if hold.id not in passed]
    return settle_told(core, told, set_aside, until_ms=until_ms)


def settle_told(
    core: Core, told: Iterable[tuple[StreamRecord, Hold]], set_aside: SetAside, *, until_ms: Milliseconds
) -> int:
    """Settles holds, each of which some record told of, and gives their number.

    Raises:
        Conflict, Overloaded: Some could not be settled by `until_ms`. What was settled is counted, and what never can
            be is set aside, all the same.
    """
    resolved = {hold.id: (hold, record) for record, hold in told}
    done = settle(core, [hold for hold, _ in resolved.values()], until_ms=until_ms)
    for hold, why in done.broken:
        core.report(Metric.INVARIANT_BROKEN, 1)
        put_aside(resolved[hold.id][1], why, set_aside)
    if done.settled:
        core.report(Metric.HOLDS_SETTLED, done.settled)
        core.report(Metric.SETTLEMENT_LAG, done.lag_ms)
    logger.info("settled", extra={"holds": len(resolved), "settled": done.settled, "lag_ms": done.lag_ms})
    if done.hindered is not None:
        raise done.hindered
    return done.settled


def passing_for(event: Mapping[str, Any], pass_on: PassOn | None) -> PassOn | None:
    """Where to pass holds on: nowhere where an operator gives them back, who is to be told what fails."""
    return None if event.get("redrive") else pass_on


def _passed_on(core: Core, holds: Sequence[Hold], pass_on: PassOn) -> set[str]:
    """Passes on what is worth it, and gives the ids of the holds that were taken. Nothing hinders the others."""
    groups = thinly_spread({hold.id: hold for hold in holds}.values())
    if not groups:
        return set()
    left: set[object] = set()
    try:
        pass_on(groups)
    except NotPassedOn as refused:
        left = set(refused.left)
        count = sum(len(groups[shard]) for shard in refused.left)
        core.report(Metric.COLLECTING_REFUSED, count)
        logger.warning("not passed on", extra={"holds": count, "error": type(refused).__name__, "why": str(refused)})
    passed = {hold.id for shard, together in groups.items() if shard not in left for hold in together}
    if passed:
        core.report(Metric.HOLDS_COLLECTED, len(passed))
    return passed


def _resolved(change: RecordChange) -> Hold | None:
    if change.after is None:
        return None  # removed long after its settlement
    hold = sound_hold_from(change.after)
    return None if hold.status is Status.ACTIVE or hold.settlement is not None else hold
