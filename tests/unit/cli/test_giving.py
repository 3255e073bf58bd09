"""Which messages of a queue are given, whatever the queue shows and however often, and whatever AWS refuses."""

import io
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from inventory.adapters.aside import ASIDE_MAX, AsideQueue, TooMuchPoison
from inventory_cli.redrive.giving import Given, Giver, Outcome
from inventory_cli.redrive.queues import Message, OnFailureQueue
from inventory_cli.redrive.streams import Streams
from support.failures import Functions, aside, failed_batch

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

    def hide_again(self, message: Message) -> None:
        pass


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


#: What Lambda takes in one call that is answered.
PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
TOO_LARGE = ClientError({"Error": {"Code": "RequestEntityTooLargeException", "Message": "too large"}}, "Invoke")


class Lambda(Functions):
    """Takes no more than Lambda does."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[int]] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if len(Payload) > PAYLOAD_BYTES_MAX:
            raise TOO_LARGE
        self.calls.append([record["number"] for record in json.loads(Payload)["Records"]])
        return super().invoke(FunctionName, Payload)


def calls_for(sizes: Sequence[int], monkeypatch: pytest.MonkeyPatch, letter: str = "x") -> tuple[Given, Lambda]:
    """What becomes of a message, the records of which say so many letters each."""
    records = [{"number": number, "says": letter * size} for number, size in enumerate(sizes)]
    functions = Lambda()
    return became(records, functions, monkeypatch), functions


def became(
    records: Sequence[dict[str, Any]], functions: Any, monkeypatch: pytest.MonkeyPatch, streams: Any = NOBODY
) -> Given:
    """What becomes of a message with the positions of these records."""
    monkeypatch.setattr("inventory_cli.redrive.giving.records_at", lambda *_: records)
    (given,) = Giver(Shown("a", json.dumps(failed_batch())), functions, streams).give(1)
    return given


@pytest.mark.parametrize(
    ("letter", "sizes"),
    [
        ("x", [308_000] * 120),
        ("\u0416", [50_000] * 120),  # six bytes each, where a call has ASCII only
        ("x", [10, 3_000_000, 1_999_000, 10, 4_000_000, 900_000, 4_999_000, 10]),
    ],
    ids=["large", "not ASCII", "of all sizes"],
)
def test_large_records_are_given_in_as_many_calls_as_lambda_takes(
    letter: str, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, functions = calls_for(sizes, monkeypatch, letter)
    assert told.outcome is Outcome.HANDLED
    assert [number for call in functions.calls for number in call] == [*range(len(sizes))]


def test_small_records_are_given_by_fifty(monkeypatch: pytest.MonkeyPatch) -> None:
    _, functions = calls_for([10] * 120, monkeypatch)
    assert [len(call) for call in functions.calls] == [50, 50, 20]


def test_a_record_that_is_too_large_for_others_is_given_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    told, functions = calls_for([10, 6_000_000, 10], monkeypatch)
    assert (told.outcome, functions.calls) == (Outcome.HANDLED, [[0], [1], [2]])


def test_a_record_that_is_too_large_for_lambda_fails_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    told, functions = calls_for([10, 7_000_000, 10], monkeypatch)
    assert (told.outcome, functions.calls) == (Outcome.FAILED, [[0]])
    assert "RequestEntityTooLargeException" in told.why


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"number": number} for number in range(count)]


def test_a_call_that_fails_is_halved_until_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Lambda()
    functions.fails = lambda _, event: "timed out" if len(event["Records"]) > 13 else None
    assert became(numbered(60), functions, monkeypatch).outcome is Outcome.HANDLED
    assert [len(call) for call in functions.calls] == [50, 25, 12, 13, 25, 12, 13, 10]
    assert [number for call in functions.calls if len(call) <= 13 for number in call] == [*range(60)]


def test_how_many_records_of_positions_are_given_is_told_call_by_call(monkeypatch: pytest.MonkeyPatch) -> None:
    functions: Any = Lambda()
    functions.fails = lambda _, event: "timed out" if len(event["Records"]) > 25 else None
    told: list[tuple[int, int]] = []
    monkeypatch.setattr("inventory_cli.redrive.giving.records_at", lambda *_: numbered(60))
    queue = Shown("a", json.dumps(failed_batch()))
    assert len(list(Giver(queue, functions, NOBODY, tell=lambda *given: told.append(given)).give(1))) == 1
    assert told == [(0, 60), (25, 60), (50, 60), (60, 60)]


def test_nothing_behind_a_record_that_fails_alone_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Lambda()
    functions.fails = lambda _, event: "down" if {"number": 3} in event["Records"] else None
    told = became(numbered(60), functions, monkeypatch)
    assert (told.outcome, told.why) == (Outcome.FAILED, "StillPoison: down")
    assert functions.calls[-1] == [3]
    assert max(number for call in functions.calls if 3 not in call for number in call) == 2


#: As Lambda names the error.
_TOO_MUCH = TooMuchPoison.__name__.encode()


class Poisoned(Functions):
    """One instance of a function that sets records aside, as fast as it may, and a stream by whose clock it runs."""

    def __init__(self, poison: Iterable[int]) -> None:
        super().__init__()
        self._poison = set(poison)
        self._now_ms = 0
        self._aside = AsideQueue(self, "url", lambda: self._now_ms)
        self.set_aside: list[int] = []
        self.fails = self._handles
        self.pauses: list[float] = []
        self.streams = Streams(NOBODY, NOBODY, pause=self._pause)

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - boto3's names
        del QueueUrl
        self.set_aside.append(json.loads(MessageBody)["record"]["number"])

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        answer = super().invoke(FunctionName, Payload)
        if "FunctionError" in answer:
            answer["Payload"] = io.BytesIO(answer["Payload"].read().replace(b"StillPoison", _TOO_MUCH))
        return answer

    def _handles(self, _: str, event: dict[str, Any]) -> str | None:
        for record in event["Records"]:
            if record["number"] in self._poison:
                try:
                    self._aside.set_aside(record, "poison")
                except TooMuchPoison as error:
                    return str(error)
        return None

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._now_ms += round(seconds * 1000)


@pytest.mark.parametrize(
    ("count", "poison"),
    [(50, range(50)), (60, range(0, 60, 3)), (51, [*range(ASIDE_MAX), 50]), (200, range(100, 140))],
    ids=["all", "every third", "the last, alone in its call", "many in a row"],
)
def test_positions_with_more_poison_than_may_be_set_aside_in_a_minute_are_handled(
    count: int, poison: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = Poisoned(poison)
    told = became(numbered(count), functions, monkeypatch, functions.streams)
    assert (told.outcome, set(functions.set_aside)) == (Outcome.HANDLED, {*poison}), told.why
    assert len(functions.pauses) < len(poison)


def test_poison_that_is_too_much_for_a_record_alone_fails_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Poisoned(range(50))
    told = became(numbered(50), functions, monkeypatch, functions.streams._replace(pause=functions.pauses.append))
    assert (told.outcome, told.why.split(":")[0]) == (Outcome.FAILED, "TooMuchPoison")
    assert len(functions.pauses) == 6


def test_little_poison_makes_nobody_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Poisoned(range(ASIDE_MAX))
    assert became(numbered(50), functions, monkeypatch, functions.streams).outcome is Outcome.HANDLED
    assert (functions.set_aside, functions.pauses) == ([*range(ASIDE_MAX)], [])


ASIDE = json.dumps(aside())


class Crowd(Functions):
    """Answers when so many callers are there at once, and notes where they came from."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._meeting = threading.Barrier(size, timeout=10)
        self.callers: set[threading.Thread] = set()

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.callers.add(threading.current_thread())
        self._meeting.wait()
        return super().invoke(FunctionName, Payload)


