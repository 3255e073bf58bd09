"""What DynamoDB refuses, as its service says it and as boto3 raises it."""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import botocore.session
from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import ClientError
from botocore.model import ServiceModel


class Refused(Exception):
    """A request that the simulated service does not carry out.

    Args:
        code: The error code on the wire, such as `ValidationException`.
        message: What a person reads.
        details: Further members of the answer, such as `Item` or `CancellationReasons`.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


def invalid(message: str) -> Refused:
    """A request that can never succeed."""
    return Refused("ValidationException", message)


def condition_failed(item: dict[str, Any] | None) -> Refused:
    """A condition that did not hold; `item` is given where the request wanted to see what stood there."""
    return Refused(
        "ConditionalCheckFailedException", "The conditional request failed", **({"Item": item} if item else {})
    )


_CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons"
_ONGOING = "Transaction is ongoing for the item"


def cancelled(reasons: Sequence[dict[str, Any]]) -> Refused:
    """A transaction of which nothing was done. A reason has `Code` and, unless that is None, `Message` and `Item`."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    return Refused("TransactionCanceledException", f"{_CANCELLED} [{codes}]", CancellationReasons=list(reasons))


def conflict(operation: str, kwargs: dict[str, Any], positions: Sequence[int] = (0,)) -> ClientError:
    """For fault hooks: another transaction is on the record, or on those at `positions` of a transaction."""
    if not operation.startswith("Transact"):
        return as_client_error(Refused("TransactionConflictException", _ONGOING), operation)
    reasons = [{"Code": "None"} for _ in kwargs["TransactItems"]]
    for position in positions:
        reasons[position] = {"Code": "TransactionConflict", "Message": _ONGOING}
    return as_client_error(cancelled(reasons), operation)


def throttled(operation: str) -> ClientError:
    """For fault hooks: the table is asked for more than it gives."""
    return as_client_error(
        Refused("ThrottlingException", "Throughput exceeds the current capacity of your table or index."), operation
    )


def as_client_error(refused: Refused, operation: str, metadata: dict[str, Any] | None = None) -> ClientError:
    """The exception that boto3 raises for it, of the class that `client.exceptions` has for its code."""
    response: Any = {
        "Error": {"Code": refused.code, "Message": refused.message},
        "ResponseMetadata": metadata or {"HTTPStatusCode": 400, "HTTPHeaders": {}, "RetryAttempts": 0},
        **refused.details,
    }
    return cast("type[ClientError]", exceptions().from_code(refused.code))(response, operation)


@cache
def service_model() -> ServiceModel:
    """AWS's own description of the service: operations, parameters, errors."""
    return botocore.session.get_session().get_service_model("dynamodb")


@cache
def exceptions() -> Any:
    """The `exceptions` of a boto3 client."""
    return ClientExceptionsFactory().create_client_exceptions(service_model())
