"""Stock: counter shards, the directory of an item, and changes to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from inventory.domain.clock import Milliseconds

DIRECTORY_SUFFIX: Final = "#*"


class ShardKey(NamedTuple):
    """One counter shard of an item in a warehouse."""

    item: str
    warehouse: str
    number: int

    @property
    def text(self) -> str:
        """The key of its record."""
        return f"{self.item}#{self.warehouse}#{self.number}"


def directory_key(item: str) -> str:
    """The key of an item's directory record."""
    return item + DIRECTORY_SUFFIX


def is_directory_key(key: str) -> bool:
    """Whether a key of the stock table is that of an item's directory rather than of a shard."""
    return key.endswith(DIRECTORY_SUFFIX)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a stock record changed, and who did it.

    Attributes:
        type: hold, settlement, adjustment, count, transfer, move, split or merge.
        id: The id of the object or transaction behind it.
        actor: The id of the API key, or the name of the function that acted by itself.
        reason: For adjustments, the caller's reason.
        reference: For adjustments and transfers, the caller's reference.
        hops: How many transactions failed before this one.
    """

    type: str
    id: str
    actor: str
    reason: str | None = None
    reference: str | None = None
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard record. `inflow` rises by one with every write that raises `available`."""

    key: ShardKey
    available: int
    held: int
    inflow: int
    rev: int
    at: Milliseconds

    @property
    def on_hand(self) -> int:
        """Units that are physically there."""
        return self.available + self.held


def empty_shard(key: ShardKey) -> Shard:
    """A shard that no write has made yet."""
    return Shard(key=key, available=0, held=0, inflow=0, rev=0, at=0)


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction adds to a shard's counters (negative: takes)."""

    key: ShardKey
    available: int
    held: int = 0


def summed(changes: Iterable[Change]) -> list[Change]:
    """One change for each shard, with the sum of all that are made to it."""
    sums: dict[ShardKey, Change] = {}
    for change in changes:
        so_far = sums.get(change.key, Change(change.key, 0))
        sums[change.key] = Change(change.key, so_far.available + change.available, so_far.held + change.held)
    return list(sums.values())


@dataclass(frozen=True, slots=True)
class Warehouse:
    """An item's entry for one warehouse: how many shards, and how many counts were applied."""

    shards: int
    counts: int


@dataclass(frozen=True, slots=True)
class Directory:
    """Where an item's shards are. Strong reads and refusals start from it."""

    item: str
    warehouses: Mapping[str, Warehouse]
    rev: int
    at: Milliseconds

    def shard_keys(self, warehouse: str | None = None) -> list[ShardKey]:
        """The shards of one warehouse, or of all."""
        return [
            ShardKey(self.item, name, number)
            for name, entry in sorted(self.warehouses.items())
            if warehouse in (None, name)
            for number in range(entry.shards)
        ]
