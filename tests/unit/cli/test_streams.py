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
from inventory_cli.redrive.streams import NotReached, Streams, Trimmed, records_at
from support.failures import FIRST, LAST, Functions, Queues, failed_batch
from support.terminal import Terminal

STREAM: Final = "arn:aws:dynamodb:us-east-1:000000000000:table/holds/stream/2026-11-30"
COLLECTING: Final = "arn:aws:kinesis:us-east-1:000000000000:stream/collecting"
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
    """A client that reads one shard: pages of these sequence numbers. It ends after them, or stays open and empty.

    Its clock goes while somebody waits, or reads.
    """

    def __init__(self, *pages: Sequence[int], is_open: bool = False, read_s: float = 0) -> None:
        self.pages = pages
        self.is_open = is_open
        self.read_s = read_s
        self.asked = 0
        self.passed_s = 0.0

    def get_shard_iterator(self, **_: Any) -> dict[str, str]:
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.asked += 1
        assert self.asked < 1_000, "it would never end"
        self.waits(self.read_s)
        number = int(ShardIterator)
        numbers = self.pages[number] if number < len(self.pages) else ()
        page: dict[str, Any] = {"Records": [self._record(each) for each in numbers]}
        more = self.is_open or number + 1 < len(self.pages)
        return page | ({"NextShardIterator": str(number + 1)} if more else {})

    def _record(self, number: int) -> dict[str, Any]:
        return {"dynamodb": {"SequenceNumber": str(number)}}

    def waits(self, seconds: float) -> None:
        self.passed_s += seconds

    def now(self) -> float:
        return self.passed_s


class KinesisShard(Shard):
    """A shard of Kinesis: an iterator of an open one never ends, but says how far behind the tip it is."""

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        behind = max(0, len(self.pages) - 1 - int(ShardIterator)) * 1000
        return super().get_records(ShardIterator) | {"MillisBehindLatest": behind}

    def _record(self, number: int) -> dict[str, Any]:
        at = datetime.fromtimestamp(0, UTC)
        return {"SequenceNumber": str(number), "PartitionKey": "A", "Data": b"", "ApproximateArrivalTimestamp": at}


def numbers_in(shard: Shard, first: int = 1, last: int = 3) -> list[int]:
    client: Any = shard
    stream = COLLECTING if isinstance(shard, KinesisShard) else STREAM
    asked = Positions("RetriesExhausted", stream, "shard", str(first), str(last), last - first + 1)
    return numbers_of(records_at(Streams(client, client, shard.now, shard.waits), asked))


def numbers_of(records: Iterable[dict[str, Any]]) -> list[int]:
    return [
        int(each["kinesis"]["sequenceNumber"] if "kinesis" in each else each["dynamodb"]["SequenceNumber"])
        for each in records
    ]


def test_no_record_after_the_last_position_is_given() -> None:
    assert numbers_in(Shard((1, 2), (3, 4), (5,))) == [1, 2, 3]


def _empty(count: int) -> Iterable[Sequence[int]]:
    return [()] * count


KINDS: Final = pytest.mark.parametrize("kind", [Shard, KinesisShard])


@KINDS
@pytest.mark.parametrize("is_open", [False, True])
def test_empty_pages_are_not_the_end(kind: type[Shard], *, is_open: bool) -> None:
    shard = kind(*_empty(200), (1,), *_empty(200), (2,), (3,), is_open=is_open)
    assert numbers_in(shard) == [1, 2, 3]


@KINDS
def test_empty_pages_are_asked_for_no_faster_than_a_shard_allows(kind: type[Shard]) -> None:
    shard = kind(*_empty(40), (1, 2, 3))
    assert numbers_in(shard) == [1, 2, 3]
    assert shard.asked / shard.passed_s <= 5


@KINDS
@pytest.mark.parametrize("found", [(), ((1, 2),)], ids=["nothing yet", "not the last yet"])
def test_a_stream_that_brings_empty_pages_only_is_given_up_and_may_have_the_records(
    kind: type[Shard], found: Sequence[Sequence[int]]
) -> None:
    shard = kind(*found, *_empty(900), (1, 2, 3))
    with pytest.raises(NotReached, match="400 empty pages"):
        numbers_in(shard)


