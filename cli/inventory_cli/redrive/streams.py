"""Records by their positions in a DynamoDB stream, as long as the stream has them (24 hours)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from inventory_cli.redrive.messages import Positions

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

#: An open shard answers with an empty page now and then; so many in a row are its end.
_EMPTY_PAGES_MAX = 20
_GONE = {"TrimmedDataAccessException", "ResourceNotFoundException"}


class Trimmed(Exception):
    """The stream no longer has the records."""


def records_at(client: DynamoDBStreamsClient, positions: Positions) -> list[dict[str, Any]]:
    """The records from the first position to the last, as the function is given them.

    Raises:
        Trimmed: Not all of them are there any more.
    """
    try:
        iterator: str | None = client.get_shard_iterator(
            StreamArn=positions.stream_arn,
            ShardId=positions.shard_id,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=positions.first,
        )["ShardIterator"]
        return _read(client, iterator, positions)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            raise Trimmed from None
        raise


def _read(client: DynamoDBStreamsClient, iterator: str | None, positions: Positions) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    last, empty = int(positions.last), 0
    while iterator is not None and empty < _EMPTY_PAGES_MAX:
        page = client.get_records(ShardIterator=iterator)
        for record in page["Records"]:
            number = int(record["dynamodb"]["SequenceNumber"])
            if number <= last:
                found.append(_as_event(record, positions.stream_arn))
            if number >= last:
                return found
        empty = 0 if page["Records"] else empty + 1
        iterator = page.get("NextShardIterator")
    raise Trimmed


def _as_event(record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """Lambda's form of a stream record: times are numbers."""
    told = dict(record["dynamodb"])
    if "ApproximateCreationDateTime" in told:
        told["ApproximateCreationDateTime"] = told["ApproximateCreationDateTime"].timestamp()
    return dict(record) | {"dynamodb": told, "eventSourceARN": stream_arn}
