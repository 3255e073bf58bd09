"""Functions loaded as Lambda loads them, with a DynamoDB client whose requests are answered before they are sent.

botocore builds, signs and parses everything as always; only the network, and AWS behind it, is left out.
"""

import json
import os
import runpy
import sys
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
from bench.place import ROOT
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_SESSION_TOKEN": "bench" * 60,  # functions sign with a role's token
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "POWERTOOLS_SERVICE_NAME": "inventory-bench",
    "POWERTOOLS_METRICS_NAMESPACE": "Inventory",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "STOCK_TABLE": "StockTable",
    "HOLDS_TABLE": "HoldsTable",
    "ADJUSTMENTS_TABLE": "AdjustmentsTable",
    "REQUESTS_TABLE": "RequestsTable",
    "AVAILABILITY_TABLE": "AvailabilityTable",
    "API_KEYS_TABLE": "ApiKeysTable",
    "POISON_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/poison",
}


class Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = BytesIO(body)

    def stream(self, **_: object) -> Iterator[bytes]:
        """The body, in one piece."""
        yield self._body.read()


@dataclass
class Canned:
    """Answers DynamoDB's calls, and counts them by operation.

    Attributes:
        answers: The body for each operation, as attribute values; an empty object where none is given.
        calls: How often each operation was asked for.
    """

    answers: Mapping[str, Mapping[str, Any]]
    calls: dict[str, int]

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """botocore's `before-send`: what is returned here is the answer."""
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else str(target)).rpartition(".")[2]
        self.calls[operation] = self.calls.get(operation, 0) + 1
        body = json.dumps(self.answers.get(operation, {})).encode()
        headers = {
            "date": formatdate(usegmt=True),
            "content-type": "application/x-amz-json-1.0",
            "x-amzn-requestid": "BENCH",
            "x-amz-crc32": str(zlib.crc32(body)),
        }
        return AWSResponse(request.url, 200, headers, Raw(body))  # type: ignore[arg-type] # any mapping will do


@contextmanager
def lambda_environment() -> Iterator[None]:
    """The variables that a function finds on AWS; nothing of this machine's accounts."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def load(path: Path, answers: Mapping[str, Mapping[str, Any]]) -> tuple[Handler, Canned]:
    """Runs a function's file, its DynamoDB client answered by these, and gives its handler."""
    canned = Canned(answers, {})
    session = boto3.DEFAULT_SESSION = boto3.Session()
    session.events.register("before-send.dynamodb", canned)  # type: ignore[arg-type] # it may answer, the stubs forget
    handler: Handler = runpy.run_path(str(path))["lambda_handler"]
    return handler, canned


def function(name: str) -> Path:
    """Where one of the stack's functions is."""
    return ROOT / "functions" / name / "app.py"


@dataclass(frozen=True)
class Context:
    """Lambda's context."""

    function_name: str = "bench"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id: str = "b4a4f1b0-0000-4000-8000-000000000000"


def event(method: str, path: str, body: object = None, *, key: str | None = None) -> dict[str, Any]:
    """A request as the gateway hands it over."""
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Authorization": "Bearer inv_" + "x" * 43,
        "Content-Type": "application/json",
        "Host": "api.example.com",
        "User-Agent": "shop/1.0",
        "X-Amzn-Trace-Id": "Root=1-65000000-000000000000000000000000",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    if key is not None:
        headers["Idempotency-Key"] = key
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "stage": "prod",
            "httpMethod": method,
            "path": f"/prod{path}",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "shop/1.0"},
            "authorizer": {
                "principalId": "key_bench",
                "account": "acct_bench",
                "actor": "key_bench",
                "scopes": "holds:read holds:write stock:read stock:write",
            },
        },
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
    }


@contextmanager
def silent() -> Iterator[None]:
    """Sends what functions print to nowhere, whoever holds standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
