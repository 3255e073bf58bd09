"""State machine → one segment of a live table, for the seal."""

import os
from typing import Any

from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import snapshot_scan_from

settings = Settings.from_env(os.environ, needed=("stock_table", "holds_table", "adjustments_table", "scratch_bucket"))
scan = snapshot_scan_from(settings)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = scan(event)
    logger.info("segment read", extra={"live": event["live"], "source": event["source"], "records": done["records"]})
    return done
