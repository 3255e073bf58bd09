"""What can never be handled is set aside; a function that can handle nothing is not believed."""

import json
from typing import Any

import pytest

from inventory.adapters.aside import ASIDE_MAX, ASIDE_MS, AsideQueue, TooMuchPoison

RECORD = {"eventID": "e1"}


class Queue:
    """SQS, and a clock."""

    def __init__(self) -> None:
        self.whys: list[str] = []
        self.now_ms = 0

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - as boto3 has it
        assert QueueUrl == "https://sqs.invalid/q"
        self.whys.append(json.loads(MessageBody)["why"])


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def aside(queue: Queue) -> AsideQueue:
    client: Any = queue
    return AsideQueue(client, "https://sqs.invalid/q", lambda: queue.now_ms)


def test_more_than_a_few_within_a_minute_are_the_functions_fault(queue: Queue, aside: AsideQueue) -> None:
    for number in range(ASIDE_MAX):
        aside.set_aside(RECORD, str(number))
    queue.now_ms = ASIDE_MS - 1
    with pytest.raises(TooMuchPoison, match="KeyError"):
        aside.set_aside(RECORD, "KeyError: 'Stock'")
    assert queue.whys == [str(number) for number in range(ASIDE_MAX)]


def test_a_minute_later_as_many_are_set_aside_again(queue: Queue, aside: AsideQueue) -> None:
    for _ in range(3):
        for _ in range(ASIDE_MAX):
            aside.set_aside(RECORD, "why")
        with pytest.raises(TooMuchPoison):
            aside.set_aside(RECORD, "why")
        queue.now_ms += ASIDE_MS
    assert len(queue.whys) == 3 * ASIDE_MAX


def test_what_comes_now_and_then_is_always_set_aside(queue: Queue, aside: AsideQueue) -> None:
    for _ in range(5 * ASIDE_MAX):
        aside.set_aside(RECORD, "why")
        queue.now_ms += ASIDE_MS // ASIDE_MAX
    assert len(queue.whys) == 5 * ASIDE_MAX
