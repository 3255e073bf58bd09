"""State machine → what makes a snapshot visible: its manifest, its files, its partitions."""

import os
from typing import Any

import boto3

from inventory.adapters.catalogue import GlueCatalogue
from inventory.adapters.executions import StepFunctionsMachine
from inventory.adapters.signing import KmsSigner
from inventory.history.steps import conclude
from inventory.settings import Settings
from inventory.telemetry import logger
from inventory.wiring import OBJECTS_CONFIG, now_ms, objects_from

settings = Settings.from_env(
    os.environ, needed=("history_bucket", "scratch_bucket", "glue_database", "signing_key", "audit_machine")
)
objects = objects_from(settings)
signer = KmsSigner(boto3.client("kms", config=OBJECTS_CONFIG), settings.signing_key)
catalogue = GlueCatalogue(boto3.client("glue", config=OBJECTS_CONFIG), settings.glue_database)
audits = StepFunctionsMachine(boto3.client("stepfunctions", config=OBJECTS_CONFIG), settings.audit_machine)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    done = conclude(objects, signer, catalogue, audits, now_ms, event)
    logger.info("concluded", extra={"step": event["step"], "run": event.get("run"), **done})
    return done
