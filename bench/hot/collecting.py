"""The stream between settler and collector as the model has it: Kinesis, and Lambda's reading of it once a second."""

import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.hot.functions import Batching, Consumed
from bench.hot.partitions import Bucket
from bench.hot.published import (
    CALL_SIGMA,
    KINESIS_BYTES_PER_SECOND,
    KINESIS_POLLS_PER_SECOND,
    KINESIS_RECORDS_PER_SECOND,
    OWN_MS,
    PUT_RECORDS_MS,
)

from inventory.domain.errors import Conflict, Overloaded
from simulation.kernel import Kernel

_RETRIES = 10


class Collecting:
    """The stream, in the place of boto3's client, and the collector behind it.

    Args:
        kernel: Its time.
        shards: The stream's shards, each with so many records and bytes a second.
        batching: How it is read.
        handler: Makes what settles the data of a batch of records, for the instance of one lane.
        draw: Draws latencies.

    Attributes:
        calls: PutRecords requests.
        taken: Records taken.
        refused: Records refused for load.
        bytes: Bytes taken.
        consumed: What became of them.
        stopped: Whether the reading is over.
    """

    def __init__(
        self,
        kernel: Kernel,
        shards: int,
        batching: Batching,
        handler: Callable[[], Callable[[Sequence[bytes]], object]],
        draw: random.Random,
    ) -> None:
        self._kernel = kernel
        self._draw = draw
        self._batching = batching
        self._records = [Bucket(KINESIS_RECORDS_PER_SECOND) for _ in range(shards)]
        self._bytes = [Bucket(KINESIS_BYTES_PER_SECOND) for _ in range(shards)]
        self._lanes: list[list[bytes]] = [[] for _ in range(shards * batching.factor)]
        self.calls = self.taken = self.refused = self.bytes = 0
        self.consumed = Consumed()
        self.stopped = False
        polled_after_s = [draw.random() / KINESIS_POLLS_PER_SECOND for _ in range(shards)]
        for lane in range(len(self._lanes)):
            kernel.spawn("collector", self._reader(lane, handler()), after_s=polled_after_s[lane // batching.factor])

    def put_records(self, *, StreamName: str, Records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: ARG002, N803 - boto3's names
        """Takes records, each for itself; those of a shard that has no more to give are refused."""
        way_s = PUT_RECORDS_MS / 1000 * self._draw.lognormvariate(0, CALL_SIGMA)
        self._kernel.wait(way_s)
        self.calls += 1
        return {"Records": [self._put(each["PartitionKey"], each["Data"]) for each in Records]}

    def drain(self) -> list[bytes]:
        """Takes all that still waits."""
        waiting = [data for lane in self._lanes for data in lane]
        for lane in self._lanes:
            lane.clear()
        return waiting

    def _put(self, key: str, data: bytes) -> dict[str, str]:
        lane = zlib.crc32(key.encode()) % len(self._lanes)
        shard, now_us = lane // self._batching.factor, self._kernel.now_us
        records, size = self._records[shard], self._bytes[shard]
        if not (records.gives(now_us) and size.gives(now_us)):
            self.refused += 1
            return {"ErrorCode": "ProvisionedThroughputExceededException"}
        records.take(1, now_us)
        size.take(len(data), now_us)
        self.taken += 1
        self.bytes += len(data)
        self._lanes[lane].append(data)
        return {}

    def _reader(self, lane: int, handle: Callable[[Sequence[bytes]], object]) -> Callable[[], None]:
        def read() -> None:
            waiting = self._lanes[lane]
            while not self.stopped:
                while waiting and not self.stopped:
                    batch, waiting[:] = waiting[: self._batching.size], waiting[self._batching.size :]
                    self.consumed.batches += 1
                    self._handled(handle, batch)
                self._kernel.wait(1 / KINESIS_POLLS_PER_SECOND)

        return read

    def _handled(self, handle: Callable[[Sequence[bytes]], object], batch: Sequence[bytes]) -> None:
        for _ in range(_RETRIES + 1):
            try:
                self._kernel.wait(OWN_MS / 1000)
                handle(batch)
            except (Conflict, Overloaded):
                self.consumed.again += 1
            else:
                return
        self.consumed.given_up += 1
