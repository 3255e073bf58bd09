"""Records fetched by their positions are what Lambda would have given the function: all of them, or none."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from inventory_cli.aws import Aws
from inventory_cli.redrive.messages import Positions
from inventory_cli.redrive.streams import Streams, Trimmed, records_at
from support.failures import FIRST, LAST, Functions, Queues, failed_batch
from support.terminal import Terminal

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


class Shard:
    """A client that reads one shard: pages of these sequence numbers. It ends after them, or stays open and empty."""

    def __init__(self, *pages: Sequence[int], is_open: bool = False) -> None:
        self.pages = pages
        self.is_open = is_open
        self.asked = 0

    def get_shard_iterator(self, **_: Any) -> dict[str, str]:
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.asked += 1
        assert self.asked < 1_000, "it would never end"
        number = int(ShardIterator)
        numbers = self.pages[number] if number < len(self.pages) else ()
        page: dict[str, Any] = {"Records": [{"dynamodb": {"SequenceNumber": str(each)}} for each in numbers]}
        more = self.is_open or number + 1 < len(self.pages)
        return page | ({"NextShardIterator": str(number + 1)} if more else {})


def numbers_in(shard: Shard, first: int = 1, last: int = 3) -> list[int]:
    nobody: Any = None
    client: Any = shard
    asked = Positions("RetriesExhausted", STREAM, "shard", str(first), str(last), last - first + 1)
    return [int(record["dynamodb"]["SequenceNumber"]) for record in records_at(Streams(client, nobody), asked)]


def test_no_record_after_the_last_position_is_given() -> None:
    assert numbers_in(Shard((1, 2), (3, 4), (5,))) == [1, 2, 3]


def _empty(count: int) -> Iterable[Sequence[int]]:
    return [()] * count


def test_empty_pages_between_records_are_not_the_end() -> None:
    assert numbers_in(Shard((1,), *_empty(19), (2,), *_empty(19), (3,))) == [1, 2, 3]


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize(
    "pages",
    [(), ((1, 2),), ((2, 3),), ((1, 2, 4),), ((4, 5),)],
    ids=["nothing", "not the last", "not the first", "not the last but later ones", "only later ones"],
)
def test_records_that_are_not_all_there_are_gone(pages: Sequence[Sequence[int]], *, is_open: bool) -> None:
    with pytest.raises(Trimmed):
        numbers_in(Shard(*pages, is_open=is_open))


@pytest.mark.parametrize("pages", [(), ((1, 2),), ((2, 3),), ((4, 5),)])
def test_a_message_stays_in_its_queue_where_only_some_of_its_records_are_there(
    pages: Sequence[Sequence[int]],
    terminal: Terminal,
    queues: Queues,
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Aws, "streams", Shard(*pages))
    queues.put("settler", failed_batch(startSequenceNumber="1", endSequenceNumber="3"))
    (given,) = terminal.run("redrive", "run", "--yes", "--json").json
    assert (given["outcome"], functions.given, len(queues.bodies("settler"))) == ("trimmed", [], 1)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("operation", ["get_shard_iterator", "get_records"])
@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("TrimmedDataAccessException", Trimmed),
        ("ResourceNotFoundException", Trimmed),
        ("LimitExceededException", ClientError),
    ],
)
def test_only_what_aws_says_is_gone_is_taken_for_gone(operation: str, code: str, raised: type[Exception]) -> None:
    client = boto3.client("dynamodbstreams", "us-east-1")
    streams = Streams(client, boto3.client("kinesis", "us-east-1"))
    asked = Positions("RetriesExhausted", STREAM, "shardId-00000000000000000001", FIRST, LAST, 3)
    with Stubber(client) as stubbed:
        if operation == "get_records":
            stubbed.add_response("get_shard_iterator", {"ShardIterator": "first"})
        stubbed.add_client_error(operation, code)
        with pytest.raises(raised):
            records_at(streams, asked)
