"""What the emulator's CloudFormation drops without a word is applied here by API, from the same template, and checked.

Only the embedded emulator needs this: AWS does it all from the template (tests/template), and so the functions run
behind the same gateway responses, and records age by the same attribute, everywhere. Traps: docs/emulators.md.
"""

import json
import re
import time
from typing import Any, cast

from stack.aws import Aws
from stack.buckets import mend_bucket, wrong_with_bucket
from stack.console import StackError
from stack.place import REGION

Template = dict[str, Any]

_ANY = "x-amazon-apigateway-any-method"
_GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
_SETTLE_SECONDS_MAX = 10


def mend(aws: Aws, stack: str) -> None:
    """Brings tables, buckets and API to what the template says.

    Raises:
        StackError: Something still differs afterwards; the message names all of it.
    """
    template = _processed_template(aws, stack)
    names, parameters = _physical_names(aws, stack), _parameters(aws, stack)
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            _mend_table(aws, names[logical_id], resource["Properties"])
        elif resource["Type"] == "AWS::S3::Bucket":
            mend_bucket(aws, names[logical_id], _resolved(resource["Properties"], parameters))
        elif resource["Type"] == "AWS::ApiGateway::RestApi":
            _mend_api(aws, names[logical_id], resource["Properties"]["Body"], names, parameters)
    _check(aws, template, names, parameters)


def _mend_table(aws: Aws, name: str, properties: Template) -> None:
    if ttl := properties.get("TimeToLiveSpecification"):
        described = aws.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if described.get("AttributeName") != ttl["AttributeName"]:
            aws.dynamodb.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"AttributeName": ttl["AttributeName"], "Enabled": True}
            )
    if properties.get("PointInTimeRecoverySpecification"):
        aws.dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    if properties.get("SSESpecification"):
        aws.dynamodb.update_table(TableName=name, SSESpecification={"Enabled": True})


def _mend_api(aws: Aws, api: str, body: Template, names: dict[str, str], parameters: dict[str, str]) -> None:
    changed = _put_any_methods(aws, api, body, names)
    changed |= _put_gateway_responses(aws, api, _resolved(body[_GATEWAY_RESPONSES], parameters))
    if changed:  # a gateway response counts from the next deployment on
        (stage,) = aws.apigateway.get_stages(restApiId=api)["item"]
        aws.apigateway.create_deployment(restApiId=api, stageName=stage["stageName"])


def _put_any_methods(aws: Aws, api: str, body: Template, names: dict[str, str]) -> bool:
    """The emulator's import knows the seven verbs only, so that a path with ANY comes out without a method."""
    resources = {found["path"]: found for found in aws.apigateway.get_resources(restApiId=api, limit=500)["items"]}
    authorizers = {found["name"]: found["id"] for found in aws.apigateway.get_authorizers(restApiId=api)["items"]}
    missing = [
        (path, item[_ANY])
        for path, item in body["paths"].items()
        if _ANY in item and "ANY" not in resources[path].get("resourceMethods", {})
    ]
    for path, operation in missing:
        resource = resources[path]["id"]
        ((authorizer, _),) = operation["security"][0].items()
        aws.apigateway.put_method(
            restApiId=api,
            resourceId=resource,
            httpMethod="ANY",
            authorizationType="CUSTOM",
            authorizerId=authorizers[authorizer],
        )
        aws.apigateway.put_integration(
            restApiId=api,
            resourceId=resource,
            httpMethod="ANY",
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=_integration_uri(aws, operation, names),
        )
    return bool(missing)


def _put_gateway_responses(aws: Aws, api: str, responses: Any) -> bool:
    present = {found["responseType"]: found for found in aws.apigateway.get_gateway_responses(restApiId=api)["items"]}
    changed = False
    for kind, wanted in responses.items():
        response: Any = {
            "responseParameters": wanted["responseParameters"],
            "responseTemplates": wanted["responseTemplates"],
        }
        if "statusCode" in wanted:
            response["statusCode"] = str(wanted["statusCode"])
        if not response.items() <= dict(present[kind]).items():
            aws.apigateway.put_gateway_response(restApiId=api, responseType=kind, **response)
            changed = True
    return changed


def _check(aws: Aws, template: Template, names: dict[str, str], parameters: dict[str, str]) -> None:
    deadline = time.monotonic() + _SETTLE_SECONDS_MAX
    look = {"AWS::DynamoDB::Table": _wrong_with_table, "AWS::S3::Bucket": wrong_with_bucket}
    while wrong := [
        f"{logical_id}: {what}"
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in look
        for what in look[resource["Type"]](aws, names[logical_id], _resolved(resource["Properties"], parameters))
    ]:
        if time.monotonic() > deadline:
            raise StackError("The emulator did not take what the template says. " + "; ".join(wrong))
        time.sleep(0.2)


def _wrong_with_table(aws: Aws, name: str, properties: Template) -> list[str]:
    wrong = []
    ttl = aws.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl.get("AttributeName") != properties.get("TimeToLiveSpecification", {}).get("AttributeName"):
        wrong.append(f"TTL is {ttl}")
    backups = aws.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        wrong.append("point-in-time recovery is off")
    if aws.dynamodb.describe_table(TableName=name)["Table"].get("SSEDescription", {}).get("Status") != "ENABLED":
        wrong.append("encryption is off")
    return wrong


def _integration_uri(aws: Aws, operation: Template, names: dict[str, str]) -> str:
    """The address is a Fn::Sub around one function's ARN."""
    text = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    (function,) = re.findall(r"\$\{(\w+)\.Arn\}", text)
    arn = aws.functions.get_function_configuration(FunctionName=names[function])["FunctionArn"]
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"


def _processed_template(aws: Aws, stack: str) -> Template:
    template: Any = aws.cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    return cast(Template, json.loads(template) if isinstance(template, str) else template)


def _parameters(aws: Aws, stack: str) -> dict[str, str]:
    (described,) = aws.cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {told["ParameterKey"]: told["ParameterValue"] for told in described.get("Parameters", ())}


def _resolved(value: Any, parameters: dict[str, str]) -> Any:
    """A part of the template with the parameters' values in the place of references to them, in texts too."""
    if isinstance(value, dict):
        if value.keys() == {"Ref"} and value["Ref"] in parameters:
            return parameters[value["Ref"]]
        if value.keys() == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
            text = re.sub(r"\$\{(\w+)\}", lambda name: parameters.get(name[1], name[0]), value["Fn::Sub"])
            return {"Fn::Sub": text} if "${" in text else text
        return {name: _resolved(each, parameters) for name, each in value.items()}
    return [_resolved(each, parameters) for each in value] if isinstance(value, list) else value


def _physical_names(aws: Aws, stack: str) -> dict[str, str]:
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
        for page in pages
        for resource in page["StackResourceSummaries"]
    }
