"""Stock, holds and adjustments streams → the archive in the history's bucket."""

import os
from typing import Any

from inventory.pipeline.archiver import archive_batch
from inventory.pipeline.stream import aside_for
from inventory.settings import Settings
from inventory.telemetry import logger, metrics
from inventory.wiring import archived_tables, aside_on, now_ms, objects_from

settings = Settings.from_env(
    os.environ, needed=("stock_table", "holds_table", "adjustments_table", "history_bucket", "poison_queue_url")
)
objects = objects_from(settings)
sources = {table: source for source, table in archived_tables(settings).items()}
set_aside = aside_on(settings.poison_queue_url)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, int]:
    archived = archive_batch(objects, sources, event["Records"], aside_for(event, set_aside), now_ms())
    return {"events": archived.events, "objects": archived.objects}
