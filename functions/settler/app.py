"""Holds stream → settlement of what was resolved, or the collecting stream."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from inventory.adapters.deadline import deadline_ms
from inventory.pipeline.settler import passing_for, settle_batch
from inventory.pipeline.stream import aside_for, told_at
from inventory.settings import Settings
from inventory.telemetry import logger, metrics
from inventory.wiring import aside_on, collecting_on, core_from

settings = Settings.from_env(os.environ, needed=("stock_table", "holds_table", "poison_queue_url"))
core = core_from(settings)
set_aside = aside_on(settings.poison_queue_url)
pass_on = collecting_on(settings)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    core.clock.compare(told_at(event["Records"]))
    until_ms = deadline_ms(core.clock, context)
    aside, passing = aside_for(event, set_aside), passing_for(event, pass_on)
    return {"settled": settle_batch(core, event["Records"], aside, until_ms=until_ms, pass_on=passing)}
