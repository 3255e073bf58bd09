"""Heat: how often an item's shards change in a warehouse, and what they cost in tries; and the shards it calls for.

The stock stream tells both at no further cost: each record of it is one change, and its cause says how many tries
failed before. Each change counts by its own age, so that the order in which changes become known makes no
difference, and none counts twice, as only revisions not known yet are counted.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from inventory.domain.clock import Milliseconds
from inventory.domain.limits import SHARDS_MAX

HEAT_DECAY_MS: Final = 2_000  # what is this old counts 1/e: seconds, so that a rush is met within seconds
_WHOLE = 1_000  # counts are kept in thousandths, as whole numbers


class Touch(NamedTuple):
    """One change of a shard by a sale: its instant, and how many tries failed before it."""

    at: Milliseconds
    hops: int


class Heat(NamedTuple):
    """What is kept of all the changes so far.

    Attributes:
        at: The latest instant of any news.
        changes: Thousandths of changes, each counting less the older it is: 1/e after `HEAT_DECAY_MS`.
        hops: Thousandths of failed tries, counted likewise.
        rebalanced: When stock was last looked after because of this record, milliseconds since 1970.
    """

    at: Milliseconds = 0
    changes: int = 0
    hops: int = 0
    rebalanced: Milliseconds = 0

    @property
    def per_second(self) -> float:
        """Changes per second."""
        return self.changes / HEAT_DECAY_MS

    @property
    def hops_per_change(self) -> float:
        """Failed tries for each change that was made."""
        return self.hops / self.changes if self.changes else 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When stock is counted on more shards, and on fewer again. The defaults are for AWS.

    A partition of DynamoDB takes 1,000 write units a second (Amazon DynamoDB Developer Guide, "Best practices for
    designing and using partition keys effectively"), and a write within a transaction takes two ("Amazon DynamoDB
    Transactions: How it works"): 500 changes a second of one shard at most. How long a transaction keeps a record
    nobody publishes: about 2 to 12 ms, so that tries begin to fail at some 20 to 100 a second. That is not guessed at:
    the failed tries themselves tell.

    Attributes:
        hops_per_change: More failed tries than this for each change is contention that shards should take away.
        changes_per_shard: More changes per second of one shard than this come near what its partition takes.
        tries_per_shard: No more shards than keep this many tries a second each.
        tries: Fewer (decayed) tries than this prove nothing. Tries, as the worse it is the fewer succeed.
        units_per_shard: No more shards than have this many units each.
        leveled_mean: With fewer units on the average shard there is little to level.
        cold_after_ms: What nothing has changed for so long is merged; and what a try left, so long after it.
    """

    hops_per_change: float = 0.25  # of five tries one fails: a fifth of the time a shard is kept by somebody
    changes_per_shard: int = 250  # half of what a partition takes
    tries_per_shard: int = 2  # a shard asked less often has time to spare, whatever the rush will be
    tries: int = 40
    units_per_shard: int = 16  # finer, the last units are harder to find than buyers are to keep apart
    leveled_mean: int = 32
    cold_after_ms: Milliseconds = 3_600_000


def warmed(known: Heat, touches: Iterable[Touch], latest: Milliseconds) -> Heat:
    """The heat with more changes in it, as of the latest instant that is known of."""
    at = max(known.at, latest)
    kept = math.exp((known.at - at) / HEAT_DECAY_MS)
    changes, hops = known.changes * kept, known.hops * kept
    for touch in touches:
        weight = _WHOLE * math.exp((touch.at - at) / HEAT_DECAY_MS)
        changes += weight
        hops += weight * touch.hops
    return Heat(at, round(changes), round(hops), known.rebalanced)


def shards_wanted(heat: Heat, shards: int, available: int, thresholds: Thresholds) -> int:
    """How many shards the heat calls for: as many as now, or more.

    With n shards, conflicts fall about as 1/n, so contention that is x times what it may be calls for x times the
    shards at once; and as many more as tries fail, since those who wait or gave up will come too. What contention
    has not shown yet, the bare rate does. But for no more than the tries keep busy, nor than there are units for.
    Powers of two, so that little more heat is no reason to split again. Never fewer: an item cools between two
    rushes, and few hops are what the shards are for.
    """
    if heat.changes + heat.hops < thresholds.tries * _WHOLE:
        return shards
    hops = heat.hops_per_change
    by_hops = shards * hops / thresholds.hops_per_change * (1 + hops if hops > thresholds.hops_per_change else 1)
    by_rate = heat.per_second / thresholds.changes_per_shard
    busy = heat.per_second * (1 + hops) / thresholds.tries_per_shard
    needed = _power_of_two(min(max(by_hops, by_rate), busy))
    return max(shards, min(needed, available // thresholds.units_per_shard, SHARDS_MAX))


def uneven(available: Mapping[int, int], shards: int, thresholds: Thresholds) -> bool:
    """Whether some shard has so much less than the others that buyers crowd on those.

    Not where there is little on all of them: that is found wherever it lies, and nearly gone.
    """
    total = sum(available.values())
    poorest = min(available.get(number, 0) for number in range(shards))
    return total >= thresholds.leveled_mean * shards and poorest * 4 * shards < total


def _power_of_two(least: float) -> int:
    return 1 << max(0, math.ceil(least) - 1).bit_length()
