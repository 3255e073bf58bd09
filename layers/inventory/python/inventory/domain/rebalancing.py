"""Whether an item's shards in a warehouse need looking after, by what the projection knows."""

from dataclasses import replace
from typing import Final

from inventory.domain.availability import Availability
from inventory.domain.clock import Milliseconds
from inventory.domain.heat import Thresholds, shards_wanted, uneven

REBALANCED_EVERY_MS: Final = 1_000  # of one item in one warehouse
HEAT_AGE_MAX_MS: Final = 60_000  # a rush that was this long ago is over
SELLING_AGE_MAX_MS: Final = 10_000  # what was sold this lately may be sold from right now


def unbalanced(seen: Availability, now_ms: Milliseconds, thresholds: Thresholds) -> bool:
    """Whether stock should be split further or levelled now, after news of it.

    Not again within a second: the projection learns of what was done with the next news only. And not for news of
    long ago, as a projector has that catches up: that rush is over.
    """
    heat = seen.heat
    if now_ms - heat.at > HEAT_AGE_MAX_MS or now_ms - heat.rebalanced < REBALANCED_EVERY_MS:
        return False
    shards = seen.shard_count
    return shards_wanted(heat, shards, seen.available, thresholds) > shards or uneven(seen.by_shard, shards, thresholds)


def sells(seen: Availability, now_ms: Milliseconds) -> bool:
    """Whether units were sold lately, as far as the projection knows."""
    return seen.heat.changes > 0 and now_ms - seen.heat.at <= SELLING_AGE_MAX_MS


def claimed(seen: Availability, now_ms: Milliseconds) -> Availability:
    """The projection with the note that its stock is looked after now."""
    return replace(seen, heat=seen.heat._replace(rebalanced=now_ms))


def cold(seen: Availability, now_ms: Milliseconds, thresholds: Thresholds) -> bool:
    """Whether stock lies on several shards that nothing has changed for an hour, nor anybody tried to merge."""
    return seen.shard_count > 1 and now_ms - max(seen.heat.at, seen.heat.rebalanced) >= thresholds.cold_after_ms