def test_records_that_were_set_aside_are_given_eight_at_once() -> None:
    queue, functions = Shown("abcdefghijklmnop", ASIDE), Crowd(8)
    assert outcomes(queue, functions) == ["handled"] * 16
    assert len(functions.callers) == 8
    assert [receipt[0] for receipt in queue.receipts_deleted] == [*"abcdefghijklmnop"]


@pytest.mark.parametrize("body", [EVENT, json.dumps(failed_batch())], ids=["event", "positions"])
def test_what_may_take_several_calls_or_needs_one_for_all_is_given_one_by_one(
    body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory_cli.redrive.giving.records_at", lambda *_: [{}])
    functions = Crowd(1)
    assert outcomes(Shown("abcdefgh", body), functions) == ["handled"] * 8
    assert functions.callers == {threading.current_thread()}


def test_what_comes_twice_at_once_is_given_once_and_deleted_by_its_latest_receipt() -> None:
    queue, functions = Shown("aba", ASIDE), Functions()
    assert outcomes(queue, functions) == ["handled", "handled"]
    assert (len(functions.given), queue.receipts_deleted) == (2, ["a3", "b2"])


def test_what_was_in_hand_when_a_run_was_interrupted_is_put_back() -> None:
    def interrupts(*_: object) -> None:
        if len(functions.given) == 9:
            raise KeyboardInterrupt

    queue, functions = Shown("abcdefghij", ASIDE), Functions()
    functions.fails = interrupts
    with pytest.raises(KeyboardInterrupt):
        outcomes(queue, functions)
    told = [receipt[0] for receipt in queue.receipts_deleted]
    assert told[:8] == [*"abcdefgh"]
    assert sorted([*told, *(receipt[0] for receipt in queue.receipts_put_back)]) == [*"abcdefghij"]
