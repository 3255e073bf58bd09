"""State machine → one step of an audit: what to look at, the archive, holds, items, files, the chain."""

import os
from typing import Any

from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import auditor_from

settings = Settings.from_env(os.environ, needed=("history_bucket", "scratch_bucket", "signing_key"))
auditor = auditor_from(settings)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = auditor.run(event)
    logger.info("step done", extra={"step": event["step"], "run": event.get("run"), "number": event.get("number")})
    return done
