"""Who may do what."""

import pytest

from inventory.domain.keys import ALL_SCOPES, Scope
from stack.state import Stack
from support.gateway import Answer
from support.shop import Body, Shop, done, line
from support.stack import Operator

_ANY_ID = "0" * 32

_CALLS: list[tuple[str, str, Body | None, Scope]] = [
    ("POST", "/v1/holds", {"lines": [line("cup")]}, Scope.HOLDS_WRITE),
    ("GET", "/v1/holds", None, Scope.HOLDS_READ),
    ("GET", f"/v1/holds/hold_{_ANY_ID}", None, Scope.HOLDS_READ),
    ("POST", f"/v1/holds/hold_{_ANY_ID}", {"expires_in": 60}, Scope.HOLDS_WRITE),
    ("POST", f"/v1/holds/hold_{_ANY_ID}/execute", None, Scope.HOLDS_WRITE),
    ("POST", f"/v1/holds/hold_{_ANY_ID}/release", None, Scope.HOLDS_WRITE),
    ("GET", "/v1/stock/cup", None, Scope.STOCK_READ),
    ("GET", "/v1/stock?items=cup", None, Scope.STOCK_READ),
    ("POST", "/v1/stock/cup/split", {"warehouse": "berlin", "shards": 2}, Scope.STOCK_WRITE),
    ("GET", f"/v1/adjustments/adj_{_ANY_ID}", None, Scope.STOCK_READ),
    ("GET", f"/v1/transfers/trf_{_ANY_ID}", None, Scope.STOCK_READ),
    ("POST", "/v1/transfers", {"item": "cup", "from": "a", "to": "b", "quantity": 1}, Scope.STOCK_WRITE),
    (
        "POST",
        "/v1/adjustments",
        {"item": "cup", "warehouse": "berlin", "quantity": -1, "reason": "broken"},
        Scope.STOCK_WRITE,
    ),
]


def _call(shop: Shop, method: str, path: str, body: Body | None) -> Answer:
    return shop.send(method, path, json=body)


def test_each_call_needs_its_scope_and_no_other(stack: Stack, operator: Operator) -> None:
    keys = {scope: operator.make_key(scope)[0] for scope in ALL_SCOPES}
    shops = {scope: Shop(stack.api_url, key, "nobody") for scope, key in keys.items()}
    for method, path, body, needed in _CALLS:
        for scope, shop in shops.items():
            answer = _call(shop, method, path, body)
            if scope == needed:
                assert answer.status in {200, 402, 404}, (method, path, answer.body)
            else:
                assert (answer.status, answer.error["type"]) == (403, "permission_error"), (method, path, scope)
                assert answer.code == "scope_missing"
                assert f"'{needed}'" in answer.error["message"]
                assert answer.headers["Stripe-Should-Retry"] == "false"


@pytest.mark.parametrize(("method", "path", "body", "_scope"), _CALLS)
def test_no_call_is_answered_without_a_key(
    stack: Stack, method: str, path: str, body: Body | None, _scope: Scope
) -> None:
    answer = _call(Shop(stack.api_url, None, "nobody"), method, path, body)
    assert (answer.status, answer.error["type"], answer.code) == (401, "authentication_error", "api_key_missing")
    assert answer.error["doc_url"] == "docs/errors.md#api_key_missing"
    assert answer.error["request_id"] == answer.headers["Request-Id"]
    assert answer.headers["Stripe-Should-Retry"] == "false"


@pytest.mark.parametrize(
    "header",
    ["Bearer inv_" + "A" * 43, "Bearer sk_test_4eC39HqLyjWDarjtT1zdp7dc", "Basic dXNlcjpwYXNz", "Bearer", "inv_x"],
)
def test_what_is_no_key_is_refused(stack: Stack, header: str) -> None:
    stranger = Shop(stack.api_url, None, "nobody")
    answer = stranger.send("GET", "/v1/holds", headers={"Authorization": header})
    assert (answer.status, answer.error["type"], answer.code) == (401, "authentication_error", "api_key_invalid")
    assert answer.error["doc_url"] == "docs/errors.md#api_key_invalid"


def test_a_revoked_key_is_refused(stack: Stack, operator: Operator) -> None:
    text, key = operator.make_key()
    operator.revoke(key)
    answer = Shop(stack.api_url, text, "nobody").get("/v1/holds")
    assert (answer.status, answer.code) == (401, "api_key_invalid")


def test_every_record_says_which_key_was_behind_it(shop: Shop, stack: Stack, operator: Operator) -> None:
    text, key = operator.make_key(Scope.HOLDS_WRITE, Scope.STOCK_WRITE)
    clerk = Shop(stack.api_url, text, shop.prefix)
    item = shop.item("cup")
    adjustment = clerk.receive(item, 10)
    hold = done(clerk.place(line(item)))
    done(clerk.release(hold))
    shop.await_counters(item, 10, 0)

    (adjusted,) = operator.scan("AdjustmentsTable", shop.prefix, "#item", {"#item": "item"})
    (held,) = operator.scan("HoldsTable", hold["id"], "#id", {"#id": "hold_id"})
    (shard, _) = sorted(
        operator.scan("StockTable", shop.prefix, "#id", {"#id": "stock_id"}), key=lambda each: "available" not in each
    )
    assert (adjusted["adjustment_id"], adjusted["actor"]) == (adjustment["id"], key.id)
    assert (held["actor"], held["resolution"]["actor"]) == (key.id, key.id)
    assert shard["cause"]["actor"] == "settler"
    assert shard["cause"]["id"] == held["settlement"]
