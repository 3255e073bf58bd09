"""docs/openapi.json is what the deployed service does: whatever is sent, right or wrong, the answer is in the document.

Schemathesis makes the requests from the document: every boundary of every parameter, then random ones, the same each
time. Its checks: never a 5xx; only documented statuses, types and headers; answers that fit their schemas; right
requests accepted and wrong ones refused; no method that is not there; no answer without a key.
"""

import json
import string
import time
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
import schemathesis
from schemathesis.checks import positive_data_acceptance
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NotSet

from inventory.domain.ids import is_name
from stack.place import ROOT
from stack.state import Stack
from support.shop import Shop, done, line, new_prefix, wait_until
from support.stack import Operator
from support.table_invariants import broken_invariants, read_tables

Case: TypeAlias = "schemathesis.Case[Any]"

_ANY_DIGITS = "0" * 32
_LONG_AGO = 1_000_000_000
_FORM = "application/x-www-form-urlencoded"

_CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 20261122,
        "generation": {"max-examples": 60, "deterministic": True, "no-shrink": True},
        # Those that API Gateway knows: it lets no other through to us.
        "phases": {"coverage": {"unexpected-methods": ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"]}},
        # 402: a right request for more than there is.
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["200", "402", "404", "409"]},
            "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405"]},
        },
    }
)

#: What is wrong because of what was sent before: the boundaries of an Idempotency-Key come again and again.
_WRONG_BY_NOW = {
    "idempotency_key_mismatch",
    "hold_already_executed",
    "hold_already_released",
    "hold_expired",
    "count_below_held",
}
#: What can be wrong with values that are each right: no document can say it. test_refused_requests.py has these.
_WRONG_TOGETHER = {
    "POST /v1/holds/{id}/execute": {"lines"},  # not among the hold's
    "POST /v1/transfers": {"to"},  # the same warehouse as "from"
    "GET /v1/stock/{item}": {"at", "consistent"},  # not sealed yet; not both
    "GET /v1/holds": {"starting_after"},  # a hold that there is not
    "POST /v1/snapshots": {"as_of"},  # in the future
    "GET /v1/snapshots": {"starting_after"},  # no complete snapshot
    "POST /v1/audits": {"snapshot"},  # nor is this
    "GET /v1/audits": {"starting_after"},  # no complete audit
    "GET /v1/stock": {"items", "warehouse", "in_stock", "starting_after"},  # they exclude or need each other
}


def _without_forms() -> dict[str, Any]:
    """The document without its forms, whose bracket notation Schemathesis cannot write; test_stripe_client.py does."""
    document: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
    for path in document["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                del operation["requestBody"]["content"][_FORM]
    return document


schema = schemathesis.openapi.from_dict(_without_forms(), config=_CONFIG)


@schema.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    """JSON Schema takes 2.0 for an integer, the service does not: whole numbers are written as such."""
    if isinstance(body, dict):
        return {name: map_body(_context, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(_context, value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body


#: Things that there are, by what their ids begin with: random ids would meet nothing.
_REAL: dict[str, str] = {}


@schema.hook
def map_path_parameters(_context: schemathesis.HookContext, parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every other well-formed id is that of something real."""
    if not parameters:
        return parameters
    kind, _, digits = str(parameters.get("id", "")).partition("_")
    if kind in _REAL and len(digits) == len(_ANY_DIGITS) and digits[-1] in "02468ace":
        return {**parameters, "id": _REAL[kind]}
    item = str(parameters.get("item", ""))
    if is_name(item) and item[0] in string.ascii_uppercase:
        return {**parameters, "item": "espresso-cup"}
    return parameters


@pytest.fixture(scope="module")
def real_things(stack: Stack, operator: Operator) -> Iterator[None]:
    """Stock of what the document's examples are about, and a hold, an adjustment, a transfer and a snapshot."""
    shop = Shop(stack.api_url, stack.api_key, new_prefix())
    for item in ("espresso-cup", "saucer"):
        adjustment = shop.receive(item, 1000, "berlin")
    moved = shop.post("/v1/transfers", {"item": "saucer", "from": "berlin", "to": "lyon", "quantity": 1})
    hold = shop.place(line("espresso-cup", 2, "berlin"))
    snapshot = shop.post("/v1/snapshots", {"as_of": _LONG_AGO})
    _REAL.update(hold=done(hold)["id"], adj=adjustment["id"], trf=done(moved)["id"], snap=done(snapshot)["id"])
    yield
    wait_until(lambda: not broken_invariants(read_tables(operator)), 20, "every invariant, whatever was sent")


@schema.parametrize()
def test_answers_are_as_documented(case: Case, stack: Stack, real_things: None) -> None:
    if case.operation.label == "POST /v1/snapshots" and _is_past(case.body):
        case.body, case.media_type = {"as_of": _LONG_AGO}, "application/json"  # each instant is a run of minutes
    if case.operation.label == "POST /v1/audits" and (isinstance(case.body, NotSet) or case.body == {}):
        case.body, case.media_type = {"snapshot": "snap_" + _ANY_DIGITS}, "application/json"  # and so is each audit
    response = case.call(base_url=stack.api_url, headers={"Authorization": f"Bearer {stack.api_key}"})
    excluded = [positive_data_acceptance] if _is_wrong_together(case, response) else []
    case.validate_response(response, excluded_checks=excluded)


def _says_not_one_thing(case: Case) -> bool:
    """Whether an adjustment has neither a quantity nor a count, or both: generators of clients know no such choice."""
    body = case.body
    return (
        case.operation.label == "POST /v1/adjustments"
        and isinstance(body, dict)
        and ("quantity" in body) == ("count" in body)
    )


def _is_past(body: object) -> bool:
    """Whether a body asks for the latest snapshot, or for one of an instant that is over."""
    if not isinstance(body, dict):
        return isinstance(body, NotSet)
    return not body or (set(body) == {"as_of"} and type(body["as_of"]) is int and 0 < body["as_of"] < time.time())


def _is_wrong_together(case: Case, response: schemathesis.Response) -> bool:
    if response.status_code != 400:
        return False
    error = response.json()["error"]
    if error["code"] in _WRONG_BY_NOW or _says_not_one_thing(case):
        return True
    return str(error["param"]).partition("[")[0] in _WRONG_TOGETHER.get(case.operation.label, set())
