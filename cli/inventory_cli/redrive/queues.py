"""The on-failure queues of a stack, message by message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from inventory_cli.errors import NotFound, WrongUse
from inventory_cli.redrive.messages import Content, content_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from inventory_cli.target import Stack

_SUFFIX = "OnFailureQueue"
_BATCH_MAX = 10
#: Longer than one call of a function may take (150 s). Before each further call for a message it is hidden again.
_WORK_SECONDS = 300
_LOOK_SECONDS = 30
#: A long poll asks all of the queue's servers, so that "nothing" means nothing.
_POLL_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received and is hidden from others meanwhile.

    Attributes:
        id: The queue's id of it.
        receipt: What deletes it, or shows it to others again.
        sent_ms: When it was put there, by the queue's clock.
        body: It itself.
        attributes: Its own attributes, not SQS's.
    """

    id: str
    receipt: str
    sent_ms: int
    body: str
    attributes: Mapping[str, str]

    @property
    def content(self) -> Content:
        """What it says."""
        return content_of(self.body, self.attributes)


class OnFailureQueue:
    """What one function could not do.

    Attributes:
        name: The function's, in small letters: settler, collector, projector, archiver, sweeper.
        function: The function to give it back to.
    """

    def __init__(self, name: str, url: str, function: str, client: SQSClient) -> None:
        self.name = name
        self.function = function
        self._url = url
        self._client = client

    def counts(self) -> tuple[int, int]:
        """About how many messages wait, and how many are hidden because someone has them in hand."""
        attributes = self._client.get_queue_attributes(
            QueueUrl=self._url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        waiting = attributes["ApproximateNumberOfMessages"]
        return int(waiting), int(attributes["ApproximateNumberOfMessagesNotVisible"])

    def look(self, count: int) -> list[Message]:
        """Up to so many messages, which are then shown to others again."""
        seen: list[Message] = []
        try:
            while len(seen) < count and (batch := self._receive(min(_BATCH_MAX, count - len(seen)), _LOOK_SECONDS)):
                seen.extend(batch)
        finally:
            self.put_back(seen)
        return seen

    def find(self, message_id: str) -> Message:
        """The message of this id, hidden for five minutes. All others are shown to others again.

        Raises:
            NotFound: There is none, or somebody has it in hand.
        """
        seen: dict[str, Message] = {}
        try:
            while message_id not in seen:
                batch = {message.id: message for message in self._receive(_BATCH_MAX, _WORK_SECONDS)}
                new = batch.keys() - seen.keys()
                seen |= batch
                if not new:
                    break
        finally:
            found = seen.pop(message_id, None)
            self.put_back(list(seen.values()))
        if found is None:
            raise NotFound(
                f"The {self.name}'s queue has no message {message_id}, or somebody has it in hand. "
                f"`inventory redrive list --function {self.name}` shows which there are."
            )
        return found

    def take(self) -> Iterator[Message]:
        """Messages one by one, each hidden for five minutes: what is still there after them comes again."""
        while batch := self._receive(1, _WORK_SECONDS):
            yield from batch

    def delete(self, message: Message) -> None:
        """Removes a message for good."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def hide_again(self, message: Message) -> None:
        """Hides a message for five minutes from now."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=_WORK_SECONDS
        )

    def put_back(self, messages: Sequence[Message]) -> None:
        """Shows messages to others again.

        Nothing is raised: what is not in hand any more is left to who has it, and what the queue could not be told of
        shows itself when its hiding ends.
        """
        with suppress(ClientError, BotoCoreError):
            for start in range(0, len(messages), _BATCH_MAX):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                        for number, message in enumerate(messages[start : start + _BATCH_MAX])
                    ],
                )

    def _receive(self, count: int, hidden_seconds: int) -> list[Message]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=_POLL_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return [
            Message(
                id=message["MessageId"],
                receipt=message["ReceiptHandle"],
                sent_ms=int(message["Attributes"]["SentTimestamp"]),
                body=message["Body"],
                attributes={
                    name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()
                },
            )
            for message in answer.get("Messages", [])
        ]


def queues_of(stack: Stack, only: str | None = None) -> list[OnFailureQueue]:
    """The on-failure queues of a stack, each beside its function: all of them, or the one of the function named.

    Raises:
        WrongUse: No function of this name has one.
    """
    client = stack.aws.sqs
    found = {
        name.removesuffix(_SUFFIX).lower(): OnFailureQueue(
            name.removesuffix(_SUFFIX).lower(), url, stack.output(f"{name.removesuffix(_SUFFIX)}Function"), client
        )
        for name, url in sorted(stack.outputs.items())
        if name.endswith(_SUFFIX)
    }
    if only is None:
        return list(found.values())
    if only not in found:
        raise WrongUse(f"No function {only!r} has an on-failure queue. There are: {', '.join(found)}.")
    return [found[only]]
