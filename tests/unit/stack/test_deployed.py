"""A stack as it stands at AWS: whether it is there at all, and which parameters a deployment would change."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from mypy_boto3_cloudformation import CloudFormationClient

from stack import deployed
from stack.console import StackError

STACK: Any = {"StackName": "shop", "CreationTime": "2026-11-22T18:00:00Z", "StackStatus": "UPDATE_COMPLETE"}


@pytest.fixture
def cloudformation() -> CloudFormationClient:
    return boto3.client("cloudformation", region_name="eu-west-1")


@pytest.fixture
def answering(cloudformation: CloudFormationClient) -> Iterator[Stubber]:
    with Stubber(cloudformation) as stubbed:
        yield stubbed


@pytest.mark.parametrize(
    ("status", "is_there"),
    [("UPDATE_COMPLETE", True), ("UPDATE_ROLLBACK_COMPLETE", True), ("REVIEW_IN_PROGRESS", False)],
)
def test_a_stack_whose_first_changeset_nobody_confirmed_is_not_there(
    cloudformation: CloudFormationClient, answering: Stubber, status: str, *, is_there: bool
) -> None:
    answering.add_response("describe_stacks", {"Stacks": [STACK | {"StackStatus": status}]}, {"StackName": "shop"})
    assert (deployed.find(cloudformation, "shop") is not None) is is_there


def test_nor_is_one_that_cloudformation_does_not_know(cloudformation: CloudFormationClient, answering: Stubber) -> None:
    answering.add_client_error("describe_stacks", "ValidationError", "Stack with id shop does not exist")
    assert deployed.find(cloudformation, "shop") is None


def test_whoever_may_not_look_is_told_so(cloudformation: CloudFormationClient, answering: Stubber) -> None:
    answering.add_client_error("describe_stacks", "AccessDenied", "is not authorized")
    with pytest.raises(StackError, match=r"shop.*is not authorized"):
        deployed.find(cloudformation, "shop")


def test_what_changes_is_told_with_both_values_also_from_and_to_an_empty_one() -> None:
    stands = {"LogLevel": "INFO", "AlarmEmail": "ops@shop.test", "DocsUrl": "", "HistoryBuckets": "64"}
    told = [{"ParameterKey": name, "ParameterValue": value} for name, value in stands.items()]
    wanted = {"LogLevel": "INFO", "AlarmEmail": "", "DocsUrl": "https://shop.test", "HistoryBuckets": "256"}
    assert deployed.changed(STACK | {"Parameters": told}, wanted) == {
        "AlarmEmail": ("ops@shop.test", ""),
        "DocsUrl": ("", "https://shop.test"),
        "HistoryBuckets": ("64", "256"),
    }


def test_what_is_hidden_and_what_only_one_of_them_has_changes_nothing() -> None:
    told = [{"ParameterKey": "Secret", "ParameterValue": "****"}, {"ParameterKey": "Gone", "ParameterValue": "1"}]
    assert deployed.changed(STACK | {"Parameters": told}, {"Secret": "open", "New": "2"}) == {}
    assert deployed.changed(STACK, {"New": "2"}) == {}
