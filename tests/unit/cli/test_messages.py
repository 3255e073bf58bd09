"""Whatever lies in an on-failure queue is read; what nothing of this service puts there is shown as it is."""

import json
from typing import Any

import pytest

from inventory_cli.redrive.messages import SetAside, Unknown, content_of
from support.failures import failed_batch


@pytest.mark.parametrize(
    "body",
    [
        {"record": {}},
        {"why": "w", "record": None},
        {"why": "w", "record": 5},
        {"requestPayload": {}},
        {"requestPayload": {}, "requestContext": {}},
        {"requestPayload": {}, "requestContext": "none"},
        {"requestPayload": {}, "requestContext": {"condition": "c"}, "responseContext": "none"},
        failed_batch(batchSize="many"),
        failed_batch(startSequenceNumber="first"),
        failed_batch(endSequenceNumber=7),
        failed_batch() | {"DDBStreamBatchInfo": {}},
        failed_batch() | {"DDBStreamBatchInfo": None},
        {},
        [],
        5,
        None,
        "record",
    ],
)
def test_a_message_that_has_not_all_it_should_is_of_nobody_known(body: Any) -> None:
    text = json.dumps(body)
    assert content_of(text, {}) == Unknown(text)


def test_a_message_that_is_no_json_is_of_nobody_known_whoever_says_why() -> None:
    assert content_of("{", {"ERROR_CODE": "TooMany"}) == Unknown("{")


@pytest.mark.parametrize("dynamodb", [None, 5, {}, {"Keys": None}, {"Keys": {"hold_id": "none"}}])
def test_poison_is_shown_whatever_is_wrong_with_it(dynamodb: Any) -> None:
    content = content_of(json.dumps({"why": "w", "record": {"eventID": "e", "dynamodb": dynamodb}}), {})
    assert isinstance(content, SetAside)
    assert content.what == "record e"
