"""State machine → what an audit found: rows, counts, an event, and its result."""

import os
from typing import Any

from inventory.settings import Settings
from inventory.telemetry import logger, metrics
from inventory.wiring import reporter_from

settings = Settings.from_env(os.environ, needed=("history_bucket", "scratch_bucket", "glue_database", "event_bus"))
reporter = reporter_from(settings)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = reporter.run(event["run"])
    logger.info("audited", extra=done)
    return done
