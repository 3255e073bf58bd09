"""The yardstick of throughput: an empty function behind a REST API and an authorizer like the stack's own."""

import io
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from stack.aws import Aws
from stack.place import local_runtime
from stack.state import Stack

# It prints one line, as every function here does: the emulator answers slower where nothing is printed.
_SOURCE = """\
def lambda_handler(event, context):
    print("{}")
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"}
"""
_STAGE = "local"
_ACCOUNT = "000000000000"


@contextmanager
def empty_function(stack: Stack) -> Iterator[str]:
    """Deploys it beside the stack, gives the URL that reaches it with the stack's key, and removes it."""
    aws, name = Aws(stack.aws_endpoint_url), f"bench-empty-{uuid.uuid4().hex[:8]}"
    function = aws.functions.create_function(
        FunctionName=name,
        Runtime=local_runtime()["RuntimeVersion"],  # type: ignore[arg-type]
        Role=f"arn:aws:iam::{_ACCOUNT}:role/bench",
        Handler="app.lambda_handler",
        Code={"ZipFile": _zipped(_SOURCE)},
        MemorySize=1024,
        Timeout=10,
    )["FunctionArn"]
    api = aws.apigateway.create_rest_api(name=name)["id"]
    try:
        _route(aws, stack, api, function)
        yield f"{stack.aws_endpoint_url}/_aws/execute-api/{api}/{_STAGE}/empty"
    finally:
        aws.apigateway.delete_rest_api(restApiId=api)
        aws.functions.delete_function(FunctionName=name)


def _route(aws: Aws, stack: Stack, api: str, function: str) -> None:
    gateway = aws.apigateway
    authorizer = gateway.create_authorizer(
        restApiId=api,
        name="key",
        type="TOKEN",
        authorizerUri=_invocation(stack, f"arn:aws:lambda:{stack.region}:{_ACCOUNT}:function:"
                                  + stack.outputs["AuthorizerFunction"]),
        identitySource="method.request.header.Authorization",
        authorizerResultTtlInSeconds=60,
    )["id"]  # fmt: skip
    (root,) = (each["id"] for each in gateway.get_resources(restApiId=api)["items"] if each["path"] == "/")
    path = gateway.create_resource(restApiId=api, parentId=root, pathPart="empty")["id"]
    gateway.put_method(
        restApiId=api, resourceId=path, httpMethod="ANY", authorizationType="CUSTOM", authorizerId=authorizer
    )
    gateway.put_integration(
        restApiId=api,
        resourceId=path,
        httpMethod="ANY",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=_invocation(stack, function),
    )
    gateway.create_deployment(restApiId=api, stageName=_STAGE)


def _invocation(stack: Stack, function: str) -> str:
    return f"arn:aws:apigateway:{stack.region}:lambda:path/2015-03-31/functions/{function}/invocations"


def _zipped(source: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", source)
    return archive.getvalue()
