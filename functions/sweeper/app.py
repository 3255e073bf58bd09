from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 503, "headers": {"Content-Type": "application/json"}, "body": "{}"}
