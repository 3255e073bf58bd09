"""The yardstick: a handler with the same Powertools set-up that does one PutItem, and nothing else."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

client = boto3.client(
    "dynamodb", config=Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
)
logger = Logger(service="one-put", utc=True, use_rfc3339=True)
metrics = Metrics(namespace="Bench")


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Stores the request's body under the request's id."""
    request_id = event["requestContext"]["requestId"]
    logger.append_keys(request_id=request_id)
    body = json.loads(event["body"])
    line = body["lines"][0]
    client.put_item(
        TableName=os.environ["HOLDS_TABLE"],
        Item={
            "hold_id": {"S": request_id},
            "item": {"S": line["item"]},
            "warehouse": {"S": line["warehouse"]},
            "quantity": {"N": str(line["quantity"])},
        },
    )
    metrics.add_metric(name="Placed", unit="Count", value=1)
    logger.info("request", extra={"status": 200})
    metrics.flush_metrics()
    return {"statusCode": 200, "headers": {"Request-Id": request_id}, "body": json.dumps({"id": request_id})}
