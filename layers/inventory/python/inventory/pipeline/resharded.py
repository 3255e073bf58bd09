"""What operators are told of an item that is counted on more or fewer shards than before."""

from inventory.protocol.core import Core
from inventory.protocol.rebalance import Resharded
from inventory.telemetry import logger


def announce_resharded(core: Core, what: str, done: Resharded) -> None:
    """Logs it, and announces it as an event whose detail type is `what`."""
    detail = {
        "item": done.item,
        "warehouse": done.warehouse,
        "shards_before": done.before,
        "shards_after": done.after,
    }
    logger.info(what, extra=detail)
    core.announce(what, detail)
