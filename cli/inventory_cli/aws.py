"""Clients for the services behind a stack, each call bounded, each failure a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
)

from inventory_cli.errors import CliError, NotFound, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


class Credentials(NamedTuple):
    """An access key and its secret."""

    key_id: str
    secret: str


#: What every local emulator takes; it opens nothing anywhere else.
LOCAL_CREDENTIALS: Final = Credentials("test", "test")

_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 4, "mode": "standard"})
# Longer than the slowest function that has an on-failure queue may take. The caller tries again, not the SDK.
_INVOKE_CONFIG = Config(connect_timeout=5, read_timeout=150, retries={"total_max_attempts": 1, "mode": "standard"})


class Aws:
    """One account and region, or one emulator.

    Args:
        region: None: the operator's own default.
        endpoint_url: An emulator's address; None: AWS.
        credentials: None: the operator's own.
    """

    def __init__(
        self, *, region: str | None, endpoint_url: str | None = None, credentials: Credentials | None = None
    ) -> None:
        with explained():
            self._session = boto3.Session(
                region_name=region,
                aws_access_key_id=credentials.key_id if credentials else None,
                aws_secret_access_key=credentials.secret if credentials else None,
            )
        self._endpoint_url = endpoint_url

    @property
    def dynamodb(self) -> DynamoDBClient:
        """The tables."""
        return self._session.client("dynamodb", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def streams(self) -> DynamoDBStreamsClient:
        """The tables' streams."""
        return self._session.client("dynamodbstreams", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def kinesis(self) -> KinesisClient:
        """The stream from the settler to the collector."""
        return self._session.client("kinesis", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def sqs(self) -> SQSClient:
        """The queues."""
        return self._session.client("sqs", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def s3(self) -> S3Client:
        """The history's bucket."""
        return self._session.client("s3", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def athena(self) -> AthenaClient:
        """What answers questions about the past."""
        return self._session.client("athena", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def kms(self) -> KMSClient:
        """The key that signs manifests."""
        return self._session.client("kms", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def machines(self) -> Any:
        """The state machines: a boto3 client."""
        return self._session.client("stepfunctions", endpoint_url=self._endpoint_url, config=_CONFIG)

    @property
    def identity(self) -> str:
        """Who the operator is to AWS: an ARN."""
        client = self._session.client("sts", endpoint_url=self._endpoint_url, config=_CONFIG)
        arn: str = client.get_caller_identity()["Arn"]
        return arn

    @property
    def functions(self) -> LambdaClient:
        """The functions."""
        return self._session.client("lambda", endpoint_url=self._endpoint_url, config=_INVOKE_CONFIG)

    def outputs(self, stack: str) -> dict[str, str]:
        """A stack's outputs.

        Raises:
            NotFound: There is no such stack here.
            CliError: AWS could not be asked.
        """
        with explained():
            client = self._session.client("cloudformation", endpoint_url=self._endpoint_url, config=_CONFIG)
            try:
                (found,) = client.describe_stacks(StackName=stack)["Stacks"]
            except ClientError as error:
                if _code(error) == "ValidationError":
                    place = self._endpoint_url or self._session.region_name
                    raise NotFound(
                        f"There is no stack {stack!r} at {place}. Is it another region or account?"
                    ) from None
                raise
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


@contextmanager
def explained() -> Iterator[None]:
    """What AWS or its SDK raises inside becomes a sentence.

    Raises:
        Unreachable: Nobody answered in time.
        CliError: Anything else.
    """
    try:
        yield
    except NoCredentialsError:
        raise CliError("There are no AWS credentials: log in, or set AWS_PROFILE.") from None
    except NoRegionError:
        raise CliError("There is no AWS region: give --region or set AWS_REGION.") from None
    except (ConnectionError, HTTPClientError) as error:
        raise Unreachable(f"AWS did not answer: {error}") from None
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message") or str(error)
        request_id = error.response.get("ResponseMetadata", {}).get("RequestId")
        raise CliError(
            f"AWS refused {error.operation_name}: {message}", details={"code": _code(error), "request_id": request_id}
        ) from None
    except BotoCoreError as error:
        raise CliError(f"AWS could not be asked: {error}") from None


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
