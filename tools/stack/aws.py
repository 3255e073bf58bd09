"""Clients for a local stack, with its fixed credentials and a bound on every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from stack.place import LOCAL_CREDENTIALS, REGION

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

_CONFIG = Config(connect_timeout=5, read_timeout=90, retries={"total_max_attempts": 3, "mode": "standard"})
# Longer than the slowest function may take. An event is played once: a second try would be a second invocation.
_INVOKE_CONFIG = Config(connect_timeout=5, read_timeout=960, retries={"total_max_attempts": 1, "mode": "standard"})


class Aws:
    """One local endpoint's services."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = boto3.Session(
            aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    @property
    def apigateway(self) -> APIGatewayClient:
        return self._session.client("apigateway", endpoint_url=self._endpoint, config=_CONFIG)

    @property
    def cloudformation(self) -> CloudFormationClient:
        return self._session.client("cloudformation", endpoint_url=self._endpoint, config=_CONFIG)

    @property
    def dynamodb(self) -> DynamoDBClient:
        return self._session.client("dynamodb", endpoint_url=self._endpoint, config=_CONFIG)

    @property
    def functions(self) -> LambdaClient:
        return self._session.client("lambda", endpoint_url=self._endpoint, config=_INVOKE_CONFIG)

    @property
    def logs(self) -> CloudWatchLogsClient:
        return self._session.client("logs", endpoint_url=self._endpoint, config=_CONFIG)

    @property
    def s3(self) -> S3Client:
        return self._session.client("s3", endpoint_url=self._endpoint, config=_CONFIG)
