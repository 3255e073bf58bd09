"""Which messages of a queue are given, whatever the queue shows and however often."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from inventory_cli.redrive.giving import Giver
from inventory_cli.redrive.queues import Message, OnFailureQueue

NOBODY: Any = None


class Shown(OnFailureQueue):
    """A queue that shows these messages, one after the other: letters, each time with another receipt."""

    def __init__(self, ids: Iterable[str]) -> None:
        super().__init__("settler", "url", "the-settler", NOBODY)
        self._ids = ids
        self.shown = 0
        self.receipts_put_back: list[str] = []

    def take(self) -> Iterator[Message]:
        for name in self._ids:
            self.shown += 1
            yield Message(name, f"{name}{self.shown}", 0, body=name, attributes={})

    def put_back(self, messages: Sequence[Message]) -> None:
        self.receipts_put_back += [message.receipt for message in messages]


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
