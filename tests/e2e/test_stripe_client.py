"""A payment gateway's own client, pointed at the service: its raw requests, errors, retries and pages just work."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import pytest
import stripe

from inventory.domain.keys import Scope
from stack.state import Stack
from support.shop import Shop, at_once, done, line, new_prefix, wait_until
from support.stack import Operator


class _CountingHttp(stripe.RequestsClient):
    """The client's own HTTP, which counts how often something is sent, and waits less between retries."""

    sent = 0

    def request(self, *args: Any, **more: Any) -> Any:
        self.sent += 1
        return super().request(*args, **more)

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.3 * num_retries


class Client:
    """A client with a key, and what it was sent."""

    def __init__(self, stack: Stack, key: str | None = None) -> None:
        self.http = _CountingHttp()
        self.client = stripe.StripeClient(
            key or stack.api_key,
            base_addresses={"api": stack.api_url},
            max_network_retries=2,
            http_client=self.http,
        )

    def call(self, method: str, path: str, **params: Any) -> stripe.StripeObject:
        """One raw request, and its answer as an object."""
        return self.client.deserialize(self.raw(method, path, **params), api_mode="V1")

    def raw(self, method: str, path: str, **params: Any) -> stripe.StripeResponse:
        """One raw request."""
        return cast(stripe.StripeResponse, self.client.raw_request(method, path, **params))

    def pages(self, path: str, **params: Any) -> stripe.ListObject[Any]:
        """A list that can turn its own pages."""
        listed = self.client.deserialize(self.raw("get", path, **params), params=params, api_mode="V1")
        assert isinstance(listed, stripe.ListObject)
        return listed


@pytest.fixture
def client(stack: Stack) -> Client:
    return Client(stack)


def test_a_purchase_from_cart_to_settlement(shop: Shop, client: Client) -> None:
    item = shop.item("cup")
    received = client.call(
        "post",
        "/v1/adjustments",
        item=item,
        warehouse="berlin",
        quantity=10,
        reason="received",
        metadata={"truck": "7"},
    )
    assert (received["object"], received["quantity"], received["metadata"]["truck"]) == ("adjustment", 10, "7")

    hold = client.call("post", "/v1/holds", lines=[line(item, 3, "berlin")], expires_in=600, metadata={"cart": "c_1"})
    assert (hold["status"], hold["lines"][0]["quantity"], hold["metadata"]["cart"]) == ("active", 3, "c_1")
    executed = client.call("post", f"/v1/holds/{hold['id']}/execute", lines=[line(item, 2, "berlin")])
    assert (executed["status"], executed["lines"][0]["executed"]) == ("executed", 2)

    wait_until(lambda: client.call("get", f"/v1/holds/{hold['id']}")["settled"], 5, "it is settled")
    stock = client.call("get", f"/v1/stock/{item}", consistent=True)
    assert (stock["available"], stock["held"], stock["in_stock"]) == (8, 0, True)


def test_a_replay_is_told_by_its_header(shop: Shop, client: Client) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    options = {"idempotency_key": f"{shop.prefix}-1"}

    first = client.raw("post", "/v1/holds", lines=[line(item)], **options)
    again = client.raw("post", "/v1/holds", lines=[line(item)], **options)

    assert _id(again) == _id(first)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.request_id != first.request_id
    assert shop.counters(item) == (9, 1)


def test_a_shortage_is_a_card_error_sent_once(shop: Shop, client: Client) -> None:
    item = shop.item("cup")
    shop.receive(item, 1)
    with pytest.raises(stripe.CardError) as refused:
        client.call("post", "/v1/holds", lines=[line(item, 2)])

    assert refused.value.http_status == 402
    assert refused.value.code == "insufficient_stock"
    assert refused.value.param == "lines[0][quantity]"
    assert refused.value.request_id
    body = cast("dict[str, Any]", refused.value.json_body)["error"]
    assert (body["item"], body["wanted"], body["available"]) == (item, 2, 1)
    assert client.http.sent == 1, "Stripe-Should-Retry: false"


def test_other_parameters_under_a_key_are_an_idempotency_error(shop: Shop, client: Client) -> None:
    item, key = shop.item("cup"), f"{shop.prefix}-1"
    shop.receive(item, 10)
    client.call("post", "/v1/holds", lines=[line(item)], idempotency_key=key)
    with pytest.raises(stripe.IdempotencyError):
        client.call("post", "/v1/holds", lines=[line(item, 2)], idempotency_key=key)
    assert client.http.sent == 2


