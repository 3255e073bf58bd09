"""The Stock stream's consumer: keeps the projection that readers and hints use."""

from collections.abc import Sequence
from typing import Final

from inventory.domain.availability import Availability, fold
from inventory.domain.errors import InventoryError
from inventory.metric import Metric
from inventory.pipeline.resharded import announce_resharded
from inventory.pipeline.stream import RecordChange, SetAside, StreamRecord, understood
from inventory.protocol.core import Core
from inventory.protocol.project import news_of, project
from inventory.protocol.rebalance import rebalance
from inventory.storage.codec import Record
from inventory.telemetry import logger

#: Of one batch of the stream: what is not done by then the next one goes on with.
REBALANCED_WITHIN_MS: Final = 1_000


def project_batch(core: Core, records: Sequence[StreamRecord], set_aside: SetAside) -> int:
    """Folds a batch into the projection and gives the number of records written.

    Raises:
        Conflict, Overloaded: Some could not be written now; the batch must be given again.
    """
    changes = [change for _, change in understood(records, _changed, set_aside)]
    projected = project(core, news_of(changes))
    until_ms = core.clock.now() + REBALANCED_WITHIN_MS
    for unbalanced in projected.unbalanced:
        _rebalance(core, unbalanced, until_ms)
    if changes:
        lag_ms = max(0, core.clock.now() - min(after["at"] for _, after in changes))
        core.report(Metric.PROJECTION_LAG, lag_ms)
        logger.info("projected", extra={"records": len(records), "written": projected.written, "lag_ms": lag_ms})
    return projected.written


def _rebalance(core: Core, known: Availability, until_ms: int) -> None:
    """Splits and levels an item's stock. That can wait, the stream cannot: whatever hinders it, the batch goes on."""
    if core.clock.now() >= until_ms:
        core.report(Metric.REBALANCES_PUT_OFF, 1)
        return
    subject = {"item": known.item, "warehouse": known.warehouse}
    try:
        split = rebalance(core, known, until_ms=until_ms)
    except InventoryError as hindered:
        core.report(Metric.REBALANCES_PUT_OFF, 1)
        logger.info("rebalancing put off", extra={**subject, "why": hindered.code})
        return
    if split is not None:
        announce_resharded(core, "Item Split", split)


def _changed(change: RecordChange) -> tuple[Record | None, Record] | None:
    if change.after is None:
        return None  # no role may delete a stock record; the audit tells of one that was
    for subject, news in news_of([(change.before, change.after)]).items():
        alone = fold(Availability(*subject), news)
        # What cannot be read or added up is found here, by itself.
        _ = alone.version + alone.available + alone.held + change.after["at"]
    return change.before, change.after
