"""Prod's stack cannot be deleted by mistake, and no deployment replaces or drops what cannot be made again."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stack import protection
from stack.console import StackError
from support.template import load_template, resources

#: What a stack no longer has, a key that was replaced, may be listed for a while.
DROPPED = {
    "LogicalResourceId": "KeyOfBefore",
    "ResourceType": "AWS::KMS::Key",
    "ResourceStatus": "DELETE_SKIPPED",
}
DEPLOYED = [
    {"LogicalResourceId": name, "ResourceType": resource["Type"], "ResourceStatus": "UPDATE_COMPLETE"}
    for name, resource in ({"TableOfBefore": {"Type": "AWS::DynamoDB::Table"}} | load_template()["Resources"]).items()
]


class CloudFormation:
    """What it was asked to do, in order. It has what the template has, and a table of before."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self._refuses = refuses
        self.client: Any = SimpleNamespace(
            update_termination_protection=self._call("update_termination_protection"),
            set_stack_policy=self._call("set_stack_policy"),
            get_paginator=lambda operation: SimpleNamespace(paginate=self._call(operation)),
        )

    def _call(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            if self._refuses:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "is not authorized"}}, operation)
            self.asked.append((operation, request))
            return [{"StackResourceSummaries": page} for page in ([DROPPED, *DEPLOYED[:7]], DEPLOYED[7:])]

        return call


def test_it_is_not_deleted_before_somebody_takes_that_back() -> None:
    aws = CloudFormation()
    protection.protect(aws.client, "inventory-prod")
    told = {"StackName": "inventory-prod", "EnableTerminationProtection": True}
    assert ("update_termination_protection", told) in aws.asked


def test_records_history_and_key_that_are_deployed_are_neither_replaced_nor_dropped() -> None:
    """Not those of the checkout: whoever declines a changeset keeps what was there before."""
    aws = CloudFormation()
    protection.protect(aws.client, "inventory-prod")
    told = dict(aws.asked)["set_stack_policy"]
    assert told["StackName"] == "inventory-prod"
    allow, deny = json.loads(told["StackPolicyBody"])["Statement"]
    assert allow == {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert deny["Action"] == ["Update:Replace", "Update:Delete"]
    kept = {*resources("AWS::DynamoDB::Table"), *resources("AWS::S3::Bucket"), *resources("AWS::KMS::Key")}
    assert set(deny["Resource"]) == {f"LogicalResourceId/{name}" for name in kept | {"TableOfBefore"}}
    assert kept >= {"StockTable", "HistoryBucket", "ManifestKey"}


def test_whoever_may_not_protect_it_is_told_that_it_is_deployed_and_why_it_is_not_protected() -> None:
    with pytest.raises(StackError, match=r"inventory-prod is deployed, but not protected: .*is not authorized"):
        protection.protect(CloudFormation(refuses=True).client, "inventory-prod")
