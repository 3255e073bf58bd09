"""Whatever is sent, the answer is JSON of the one shape, and a refused request changes nothing."""

import json
from typing import Any

import pytest

from support.gateway import Answer
from support.shop import Shop, line

_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_LINE = '{"item": "cup", "quantity": 1}'


def _check(answer: Answer, status: int, kind: str, code: str, param: str | None) -> None:
    assert (answer.status, answer.error["type"], answer.code, answer.error["param"]) == (status, kind, code, param)
    assert answer.error.keys() >= {"type", "code", "message", "param", "request_id", "doc_url"}
    assert answer.error["doc_url"] == f"docs/errors.md#{code}"
    assert answer.error["message"]
    assert answer.error["request_id"] == answer.headers["Request-Id"]
    assert answer.headers["Stripe-Should-Retry"] == "false"


_BODIES: dict[str, tuple[dict[str, str], str | bytes, str, str | None]] = {
    "no lines": (_JSON, "{}", "parameter_missing", "lines"),
    "empty lines": (_JSON, '{"lines": []}', "parameter_invalid", "lines"),
    "51 lines": (_JSON, f'{{"lines": [{", ".join([_LINE] * 51)}]}}', "parameter_invalid", "lines"),
    "no item": (_JSON, '{"lines": [{"quantity": 1}]}', "parameter_missing", "lines[0][item]"),
    "a slash in an item": (_JSON, '{"lines": [{"item": "a/b", "quantity": 1}]}', "parameter_invalid", "lines[0][item]"),
    "a long item": (
        _JSON,
        f'{{"lines": [{{"item": "{"a" * 65}", "quantity": 1}}]}}',
        "parameter_invalid",
        "lines[0][item]",
    ),
    "no units": (_JSON, '{"lines": [{"item": "cup", "quantity": 0}]}', "parameter_invalid", "lines[0][quantity]"),
    "half a unit": (_JSON, '{"lines": [{"item": "cup", "quantity": 0.5}]}', "parameter_invalid", "lines[0][quantity]"),
    "a unit as text": (
        _JSON,
        '{"lines": [{"item": "cup", "quantity": "1"}]}',
        "parameter_invalid",
        "lines[0][quantity]",
    ),
    "true units": (_JSON, '{"lines": [{"item": "cup", "quantity": true}]}', "parameter_invalid", "lines[0][quantity]"),
    "too many units": (
        _JSON,
        '{"lines": [{"item": "cup", "quantity": 1000000001}]}',
        "parameter_invalid",
        "lines[0][quantity]",
    ),
    "a huge number": (_JSON, f'{{"lines": [{{"item": "cup", "quantity": 1{"0" * 400}}}]}}', "body_invalid", None),
    "NaN": (_JSON, '{"lines": [{"item": "cup", "quantity": NaN}]}', "body_invalid", None),
    "Infinity": (_JSON, '{"lines": [{"item": "cup", "quantity": -Infinity}]}', "body_invalid", None),
    "a number beyond floats": (
        _JSON,
        '{"lines": [{"item": "cup", "quantity": 1e999}]}',
        "parameter_invalid",
        "lines[0][quantity]",
    ),
    "an unknown field": (_JSON, f'{{"lines": [{_LINE}], "expire_in": 5}}', "parameter_unknown", "expire_in"),
    "a field twice": (_JSON, f'{{"lines": [{_LINE}], "lines": [{_LINE}]}}', "body_invalid", None),
    "no time": (_JSON, f'{{"lines": [{_LINE}], "expires_in": 0}}', "parameter_invalid", "expires_in"),
    "over a week": (_JSON, f'{{"lines": [{_LINE}], "expires_in": 604801}}', "parameter_invalid", "expires_in"),
    "null lines": (_JSON, '{"lines": null}', "parameter_invalid", "lines"),
    "metadata that is no text": (
        _JSON,
        f'{{"lines": [{_LINE}], "metadata": {{"cart": 1}}}}',
        "parameter_invalid",
        "metadata[cart]",
    ),
    "a control character": (
        _JSON,
        f'{{"lines": [{_LINE}], "metadata": {{"cart": "a\\u0000b"}}}}',
        "parameter_invalid",
        "metadata[cart]",
    ),
    "half a surrogate pair": (
        _JSON,
        f'{{"lines": [{_LINE}], "metadata": {{"cart": "\\ud800"}}}}',
        "parameter_invalid",
        "metadata[cart]",
    ),
    "a list": (_JSON, f"[{_LINE}]", "body_invalid", None),
    "text": (_JSON, '"lines"', "body_invalid", None),
    "half an object": (_JSON, '{"lines": [', "body_invalid", None),
    "nested without end": (_JSON, '{"lines": ' + "[" * 5000 + "]" * 5000 + "}", "body_invalid", None),
    "bytes that are no UTF-8": (_JSON, b'{"lines": "\xff\xfe"}', "parameter_invalid", "lines"),
    "too large": (_JSON, json.dumps({"lines": [], "metadata": {"x": "y" * 262_144}}), "body_too_large", None),
    "XML": ({"Content-Type": "application/xml"}, "<lines/>", "content_type_unsupported", None),
    "UTF-16": ({"Content-Type": "application/json; charset=utf-16"}, "{}", "content_type_unsupported", None),
    "a form with a gap": (_FORM, "lines[1][item]=cup&lines[1][quantity]=1", "parameter_invalid", "lines[0]"),
    "a form with odd brackets": (_FORM, "lines[0[item]=cup", "parameter_invalid", "lines[0[item]"),
    "a form with a number in words": (
        _FORM,
        "lines[0][item]=cup&lines[0][quantity]=one",
        "parameter_invalid",
        "lines[0][quantity]",
    ),
}


