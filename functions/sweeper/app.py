"""Every minute → whatever is unfinished gets finished, and what is cold is merged."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from inventory.adapters.deadline import deadline_ms
from inventory.pipeline.sweeper import run_merges, run_sweep
from inventory.settings import Settings
from inventory.telemetry import logger, metrics
from inventory.wiring import core_from

settings = Settings.from_env(os.environ, needed=("stock_table", "holds_table", "availability_table"))
core = core_from(settings)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int | bool]:
    until_ms = deadline_ms(core.clock, context)
    swept = run_sweep(core, until_ms=until_ms)
    merged = run_merges(core, until_ms=until_ms)  # last, as it is worth the least
    return {
        "expired": swept.expired,
        "settled": swept.settling.settled,
        "merged": merged,
        "finished": swept.finished,
    }
