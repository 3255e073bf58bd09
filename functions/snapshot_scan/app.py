"""State machine → one segment of a live table, for the seal."""

import os
from typing import Any

import boto3

from inventory.history.steps import scan
from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import SCAN_CONFIG, archived_tables, objects_from

settings = Settings.from_env(os.environ, needed=("stock_table", "holds_table", "adjustments_table", "scratch_bucket"))
objects = objects_from(settings)
client = boto3.client("dynamodb", config=SCAN_CONFIG)
tables = archived_tables(settings)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = scan(objects, client, tables, event)
    logger.info("segment read", extra={"live": event["live"], "source": event["source"], "records": done["records"]})
    return done
