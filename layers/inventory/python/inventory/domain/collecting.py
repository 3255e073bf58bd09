"""Which resolved holds wait for others of their shard, so that one transaction settles them all."""

from collections.abc import Iterable, Mapping
from typing import Final

from inventory.domain.holds import Hold
from inventory.domain.stock import ShardKey

#: Fewer holds of a hot item's shard wait for others: a transaction with so many costs 3.1 write units a hold, one with
#: 99 of them 3.02.
SETTLED_AT_ONCE_MIN: Final = 25


def thinly_spread(holds: Iterable[Hold]) -> Mapping[ShardKey, list[Hold]]:
    """Those of a batch's holds that are worth collecting, by the shard that they were drawn from.

    An item is counted on several shards of a warehouse where it is hot, and the batch itself shows it: some hold was
    drawn from another shard than the first. There a few holds are not worth a transaction on a record that everybody
    wants. All else settles at once: what was drawn from the only shard of an item, what was drawn from several
    shards, and as many holds of one shard as fill a transaction well.
    """
    by_shard: dict[ShardKey, list[Hold]] = {}
    hot: set[tuple[str, str]] = set()
    for hold in holds:
        shards = hold.shard_keys()
        hot |= {(shard.item, shard.warehouse) for shard in shards if shard.number > 0}
        if len(shards) == 1:
            by_shard.setdefault(next(iter(shards)), []).append(hold)
    return {
        shard: together
        for shard, together in by_shard.items()
        if (shard.item, shard.warehouse) in hot and len(together) < SETTLED_AT_ONCE_MIN
    }
