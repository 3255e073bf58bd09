"""State machine → one segment of a live table, for an audit."""

import os
from typing import Any

import boto3

from inventory.audit.scan import scan
from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import SCAN_CONFIG, archived_tables, objects_from

_NEEDED = ("stock_table", "holds_table", "adjustments_table", "history_bucket", "scratch_bucket")

settings = Settings.from_env(os.environ, needed=_NEEDED)
objects = objects_from(settings)
client = boto3.client("dynamodb", config=SCAN_CONFIG)
tables = archived_tables(settings)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = scan(objects, client, tables, event)
    logger.info("segment read", extra={"run": event["run"], "kind": event["kind"], "records": done["records"]})
    return done
