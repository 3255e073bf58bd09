"""Kinesis: resolved holds on their way to whoever settles all of one counter shard's together.

A record is the holds of one shard, and the shard's key is its partition key: so all of a shard's come to one consumer,
one batch after the other. Whatever is put twice, or is lost on the way, does no harm (`settled_once`, and the sweeper).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from inventory.aws_errors import THROTTLED, UNREACHABLE, code_of, is_outage
from inventory.domain.holds import Hold
from inventory.domain.stock import ShardKey
from inventory.storage.hold_records import settling_record, sound_hold_from

#: So many records are taken in one request.
RECORDS_MAX: Final = 500
#: After the stream did not answer, nothing is passed on for so long. To find that out takes up to 5 s, and settling a
#: batch by itself takes one: so while the stream is down, a lane settles in 30 s of 35, not in one of six.
UNREACHABLE_FOR_MS: Final = 30_000

#: Passes on the holds of each shard. What it raises is a `NotPassedOn`.
PassOn = Callable[[Mapping[ShardKey, Sequence[Hold]]], None]


class NotPassedOn(Exception):
    """Holds that the stream did not take, or of which it is not known.

    Attributes:
        left: The shards whose holds these are.
    """

    def __init__(self, why: str, left: Sequence[ShardKey]) -> None:
        super().__init__(why)
        self.left = tuple(left)


class StreamFull(NotPassedOn):
    """The stream takes no more of these shards' holds for the moment; the others' it took."""


class StreamUnreachable(NotPassedOn):
    """The stream did not answer in time, and may have taken them; or it did not a moment ago, and was not asked."""


class StreamRefused(NotPassedOn):
    """The stream refuses whatever it is given: it is not there, or this function may not write to it."""


class CollectingStream:
    """A stream of Kinesis.

    Args:
        client: A boto3 Kinesis client, with its timeouts and retries set.
        name: The stream's name.
        now: Milliseconds by which ages are measured.
    """

    def __init__(self, client: Any, name: str, now: Callable[[], int]) -> None:
        self._client = client
        self._name = name
        self._now = now
        self._asked_from_ms = now()

    def pass_on(self, groups: Mapping[ShardKey, Sequence[Hold]]) -> None:
        """Puts each shard's holds on the stream, as one record.

        Args:
            groups: The holds of up to 500 shards.

        Raises:
            StreamFull: It took some, and refused others for load.
            StreamUnreachable: It did not answer, now or within the last 30 s; then it is not asked.
            StreamRefused: It refused the request itself.
        """
        shards = list(groups)
        if len(shards) > RECORDS_MAX:
            raise AssertionError(f"a request takes {RECORDS_MAX} records, not {len(shards)}")
        if self._now() < self._asked_from_ms:
            raise StreamUnreachable("it did not answer a moment ago", shards)
        records = [{"PartitionKey": shard.text, "Data": data_of(groups[shard])} for shard in shards]
        try:
            answer = self._client.put_records(StreamName=self._name, Records=records)
        except ClientError as error:
            code = code_of(error)
            if code in THROTTLED:
                raise StreamFull(code, shards) from error
            if is_outage(error):
                raise self._did_not_answer(code, shards) from error
            raise StreamRefused(code, shards) from error
        except UNREACHABLE as error:
            raise self._did_not_answer(type(error).__name__, shards) from error
        left = [shard for shard, result in zip(shards, answer["Records"], strict=True) if result.get("ErrorCode")]
        if left:
            raise StreamFull("not all records were taken", left)

    def _did_not_answer(self, why: str, shards: Sequence[ShardKey]) -> StreamUnreachable:
        self._asked_from_ms = self._now() + UNREACHABLE_FOR_MS
        return StreamUnreachable(why, shards)


def data_of(holds: Sequence[Hold]) -> bytes:
    """What a record carries: of each hold what settling it needs. Some 350 bytes a hold; metadata stays behind."""
    return json.dumps({"holds": [settling_record(hold) for hold in holds]}, separators=(",", ":")).encode()


def holds_in(data: bytes) -> list[Hold]:
    """The holds that a record carries.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It carries something else.
    """
    return [sound_hold_from(record) for record in json.loads(data)["holds"]]