@KINDS
@pytest.mark.parametrize("page", [(), (1,)], ids=["empty", "full"])
def test_a_slow_stream_is_given_up_while_the_message_is_still_hidden(kind: type[Shard], page: Sequence[int]) -> None:
    shard = kind(*[page] * 100, (1, 2, 3), read_s=15)
    with pytest.raises(NotReached, match="120 s"):
        numbers_in(shard)
    slowest_call_s = 4 * (5 + 15)
    assert shard.passed_s + slowest_call_s < 300


@KINDS
@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize(
    ("pages", "left"),
    [(((2, 3),), [2, 3]), (((3, 4), (5,)), [3]), (((4, 5),), [])],
    ids=["not the first", "only the last", "only later ones"],
)
def test_records_are_gone_where_the_first_that_is_found_is_a_later_one_but_those_that_are_left(
    kind: type[Shard], pages: Sequence[Sequence[int]], left: list[int], *, is_open: bool
) -> None:
    with pytest.raises(Trimmed) as trimmed:
        numbers_in(kind(*pages, is_open=is_open))
    assert numbers_of(trimmed.value.left) == left


class TrimmedShard(Shard):
    """AWS gives no place in a stream of a table for what it dropped; what it still has begins at the horizon."""

    def __init__(self, *pages: Sequence[int], is_open: bool = False, horizon_moves: bool = False) -> None:
        super().__init__(*pages, is_open=is_open)
        self.horizon_moves = horizon_moves

    def get_shard_iterator(self, **asked: Any) -> dict[str, str]:
        if asked["ShardIteratorType"] == "TRIM_HORIZON":
            assert "SequenceNumber" not in asked
            return {"ShardIterator": "0"}
        return {"ShardIterator": "trimmed"}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if ShardIterator == "trimmed" or self.horizon_moves:
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetRecords")
        return super().get_records(ShardIterator)


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize(("pages", "left"), [(((), (2,), (3, 4)), [2, 3]), (((4,),), [])])
def test_where_a_table_has_no_place_for_the_first_those_that_are_left_are_read_from_the_horizon(
    pages: Sequence[Sequence[int]], left: list[int], *, is_open: bool
) -> None:
    with pytest.raises(Trimmed) as trimmed:
        numbers_in(TrimmedShard(*pages, is_open=is_open))
    assert numbers_of(trimmed.value.left) == left


def test_a_horizon_that_moves_while_it_is_read_says_nothing_of_the_later_records() -> None:
    with pytest.raises(ClientError):
        numbers_in(TrimmedShard((2, 3), horizon_moves=True))


@pytest.mark.parametrize("pages", [((2,),), ((2,), (4,))])
def test_of_records_that_are_left_none_may_be_missing(pages: Sequence[Sequence[int]]) -> None:
    for shard in (Shard(*pages), TrimmedShard(*pages)):
        with pytest.raises(NotReached, match="Try again"):
            numbers_in(shard)


@KINDS
def test_records_that_a_shard_has_not_up_to_its_end_are_gone(kind: type[Shard]) -> None:
    with pytest.raises(Trimmed):
        numbers_in(kind(*_empty(30)))


@pytest.mark.parametrize("pages", [(), ((), ())])
def test_records_that_a_shard_of_kinesis_has_not_up_to_its_tip_are_gone(pages: Sequence[Sequence[int]]) -> None:
    shard = KinesisShard(*pages, is_open=True)
    with pytest.raises(Trimmed):
        numbers_in(shard)
    assert shard.asked == max(1, len(pages))


@pytest.mark.parametrize("is_open", [False, True])
@KINDS
@pytest.mark.parametrize("pages", [((1, 2),), ((1, 2, 4),), ((1,), (), (4,))])
def test_records_of_which_some_are_found_are_never_said_to_be_gone(
    kind: type[Shard], pages: Sequence[Sequence[int]], *, is_open: bool
) -> None:
    with pytest.raises(NotReached, match="Try again"):
        numbers_in(kind(*pages, is_open=is_open))


