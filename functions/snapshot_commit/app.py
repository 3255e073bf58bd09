"""State machine → what makes a snapshot visible: its manifest, its files, its partitions."""

import os
from typing import Any

from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import publisher_from

settings = Settings.from_env(
    os.environ, needed=("history_bucket", "scratch_bucket", "glue_database", "signing_key", "audit_machine")
)
publisher = publisher_from(settings)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = publisher.run(event)
    logger.info("concluded", extra={"step": event["step"], "run": event.get("run"), **done})
    return done