@pytest.mark.parametrize(
    ("method", "path", "params", "code", "param"),
    [
        ("get", "/v1/holds/hold_" + "0" * 32, {}, "resource_missing", "id"),
        ("get", "/v1/holds", {"limit": 1000}, "parameter_invalid", "limit"),
        ("post", "/v1/holds", {"lines": [{"item": "cup"}]}, "parameter_missing", "lines[0][quantity]"),
        ("post", "/v1/holds", {"lines": [line("cup")], "expire_in": 5}, "parameter_unknown", "expire_in"),
    ],
)
def test_a_mistake_is_an_invalid_request_error_sent_once(
    client: Client, method: str, path: str, params: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.call(method, path, **params)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert client.http.sent == 1


def test_a_strange_key_is_an_authentication_error(stack: Stack) -> None:
    stranger = Client(stack, "sk_test_4eC39HqLyjWDarjtT1zdp7dc")
    with pytest.raises(stripe.AuthenticationError):
        stranger.call("get", "/v1/holds")
    assert stranger.http.sent == 1


def test_a_missing_scope_is_a_permission_error(stack: Stack, operator: Operator) -> None:
    reader = Client(stack, operator.make_key(Scope.STOCK_READ)[0])
    with pytest.raises(stripe.PermissionError):
        reader.call("get", "/v1/holds")
    assert reader.http.sent == 1


def test_a_conflict_is_sent_again_by_the_client_itself(shop: Shop, client: Client) -> None:
    """A shard that carries a hold can't be given up: 409, with Stripe-Should-Retry: true."""
    item = shop.item("cup")
    shop.receive(item, 8)
    done(shop.split(item, 8))
    holds = [done(shop.place(line(item))) for _ in range(8)]

    with pytest.raises(stripe.APIError) as refused:
        client.call("post", f"/v1/stock/{item}/split", warehouse="berlin", shards=1)

    assert refused.value.http_status == 409
    assert client.http.sent == 3, "once, and two retries"
    at_once([partial(shop.release, hold) for hold in holds])
    shop.await_counters(item, 8, 0)
    stock = client.call("post", f"/v1/stock/{item}/split", warehouse="berlin", shards=1)
    assert stock["warehouses"][0]["shards"] == 1


def test_too_many_requests_are_a_rate_limit_error_and_sent_again(stack: Stack, operator: Operator) -> None:
    patient, impatient = Client(stack), Client(stack)
    impatient.client = stripe.StripeClient(
        stack.api_key, base_addresses={"api": stack.api_url}, max_network_retries=0, http_client=impatient.http
    )
    with _throttled(operator, rate=2):
        with pytest.raises(stripe.RateLimitError) as refused:  # noqa: PT012 - the first are let through
            for _ in range(20):
                impatient.call("get", "/v1/holds")
        assert refused.value.http_status == 429
        error = cast("dict[str, Any]", refused.value.json_body)["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit")
        headers = cast("Mapping[str, str]", refused.value.headers)
        assert (headers["Stripe-Should-Retry"], headers["Retry-After"]) == ("true", "1")

        sent_before = patient.http.sent
        assert patient.call("get", "/v1/holds")["object"] == "list"
        assert patient.http.sent > sent_before


def test_a_list_turns_its_own_pages(shop: Shop, client: Client) -> None:
    item = shop.item("cup")
    shop.receive(item, 20)
    placed = [done(shop.place(line(item), expires_in=10 + number))["id"] for number in range(7)]

    listed = client.pages("/v1/holds", limit=3)

    assert len(listed.data) == 3
    seen = []
    for hold in listed.auto_paging_iter():
        seen.append(hold["id"])
        if placed[-1] in seen:
            break
    assert [hold_id for hold_id in seen if hold_id in placed] == placed
    assert len(seen) == len(set(seen))


def test_the_stock_of_a_warehouse_turns_its_own_pages(shop: Shop, client: Client) -> None:
    warehouse = f"{shop.prefix}-hall"
    items = [shop.item(f"part{number}") for number in range(5)]
    for item in items:
        shop.receive(item, 1, warehouse)
    filters = {"warehouse": warehouse, "in_stock": True, "limit": 2}

    wait_until(
        lambda: len(list(client.pages("/v1/stock", **filters).auto_paging_iter())) == len(items), 5, "all are projected"
    )
    listed = client.pages("/v1/stock", **filters)
    assert [stock["item"] for stock in listed.auto_paging_iter()] == items


def test_a_snapshot_is_taken_once_and_listed(client: Client) -> None:
    key = new_prefix()
    first = client.raw("post", "/v1/snapshots", as_of=1_000_000_000, idempotency_key=key)
    again = client.raw("post", "/v1/snapshots", as_of=1_000_000_000, idempotency_key=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    taken = client.call("get", f"/v1/snapshots/{_id(first)}")
    assert (_id(again), taken["object"], taken["as_of"]) == (_id(first), "snapshot", 1_000_000_000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.call("post", "/v1/snapshots", as_of=9_000_000_000)
    assert (refused.value.code, refused.value.param) == ("instant_too_recent", "as_of")

    def is_listed() -> bool:
        return _id(first) in [each["id"] for each in client.pages("/v1/snapshots", limit=1).auto_paging_iter()]

    wait_until(is_listed, 60, "it is complete, and listed")


def _id(response: stripe.StripeResponse) -> str:
    return str(cast("dict[str, Any]", response.data)["id"])


@contextmanager
def _throttled(operator: Operator, rate: int) -> Iterator[None]:
    """Lowers the stage's limit to some requests a second."""
    api = operator.stack.outputs["Api"]
    (stage,) = operator.apigateway.get_stages(restApiId=api)["item"]
    kept = stage["methodSettings"]["*/*"]

    def limit(rate: float, burst: int) -> None:
        operator.apigateway.update_stage(
            restApiId=api,
            stageName=stage["stageName"],
            patchOperations=[
                {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": str(rate)},
                {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": str(burst)},
            ],
        )

    try:
        limit(rate, 1)
        yield
    finally:
        limit(kept["throttlingRateLimit"], kept["throttlingBurstLimit"])
