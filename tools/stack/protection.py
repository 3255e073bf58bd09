"""Keeps prod's stack from being deleted by mistake, and a deployment from replacing what cannot be made again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from stack.console import StackError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# Their data is worth more than a deployment; a queue or a log group that is kept may be replaced nevertheless.
_PRECIOUS = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key")


def protect(cloudformation: CloudFormationClient, stack: str) -> None:
    """Protects a deployed stack: each deployment does it anew, as it may have brought further tables.

    Raises:
        StackError: It is deployed, but CloudFormation did not protect it.
    """
    try:
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
        policy = _policy(_precious(cloudformation, stack))
        cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=json.dumps(policy))
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"{stack} is deployed, but not protected: {error}") from None


def _precious(cloudformation: CloudFormationClient, stack: str) -> list[str]:
    """What is deployed, which is not what the template has, where SAM's question was answered with no."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = (resource for page in pages for resource in page["StackResourceSummaries"])
    return [
        each["LogicalResourceId"]
        for each in resources
        if each["ResourceType"] in _PRECIOUS
        and not each["ResourceStatus"].startswith("DELETE_")  # or left out, and kept
    ]


def _policy(precious: Sequence[str]) -> dict[str, Any]:
    """All may be updated; the precious is neither replaced nor dropped. By logical ids: names may change."""
    kept = [f"LogicalResourceId/{name}" for name in precious]
    return {
        "Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": kept},
        ]
    }
