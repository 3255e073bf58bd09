"""Lambda as the model has it: instances that serve one request at a time, and streams that are read batch by batch."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from bench.hot.published import (
    COLD_START_MS,
    INSTANCES_STARTED_AT_ONCE,
    INSTANCES_STARTED_PER_SECOND,
    OWN_MS,
    POLLS_PER_SECOND,
)

from inventory.domain.errors import Conflict, Overloaded
from simulated_dynamodb import Stream
from simulation.kernel import Kernel

Instance = TypeVar("Instance")
T = TypeVar("T")
StreamRecord = dict[str, Any]
_RETRIES = 10
_RETRY_S = 0.25


class TooManyRequests(Exception):
    """No instance was free, and none could be started: the gateway answers 429."""


class Fleet(Generic[Instance]):
    """A function's instances. The one that was free last serves next, as Lambda keeps few of them warm.

    Args:
        kernel: Its time.
        start: Makes an instance, with a memory of its own.
        warm: How many are there from the beginning.
    """

    def __init__(self, kernel: Kernel, start: Callable[[], Instance], warm: int) -> None:
        self._kernel = kernel
        self._start = start
        self._free = [start() for _ in range(warm)]
        self._startable = float(INSTANCES_STARTED_AT_ONCE)
        self._refilled_us = kernel.now_us
        self.instances = warm
        self.refused = 0

    def serve(self, work: Callable[[Instance], T]) -> T:
        """Serves one request.

        Raises:
            TooManyRequests: It could not.
        """
        instance = self._free.pop() if self._free else self._started()
        try:
            self._kernel.wait(OWN_MS / 1000)
            return work(instance)
        finally:
            self._free.append(instance)

    def _started(self) -> Instance:
        passed_s = (self._kernel.now_us - self._refilled_us) / 1_000_000
        refilled = self._startable + passed_s * INSTANCES_STARTED_PER_SECOND
        self._startable, self._refilled_us = min(INSTANCES_STARTED_AT_ONCE, refilled), self._kernel.now_us
        if self._startable < 1:
            self.refused += 1
            raise TooManyRequests
        self._startable -= 1
        self.instances += 1
        self._kernel.wait(COLD_START_MS / 1000)
        return self._start()


@dataclass(frozen=True)
class Batching:
    """How a stream is read, as the template says: records in a batch, batches of a shard at once, and how long a batch
    may be waited for."""

    size: int
    factor: int
    window_s: float = 0.0


@dataclass
class Consumed:
    """What became of a stream's records: batches handled, batches given again, and batches given up."""

    batches: int = 0
    again: int = 0
    given_up: int = 0


class Consumer:
    """A function behind a stream: one batch at a time for each lane, which is a stream shard's part of the keys.

    Args:
        kernel: Its time.
        stream: The stream. It may be cut finer than there are lanes; a lane then reads several parts.
        partitions: The stream's shards on AWS: one for each partition of its table.
        batching: How it is read.
        wanted: Which records are given to the function (its filter).
        handler: Makes what handles a batch, for the instance of one lane.
        draw: Staggers the polls.
    """

    def __init__(
        self,
        kernel: Kernel,
        stream: Stream,
        partitions: int,
        batching: Batching,
        wanted: Callable[[Mapping[str, Any]], bool],
        handler: Callable[[], Callable[[Sequence[StreamRecord]], object]],
        draw: random.Random,
    ) -> None:
        self._kernel = kernel
        self._stream = stream
        self._batching = batching
        self._wanted = wanted
        self.consumed = Consumed()
        self.stopped = False
        lanes = partitions * batching.factor
        for lane in range(lanes):
            read = partial(self._read, range(lane, len(stream.pending), lanes), handler())
            kernel.spawn("consumer", read, after_s=draw.random())

    def _read(self, parts: Sequence[int], handle: Callable[[Sequence[StreamRecord]], object]) -> None:
        while not self.stopped:
            records = self._batch(parts)
            if not records:
                self._kernel.wait(1 / POLLS_PER_SECOND)
                continue
            self.consumed.batches += 1
            self._handled(handle, records)

    def _batch(self, parts: Sequence[int]) -> list[StreamRecord]:
        records = self._drained(parts, self._batching.size)
        waited_s = 0.0
        while records and len(records) < self._batching.size and waited_s < self._batching.window_s:
            self._kernel.wait(1 / POLLS_PER_SECOND)
            waited_s += 1 / POLLS_PER_SECOND
            records += self._drained(parts, self._batching.size - len(records))
        return records

    def _drained(self, parts: Sequence[int], most: int) -> list[StreamRecord]:
        """So many records at most that the function wants; what its filter leaves out is read and gone."""
        records: list[StreamRecord] = []
        for part in parts:
            records += self._stream.drain(part, most - len(records), self._wanted)
        return records

    def _handled(self, handle: Callable[[Sequence[StreamRecord]], object], records: list[StreamRecord]) -> None:
        for _ in range(_RETRIES + 1):
            try:
                self._kernel.wait(OWN_MS / 1000)
                handle(records)
            except (Conflict, Overloaded):
                self.consumed.again += 1
                self._kernel.wait(_RETRY_S)
            else:
                return
        self.consumed.given_up += 1
