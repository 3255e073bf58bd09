"""A stream of Kinesis in memory, as far as the service uses one."""

import base64
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]


class CollectedHolds:
    """As much of a client for Kinesis as the settler uses, and what it was given.

    Args:
        shards: Into how many shards the stream is cut. A partition key always goes to the same one.

    Attributes:
        full: Whether the stream takes no record of this partition key at the moment.
        records: What was put there and has not been taken yet, by shard, as Lambda gives it to its function.
    """

    def __init__(self, shards: int = 1) -> None:
        self.full: Callable[[str], bool] = lambda _key: False
        self.records: tuple[deque[dict[str, Any]], ...] = tuple(deque() for _ in range(shards))
        self._sequence = 10**20

    def put_records(self, *, StreamName: str, Records: Sequence[Entry]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Takes records, each for itself."""
        told = [self._put(StreamName, each["PartitionKey"], each["Data"]) for each in Records]
        return {"FailedRecordCount": sum("ErrorCode" in each for each in told), "Records": told}

    def drain(self, shard: int = 0) -> list[dict[str, Any]]:
        """Takes all that waits in a shard."""
        taken = list(self.records[shard])
        self.records[shard].clear()
        return taken

    def _put(self, stream: str, key: str, data: bytes) -> dict[str, Any]:
        if self.full(key):
            return {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        self._sequence += 1
        shard = zlib.crc32(key.encode()) % len(self.records)
        shard_id = f"shardId-{shard:012d}"
        self.records[shard].append(kinesis_record(stream, shard_id, str(self._sequence), key, data))
        return {"SequenceNumber": str(self._sequence), "ShardId": shard_id}


def kinesis_record(stream: str, shard_id: str, sequence: str, key: str, data: bytes) -> dict[str, Any]:
    """A record as Lambda gives it to its function."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": sequence,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1_767_225_602.5,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/collector",
        "awsRegion": "us-east-1",
        "eventSourceARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}",
    }