def test_what_is_trimmed_while_it_is_read_is_not_said_to_be_gone() -> None:
    class Trims(Shard):
        def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
            if self.asked:
                raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetRecords")
            return super().get_records(ShardIterator)

    with pytest.raises(ClientError):
        numbers_in(Trims((1, 2), (3,)))


@pytest.mark.parametrize(
    ("pages", "is_open", "outcome", "left"),
    [
        ((), False, "trimmed", []),
        ((), True, "failed", []),
        (((1, 2),), False, "failed", []),
        (((2, 3),), False, "trimmed", [2, 3]),
        (((4, 5),), False, "trimmed", []),
    ],
)
def test_a_message_stays_in_its_queue_where_only_some_of_its_records_are_there(
    pages: Sequence[Sequence[int]],
    outcome: str,
    left: list[int],
    terminal: Terminal,
    queues: Queues,
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_open: bool,
) -> None:
    monkeypatch.setattr(Aws, "streams", Shard(*pages, is_open=is_open))
    queues.put("settler", failed_batch(startSequenceNumber="1", endSequenceNumber="3"))
    (given,) = terminal.run("redrive", "run", "--yes", "--json").json
    assert (given["outcome"], len(queues.bodies("settler"))) == (outcome, 1)
    assert [numbers_of(event["Records"]) for _, event in functions.given] == ([left] if left else [])
    assert (f"the last {len(left)}, which it had, were handled" in given["why"]) == bool(left)


def test_what_is_left_is_given_before_its_message_is_dropped(
    terminal: Terminal, queues: Queues, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Aws, "streams", Shard((2, 3), (4,)))
    queues.put("archiver", failed_batch(startSequenceNumber="1", endSequenceNumber="3"))
    run = ("redrive", "run", "--function", "archiver", "--drop-trimmed", "--yes", "--json")
    functions.fails = lambda *_: "down"
    failed = terminal.run(*run)
    assert (failed.exit_code, [each["outcome"] for each in failed.json]) == (1, ["failed"])
    (left,) = queues.bodies("archiver")

    drop = terminal.run("redrive", "drop", failed.json[0]["id"], "--function", "archiver", "--yes")
    assert (drop.exit_code, queues.bodies("archiver")) == (1, [left])

    functions.fails = lambda *_: None
    assert [each["outcome"] for each in terminal.run(*run).json] == ["dropped"]
    assert [numbers_of(event["Records"]) for _, event in functions.given] == [[2, 3], [2], [2, 3]]
    assert queues.bodies("archiver") == []


@pytest.mark.parametrize("pages", [(), ((1, 2),)], ids=["nothing yet", "not the last"])
def test_the_evidence_of_events_that_may_be_archived_yet_is_not_dropped(
    pages: Sequence[Sequence[int]],
    terminal: Terminal,
    queues: Queues,
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Aws, "streams", Shard(*pages, is_open=True))
    queues.put("archiver", failed_batch(startSequenceNumber="1", endSequenceNumber="3"))
    run = terminal.run("redrive", "run", "--function", "archiver", "--drop-trimmed", "--yes", "--json")
    ((given,), (left,)) = (run.json, queues.bodies("archiver"))
    assert (run.exit_code, given["outcome"], "Try again" in given["why"]) == (1, "failed", True)

    drop = terminal.run("redrive", "drop", given["id"], "--function", "archiver", "--yes")
    assert (drop.exit_code, "Try again" in drop.err) == (5, True)
    assert (queues.bodies("archiver"), functions.given) == ([left], [])


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
        if code == "TrimmedDataAccessException":
            stubbed.add_response("get_shard_iterator", {"ShardIterator": "horizon"})
            stubbed.add_response("get_records", {"Records": []})
        with pytest.raises(raised):
            records_at(streams, asked)
