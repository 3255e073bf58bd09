"""Giving messages back to their function: what it has handled is deleted, everything else is kept."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from inventory_cli.redrive.messages import Content, Invocation, Positions, SetAside, Unknown
from inventory_cli.redrive.streams import NotReached, Streams, Trimmed, records_at

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from inventory_cli.redrive.queues import Message, OnFailureQueue

#: A bad deployment may leave 100,000 messages of one record each.
AT_ONCE: Final = 8
RECORDS_PER_CALL_MAX: Final = 50
#: Lambda takes 6 MB. A directory of 2,000 warehouses has 308 KB with both images: fifty of them are too many.
BYTES_PER_CALL_MAX: Final = 5_000_000
#: What a function's error begins with that has set aside as many records as it may in a minute.
_TOO_MUCH_POISON: Final = "TooMuchPoison:"
_POISON_PAUSE_SECONDS: Final = 60


class Outcome(StrEnum):
    """What became of one message."""

    HANDLED = "handled"  # and deleted
    FAILED = "failed"  # and kept
    TRIMMED = "trimmed"  # but for what is left, which is handled; and kept, unless asked otherwise
    DROPPED = "dropped"
    UNKNOWN = "unknown"  # and kept


@dataclass(frozen=True, slots=True)
class Given:
    """One message that was tried.

    Attributes:
        message: It.
        outcome: What became of it.
        why: The function's error, or what else there is to know; may be empty.
    """

    message: Message
    outcome: Outcome
    why: str = ""


class _Failed(Exception):
    """The function could not handle it."""


class Giver:
    """Gives the messages of one queue back to their function.

    A record that the function had set aside is given with a mark, so that it fails where nothing can be made of it
    again. Records that are fetched by their positions are given as the stream gave them, without the mark: one of them
    that nothing can be made of is set aside, as a message of its own, and stops none of the others.

    Every function of this service takes the same record any number of times, so that nothing is lost or counted twice
    where a reply is lost between the function's success and the message's removal.

    Args:
        queue: The queue, and the function it belongs to.
        functions: The client that invokes it.
        streams: The clients that fetch records by their positions.
        drop_trimmed: Whether to delete messages whose records no stream has any more.
        tell: Is told how many records of a message's positions are given, and of how many.
    """

    def __init__(
        self,
        queue: OnFailureQueue,
        functions: LambdaClient,
        streams: Streams,
        *,
        drop_trimmed: bool = False,
        tell: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self._queue = queue
        self._functions = functions
        self._streams = streams
        self._drop_trimmed = drop_trimmed
        self._tell = tell
        self._payloads: set[str] = set()

    def give(self, count: int) -> Iterator[Given]:
        """Tries up to so many messages, each once, and tells of each. What is kept is shown to all at the end."""
        in_hand: dict[str, Message] = {}
        untried = itertools.islice(self._untried(in_hand), count)
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for messages in _together(untried):
                    give = pool.map if len(messages) > 1 else map
                    for given in give(self._give, messages):
                        if given.outcome in (Outcome.HANDLED, Outcome.DROPPED):
                            self._queue.delete(in_hand.pop(given.message.id))
                        yield given
        finally:
            self._queue.put_back(list(in_hand.values()))

    def _untried(self, in_hand: dict[str, Message]) -> Iterator[Message]:
        """Messages that are not in hand yet. In a long run the hiding of those that are ends, and they come again."""
        again = 0
        for message in self._queue.take():
            comes_again = message.id in in_hand
            in_hand[message.id] = message  # only its latest receipt deletes it, or puts it back
            if not comes_again:
                again = 0
                yield message
                continue
            again += 1
            if again > len(in_hand):  # so many take longer to hide than they stay hidden
                return

    def _give(self, message: Message) -> Given:
        content = message.content
        try:
            return self._handled(message, content)
        except (_Failed, NotReached, ClientError, BotoCoreError) as error:
            return Given(message, Outcome.FAILED, str(error))
        except Trimmed as trimmed:
            outcome = Outcome.DROPPED if self._drop_trimmed else Outcome.TRIMMED
            left = len(trimmed.left)
            handled = f"first records; the last {left}, which it had, were handled" if left else "records"
            return Given(message, outcome, f"the stream no longer has its {handled}")

    def _handled(self, message: Message, content: Content) -> Given:
        if isinstance(content, Unknown):
            return Given(message, Outcome.UNKNOWN, content.why)
        if isinstance(content, SetAside):
            self._invoke({"Records": [content.record], "redrive": True})
        elif isinstance(content, Positions):
            self._give_records(message, content)
        elif isinstance(content, Invocation):
            self._invoke_once(content.payload)
        return Given(message, Outcome.HANDLED)

    def _give_records(self, message: Message, positions: Positions) -> None:
        """What the stream has of them; the message counts as trimmed where that is not all, and not before.

        Raises:
            Trimmed: The first are gone, and those that are left are handled.
        """
        self._queue.hide_again(message)  # it may have waited for others, and takes its time itself
        gone: Trimmed | None = None
        try:
            records: Sequence[dict[str, Any]] = records_at(self._streams, positions)
        except Trimmed as trimmed:
            gone, records = trimmed, trimmed.left
        given = 0
        for call in _calls(records):
            for more in self._give_call(message, call):
                given += more
                self._tell(given, len(records))
        if gone is not None:
            raise gone

    def _give_call(self, message: Message, records: list[dict[str, Any]]) -> Iterator[int]:
        """Gives records in one call, and where that fails by halves, in their order, as the function's mapping does.

        After each call it yields how many were given by it: 0 where it failed.

        Like the mapping it waits where more are poison than may be set aside in a minute: else the same ones would be
        set aside with each try, and those behind them never.

        Raises:
            _Failed: One of them fails alone. None behind it was given without it.
        """
        self._queue.hide_again(message)
        try:
            self._invoke({"Records": records})
        except _Failed as failed:
            yield 0
            if str(failed).startswith(_TOO_MUCH_POISON):
                self._streams.pause(_POISON_PAUSE_SECONDS)
            elif len(records) == 1:
                raise
        else:
            yield len(records)
            return
        if len(records) == 1:  # it has waited: once more, and no more than that
            self._queue.hide_again(message)
            self._invoke({"Records": records})
            yield 1
            return
        middle = len(records) // 2
        for half in (records[:middle], records[middle:]):
            yield from self._give_call(message, half)

    def _invoke_once(self, payload: Any) -> None:
        """A timed event says no more the tenth time than the first: once is enough for all that are alike."""
        canonical = json.dumps(payload, sort_keys=True)
        if canonical not in self._payloads:
            self._invoke(payload)
            self._payloads.add(canonical)

    def _invoke(self, payload: Any) -> None:
        answer = self._functions.invoke(FunctionName=self._queue.function, Payload=_encoded(payload))
        if "FunctionError" in answer:
            raise _Failed(_error_in(answer["Payload"].read()))


def _together(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Cuts messages, in their order: records that were set aside are one short call each, and given several at once."""
    for are_short, alike in itertools.groupby(messages, lambda message: isinstance(message.content, SetAside)):
        while together := list(itertools.islice(alike, AT_ONCE if are_short else 1)):
            yield together


def _calls(records: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Cuts records, in their order, so that Lambda takes each part. One that is too large for it stands alone."""
    call: list[dict[str, Any]] = []
    size = 0
    for record in records:
        size += len(_encoded(record))
        if call and (len(call) == RECORDS_PER_CALL_MAX or size > BYTES_PER_CALL_MAX):
            yield call
            call, size = [], len(_encoded(record))
        call.append(record)
    if call:
        yield call


def _encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def _error_in(payload: bytes) -> str:
    try:
        said = json.loads(payload)
        return f"{said['errorType']}: {said['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return payload.decode(errors="replace")[:200]
