"""Collecting stream → settlement of what the settler passed on, each counter shard's holds together."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from inventory.adapters.deadline import deadline_ms
from inventory.pipeline.collector import settle_collected
from inventory.pipeline.stream import aside_for, told_at
from inventory.settings import Settings
from inventory.telemetry import logger, metrics
from inventory.wiring import aside_on, core_from

settings = Settings.from_env(os.environ, needed=("stock_table", "holds_table", "poison_queue_url"))
core = core_from(settings)
set_aside = aside_on(settings.poison_queue_url)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    core.clock.compare(told_at(event["Records"]))
    until_ms = deadline_ms(core.clock, context)
    return {"settled": settle_collected(core, event["Records"], aside_for(event, set_aside), until_ms=until_ms)}
