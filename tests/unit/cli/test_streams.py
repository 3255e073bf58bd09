"""Records fetched by their positions are what Lambda would have given the function."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.stub import Stubber

from inventory_cli.redrive.messages import Positions
from inventory_cli.redrive.streams import Streams, records_at

STREAM: Final = "arn:aws:dynamodb:us-east-1:000000000000:table/holds/stream/2026-11-30"
SAMPLE: Final = Path(__file__).parents[3] / "events/dynamodb-stream/hold-removed-by-ttl.json"


def _told_by_the_stream(event: dict[str, Any]) -> dict[str, Any]:
    """A record as the API gives it: times are times, and who made the change is spelled with capitals."""
    names = ("eventID", "eventName", "eventVersion", "eventSource", "awsRegion")
    record = {name: event[name] for name in names if name in event}
    at = datetime.fromtimestamp(event["dynamodb"]["ApproximateCreationDateTime"], UTC)
    who = event["userIdentity"]
    record |= {"dynamodb": event["dynamodb"] | {"ApproximateCreationDateTime": at}}
    return record | {"userIdentity": {"PrincipalId": who["principalId"], "Type": who["type"]}}


@pytest.mark.usefixtures("aws")
def test_a_removal_by_ttl_is_still_one_when_it_is_given_back() -> None:
    (event,) = json.loads(SAMPLE.read_text())["Records"]
    number = event["dynamodb"]["SequenceNumber"]
    client = boto3.client("dynamodbstreams", "us-east-1")
    with Stubber(client) as stubbed:
        stubbed.add_response("get_shard_iterator", {"ShardIterator": "first"})
        stubbed.add_response("get_records", {"Records": [_told_by_the_stream(event)]})
        streams = Streams(client, boto3.client("kinesis", "us-east-1"))
        (given,) = records_at(
            streams, Positions("RetriesExhausted", STREAM, "shardId-00000000000000000001", number, number, 1)
        )
    assert given["userIdentity"] == event["userIdentity"]
    assert given["dynamodb"] == event["dynamodb"]
