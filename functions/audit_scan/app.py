"""State machine → one segment of a live table, for an audit."""

import os
from typing import Any

from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import audit_scan_from

_NEEDED = ("stock_table", "holds_table", "adjustments_table", "history_bucket", "scratch_bucket")

settings = Settings.from_env(os.environ, needed=_NEEDED)
scan = audit_scan_from(settings)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = scan(event)
    logger.info("segment read", extra={"run": event["run"], "kind": event["kind"], "records": done["records"]})
    return done
