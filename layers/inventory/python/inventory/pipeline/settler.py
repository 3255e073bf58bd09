"""The Holds stream's consumer: settles what was resolved."""

from collections.abc import Sequence

from inventory.domain.clock import Milliseconds
from inventory.domain.holds import Hold, Status
from inventory.pipeline.stream import Change, SetAside, StreamRecord, put_aside, understood
from inventory.protocol.core import Core
from inventory.protocol.settle import settle
from inventory.storage.hold_records import sound_hold_from
from inventory.telemetry import Metric, logger, report


def settle_batch(core: Core, records: Sequence[StreamRecord], set_aside: SetAside, *, until_ms: Milliseconds) -> int:
    """Settles the resolved holds of a batch and gives their number.

    Raises:
        Conflict, Overloaded: Some could not be settled by `until_ms`; the batch must be given again. What was
            settled is counted, and what never can be is set aside, all the same.
    """
    resolved = {hold.id: (hold, record) for record, hold in understood(records, _resolved, set_aside)}
    done = settle(core, [hold for hold, _ in resolved.values()], until_ms=until_ms)
    for hold, why in done.broken:
        report(Metric.INVARIANT_BROKEN, 1)
        put_aside(resolved[hold.id][1], why, set_aside)
    if done.settled:
        report(Metric.HOLDS_SETTLED, done.settled)
        report(Metric.SETTLEMENT_LAG, done.lag_ms)
    logger.info("settled", extra={"records": len(records), "settled": done.settled, "lag_ms": done.lag_ms})
    if done.hindered is not None:
        raise done.hindered
    return done.settled


def _resolved(change: Change) -> Hold | None:
    if change.after is None:
        return None  # removed long after its settlement
    hold = sound_hold_from(change.after)
    return None if hold.status is Status.ACTIVE or hold.settlement is not None else hold
