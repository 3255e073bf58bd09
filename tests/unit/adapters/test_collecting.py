"""Kinesis as it is asked, and a name for each way in which it may not take what it is given."""

import dataclasses
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from inventory.adapters.collecting import (
    RECORDS_MAX,
    CollectingStream,
    NotPassedOn,
    StreamFull,
    StreamRefused,
    StreamUnreachable,
    data_of,
    holds_in,
)
from inventory.domain.holds import Draw, Hold, Line, Status
from inventory.domain.stock import ShardKey

NOW = int  # always 0
FIRST, SECOND = ShardKey("A", "W1", 0), ShardKey("A", "W1", 7)


def _hold(number: int, shard: ShardKey, executed: int | None = None) -> Hold:
    line = Line(shard.item, shard.warehouse, 2, (Draw(shard.number, 2),), executed)
    return Hold(f"hold_{number:032x}", Status.EXECUTED, (line,), 1, 9, 2, 5, "key_1", "f", {"cart": "c" * 200})


GROUPS = {FIRST: [_hold(1, FIRST), _hold(2, FIRST, executed=1)], SECOND: [_hold(3, SECOND)]}


def test_each_shard_s_holds_are_one_record_under_the_shard_s_own_key() -> None:
    client = boto3.client("kinesis")
    records = [
        {"PartitionKey": "A#W1#0", "Data": data_of(GROUPS[FIRST])},
        {"PartitionKey": "A#W1#7", "Data": data_of(GROUPS[SECOND])},
    ]
    answer = {"Records": [{"SequenceNumber": "1", "ShardId": "s"}] * 2}
    with Stubber(client) as kinesis:
        kinesis.add_response("put_records", answer, {"StreamName": "collecting", "Records": records})
        CollectingStream(client, "collecting", NOW).pass_on(GROUPS)
        kinesis.assert_no_pending_responses()


def test_what_is_read_again_is_what_was_passed_on_but_for_metadata() -> None:
    [first, second] = GROUPS[FIRST]
    assert holds_in(data_of([first, second])) == [dataclasses.replace(each, metadata={}) for each in (first, second)]
    assert len(data_of([first])) < 400


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[]", b"{}", b'{"holds": 1}', b'{"holds": [1]}', b'{"holds": [{"hold_id": "hold_1"}]}', b"null"],
)
def test_anything_else_is_recognised(data: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        holds_in(data)


def test_records_that_are_refused_for_load_are_named_and_the_others_are_taken() -> None:
    client = boto3.client("kinesis")
    told = [{"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slowly"}, {"SequenceNumber": "1"}]
    with Stubber(client) as kinesis:
        kinesis.add_response("put_records", {"FailedRecordCount": 1, "Records": told})
        with pytest.raises(StreamFull) as refused:
            CollectingStream(client, "collecting", NOW).pass_on(GROUPS)
    assert refused.value.left == (FIRST,)


@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        ("ProvisionedThroughputExceededException", 400, StreamFull),
        ("KMSThrottlingException", 400, StreamFull),
        ("LimitExceededException", 400, StreamFull),
        ("ThrottlingException", 400, StreamFull),
        ("InternalFailure", 500, StreamUnreachable),
        ("ServiceUnavailable", 503, StreamUnreachable),
        ("ResourceNotFoundException", 400, StreamRefused),
        ("AccessDeniedException", 400, StreamRefused),
        ("KMSAccessDeniedException", 400, StreamRefused),
    ],
)
def test_a_request_that_is_refused_as_a_whole_has_a_name(code: str, status: int, name: type[NotPassedOn]) -> None:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    _refused(ClientError(response, "PutRecords"), name)


@pytest.mark.parametrize("error", [ConnectTimeoutError(endpoint_url="x"), ReadTimeoutError(endpoint_url="x")])
def test_so_has_one_that_is_not_answered_in_time(error: Exception) -> None:
    _refused(error, StreamUnreachable)


def test_as_many_shards_as_a_request_takes_go_in_one() -> None:
    asked: list[int] = []

    class Taking:
        def put_records(self, **request: Any) -> dict[str, Any]:
            asked.append(len(request["Records"]))
            return {"Records": [{"SequenceNumber": "1"} for _ in request["Records"]]}

    shards = [ShardKey("A", "W1", number) for number in range(RECORDS_MAX)]
    CollectingStream(Taking(), "collecting", NOW).pass_on({shard: [_hold(1, shard)] for shard in shards})
    assert asked == [RECORDS_MAX]


def test_more_shards_than_a_request_takes_are_a_mistake_of_ours() -> None:
    shards = [ShardKey("A", "W1", number) for number in range(RECORDS_MAX + 1)]
    with pytest.raises(AssertionError):
        CollectingStream(None, "collecting", NOW).pass_on({shard: [_hold(1, shard)] for shard in shards})


def _refused(error: Exception, name: type[NotPassedOn]) -> None:
    class Down:
        def put_records(self, **_: Any) -> None:
            raise error

    with pytest.raises(name) as refused:
        CollectingStream(Down(), "collecting", NOW).pass_on(GROUPS)
    assert type(refused.value) is name
    assert refused.value.left == (FIRST, SECOND)
    assert refused.value.__cause__ is error
