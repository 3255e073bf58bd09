"""State machine → one step of a snapshot: plan, map, reduce, seal."""

import os
from typing import Any

from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import snapshot_steps_from

settings = Settings.from_env(os.environ, needed=("history_bucket", "scratch_bucket"))
steps = snapshot_steps_from(settings)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = steps.run(event)
    logger.info(
        "step done", extra={"step": event["step"], "run": event.get("run"), "incomplete": done.get("incomplete")}
    )
    return done
