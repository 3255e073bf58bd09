"""What a function's role lets it do, by the template; and what its calls of DynamoDB take."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import pytest

from support.template import properties

#: What each member of a transaction takes.
_MEMBERS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


class Right(NamedTuple):
    """An action and what it is allowed on, the stack's resources by their logical ids.

    So `dynamodb:PutItem` on `StockTable`, `dynamodb:Query` on `HoldsTable/index/open_holds`, `s3:GetObject` on
    `HistoryBucket/archive/*`.
    """

    action: str
    resource: str


class Denied(Exception):
    """AWS would refuse this, whatever is there."""

    def __init__(self, function: str, right: Right) -> None:
        super().__init__(f"the role of {function} lacks {right.action} on {right.resource}")


@cache
def granted(function: str) -> frozenset[Right]:
    """Everything that the role of a function (`stock_at`) grants."""
    logical_id = "".join(part.title() for part in function.split("_"))
    role = properties(f"{logical_id}Function")["Role"]["Fn::GetAtt"][0]
    return frozenset(
        Right(action, _resource(resource))
        for policy in properties(role)["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    )


def check_call(function: str, operation: str, request: Mapping[str, Any]) -> None:
    """Passes the calls of DynamoDB that a function's role grants. Tables are named as in the template.

    Raises:
        Denied: It does not grant this one.
    """
    for right in _needed(operation, request):
        if right not in granted(function):
            raise Denied(function, right)


def check_object(function: str, action: str, bucket: str, key: str) -> None:
    """Passes what a function's role may do with an object.

    Raises:
        Denied: It may not do this.
    """
    wanted = Right(f"s3:{action}", f"{bucket}/{key}")
    if not any(wanted.resource.startswith(prefix) for prefix in _prefixes(function, wanted.action)):
        raise Denied(function, wanted)


def check_listing(function: str, bucket: str) -> None:
    """Passes who may list a bucket; and be told that there is no such object, where it reads one.

    Raises:
        Denied: It may not.
    """
    wanted = Right("s3:ListBucket", bucket)
    if wanted not in granted(function):
        raise Denied(function, wanted)


def take_away(patch: pytest.MonkeyPatch, function: str, right: Right) -> None:
    """A function's role does not grant this any more, which it did."""
    whole = granted
    assert right in whole(function)
    patch.setitem(globals(), "granted", lambda name: whole(name) - ({right} if name == function else set()))


def _prefixes(function: str, action: str) -> tuple[str, ...]:
    return tuple(right.resource.removesuffix("*") for right in granted(function) if right.action == action)


def _needed(operation: str, request: Mapping[str, Any]) -> Iterator[Right]:
    if operation == "TransactWriteItems":
        for entry in request["TransactItems"]:
            for member, write in entry.items():
                yield Right(f"dynamodb:{_MEMBERS[member]}", write["TableName"])
    elif operation == "BatchGetItem":
        for table in request["RequestItems"]:
            yield Right(f"dynamodb:{operation}", table)
    else:
        index = request.get("IndexName")
        resource = f"{request['TableName']}/index/{index}" if index else request["TableName"]
        yield Right(f"dynamodb:{operation}", resource)


def _resource(resource: Mapping[str, Any]) -> str:
    """`!GetAtt StockTable.Arn` and `!Sub "${StockTable.Arn}/index/in_stock"`, in short."""
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    return str(resource["Fn::Sub"]).replace("${", "").replace(".Arn}", "")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
