"""Each call over HTTP, with the real use cases behind it."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from inventory.api.application import Application
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.holds import Draw, Hold, Line, Status
from inventory.domain.limits import (
    DRAWS_MAX,
    ID_LENGTH_MAX,
    LINES_MAX,
    METADATA_KEY_LENGTH_MAX,
    METADATA_KEYS_MAX,
    METADATA_VALUE_LENGTH_MAX,
    PAGE_SIZE_MAX,
    QUANTITY_MAX,
)
from inventory.metric import Metric
from inventory.protocol import holds_view
from inventory.protocol.core import Page
from openapi.document import OPERATIONS
from support.gateway import Gateway
from support.world import START_MS, World

ABSENT = "0" * 32


def lines(*wanted: tuple[str, int]) -> dict[str, Any]:
    return {"lines": [{"item": item, "quantity": quantity} for item, quantity in wanted]}


@pytest.fixture
def hold(world: World, api: Gateway) -> dict[str, Any]:
    """A hold of 3 of item A in warehouse W1, where 10 were."""
    world.receive("A", 10)
    answer = api.post("/v1/holds", {**lines(("A", 3)), "metadata": {"cart": "7"}})
    assert answer.status == 200
    return answer.body


def test_a_hold_is_placed_and_shown(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    created = world.clock.now_ms // 1000
    assert hold == {
        "id": hold["id"],
        "object": "hold",
        "status": "active",
        "lines": [{"item": "A", "warehouse": "W1", "quantity": 3, "executed": 0}],
        "created": created,
        "expires_at": created + 900,
        "settled": False,
        "metadata": {"cart": "7"},
    }
    assert api.get(f"/v1/holds/{hold['id']}").body == hold
    assert world.counted[Metric.HOLDS_PLACED] == 1


def test_the_same_item_twice_is_one_line(world: World, api: Gateway) -> None:
    world.receive("A", 5)
    placed = api.post("/v1/holds", lines(("A", 1), ("A", 2))).body
    assert [(line["item"], line["quantity"]) for line in placed["lines"]] == [("A", 3)]


def test_a_form_places_a_hold_too(world: World, api: Gateway) -> None:
    world.receive("A", 5)
    form = [("lines[0][item]", "A"), ("lines[0][quantity]", "2"), ("metadata[cart]", "7"), ("expires_in", "60")]
    placed = api.post_form("/v1/holds", form).body
    assert (placed["lines"][0]["quantity"], placed["metadata"]) == (2, {"cart": "7"})
    assert placed["expires_at"] - placed["created"] == 60


@pytest.mark.parametrize(
    ("wanted", "param", "item", "warehouse", "available"),
    [
        ([{"item": "B", "quantity": 1}], "lines[0][quantity]", "B", None, 0),
        ([{"item": "A", "quantity": 1}, {"item": "B", "quantity": 4}], "lines[1][quantity]", "B", None, 0),
        ([{"item": "A", "quantity": 6}], "lines[0][quantity]", "A", None, 5),
        ([{"item": "A", "quantity": 1, "warehouse": "W2"}], "lines[0][quantity]", "A", "W2", 0),
    ],
)
def test_a_refusal_says_of_what_there_is_not_enough(
    world: World, api: Gateway, wanted: list[Any], param: str, item: str, warehouse: str | None, available: int
) -> None:
    world.receive("A", 5)
    answer = api.post("/v1/holds", {"lines": wanted})
    assert (answer.status, answer.error["type"], answer.code) == (402, "stock_error", "insufficient_stock")
    assert (answer.error["param"], answer.error["item"], answer.error["warehouse"]) == (param, item, warehouse)
    assert (answer.error["wanted"], answer.error["available"]) == (wanted[-1]["quantity"], available)
    assert answer.headers["Stripe-Should-Retry"] == "false"
    assert world.counted[Metric.HOLDS_REFUSED] == 1
    assert world.held("A") == 0


def test_a_repeated_place_is_a_replay_and_another_one_a_mismatch(world: World, api: Gateway) -> None:
    world.receive("A", 5)
    first = api.post("/v1/holds", lines(("A", 1)), key="k")
    again = api.post("/v1/holds", {**lines(("A", 1)), "expires_in": 900}, key="k")
    form = api.post_form("/v1/holds", [("lines[0][item]", "A"), ("lines[0][quantity]", "1")], key="k")
    other = api.post("/v1/holds", lines(("A", 2)), key="k")
    assert "Idempotent-Replayed" not in first.headers
    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true"), "a default is no difference"
    assert (form.body, form.headers["Idempotent-Replayed"]) == (first.body, "true"), "nor is how it was written"
    assert (other.status, other.error["type"]) == (400, "idempotency_error")
    assert (world.counted[Metric.HOLDS_PLACED], world.counted[Metric.HOLDS_REPLAYED]) == (1, 2)


def test_a_hold_is_changed(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    world.clock.pass_s(10)
    changed = api.post(f"/v1/holds/{hold['id']}", {"expires_in": 60, "metadata": {"cart": "", "step": "pay"}}).body
    assert changed["metadata"] == {"step": "pay"}
    assert changed["expires_at"] == hold["created"] + 70
    assert {**changed, "metadata": 0, "expires_at": 0} == {**hold, "metadata": 0, "expires_at": 0}


def test_a_hold_is_executed_and_settles(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    executed = api.post(f"/v1/holds/{hold['id']}/execute").body
    assert (executed["status"], executed["settled"], executed["lines"][0]["executed"]) == ("executed", False, 3)
    world.flow()
    assert api.get(f"/v1/holds/{hold['id']}").body["settled"] is True
    again = api.post(f"/v1/holds/{hold['id']}/execute")
    assert (again.status, again.code) == (400, "hold_already_executed")
    assert world.counted[Metric.HOLDS_EXECUTED] == 1


def test_less_can_be_taken_than_was_held(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    body = {"lines": [{"item": "A", "warehouse": "W1", "quantity": 1}]}
    executed = api.post(f"/v1/holds/{hold['id']}/execute", body, key="k")
    assert executed.body["lines"] == [{"item": "A", "warehouse": "W1", "quantity": 3, "executed": 1}]
    assert api.post(f"/v1/holds/{hold['id']}/execute", body, key="k").headers["Idempotent-Replayed"] == "true"
    assert api.post(f"/v1/holds/{hold['id']}/execute", key="k").code == "idempotency_key_mismatch"
    world.flow()
    assert world.available("A") == 9


def test_a_line_that_several_were_merged_into_can_be_taken_as_it_is_shown(world: World, api: Gateway) -> None:
    """Each had what a line may have at most."""
    for _ in range(LINES_MAX):
        world.receive("A", QUANTITY_MAX)
    held = api.post("/v1/holds", lines(*[("A", QUANTITY_MAX)] * LINES_MAX)).body
    (line,) = held["lines"]
    assert line.pop("executed") == 0
    assert line["quantity"] == LINES_MAX * QUANTITY_MAX
    executed = api.post(f"/v1/holds/{held['id']}/execute", {"lines": [line]})
    assert executed.body["lines"] == [line | {"executed": LINES_MAX * QUANTITY_MAX}]
    line["quantity"] += 1
    assert api.post(f"/v1/holds/{held['id']}/execute", {"lines": [line]}).error["param"] == "lines[0][quantity]"


@pytest.mark.parametrize(
    ("line", "param"),
    [
        ({"item": "A", "warehouse": "W2", "quantity": 1}, "lines[0]"),
        ({"item": "A", "warehouse": "W1", "quantity": 4}, "lines[0][quantity]"),
    ],
)
def test_what_was_not_held_cannot_be_taken(api: Gateway, hold: dict[str, Any], line: Any, param: str) -> None:
    answer = api.post(f"/v1/holds/{hold['id']}/execute", {"lines": [line]})
    assert (answer.status, answer.code, answer.error["param"]) == (400, "parameter_invalid", param)


def test_a_hold_is_released(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    released = api.post(f"/v1/holds/{hold['id']}/release")
    assert (released.body["status"], released.body["lines"][0]["executed"]) == ("released", 0)
    assert api.post(f"/v1/holds/{hold['id']}/execute").code == "hold_already_released"
    assert world.counted[Metric.HOLDS_RELEASED] == 1


def test_accounts_keep_idempotency_keys_apart_and_nothing_else(world: World, api: Gateway) -> None:
    world.receive("A", 10)
    body = {**lines(("A", 1)), "metadata": {"cart": "7"}}
    hold, second = (api.post("/v1/holds", body, key=key).body for key in ("cart-1", "cart-2"))
    derived = world.by("cart-1").object_id("hold", uuid.uuid4)
    assert hold["id"] == derived, "who knows account and key can tell the id: it is no secret"
    api.account = "acct_other"
    assert [each["metadata"] for each in api.get("/v1/holds").body["data"]] == [{"cart": "7"}] * 2
    assert api.post(f"/v1/holds/{hold['id']}", {"expires_in": 5}).status == 200
    assert api.post(f"/v1/holds/{hold['id']}/release").body["status"] == "released"
    assert api.post(f"/v1/holds/{second['id']}/execute").body["status"] == "executed"
    assert api.post("/v1/holds", body, key="cart-1").body["id"] not in (hold["id"], second["id"])


def test_a_hold_past_its_time_is_expired_before_it_is_swept(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    world.clock.pass_s(901)
    assert api.get(f"/v1/holds/{hold['id']}").body["status"] == "expired"
    assert api.get("/v1/holds").body["data"] == []
    answers = [api.post(f"/v1/holds/{hold['id']}/execute"), api.post(f"/v1/holds/{hold['id']}", {"expires_in": 9})]
    assert [(answer.status, answer.code) for answer in answers] == [(400, "hold_expired")] * 2


def test_active_holds_are_listed_page_by_page(world: World, api: Gateway) -> None:
    world.receive("A", 5)
    placed = [api.post("/v1/holds", {**lines(("A", 1)), "expires_in": 100 + n}).body["id"] for n in range(3)]
    first = api.get("/v1/holds", [("limit", "2")]).body
    assert (first["object"], first["url"], first["has_more"]) == ("list", "/v1/holds", True)
    assert [each["id"] for each in first["data"]] == placed[:2]
    rest = api.get("/v1/holds", [("limit", "2"), ("starting_after", placed[1])]).body
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (placed[2:], False)


def test_a_cursor_that_is_no_hold_is_refused(api: Gateway) -> None:
    answer = api.get("/v1/holds", [("starting_after", f"hold_{ABSENT}")])
    assert (answer.status, answer.error["param"]) == (400, "starting_after")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/holds/hold_{ABSENT}"),
        ("POST", f"/v1/holds/hold_{ABSENT}/execute"),
        ("POST", f"/v1/holds/hold_{ABSENT}/release"),
        ("GET", f"/v1/adjustments/adj_{ABSENT}"),
        ("GET", f"/v1/transfers/trf_{ABSENT}"),
        ("GET", "/v1/stock/none"),
    ],
)
def test_what_is_not_there_is_404(api: Gateway, method: str, path: str) -> None:
    answer = api.send(method, path)
    assert (answer.status, answer.error["type"], answer.code) == (404, "invalid_request_error", "resource_missing")


def test_changing_and_splitting_what_is_not_there_is_404(api: Gateway) -> None:
    assert api.post(f"/v1/holds/hold_{ABSENT}", {"expires_in": 5}).status == 404
    assert api.post("/v1/stock/none/split", {"warehouse": "W", "shards": 2}).status == 404


def test_an_adjustment_is_made_and_shown(world: World, api: Gateway) -> None:
    body = {"item": "A", "warehouse": "W1", "quantity": 7, "reason": "received", "reference": "po-1"}
    made = api.post("/v1/adjustments", {**body, "metadata": {"a": "b"}}, key="k")
    assert made.body == {
        **body,
        "id": made.body["id"],
        "object": "adjustment",
        "created": START_MS // 1000,
        "metadata": {"a": "b"},
    }
    assert api.get(f"/v1/adjustments/{made.body['id']}").body == made.body
    again = api.post("/v1/adjustments", {**body, "metadata": {"a": "b"}}, key="k")
    assert (again.body, again.headers["Idempotent-Replayed"]) == (made.body, "true")
    assert world.available("A") == 7


def test_more_cannot_be_taken_than_there_is(world: World, api: Gateway) -> None:
    world.receive("A", 2)
    taken = api.post("/v1/adjustments", {"item": "A", "warehouse": "W1", "quantity": -3, "reason": "lost"})
    moved = api.post("/v1/transfers", {"item": "A", "from": "W1", "to": "W2", "quantity": 3})
    for answer in (taken, moved):
        assert (answer.status, answer.code, answer.error["param"]) == (402, "insufficient_stock", "quantity")
        assert (answer.error["wanted"], answer.error["available"]) == (3, 2)


def test_a_count_is_the_change_that_it_made(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    counted = {"item": "A", "warehouse": "W1", "reason": "counted"}
    made = api.post("/v1/adjustments", {**counted, "count": 8})
    assert (made.status, made.body["quantity"], made.body["reference"]) == (200, -2, None)
    assert world.available("A") == 5
    below = api.post("/v1/adjustments", {**counted, "count": 2})
    assert (below.status, below.code) == (400, "count_below_held")
    assert hold["lines"][0]["quantity"] == 3


def test_a_transfer_is_made_and_shown(world: World, api: Gateway) -> None:
    world.receive("A", 5)
    body = {"item": "A", "from": "W1", "to": "W2", "quantity": 2}
    made = api.post("/v1/transfers", body).body
    assert made == {
        **body,
        "id": made["id"],
        "object": "transfer",
        "reference": None,
        "created": world.clock.now_ms // 1000,
        "metadata": {},
    }
    assert api.get(f"/v1/transfers/{made['id']}").body == made
    stock = api.get("/v1/stock/A", [("consistent", "true")]).body
    assert [(each["warehouse"], each["available"]) for each in stock["warehouses"]] == [("W1", 3), ("W2", 2)]


def test_stock_is_read(world: World, api: Gateway, hold: dict[str, Any]) -> None:
    world.flow()
    stock = api.get("/v1/stock/A")
    assert stock.body == {
        "id": "A",
        "object": "stock",
        "item": "A",
        "available": 7,
        "held": 3,
        "on_hand": 10,
        "in_stock": True,
        "as_of": world.clock.now_ms // 1000,
        "warehouses": [{"warehouse": "W1", "available": 7, "held": 3, "on_hand": 10, "shards": 1}],
    }
    assert hold["status"] == "active"


def test_stock_of_several_items_leaves_unknown_ones_out(world: World, api: Gateway) -> None:
    world.receive("A", 1)
    world.receive("B", 2)
    listed = api.get("/v1/stock", [("items", "B,none"), ("items", "A")]).body
    assert (listed["object"], listed["url"], listed["has_more"]) == ("list", "/v1/stock", False)
    assert [(each["item"], each["available"]) for each in listed["data"]] == [("B", 2), ("A", 1)]


def test_what_a_warehouse_has_is_listed_page_by_page(world: World, api: Gateway) -> None:
    for item in "ABC":
        world.receive(item, 1)
    where = [("warehouse", "W1"), ("in_stock", "true")]
    first = api.get("/v1/stock", [*where, ("limit", "2")]).body
    assert ([each["item"] for each in first["data"]], first["has_more"]) == (["A", "B"], True)
    rest = api.get("/v1/stock", [*where, ("limit", "2"), ("starting_after", "B")]).body
    assert ([each["item"] for each in rest["data"]], rest["has_more"]) == (["C"], False)


def test_an_items_counters_are_split(world: World, api: Gateway) -> None:
    world.receive("A", 8)
    split = api.post("/v1/stock/A/split", {"warehouse": "W1", "shards": 4}, key="k")
    assert split.body["warehouses"] == [{"warehouse": "W1", "available": 8, "held": 0, "on_hand": 8, "shards": 4}]
    assert api.post("/v1/stock/A/split", {"warehouse": "W1", "shards": 4}, key="k").headers["Idempotent-Replayed"]


def test_stock_is_read_at_an_instant_of_the_past(world: World) -> None:
    asked: list[tuple[str, int]] = []

    def read_past(item: str, at_ms: int) -> ItemStock:
        asked.append((item, at_ms))
        return ItemStock(item, (WarehouseStock("W1", 7, 3, 2),), at_ms)

    api = Gateway(Application(OPERATIONS, replace(world.core, read_past=read_past), docs_url=""))
    stock = api.get("/v1/stock/A", [("at", "1700000000")]).body
    assert asked == [("A", 1_700_000_000_000)]
    assert (stock["available"], stock["held"], stock["as_of"]) == (7, 3, 1_700_000_000)
    assert stock["warehouses"][0]["shards"] == 2


def test_an_instant_that_is_not_sealed_is_refused_by_name(api: Gateway) -> None:
    refused = api.get("/v1/stock/A", [("at", "1700000000")])
    assert (refused.status, refused.code, refused.error["param"]) == (400, "instant_not_sealed", "at")


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ([("at", "1700000000"), ("consistent", "true")], "parameter_invalid", "consistent"),
        ([("at", "1700000000"), ("consistent", "false")], "parameter_invalid", "consistent"),
        ([("at", "-1")], "parameter_invalid", "at"),
        ([("at", "1700000000.5")], "parameter_invalid", "at"),
        ([("at", "253402300800")], "parameter_invalid", "at"),
        ([("at", "yesterday")], "parameter_invalid", "at"),
    ],
)
def test_an_instant_is_a_whole_second_and_stands_alone(
    api: Gateway, query: list[tuple[str, str]], code: str, param: str
) -> None:
    refused = api.get("/v1/stock/A", query)
    assert (refused.status, refused.code, refused.error["param"]) == (400, code, param)


def test_lists_are_of_now(api: Gateway) -> None:
    refused = api.get("/v1/stock", [("items", "A"), ("at", "1700000000")])
    assert (refused.status, refused.code, refused.error["param"]) == (400, "parameter_unknown", "at")


@pytest.mark.parametrize("letter", ["🍵", '"', "\\"])
def test_a_page_of_the_largest_holds_is_no_more_than_lambda_lets_a_function_answer(
    monkeypatch: pytest.MonkeyPatch, world: World, api: Gateway, letter: str
) -> None:
    line = Line("A" * ID_LENGTH_MAX, "W" * ID_LENGTH_MAX, LINES_MAX * QUANTITY_MAX, (Draw(0, 1),))
    keys = [f"{number:02}" + letter * (METADATA_KEY_LENGTH_MAX - 2) for number in range(METADATA_KEYS_MAX)]
    metadata = dict.fromkeys(keys, letter * METADATA_VALUE_LENGTH_MAX)
    at = world.clock.now_ms
    hold = Hold("hold_" + ABSENT, Status.ACTIVE, (line,) * DRAWS_MAX, at, at + 1, 1, at, "key", "f", metadata)
    monkeypatch.setattr(holds_view, "list_holds", lambda *_, **__: Page([hold] * PAGE_SIZE_MAX, has_more=True))
    page = api.get("/v1/holds", [("limit", str(PAGE_SIZE_MAX))])  # how much it is, the gateway asserts
    assert page.body["data"][-1]["metadata"] == metadata