@pytest.mark.parametrize("name", _BODIES)
def test_a_hold_that_is_asked_for_wrongly_is_refused(store: Shop, name: str) -> None:
    headers, content, code, param = _BODIES[name]
    cup = store.item("cup")
    if isinstance(content, str):
        content = content.replace("cup", cup)
    answer = store.send("POST", "/v1/holds", content=content, headers=headers)
    _check(answer, 400, "invalid_request_error", code, param)
    assert store.counters(cup) == (10, 0)


@pytest.mark.parametrize(
    ("path", "query", "code", "param"),
    [
        ("/v1/holds", {"limit": "0"}, "parameter_invalid", "limit"),
        ("/v1/holds", {"limit": "101"}, "parameter_invalid", "limit"),
        ("/v1/holds", {"limit": "ten"}, "parameter_invalid", "limit"),
        ("/v1/holds", {"limit": "1_0"}, "parameter_invalid", "limit"),
        ("/v1/holds", {"page": "2"}, "parameter_unknown", "page"),
        ("/v1/holds", {"starting_after": "cup"}, "parameter_invalid", "starting_after"),
        ("/v1/holds", {"starting_after": "hold_" + "0" * 32}, "parameter_invalid", "starting_after"),
        ("/v1/stock", {}, "parameter_missing", "items"),
        ("/v1/stock", {"items": ",".join(f"i{n}" for n in range(101))}, "parameter_invalid", "items"),
        ("/v1/stock", {"items": "a b"}, "parameter_invalid", "items[0]"),
        ("/v1/stock", {"warehouse": "berlin"}, "parameter_missing", "in_stock"),
        ("/v1/stock", {"items": "cup", "warehouse": "berlin", "in_stock": "true"}, "parameter_invalid", "warehouse"),
        ("/v1/stock/cup", {"consistent": "perhaps"}, "parameter_invalid", "consistent"),
        ("/v1/stock/a b", {}, "parameter_invalid", "item"),
        ("/v1/stock/" + "a" * 65, {}, "parameter_invalid", "item"),
    ],
)
def test_a_question_that_is_put_wrongly_is_refused(
    store: Shop, path: str, query: dict[str, str], code: str, param: str
) -> None:
    _check(store.get(path, **query), 400, "invalid_request_error", code, param)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/holds/hold_" + "0" * 32, "id"),
        ("/v1/holds/nonsense", "id"),
        ("/v1/adjustments/adj_" + "0" * 32, "id"),
        ("/v1/transfers/adj_" + "0" * 32, "id"),
        ("/v1/stock/nobody-has-this", "item"),
        ("/v1/holds/hold_1/nothing/here", None),
        ("/v1/nothing", None),
        ("/v2/holds", None),
        ("/", None),
    ],
)
def test_what_is_not_there_is_missing(store: Shop, path: str, param: str | None) -> None:
    _check(store.get(path), 404, "invalid_request_error", "resource_missing", param)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/holds", "GET, POST"),
        ("PUT", "/v1/holds/hold_" + "0" * 32, "GET, POST"),
        ("GET", "/v1/holds/hold_" + "0" * 32 + "/execute", "POST"),
        ("GET", "/v1/adjustments", "POST"),
        ("POST", "/v1/transfers/trf_" + "0" * 32, "GET"),
        ("POST", "/v1/stock", "GET"),
        ("PATCH", "/v1/stock/cup", "GET"),
        ("GET", "/v1/stock/cup/split", "POST"),
    ],
)
def test_another_method_is_told_which_are_allowed(store: Shop, method: str, path: str, allowed: str) -> None:
    answer = store.send(method, path)
    _check(answer, 405, "invalid_request_error", "method_not_allowed", None)
    assert answer.headers["Allow"] == allowed


