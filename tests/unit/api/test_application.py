"""From event to answer: routing, who may, ids, errors, logs and metrics."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from inventory.api.application import Application
from inventory.api.error_reference import CODES
from inventory.domain.errors import ClockSkewed, Conflict, Overloaded, RecordAhead
from inventory.domain.ids import fingerprint
from inventory.domain.keys import ALL_SCOPES
from inventory.protocol.core import Core
from openapi.document import OPERATIONS
from support.bureau import Bureau, whole_api
from support.gateway import JSON, Gateway, event_for
from support.world import World

HOLD = "hold_" + "0" * 32
LINES = {"lines": [{"item": "A", "quantity": 1}]}

Output = Callable[[], str]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def refused(core: Core, error: Exception) -> Callable[[], Gateway]:
    """A gateway before a function in which every call ends with this error."""

    def refuse(*_: object) -> None:
        raise error

    def build() -> Gateway:
        operations = [
            type(operation)(**{name: getattr(operation, name) for name in operation.__slots__} | {"run": refuse})
            for operation in OPERATIONS
        ]
        return Gateway(Application(operations, core, docs_url=""))

    return build


@pytest.mark.parametrize(
    "path", ["/", "", "/v1", "/v2/holds", "/v1/holds/a/b/c", "/v1/hold", "/v1/stock/A/merge", "//"]
)
def test_an_unknown_path_is_404(api: Gateway, path: str) -> None:
    answer = api.get(path)
    assert (answer.status, answer.code, answer.error["param"]) == (404, "resource_missing", None)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/holds", "GET, POST"),
        ("PUT", f"/v1/holds/{HOLD}", "GET, POST"),
        ("GET", f"/v1/holds/{HOLD}/execute", "POST"),
        ("POST", "/v1/stock/A", "GET"),
        ("PATCH", "/v1/adjustments", "POST"),
    ],
)
def test_a_known_path_by_another_method_is_405_and_says_which(
    api: Gateway, method: str, path: str, allowed: str
) -> None:
    answer = api.send(method, path)
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", allowed)
    assert answer.error["message"].endswith(f" is not allowed here. Use {allowed.replace(', ', ' or ')}.")


def test_a_slash_at_the_end_and_encoded_letters_change_nothing(api: Gateway, world: World) -> None:
    world.receive("A.1", 3)
    assert api.get("/v1/stock/A.1/").body["available"] == 3
    assert api.get("/v1/stock/%41%2E1").body["available"] == 3


@pytest.mark.parametrize("item", ["a%20b", "%00", "a%2Fb", "%ff", "ä", "a" * 65, "a%0A", "a\n", "*"])
def test_an_impossible_item_in_the_path_is_refused(api: Gateway, item: str) -> None:
    answer = api.get(f"/v1/stock/{item}")
    assert (answer.status, answer.code, answer.error["param"]) == (400, "parameter_invalid", "item")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/holds/hold_1",
        "/v1/holds/trf_" + "0" * 32,
        "/v1/transfers/" + HOLD,
        "/v1/holds/%00",
        f"/v1/holds/{HOLD}%0A",
        f"/v1/holds/{HOLD}\n",
    ],
)
def test_an_impossible_id_is_404(api: Gateway, path: str) -> None:
    answer = api.get(path)
    assert (answer.status, answer.code, answer.error["param"]) == (404, "resource_missing", "id")


def test_an_id_is_shown_as_it_can_be_read_and_no_longer_than_that(api: Gateway) -> None:
    answer = api.get("/v1/holds/hold_%1B%00" + "x" * 300)
    assert answer.error["message"] == f"No such hold: 'hold_??{'x' * 193}'."


def test_so_is_a_parameter_in_the_url_of_a_post_request(api: Gateway) -> None:
    answer = api.send("POST", "/v1/holds", query=[("li\x1bnes" + "x" * 300, "1")])
    assert (answer.code, answer.error["param"]) == ("parameter_unknown", "li?nes" + "x" * 194)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_needs_its_scope_and_names_it(api: Gateway, operation: Any) -> None:
    api.scopes = [scope for scope in ALL_SCOPES if scope != operation.scope]
    answer = api.send(operation.method, operation.path.replace("{id}", HOLD).replace("{item}", "A"))
    assert (answer.status, answer.error["type"], answer.code) == (403, "permission_error", "scope_missing")
    assert f"'{operation.scope}'" in answer.error["message"]


def test_without_an_authorizer_nobody_is_let_in(api: Gateway) -> None:
    api.scopes = None
    answer = api.post("/v1/holds", LINES)
    assert (answer.status, answer.error["type"], answer.code) == (401, "authentication_error", "api_key_missing")


@pytest.mark.parametrize("lost", ["account", "actor"])
@pytest.mark.parametrize("left", [None, ""])
def test_nor_is_a_key_without_an_account_or_without_a_name(api: Gateway, lost: str, left: str | None) -> None:
    event = event_for("GET", "/v1/holds", headers={}, scopes=ALL_SCOPES)
    event["requestContext"]["authorizer"][lost] = left
    answer = api.deliver(event)
    assert (answer.status, answer.code) == (401, "api_key_missing")


def test_every_answer_carries_the_requests_id(api: Gateway) -> None:
    answers = [api.get("/v1/stock/none"), api.get("/nowhere"), api.get("/v1/holds")]
    assert [answer.headers["Request-Id"] for answer in answers] == ["req-1", "req-2", "req-3"]
    assert answers[0].error["request_id"] == "req-1"
    assert all(answer.headers["Content-Type"] == JSON for answer in answers)
    assert all(answer.headers["Cache-Control"] == "no-store" for answer in answers), "it is true for this moment only"


def test_the_callers_correlation_id_comes_back_unless_it_is_no_id(api: Gateway) -> None:
    assert api.get("/v1/holds", headers={"x-correlation-ID": "cart/7"}).headers["X-Correlation-Id"] == "cart/7"
    assert api.get("/v1/holds", headers={"X-Correlation-Id": "a b\r\n"}).headers["X-Correlation-Id"] == "req-2"
    assert api.get("/v1/holds").headers["X-Correlation-Id"] == "req-3"


@pytest.mark.parametrize(("length", "is_taken"), [(1, True), (128, True), (129, False), (0, False)])
def test_an_id_of_a_request_has_a_bounded_length(api: Gateway, length: int, *, is_taken: bool) -> None:
    answer = api.get("/v1/holds", headers={"X-Correlation-Id": "c" * length})
    assert answer.headers["X-Correlation-Id"] == ("c" * length if is_taken else "req-1")
    event = event_for("GET", "/v1/holds", headers={})
    event["requestContext"]["requestId"] = "r" * length
    assert api.deliver(event).headers["Request-Id"] == ("r" * length if is_taken else "invocation-2")


def test_an_error_has_the_one_shape_and_leads_to_its_page(api: Gateway) -> None:
    error = api.post("/v1/holds", {}).error
    assert error == {
        "type": "invalid_request_error",
        "code": "parameter_missing",
        "message": "The parameter 'lines' is required.",
        "param": "lines",
        "request_id": "req-1",
        "doc_url": "https://docs.test/errors#parameter_missing",
    }


def test_query_parameters_are_checked(api: Gateway) -> None:
    unknown = api.get("/v1/stock/A", [("colour", "red")])
    assert (unknown.status, unknown.code, unknown.error["param"]) == (400, "parameter_unknown", "colour")
    repeated = api.get("/v1/stock/A", [("consistent", "true"), ("consistent", "true")])
    assert (repeated.status, repeated.code, repeated.error["param"]) == (400, "parameter_invalid", "consistent")
    control = api.get("/v1/stock", [("items", "A\x00")])
    assert (control.status, control.code) == (400, "parameter_invalid")


def test_a_post_takes_nothing_from_the_url(api: Gateway) -> None:
    answer = api.send("POST", "/v1/holds", query=[("expires_in", "5")], headers={"Content-Type": JSON}, body="{}")
    assert (answer.status, answer.code, answer.error["param"]) == (400, "parameter_unknown", "expires_in")


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb", "a\n", "\x7f"])
def test_an_idempotency_key_that_cannot_be_one_is_refused(api: Gateway, key: str) -> None:
    answer = api.post("/v1/holds", LINES, key=key)
    assert (answer.status, answer.code, answer.error["param"]) == (400, "parameter_invalid", "Idempotency-Key")


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b", " ", "~"])
def test_an_idempotency_key_is_up_to_255_printable_characters(world: World, api: Gateway, key: str) -> None:
    world.receive("A", 2)
    placed, again = (api.post("/v1/holds", LINES, key=key) for _ in range(2))
    assert (placed.status, again.body) == (200, placed.body)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_an_idempotency_key_that_was_sent_twice_is_one(world: World, api: Gateway) -> None:
    world.receive("A", 2)
    placed = api.post("/v1/holds", LINES, key="k")
    event = event_for("POST", "/v1/holds", headers={}, scopes=["holds:write"], body=json.dumps(LINES))
    event["multiValueHeaders"] = {"Idempotency-Key": ["k", "k"], "Content-Type": [JSON]}
    again = api.deliver(event)
    assert (again.status, again.body) == (200, placed.body)


@pytest.mark.parametrize("path", ["/v1/holds", "/v1/holds/"])
def test_an_idempotency_key_is_for_a_path_with_a_slash_at_its_end_or_without(
    world: World, api: Gateway, path: str
) -> None:
    world.receive("A", 2)
    placed = api.post("/v1/holds", LINES, key="k")
    again = api.post(path, LINES, key="k")
    assert (again.status, again.body) == (200, placed.body)
    assert len(world.holds()) == 1


def test_two_idempotency_keys_are_refused(api: Gateway) -> None:
    event = event_for("POST", "/v1/holds", headers={}, scopes=["holds:write"], body=json.dumps(LINES))
    event["multiValueHeaders"] = {"Idempotency-Key": ["a", "b"], "Content-Type": [JSON]}
    assert api.deliver(event).error["param"] == "Idempotency-Key"


def test_a_get_ignores_an_idempotency_key(api: Gateway) -> None:
    assert api.get("/v1/holds", headers={"Idempotency-Key": ""}).status == 200


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (Conflict("busy"), 409, "conflict_error", "lock_timeout"),
        (Overloaded("slow"), 503, "api_error", "overloaded"),
        (ClockSkewed("skewed"), 503, "api_error", "overloaded"),
    ],
)
def test_what_may_pass_says_to_try_again(world: World, error: Exception, status: int, kind: str, code: str) -> None:
    answer = refused(world.core, error)().get("/v1/holds")
    assert (answer.status, answer.error["type"], answer.code) == (status, kind, code)
    assert (answer.headers["Stripe-Should-Retry"], answer.headers["Retry-After"]) == ("true", "1")
    assert answer.error["doc_url"] is None


def test_what_may_have_happened_is_to_be_tried_again_only_where_it_cannot_happen_twice(world: World) -> None:
    api = refused(world.core, Overloaded("slow"))()
    assert api.post("/v1/holds", LINES, key="k").headers["Stripe-Should-Retry"] == "true"
    without = api.post("/v1/holds", LINES)
    assert without.headers["Stripe-Should-Retry"] == "false"
    assert "Retry-After" not in without.headers


@pytest.mark.parametrize("error", [Conflict("busy"), ClockSkewed("skewed"), RecordAhead("ahead")])
def test_what_did_not_happen_can_be_tried_again_even_without_a_key(world: World, error: Exception) -> None:
    assert refused(world.core, error)().post("/v1/holds", LINES).headers["Stripe-Should-Retry"] == "true"


@pytest.mark.parametrize(
    "error",
    [
        KeyError("secret"),
        AssertionError("secret"),
        RecursionError("secret"),
        ClientError({"Error": {"Code": "ValidationException", "Message": "secret"}}, "PutItem"),
    ],
)
def test_a_defect_is_500_logged_with_its_stack_and_never_told(world: World, output: Output, error: Exception) -> None:
    answer = refused(world.core, error)().get("/v1/holds")
    assert (answer.status, answer.error["type"], answer.code) == (500, "api_error", "internal")
    assert "secret" not in json.dumps(answer.body)
    (line,) = [line for line in lines_of(output()) if "level" in line]
    assert line["level"] == "ERROR"
    assert "secret" in line["exception"]


@pytest.mark.parametrize("error", [ClockSkewed("skewed"), RecordAhead("ahead")])
def test_a_clock_that_is_wrong_is_counted(world: World, output: Output, error: Exception) -> None:
    refused(world.core, error)().get("/v1/holds")
    (line,) = [line for line in lines_of(output()) if "_aws" in line]
    assert line["ClockSkew"] == [1.0]


def test_callers_who_chose_one_request_id_are_not_taken_for_one(world: World, api: Gateway) -> None:
    world.receive("A", 1)
    placed = api.post("/v1/holds", LINES)
    event = event_for("POST", f"/v1/holds/{placed.body['id']}/execute", headers={}, body=None, scopes=ALL_SCOPES)
    event["requestContext"]["requestId"] = "chosen-by-the-caller"
    told = [api.deliver(event) for _ in range(2)]
    assert [answer.status for answer in told] == [200, 400]
    assert told[1].code == "hold_already_executed"
    assert {answer.headers["Request-Id"] for answer in told} == {"chosen-by-the-caller"}


def test_a_request_writes_one_line_of_log_with_its_ids_and_without_its_secrets(
    world: World, api: Gateway, output: Output
) -> None:
    world.receive("A", 1)
    output()
    body = json.dumps({**LINES, "metadata": {"note": "private"}})
    headers = {"Authorization": "Bearer inv_secret", "X-Correlation-Id": "cart-7", "Content-Type": JSON}
    api.send("POST", "/v1/holds", headers={**headers, "Idempotency-Key": "k-1"}, body=body)
    text = output()
    (line,) = [line for line in lines_of(text) if "level" in line]
    wanted = {
        "message": "request",
        "level": "INFO",
        "operation": "place_hold",
        "method": "POST",
        "status": 200,
        "account": "acct_test",
        "actor": "key_test",
        "request_id": "req-1",
        "correlation_id": "cart-7",
    }
    assert wanted.items() <= line.items()
    assert line["duration_ms"] >= 0
    assert "secret" not in text
    assert "private" not in text


def test_one_requests_ids_do_not_stay_for_the_next(api: Gateway, output: Output) -> None:
    api.get("/v1/holds", headers={"X-Correlation-Id": "cart-7"})
    api.get("/nowhere")
    first, second = lines_of(output())
    assert (first["correlation_id"], second["correlation_id"]) == ("cart-7", "req-2")
    assert (second["status"], second["code"], "operation" in second) == (404, "resource_missing", False)


paths = st.sampled_from([operation.path for operation in OPERATIONS]).map(
    lambda path: path.replace("{id}", HOLD).replace("{item}", "A")
)
anything = st.text(alphabet=st.characters(), max_size=20)


@given(
    method=st.sampled_from(["GET", "POST"]) | anything,
    path=paths | anything.map("/v1/stock/{}".format) | anything,
    query=st.lists(st.tuples(anything, anything), max_size=3),
    headers=st.dictionaries(st.sampled_from(["Content-Type", "Idempotency-Key", "X-Correlation-Id"]), anything),
    body=st.none() | st.text(alphabet=st.characters(), max_size=60) | st.binary(max_size=60),
)
def test_any_request_at_all_gets_an_answer_in_the_one_shape(
    method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: str | bytes | None
) -> None:
    world = World()
    answer = Gateway(whole_api(Bureau(world, Path("nowhere")))).send(
        method, path, query=query, headers=headers, body=body
    )
    assert answer.status < 500
    if answer.status == 200:
        assert answer.body["object"] in ("list", "snapshot")
    else:
        assert set(answer.error) >= {"type", "code", "message", "param", "request_id", "doc_url"}
        assert CODES[answer.code].status == answer.status
    assert list(world.records(world.tables.holds)) == []


def test_a_parameter_that_is_left_out_equals_one_that_is_given_its_default(world: World, api: Gateway) -> None:
    """Or every parameter that a later version adds would make each earlier key another request's."""
    world.receive("A", 10)
    placed = api.post("/v1/holds", LINES, key="k")
    same = LINES | {"expires_in": 900, "metadata": {}}
    again = api.post("/v1/holds", same, key="k")
    assert (again.body["id"], again.headers["Idempotent-Replayed"]) == (placed.body["id"], "true")
    assert api.post("/v1/holds", same | {"expires_in": 901}, key="k").code == "idempotency_key_mismatch"
    [hold] = world.holds()
    assert hold.fingerprint == fingerprint(LINES)
