"""Records by their positions in a stream of DynamoDB or Kinesis, as long as the stream has them (24 hours)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from inventory_cli.redrive.messages import Positions

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_kinesis import KinesisClient

#: An open shard answers with an empty page now and then; so many in a row are its end.
_EMPTY_PAGES_MAX = 20
_GONE = {"TrimmedDataAccessException", "ResourceNotFoundException"}


class Trimmed(Exception):
    """The stream no longer has the records."""


class Streams(NamedTuple):
    """Clients for both kinds of streams."""

    dynamodb: DynamoDBStreamsClient
    kinesis: KinesisClient


def records_at(streams: Streams, positions: Positions) -> list[dict[str, Any]]:
    """The records from the first position to the last, as the function is given them.

    Raises:
        Trimmed: Not all of them are there any more.
    """
    read = _of_kinesis if positions.stream_arn.split(":")[2] == "kinesis" else _of_table
    try:
        return read(streams, positions)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            raise Trimmed from None
        raise


def still_there(streams: Streams, positions: Positions) -> bool:
    """Whether the stream still has all records from the first position to the last."""
    try:
        records_at(streams, positions)
    except Trimmed:
        return False
    return True


def _of_table(streams: Streams, positions: Positions) -> list[dict[str, Any]]:
    client = streams.dynamodb
    iterator = client.get_shard_iterator(
        StreamArn=positions.stream_arn,
        ShardId=positions.shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=positions.first,
    )["ShardIterator"]
    return [
        _as_event(record, positions.stream_arn)
        for record in _read(
            lambda after: client.get_records(ShardIterator=after),
            iterator,
            positions,
            lambda record: str(record["dynamodb"]["SequenceNumber"]),
        )
    ]


def _of_kinesis(streams: Streams, positions: Positions) -> list[dict[str, Any]]:
    client = streams.kinesis
    iterator = client.get_shard_iterator(
        StreamName=positions.stream_arn.partition("/")[2],
        ShardId=positions.shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=positions.first,
    )["ShardIterator"]
    return [
        _as_kinesis_event(record, positions)
        for record in _read(
            lambda after: client.get_records(ShardIterator=after),
            iterator,
            positions,
            lambda record: str(record["SequenceNumber"]),
        )
    ]


def _read(
    page_at: Callable[[str], Any],
    iterator: str | None,
    positions: Positions,
    number_of: Callable[[Any], str],
) -> list[Any]:
    """The records of the first position, of the last, and all between; without either of the two, none."""
    found: list[Any] = []
    first, last, empty = int(positions.first), int(positions.last), 0
    while iterator is not None and empty < _EMPTY_PAGES_MAX:
        page = page_at(iterator)
        for record in page["Records"]:
            number = int(number_of(record))
            if number > (last if found else first):  # a stream that begins later is read from where it begins
                raise Trimmed
            found.append(record)
            if number == last:
                return found
        empty = 0 if page["Records"] else empty + 1
        iterator = page.get("NextShardIterator")
    raise Trimmed


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
