"""When a batch of a stream was written, as the stream says: what the clock of an instance is held against."""

import pytest

from inventory.pipeline.stream import StreamRecord, told_at


def _of_dynamodb(written_s: object) -> StreamRecord:
    return {"eventID": "1", "dynamodb": {"ApproximateCreationDateTime": written_s}}


def _of_kinesis(written_s: object) -> StreamRecord:
    return {"kinesis": {"approximateArrivalTimestamp": written_s}}


def test_the_newest_record_counts() -> None:
    assert told_at([_of_dynamodb(7), _of_dynamodb(1_800_000_000), _of_dynamodb(9)]) == 1_800_000_000_000
    assert told_at([_of_kinesis(1_800_000_000.25)]) == 1_800_000_000_250


@pytest.mark.parametrize(
    "records", [[], [{}], [{"dynamodb": None}], [{"dynamodb": "nonsense"}], [_of_dynamodb("now")], [_of_kinesis(None)]]
)
def test_what_says_nothing_is_no_reason_to_fail(records: list[StreamRecord]) -> None:
    assert told_at(records) is None
    assert told_at([*records, _of_dynamodb(5)]) == 5_000
