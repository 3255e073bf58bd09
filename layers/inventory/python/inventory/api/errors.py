"""Errors as answers: which status each has, whether to try again, and the one shape of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from inventory.domain.errors import (
    ClocksApart,
    Conflict,
    IdempotencyKeyMismatch,
    InsufficientStock,
    InvalidRequest,
    InventoryError,
    Missing,
    Overloaded,
    TooManyAtOnce,
)


class Unauthenticated(InventoryError):
    """No authorizer has said who asks."""

    def __init__(self) -> None:
        super().__init__("api_key_missing", "Send your API key in the header 'Authorization: Bearer <key>'.")


class ScopeMissing(InventoryError):
    """The key may not do this."""

    def __init__(self, scope: str) -> None:
        super().__init__("scope_missing", f"This API key lacks the scope '{scope}', which this request needs.")


class MethodNotAllowed(InventoryError):
    """The path is there, but not for this method.

    Attributes:
        allowed: The methods that it is there for.
    """

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__("method_not_allowed", f"{method} is not allowed here. Use {' or '.join(allowed)}.")
        self.allowed = allowed


class Internal(InventoryError):
    """A defect of the service. What it was stands in the log, under the request's id, and nowhere else."""

    def __init__(self) -> None:
        super().__init__("internal", "Something went wrong on our side.")


class Retry(Enum):
    """Whether the same request may succeed later."""

    NEVER = "never"
    ALWAYS = "always"  # nothing was changed
    WHERE_SAFE = "where safe"  # the outcome may be unknown: only what cannot happen twice may be sent again


class Family(NamedTuple):
    """What all errors of one kind have in common; `after_s` is when to retry, where one may."""

    status: int
    type: str
    retry: Retry
    after_s: int = 1


FAMILIES: Final[Mapping[type[InventoryError], Family]] = {
    InvalidRequest: Family(400, "invalid_request_error", Retry.NEVER),
    IdempotencyKeyMismatch: Family(400, "idempotency_error", Retry.NEVER),
    Unauthenticated: Family(401, "authentication_error", Retry.NEVER),
    InsufficientStock: Family(402, "stock_error", Retry.NEVER),
    ScopeMissing: Family(403, "permission_error", Retry.NEVER),
    Missing: Family(404, "invalid_request_error", Retry.NEVER),
    MethodNotAllowed: Family(405, "invalid_request_error", Retry.NEVER),
    Conflict: Family(409, "conflict_error", Retry.ALWAYS),
    TooManyAtOnce: Family(429, "rate_limit_error", Retry.ALWAYS, after_s=60),  # what is under way takes minutes
    ClocksApart: Family(503, "api_error", Retry.ALWAYS),
    Overloaded: Family(503, "api_error", Retry.WHERE_SAFE),
    Internal: Family(500, "api_error", Retry.WHERE_SAFE),
}


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error, ready to be sent."""

    status: int
    error: Mapping[str, object]
    headers: Mapping[str, str]


def family_of(error: InventoryError) -> Family:
    """The family of an error: that of the nearest of its classes that has one."""
    return next(FAMILIES[kind] for kind in type(error).__mro__ if kind in FAMILIES)


def error_answer(error: InventoryError, *, request_id: str, docs_url: str, safe: bool) -> ErrorAnswer:
    """The answer that an error becomes.

    Args:
        error: What went wrong.
        request_id: The request's id.
        docs_url: Where the errors are explained, or empty.
        safe: Whether the same request can be sent again without happening twice.
    """
    family = family_of(error)
    again = family.retry is Retry.ALWAYS or (family.retry is Retry.WHERE_SAFE and safe)
    headers = {"Stripe-Should-Retry": "true" if again else "false"}
    if again:
        headers["Retry-After"] = str(family.after_s)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    fields: dict[str, object] = {
        "type": family.type,
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "request_id": request_id,
        "doc_url": f"{docs_url}#{error.code}" if docs_url else None,
    }
    if isinstance(error, InsufficientStock):
        fields |= {
            "item": error.item,
            "warehouse": error.warehouse,
            "wanted": error.wanted,
            "available": error.available,
        }
    return ErrorAnswer(family.status, fields, headers)
