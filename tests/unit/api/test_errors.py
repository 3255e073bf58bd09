import ast
from pathlib import Path

import pytest

import inventory
from inventory.api.error_reference import CODES
from inventory.api.errors import (
    FAMILIES,
    Internal,
    MethodNotAllowed,
    ScopeMissing,
    Unauthenticated,
    error_answer,
    family_of,
)
from inventory.domain import errors as domain_errors
from inventory.domain.errors import (
    ClockSkewed,
    Conflict,
    IdempotencyKeyMismatch,
    InsufficientStock,
    InvalidRequest,
    InventoryError,
    Missing,
    Overloaded,
    RecordAhead,
    TooManyAtOnce,
)
from inventory.storage.database import Throttled

SOURCE = Path(inventory.__file__).parent


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (InvalidRequest("parameter_missing", "m"), 400, "invalid_request_error", "parameter_missing"),
        (InvalidRequest("hold_expired", "m"), 400, "invalid_request_error", "hold_expired"),
        (IdempotencyKeyMismatch(), 400, "idempotency_error", "idempotency_key_mismatch"),
        (Unauthenticated(), 401, "authentication_error", "api_key_missing"),
        (InsufficientStock("A", None, 2, 1), 402, "stock_error", "insufficient_stock"),
        (ScopeMissing("holds:write"), 403, "permission_error", "scope_missing"),
        (Missing("hold", "h"), 404, "invalid_request_error", "resource_missing"),
        (MethodNotAllowed("PUT", ("GET",)), 405, "invalid_request_error", "method_not_allowed"),
        (Conflict("m"), 409, "conflict_error", "lock_timeout"),
        (TooManyAtOnce("m"), 429, "rate_limit_error", "rate_limit"),
        (Internal(), 500, "api_error", "internal"),
        (Overloaded("m"), 503, "api_error", "overloaded"),
        (Throttled(), 503, "api_error", "overloaded"),
        (ClockSkewed("m"), 503, "api_error", "overloaded"),
        (RecordAhead("m"), 503, "api_error", "overloaded"),
    ],
)
def test_each_error_has_its_status_type_and_code(error: InventoryError, status: int, kind: str, code: str) -> None:
    answer = error_answer(error, request_id="r", docs_url="https://d", safe=True)
    assert (answer.status, answer.error["type"], answer.error["code"]) == (status, kind, code)
    assert CODES[code].status == status
    assert answer.error["doc_url"] == f"https://d#{code}"
    assert (answer.headers["Stripe-Should-Retry"] == "true") == (status in {409, 429, 500, 503})


@pytest.mark.parametrize(
    ("error", "after_s"), [(Conflict("m"), "1"), (Overloaded("m"), "1"), (TooManyAtOnce("m"), "60")]
)
def test_what_takes_minutes_is_not_asked_for_again_each_second(error: InventoryError, after_s: str) -> None:
    assert error_answer(error, request_id="r", docs_url="", safe=True).headers["Retry-After"] == after_s


def test_every_error_of_the_domain_has_a_family() -> None:
    kinds = [
        kind for kind in vars(domain_errors).values() if isinstance(kind, type) and issubclass(kind, InventoryError)
    ]
    assert {kind for kind in kinds if not set(kind.__mro__) & set(FAMILIES)} == {InventoryError}


def test_an_error_that_is_no_ones_kin_is_a_programming_error() -> None:
    with pytest.raises(StopIteration):
        family_of(InventoryError("x", "y"))


def codes_named_in(source: str) -> set[str]:
    """The codes in a module: first arguments of InvalidRequest, and whatever is passed as `code`."""
    named: set[object] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if isinstance(node.func, ast.Name) and node.func.id == "InvalidRequest":
                given += node.args[:1]
            named |= {value.value for value in given if isinstance(value, ast.Constant)}
    return {name for name in named if isinstance(name, str)}


def test_every_code_that_the_source_names_is_explained() -> None:
    named = set[str]().union(*(codes_named_in(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")))
    assert named >= {"parameter_missing", "body_too_large", "count_below_held"}
    assert named <= set(CODES)


def test_every_code_has_one_line_that_says_what_to_do() -> None:
    assert all(code.meaning.endswith(".") and "\n" not in code.meaning for code in CODES.values())
