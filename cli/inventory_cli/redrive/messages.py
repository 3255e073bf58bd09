"""What stands in a message of an on-failure queue, whoever put it there."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SetAside:
    """A stream record that the function itself could make nothing of.

    Attributes:
        why: What it said.
        record: The whole record, as the stream gave it.
    """

    why: str
    record: Mapping[str, Any]

    @property
    def what(self) -> str:
        """One line for a person. It is poison: no part of it need be what it should."""
        keys = _mapping(_mapping(self.record.get("dynamodb")).get("Keys"))
        named = " ".join(f"{name}={value}" for name, typed in keys.items() for value in _mapping(typed).values())
        return f"{self.record.get('eventName', 'record')} {named or self.record.get('eventID', '')}"


@dataclass(frozen=True, slots=True)
class Positions:
    """A batch that AWS gave up on. It says where in the stream the records are, but not what they are.

    Attributes:
        why: The condition, and what the function answered.
        stream_arn: The stream.
        shard_id: The stream's shard.
        first: The first record's sequence number.
        last: The last record's.
        size: How many there are.
    """

    why: str
    stream_arn: str
    shard_id: str
    first: str
    last: str
    size: int

    @property
    def what(self) -> str:
        """One line for a person."""
        table = self.stream_arn.split("/")[1] if "/" in self.stream_arn else self.stream_arn
        return f"{self.size} records of {table}, {self.shard_id} from {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Invocation:
    """An event that the function failed on, or that never reached it.

    Attributes:
        why: The condition, and what the function or the scheduler said.
        payload: The event.
    """

    why: str
    payload: Any

    @property
    def what(self) -> str:
        """One line for a person."""
        return f"event {json.dumps(self.payload)[:200]}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that nothing of this service puts there."""

    text: str
    why: str = "unknown kind of message"

    @property
    def what(self) -> str:
        """One line for a person."""
        return self.text[:200]


Content = SetAside | Positions | Invocation | Unknown
_KINDS = {SetAside: "set_aside", Positions: "positions", Invocation: "invocation", Unknown: "unknown"}


def content_of(body: str, attributes: Mapping[str, str]) -> Content:
    """What a message says.

    Args:
        body: Its body.
        attributes: Its own attributes (the scheduler says there why it failed), not SQS's.
    """
    try:
        said = json.loads(body)
        if "ERROR_CODE" in attributes:
            return Invocation(f"{attributes['ERROR_CODE']}: {attributes.get('ERROR_MESSAGE', '')}", said)
        if "record" in said:
            return SetAside(str(said["why"]), dict(said["record"]))
        for batch in ("DDBStreamBatchInfo", "KinesisBatchInfo"):
            if batch in said:
                return _positions(said, said[batch])
        if "requestPayload" in said:
            return Invocation(_condition(said), said["requestPayload"])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return Unknown(body)


def as_data(content: Content) -> dict[str, Any]:
    """A message's content for a script."""
    return {"kind": _KINDS[type(content)]} | asdict(content)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _positions(said: Mapping[str, Any], batch: Mapping[str, Any]) -> Positions:
    return Positions(
        why=_condition(said),
        stream_arn=batch["streamArn"],
        shard_id=batch["shardId"],
        first=_number(batch["startSequenceNumber"]),
        last=_number(batch["endSequenceNumber"]),
        size=int(batch["batchSize"]),
    )


def _number(text: str) -> str:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no sequence number")
    return text


def _condition(said: Mapping[str, Any]) -> str:
    """Why AWS gave up, after how many tries, and (asynchronous invocations only) the function's own words."""
    request, answer = said["requestContext"], said.get("responseContext") or {}
    payload = said.get("responsePayload")
    tries = request.get("approximateInvokeCount")
    words = payload.get("errorMessage") if isinstance(payload, dict) else answer.get("functionError")
    return " ".join(
        part
        for part in (request["condition"], f"after {tries} tries" if tries else "", f"({words})" if words else "")
        if part
    )
