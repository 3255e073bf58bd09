"""A stack as it stands at AWS, whatever this checkout says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from stack.console import StackError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_HIDDEN = "****"  # what CloudFormation tells of a parameter with NoEcho


def find(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """The stack; None where there is none, or only its first changeset, which nobody confirmed.

    Raises:
        StackError: CloudFormation does not say.
    """
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # no such stack
            return None
        raise StackError(f"AWS does not say how {name} stands: {error}") from None
    except BotoCoreError as error:
        raise StackError(f"AWS does not say how {name} stands: {error}") from None
    return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found


def changed(found: StackTypeDef, wanted: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The parameters that have another value than the wanted one: what it is, and what it would be.

    One that is new takes nothing back, and what CloudFormation hides cannot be compared.
    """
    stands = {told["ParameterKey"]: told["ParameterValue"] for told in found.get("Parameters", ())}
    return {
        name: (stands[name], value)
        for name, value in wanted.items()
        if name in stands and stands[name] not in (value, _HIDDEN)
    }
