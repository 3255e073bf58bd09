"""The yardsticks of throughput: bare functions behind a REST API and the stack's authorizer, with no layer at all."""

import io
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from stack.aws import Aws
from stack.place import local_runtime
from stack.state import Stack
from support.template import table_names

# Each prints one line, as every function here does: the emulator answers slower where nothing is printed.
_EMPTY = """\
def lambda_handler(event, context):
    print("{}")
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"}
"""

# What placing a hold asks of DynamoDB at the very least: a record put, and a counter changed under a condition. What is
# written is whole: the functions behind the streams would set each record aside otherwise, one call for each.
_TRANSACTION = """\
import json, os, time, uuid
import boto3

client = boto3.client("dynamodb")

def lambda_handler(event, context):
    sold = json.loads(event["body"])["lines"][0]
    at = int(time.time() * 10 + 1) * 100
    line = {"item": {"S": sold["item"]}, "warehouse": {"S": sold["warehouse"]}, "quantity": {"N": "1"},
            "drawn": {"L": [{"M": {"shard": {"N": "0"}, "quantity": {"N": "1"}}}]}}
    hold = {"hold_id": {"S": f"bench_{uuid.uuid4().hex}"}, "status": {"S": "active"}, "lines": {"L": [{"M": line}]},
            "created": {"N": str(at)}, "expires_at": {"N": str(at + 900_000)}, "rev": {"N": "1"}, "at": {"N": str(at)},
            "actor": {"S": "bench"}, "fingerprint": {"S": ""}, "metadata": {"M": {}}}
    client.transact_write_items(TransactItems=[
        {"Put": {"TableName": os.environ["HOLDS_TABLE"], "Item": hold,
                 "ConditionExpression": "attribute_not_exists(hold_id)"}},
        {"Update": {"TableName": os.environ["STOCK_TABLE"],
                    "Key": {"stock_id": {"S": f"{sold['item']}#{sold['warehouse']}#0"}},
                    "ConditionExpression": "available >= :one",
                    "UpdateExpression":
                        "SET available = available - :one, held = held + :one, rev = rev + :one, #at = :at",
                    "ExpressionAttributeNames": {"#at": "at"},
                    "ExpressionAttributeValues": {":one": {"N": "1"}, ":at": {"N": str(at)}}}},
    ])
    print("{}")
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"}
"""
_SOURCES = {"empty": _EMPTY, "transaction": _TRANSACTION}
_STAGE = "local"
_ACCOUNT = "000000000000"


@contextmanager
def bare_functions(stack: Stack) -> Iterator[dict[str, str]]:
    """Deploys them beside the stack, gives the URLs that reach them with the stack's key, and removes them."""
    aws, name = Aws(stack.aws_endpoint_url), f"bench-{uuid.uuid4().hex[:8]}"
    api = aws.apigateway.create_rest_api(name=name)["id"]
    made: list[str] = []
    try:
        authorizer = _authorizer(aws, stack, api)
        for path, source in _SOURCES.items():
            function = _function(aws, stack, f"{name}-{path}", source)
            made.append(function)
            _route(aws, stack, api, authorizer, path, function)
        aws.apigateway.create_deployment(restApiId=api, stageName=_STAGE)
        yield {path: f"{stack.aws_endpoint_url}/_aws/execute-api/{api}/{_STAGE}/{path}" for path in _SOURCES}
    finally:
        aws.apigateway.delete_rest_api(restApiId=api)
        for function in made:
            aws.functions.delete_function(FunctionName=function)


def _function(aws: Aws, stack: Stack, name: str, source: str) -> str:
    variables = {variable: stack.outputs[table] for variable, table in table_names().items()}
    made = aws.functions.create_function(
        FunctionName=name,
        Runtime=local_runtime()["RuntimeVersion"],  # type: ignore[arg-type]
        Role=f"arn:aws:iam::{_ACCOUNT}:role/bench",
        Handler="app.lambda_handler",
        Code={"ZipFile": _zipped(source)},
        MemorySize=1024,
        Timeout=10,
        Environment={"Variables": variables},
    )
    return made["FunctionArn"]


def _authorizer(aws: Aws, stack: Stack, api: str) -> str:
    function = f"arn:aws:lambda:{stack.region}:{_ACCOUNT}:function:{stack.outputs['AuthorizerFunction']}"
    made = aws.apigateway.create_authorizer(
        restApiId=api,
        name="key",
        type="TOKEN",
        authorizerUri=_invocation(stack, function),
        identitySource="method.request.header.Authorization",
        authorizerResultTtlInSeconds=60,
    )
    return made["id"]


def _route(aws: Aws, stack: Stack, api: str, authorizer: str, path: str, function: str) -> None:
    gateway = aws.apigateway
    (root,) = (each["id"] for each in gateway.get_resources(restApiId=api)["items"] if each["path"] == "/")
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart=path)["id"]
    gateway.put_method(
        restApiId=api, resourceId=resource, httpMethod="ANY", authorizationType="CUSTOM", authorizerId=authorizer
    )
    gateway.put_integration(
        restApiId=api,
        resourceId=resource,
        httpMethod="ANY",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=_invocation(stack, function),
    )


def _invocation(stack: Stack, function: str) -> str:
    return f"arn:aws:apigateway:{stack.region}:lambda:path/2015-03-31/functions/{function}/invocations"


def _zipped(source: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", source)
    return archive.getvalue()