def test_a_post_takes_no_parameters_from_its_url(store: Shop) -> None:
    answer = store.send("POST", "/v1/holds?expires_in=60", json={"lines": [line("cup")]})
    _check(answer, 400, "invalid_request_error", "parameter_unknown", "expires_in")


@pytest.mark.parametrize("key", ["x" * 256, "caf\u00e9"])
def test_an_idempotency_key_is_short_and_plain(store: Shop, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    answer = store.send("POST", "/v1/holds", json={"lines": [line("cup")]}, headers=headers)
    _check(answer, 400, "invalid_request_error", "parameter_invalid", "Idempotency-Key")


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("/v1/adjustments", {"quantity": 0}, "parameter_invalid", "quantity"),
        ("/v1/adjustments", {"quantity": 1, "count": 1}, "parameter_invalid", "count"),
        ("/v1/adjustments", {}, "parameter_missing", "quantity"),
        ("/v1/adjustments", {"count": -1}, "parameter_invalid", "count"),
        ("/v1/adjustments", {"quantity": 1, "reason": ""}, "parameter_invalid", "reason"),
        ("/v1/transfers", {"from": "a", "to": "a", "quantity": 1}, "parameter_invalid", "to"),
        ("/v1/transfers", {"from": "a", "to": "b", "quantity": -1}, "parameter_invalid", "quantity"),
        ("/v1/stock/cup/split", {"shards": 257}, "parameter_invalid", "shards"),
        ("/v1/stock/cup/split", {"shards": 0}, "parameter_invalid", "shards"),
    ],
)
def test_a_change_of_stock_that_is_asked_for_wrongly_is_refused(
    store: Shop, path: str, body: dict[str, Any], code: str, param: str
) -> None:
    item = store.item("cup")
    common: dict[str, dict[str, Any]] = {
        "/v1/adjustments": {"item": item, "warehouse": "berlin", "reason": "counted"},
        "/v1/transfers": {"item": item},
        "/v1/stock/cup/split": {"warehouse": "berlin"},
    }
    _check(store.post(path, {**common[path], **body}), 400, "invalid_request_error", code, param)
    assert store.counters(item) == (10, 0)


def test_a_caller_can_name_the_story_that_a_request_is_part_of(store: Shop) -> None:
    answer = store.send("GET", "/v1/holds", headers={"X-Correlation-Id": "checkout-1042"})
    assert answer.headers["X-Correlation-Id"] == "checkout-1042"
    assert answer.headers["Request-Id"] != "checkout-1042"
