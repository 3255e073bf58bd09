"""Stock stream → the projection that readers and hints use."""

import os
from typing import Any

from inventory.pipeline.projector import project_batch
from inventory.pipeline.stream import aside_for
from inventory.settings import Settings
from inventory.telemetry import logger, metrics
from inventory.wiring import aside_on, core_from

settings = Settings.from_env(os.environ, needed=("stock_table", "availability_table", "poison_queue_url"))
core = core_from(settings)
set_aside = aside_on(settings.poison_queue_url)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, int]:
    return {"written": project_batch(core, event["Records"], aside_for(event, set_aside))}
