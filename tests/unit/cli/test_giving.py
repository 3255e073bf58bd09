"""Which messages of a queue are given, whatever the queue shows and however often, and whatever AWS refuses."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from inventory_cli.redrive.giving import Giver
from inventory_cli.redrive.queues import Message, OnFailureQueue
from support.failures import Functions

NOBODY: Any = None
EVENT = json.dumps({"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": {}})
REFUSED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "Any")


class Shown(OnFailureQueue):
    """A queue that shows these messages, one after the other: letters, each time with another receipt."""

    def __init__(self, ids: Iterable[str], body: str = "of nobody known") -> None:
        super().__init__("settler", "url", "the-settler", NOBODY)
        self._ids = ids
        self._body = body
        self.shown = 0
        self.receipts_put_back: list[str] = []
        self.receipts_deleted: list[str] = []

    def take(self) -> Iterator[Message]:
        for name in self._ids:
            self.shown += 1
            yield Message(name, f"{name}{self.shown}", 0, self._body, attributes={})

    def put_back(self, messages: Sequence[Message]) -> None:
        self.receipts_put_back += [message.receipt for message in messages]

    def delete(self, message: Message) -> None:
        self.receipts_deleted.append(message.receipt)


def given(queue: Shown, count: int = 1000) -> str:
    return "".join(each.message.id for each in Giver(queue, NOBODY, NOBODY).give(count))


def test_what_comes_again_is_not_given_again_and_is_put_back_by_its_latest_receipt() -> None:
    queue = Shown("abacb")
    assert given(queue) == "abc"
    assert queue.receipts_put_back == ["a3", "b5", "c4"]


def test_what_comes_again_takes_nobodys_place() -> None:
    assert given(Shown("aabbac"), 3) == "abc"


def test_a_queue_that_shows_nothing_but_what_was_tried_is_left() -> None:
    queue = Shown("ab" + "ab" * 50)
    assert given(queue) == "ab"
    assert queue.shown == 5


def outcomes(queue: Shown, functions: Functions) -> list[str]:
    client: Any = functions
    return [each.outcome.value for each in Giver(queue, client, NOBODY).give(1000)]


def test_what_is_kept_is_put_back_though_the_queue_cannot_be_asked_for_more() -> None:
    def two_and_then_none() -> Iterator[str]:
        yield from "ab"
        raise REFUSED

    queue = Shown(two_and_then_none())
    with pytest.raises(ClientError):
        given(queue)
    assert queue.receipts_put_back == ["a1", "b2"]


def test_of_events_that_are_alike_each_is_given_until_one_is_handled() -> None:
    queue, functions = Shown("abcd", EVENT), Functions()
    functions.fails = lambda *_: "down" if len(functions.given) < 3 else None
    assert outcomes(queue, functions) == ["failed", "failed", "handled", "handled"]
    assert len(functions.given) == 3
    assert (queue.receipts_put_back, queue.receipts_deleted) == (["a1", "b2"], ["c3", "d4"])


@pytest.mark.parametrize("error", [REFUSED, ReadTimeoutError(endpoint_url="https://lambda.test")])
def test_a_call_that_aws_refuses_or_does_not_answer_stops_no_other_message(error: Exception) -> None:
    def refuses_the_first(*_: object) -> None:
        if len(functions.given) == 1:
            raise error

    queue, functions = Shown("ab", EVENT), Functions()
    functions.fails = refuses_the_first
    assert outcomes(queue, functions) == ["failed", "handled"]
    assert (queue.receipts_put_back, queue.receipts_deleted) == (["a1"], ["b2"])
