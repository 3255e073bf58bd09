"""Partitions of a table or index: which one a key falls on, and how much each gives in a second."""

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

from bench.hot.published import BURST_S, PARTITION_READ_UNITS, PARTITION_WRITE_UNITS

_POSITIONS = 1 << 32


@lru_cache(maxsize=1 << 12)
def position(key: str) -> int:
    """Where a key falls among all: by a hash that scatters keys which differ in one character."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")


class Bucket:
    """Units that may be taken: so many a second, and what one second left over.

    Args:
        per_second: How many units a second there are.

    Attributes:
        taken: Units taken so far.
        peak: The most that were taken in any whole second.
        refused: Requests that were refused for load.
    """

    __slots__ = ("_at_us", "_in_second", "_left", "_per_second", "_second", "peak", "refused", "taken")

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._left = per_second * BURST_S
        self._at_us = 0
        self._second = 0
        self._in_second = 0.0
        self.peak = 0.0
        self.taken = 0.0
        self.refused = 0

    def gives(self, now_us: int) -> bool:
        """Whether a request is let in. DynamoDB learns what it costs only later, so the last one may overdraw."""
        refill = (now_us - self._at_us) * self._per_second / 1_000_000
        self._left = min(self._per_second * BURST_S, self._left + refill)
        self._at_us = now_us
        if self._left <= 0:
            self.refused += 1
            return False
        return True

    def take(self, units: float, now_us: int) -> None:
        """Takes what a request turned out to cost."""
        self._left -= units
        self.taken += units
        second = now_us // 1_000_000
        if second != self._second:
            self._second, self._in_second = second, 0.0
        self._in_second += units
        self.peak = max(self.peak, self._in_second)


class Partition:
    """One partition's write and read units."""

    __slots__ = ("reads", "writes")

    def __init__(self) -> None:
        self.writes = Bucket(PARTITION_WRITE_UNITS)
        self.reads = Bucket(PARTITION_READ_UNITS)


class Partitions:
    """The partitions of one table or index: ranges of the keys' hashes.

    Args:
        write_units: The warm throughput, in write units a second: as many equal ranges as it needs.
        isolated: Keys that sustained traffic has isolated, each on a partition with no other of them.
    """

    def __init__(self, write_units: int, isolated: Iterable[str] = ()) -> None:
        count = -(-write_units // PARTITION_WRITE_UNITS)
        hot = sorted({position(key) for key in isolated})
        between = [(first + second + 1) // 2 for first, second in itertools.pairwise(hot)]
        self._starts = sorted({*(number * _POSITIONS // count for number in range(count)), *between})
        self.all = [Partition() for _ in self._starts]

    def of(self, key: str) -> Partition:
        """The partition that a key falls on."""
        return self.all[bisect_right(self._starts, position(key)) - 1]
