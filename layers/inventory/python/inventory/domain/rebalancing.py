"""Whether an item's shards in a warehouse need looking after, by what the projection knows."""

from dataclasses import replace
from typing import Final

from inventory.domain.availability import Availability
from inventory.domain.clock import Milliseconds
from inventory.domain.heat import Thresholds, shards_wanted, uneven
from inventory.domain.limits import SHARDS_PER_ITEM_MAX
from inventory.domain.stock import Directory

REBALANCED_EVERY_MS: Final = 1_000  # of one item in one warehouse
HEAT_AGE_MAX_MS: Final = 60_000  # a rush that was this long ago is over
SELLING_AGE_MAX_MS: Final = 10_000  # what was sold this lately may be sold from right now


def unbalanced(seen: Availability, now_ms: Milliseconds, thresholds: Thresholds) -> bool:
    """Whether stock should be split further or levelled now, after news of it.

    Not again within a second: the projection learns of what was done with the next news only. Nor for old news, which
    a projector gets that has fallen behind: that rush is over.
    """
    heat = seen.heat
    if now_ms - heat.at > HEAT_AGE_MAX_MS or now_ms - heat.rebalanced < REBALANCED_EVERY_MS:
        return False
    shards = seen.shard_count
    return shards_wanted(heat, shards, seen.available, thresholds) > shards or uneven(seen.by_shard, shards, thresholds)


def shards_allowed(directory: Directory, warehouse: str) -> int:
    """How many shards a warehouse may have, so that the item has no more than `SHARDS_PER_ITEM_MAX` in all.

    Half of them are kept for all warehouses alike: buyers who name none go to each equally often, so the one that is
    split last must not stay on one shard. The other half goes to whoever is hot first, so that of a hundred
    warehouses a single hot one gets as many as it calls for.
    """
    kept = SHARDS_PER_ITEM_MAX // 2 // len(directory.warehouses)
    others = (max(entry.shards, kept) for name, entry in directory.warehouses.items() if name != warehouse)
    return SHARDS_PER_ITEM_MAX - sum(others)


def sells(seen: Availability, now_ms: Milliseconds) -> bool:
    """Whether units were sold lately, as far as the projection knows."""
    return seen.heat.changes > 0 and now_ms - seen.heat.at <= SELLING_AGE_MAX_MS


def claimed(seen: Availability, now_ms: Milliseconds) -> Availability:
    """The projection with the note that its stock is looked after now."""
    return replace(seen, heat=seen.heat._replace(rebalanced=now_ms))


def cold(seen: Availability, now_ms: Milliseconds, thresholds: Thresholds) -> bool:
    """Whether stock lies on several shards that nothing has changed for an hour, nor anybody tried to merge."""
    return seen.shard_count > 1 and now_ms - max(seen.heat.at, seen.heat.rebalanced) >= thresholds.cold_after_ms
