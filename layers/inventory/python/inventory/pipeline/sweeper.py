"""The every-minute run: finishes what nothing else has finished."""

from inventory.metric import Metric
from inventory.pipeline.resharded import announce_resharded
from inventory.protocol.core import Core
from inventory.protocol.rebalance import merge_cold
from inventory.protocol.sweep import Swept, sweep
from inventory.telemetry import logger


def run_sweep(core: Core, *, until_ms: int) -> Swept:
    """Sweeps until done, out of time or stopped by a failure, and says what it did.

    Raises:
        ClockSkewed, Overloaded: It could not go on; the next minute's run does.
    """
    swept = Swept()
    try:
        return sweep(core, until_ms=until_ms, swept=swept)
    finally:
        _tell(core, swept)


def _tell(core: Core, swept: Swept) -> None:
    for name, value in (
        (Metric.HOLDS_EXPIRED, swept.expired),
        (Metric.EXPIRY_LAG, swept.lag_ms),
        (Metric.HOLDS_SETTLED, swept.settling.settled),
        (Metric.INVARIANT_BROKEN, len(swept.settling.broken)),
        (Metric.POISON_RECORDS, len(swept.unreadable)),
    ):
        if value:
            core.report(name, value)
    for hold, why in swept.settling.broken:
        logger.error("hold cannot be settled", extra={"hold_id": hold.id, "why": why})
    for hold_id in swept.unreadable:
        logger.error("record is no hold", extra={"hold_id": hold_id})
    logger.info(
        "swept",
        extra={
            "seen": swept.seen,
            "expired": swept.expired,
            "settled": swept.settling.settled,
            "contended": swept.contended,
            "lag_ms": swept.lag_ms,
            "finished": swept.finished,
        },
    )


def run_merges(core: Core, *, until_ms: int) -> int:
    """Merges what is cold, in the time that is left after the sweep, and gives the number of items merged.

    Raises:
        Overloaded: The index of split stock could not be read; the next minute's run can.
    """
    merged = merge_cold(core, until_ms=until_ms)
    for each in merged:
        announce_resharded(core, "Item Merged", each)
    return len(merged)
