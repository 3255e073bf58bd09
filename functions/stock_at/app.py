"""Stock function → what there was of an item at an instant, from the history."""

import os
from collections.abc import Mapping
from typing import Any

from inventory.adapters.past import answer
from inventory.adapters.workplace import workplace
from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import past_from

settings = Settings.from_env(os.environ, needed=("history_bucket",))
past = past_from(settings)


@logger.inject_lambda_context
def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    with workplace() as work:
        reply = answer(lambda item, at_ms: past.stock_of(item, at_ms, work), event)
    logger.info("past read", extra={"item": event["item"], "at_ms": event["at_ms"], "refusal": reply.get("refusal")})
    return reply
