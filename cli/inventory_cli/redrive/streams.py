"""Records by their positions in a stream of DynamoDB or Kinesis, as long as the stream has them (24 hours)."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from botocore.exceptions import ClientError

from inventory_cli.errors import Unreachable
from inventory_cli.redrive.messages import Positions

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_kinesis import KinesisClient

_NO_SHARD: Final = "ResourceNotFoundException"
_TRIMMED: Final = "TrimmedDataAccessException"
#: Where reading begins: at the first position, or at whatever the stream still has.
_Start = Literal["AT_SEQUENCE_NUMBER", "TRIM_HORIZON"]
#: A shard of Kinesis answers five reads a second, one of which is its function's.
_PAUSE_SECONDS: Final = 0.25
#: Nobody says how many empty pages lie before a record. So many in a row take 100 s at this pace.
_EMPTY_PAGES_MAX: Final = 400
#: With one more call that is tried four times (80 s), the message is still hidden when this is over.
_READ_SECONDS_MAX: Final = 120


class Trimmed(Exception):
    """The stream no longer has the first of the records.

    Attributes:
        left: Those that it has.
    """

    def __init__(self, left: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__()
        self.left = left


class NotReached(Unreachable):
    """The stream did not bring the records, and may have them."""


class Streams(NamedTuple):
    """Clients for both kinds of streams, and what reads them at a pace: seconds since some start, and a wait."""

    dynamodb: DynamoDBStreamsClient
    kinesis: KinesisClient
    elapsed: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


#: Records with their sequence numbers, in their order.
_Numbered = Iterator[tuple[int, dict[str, Any]]]


def records_at(streams: Streams, positions: Positions) -> list[dict[str, Any]]:
    """The records of the first position, of the last, and all between, as the function is given them.

    A stream loses its oldest records first. So where the first of them is found, none is gone.

    Raises:
        Trimmed: The first of them is not there any more. It has those that are left.
        NotReached: They may be there, or are, but not all of them came.
    """
    until = streams.elapsed() + _READ_SECONDS_MAX
    found = _found(streams, positions, "AT_SEQUENCE_NUMBER", until)
    records = [record for _, record in found]
    if not found or found[0][0] > int(positions.first):  # a stream that begins later is read from where it begins
        raise Trimmed(records)
    return records


def are_any_left(streams: Streams, positions: Positions) -> bool:
    """Whether the stream still has records from the first position to the last.

    Raises:
        NotReached: Nobody knows.
    """
    try:
        return bool(records_at(streams, positions))
    except Trimmed as trimmed:
        return bool(trimmed.left)


def _found(streams: Streams, positions: Positions, start: _Start, until: float) -> list[tuple[int, dict[str, Any]]]:
    """What there is of the records, up to the last; or nothing."""
    last = int(positions.last)
    found: list[tuple[int, dict[str, Any]]] = []
    is_kinesis = positions.stream_arn.split(":")[2] == "kinesis"
    try:
        for number, record in (_of_kinesis if is_kinesis else _of_table)(streams, positions, start, until):
            if number > last:
                break
            found.append((number, record))
            if number == last:
                return found
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if not found and code == _NO_SHARD:
            return []
        if not found and code == _TRIMMED and start != "TRIM_HORIZON":  # a table's stream has no place that is gone
            return _found(streams, positions, "TRIM_HORIZON", until)
        raise
    if found:
        raise NotReached(f"The stream brought {len(found)} of the records, but not the last. Try again.")
    return []


def _of_table(streams: Streams, positions: Positions, start: _Start, until: float) -> _Numbered:
    client = streams.dynamodb
    place: Any = {"SequenceNumber": positions.first} if start == "AT_SEQUENCE_NUMBER" else {}
    iterator = client.get_shard_iterator(
        StreamArn=positions.stream_arn,
        ShardId=positions.shard_id,
        ShardIteratorType=start,
        **place,
    )["ShardIterator"]
    for record in _records(streams, lambda after: client.get_records(ShardIterator=after), iterator, until):
        yield int(record["dynamodb"]["SequenceNumber"]), _as_event(record, positions.stream_arn)


def _of_kinesis(streams: Streams, positions: Positions, start: _Start, until: float) -> _Numbered:
    client = streams.kinesis
    place: Any = {"StartingSequenceNumber": positions.first} if start == "AT_SEQUENCE_NUMBER" else {}
    iterator = client.get_shard_iterator(
        StreamName=positions.stream_arn.partition("/")[2],
        ShardId=positions.shard_id,
        ShardIteratorType=start,
        **place,
    )["ShardIterator"]
    for record in _records(streams, lambda after: client.get_records(ShardIterator=after), iterator, until):
        yield int(record["SequenceNumber"]), _as_kinesis_event(record, positions)


def _records(streams: Streams, page_at: Callable[[str], Any], iterator: str | None, until: float) -> Iterator[Any]:
    """All records from here on: to the shard's end, or to where Kinesis says that nothing came yet.

    Raises:
        NotReached: Nothing came for too long.
    """
    empty = 0
    while iterator is not None:
        if empty >= _EMPTY_PAGES_MAX:
            raise NotReached(f"The stream brought {empty} empty pages, and may have records behind them. Try again.")
        if streams.elapsed() >= until:
            raise NotReached(f"The stream did not bring the records within {_READ_SECONDS_MAX} s. Try again.")
        if empty:
            streams.pause(_PAUSE_SECONDS)
        page = page_at(iterator)
        yield from page["Records"]
        empty = 0 if page["Records"] else empty + 1
        at_the_tip = empty and page.get("MillisBehindLatest") == 0
        iterator = None if at_the_tip else page.get("NextShardIterator")


def _as_event(record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """Lambda's form of a stream record: times are numbers, and who made a change is spelled with small letters."""
    change = dict(record["dynamodb"])
    if "ApproximateCreationDateTime" in change:
        change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
    event = dict(record) | {"dynamodb": change, "eventSourceARN": stream_arn}
    if who := record.get("userIdentity"):  # without which a removal by TTL would be archived as somebody's
        event["userIdentity"] = {"type": who["Type"], "principalId": who["PrincipalId"]}
    return event


def _as_kinesis_event(record: Mapping[str, Any], positions: Positions) -> dict[str, Any]:
    """Lambda's form of a record of Kinesis: its data is base64."""
    number = record["SequenceNumber"]
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": number,
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{positions.shard_id}:{number}",
        "eventName": "aws:kinesis:record",
        "eventSourceARN": positions.stream_arn,
    }
