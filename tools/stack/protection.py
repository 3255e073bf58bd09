"""Keeps prod's stack from being deleted by mistake, and a deployment from replacing what cannot be made again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from stack.console import StackError
from stack.template import load_template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# Their data is worth more than a deployment; a queue or a log group that is kept may be replaced nevertheless.
_PRECIOUS = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key")


def protect(cloudformation: CloudFormationClient, stack: str) -> None:
    """Protects a deployed stack: each deployment does it anew, as its template may have further tables.

    Raises:
        StackError: It is deployed, but CloudFormation did not protect it.
    """
    try:
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
        cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=json.dumps(_policy()))
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"{stack} is deployed, but not protected: {error}") from None


def _policy() -> dict[str, Any]:
    """All may be updated; what outlives the stack is neither replaced nor dropped. By logical ids: names may change."""
    kept = [
        f"LogicalResourceId/{name}"
        for name, resource in load_template()["Resources"].items()
        if resource["Type"] in _PRECIOUS and resource.get("DeletionPolicy", "").startswith("Retain")
    ]
    return {
        "Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": kept},
        ]
    }
