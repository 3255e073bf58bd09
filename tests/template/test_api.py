"""The gateway: who answers what, and that its own errors have the API's one shape."""

import json
from typing import Any

import pytest

from inventory.api.error_reference import CODES
from support.template import load_template, properties, resources

RESPONSES: dict[str, dict[str, Any]] = properties("Api")["GatewayResponses"]
# A name's status on AWS where the template leaves it; what isn't here keeps many.
STATUSES = {
    "UNAUTHORIZED": 401,
    "ACCESS_DENIED": 401,
    "MISSING_AUTHENTICATION_TOKEN": 404,
    "RESOURCE_NOT_FOUND": 404,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "QUOTA_EXCEEDED": 429,
    "INTEGRATION_FAILURE": 503,
    "INTEGRATION_TIMEOUT": 503,
    "AUTHORIZER_FAILURE": 503,
    "AUTHORIZER_CONFIGURATION_ERROR": 503,
    "WAF_FILTERED": 403,
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
}


def error(kind: str) -> dict[str, Any]:
    """The body of a gateway response as a client reads it."""
    body = RESPONSES[kind]["ResponseTemplates"]["application/json"]["Fn::Sub"]
    body = body.replace("${DocsUrl}", "https://docs.test/errors").replace("$context.error.messageString", '"…"')
    parsed: dict[str, Any] = json.loads(body)
    assert list(parsed) == ["error"]
    return dict(parsed["error"])


def routes() -> dict[str, str]:
    """Path to function."""
    return {
        event["Properties"]["Path"]: function
        for function, resource in resources("AWS::Serverless::Function").items()
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    }


def test_each_path_has_the_function_whose_concern_it_is() -> None:
    assert routes() == {
        "/v1/stock": "StockFunction",
        "/v1/stock/{item}": "StockFunction",
        "/": "StockFunction",
        "/{proxy+}": "StockFunction",
        "/v1/holds": "HoldsFunction",
        "/v1/holds/{proxy+}": "HoldsFunction",
        "/v1/adjustments": "AdjustmentsFunction",
        "/v1/adjustments/{proxy+}": "AdjustmentsFunction",
        "/v1/transfers": "AdjustmentsFunction",
        "/v1/transfers/{proxy+}": "AdjustmentsFunction",
        "/v1/stock/{item}/split": "AdjustmentsFunction",
        "/v1/snapshots": "HistoryFunction",
        "/v1/snapshots/{proxy+}": "HistoryFunction",
        "/v1/audits": "HistoryFunction",
        "/v1/audits/{proxy+}": "HistoryFunction",
    }


def test_no_path_has_two_variable_children_because_the_gateway_refuses_that() -> None:
    children: dict[str, set[str]] = {}
    for path in routes():
        parts = path.strip("/").split("/")
        for depth, part in enumerate(parts):
            children.setdefault("/".join(parts[:depth]), set()).add(part)
    assert not [parent for parent, parts in children.items() if sum(part.startswith("{") for part in parts) > 1]


def test_functions_answer_every_method_themselves() -> None:
    events = [
        event["Properties"]
        for resource in resources("AWS::Serverless::Function").values()
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    assert {event["Method"] for event in events} == {"ANY"}
    assert all(event["RestApiId"] == {"Ref": "Api"} for event in events)


def test_no_call_passes_without_a_key_and_a_revoked_one_lives_a_minute_at_most() -> None:
    auth = properties("Api")["Auth"]
    assert auth["DefaultAuthorizer"] == "ApiKey"
    key = auth["Authorizers"]["ApiKey"]
    assert key["FunctionArn"] == {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}
    assert key["Identity"]["Header"] == "Authorization"
    assert 0 < key["Identity"]["ReauthorizeEvery"] <= 60


def test_the_gateways_errors_are_all_known() -> None:
    assert {kind: response.get("StatusCode") for kind, response in RESPONSES.items()} == STATUSES


@pytest.mark.parametrize("kind", RESPONSES)
def test_a_gateway_error_has_the_shape_of_every_other_error(kind: str) -> None:
    found = error(kind)
    assert list(found) == ["type", "code", "message", "param", "request_id", "doc_url"]
    assert found["request_id"] == "$context.requestId"
    assert STATUSES[kind] in (None, CODES[found["code"]].status)
    assert found["doc_url"] == f"https://docs.test/errors#{found['code']}"
    assert found["message"]


@pytest.mark.parametrize("kind", RESPONSES)
def test_a_gateway_error_names_its_request_and_says_whether_to_try_again(kind: str) -> None:
    headers = RESPONSES[kind]["ResponseParameters"]["Headers"]
    assert headers["Request-Id"] == "context.requestId"
    again = error(kind)["code"] in ("overloaded", "internal") or kind == "THROTTLED"
    assert headers["Stripe-Should-Retry"] == ("'true'" if again else "'false'")
    if kind == "THROTTLED" or error(kind)["code"] == "overloaded":
        assert headers["Retry-After"] == "'1'"


def test_the_access_log_has_the_request_id_and_no_key() -> None:
    line = properties("Api")["AccessLogSetting"]["Format"]
    assert '"request_id": "$context.requestId"' in line
    assert "uthorization" not in line
    (settings,) = properties("Api")["MethodSettings"]
    assert settings["DataTraceEnabled"] is False


def test_the_stage_waits_for_the_role_of_its_logs_and_that_waits_for_the_api() -> None:
    """Or the first deployment into a new account fails, or does by chance."""
    account = load_template()["Resources"]["ApiGatewayAccount"]
    assert account["DependsOn"] == "Api"
    waits = {"Fn::If": ["CreateApiLogRole", {"Ref": "ApiGatewayAccount"}, "another-stack"]}
    variables = properties("Api")["Variables"]  # which SAM gives to the stage alone
    assert variables == {"logs_by": waits, "errors_in": {"Ref": "ApiErrorLogs"}}


def test_the_gateways_own_log_is_there_before_the_gateway_makes_one_that_is_kept_for_ever() -> None:
    name = properties("ApiErrorLogs")["LogGroupName"]
    assert name == {"Fn::Sub": "API-Gateway-Execution-Logs_${Api}/${Environment}"}
    assert properties("ApiErrorLogs")["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_deployment_reaches_the_stage() -> None:
    """What the gateway itself answers is in no path: of a change there SAM would make no new deployment."""
    assert properties("Api")["AlwaysDeploy"] is True


def test_throttling_is_a_matter_of_parameters() -> None:
    (settings,) = properties("Api")["MethodSettings"]
    assert settings["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}


def test_every_table_queue_and_function_is_an_output_by_its_own_name() -> None:
    outputs = load_template()["Outputs"]
    kinds = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Serverless::Function")
    for name in (name for kind in kinds for name in resources(kind)):
        assert outputs[name]["Value"] == {"Ref": name}
