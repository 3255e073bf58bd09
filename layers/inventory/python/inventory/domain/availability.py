"""Availability: what the stock stream has told about an item in a warehouse, folded; and what readers see of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inventory.domain.clock import Milliseconds
from inventory.domain.heat import Heat, Touch, warmed


class ShardCount(NamedTuple):
    """What one revision of a shard record said."""

    rev: int
    available: int
    held: int


class DirectoryCount(NamedTuple):
    """What one revision of a directory said of a warehouse."""

    rev: int
    shards: int


_NO_DIRECTORY = DirectoryCount(0, 1)
_NEVER_TOUCHED = Heat()


@dataclass(frozen=True, slots=True)
class Availability:
    """One record of the projection. An entry gives way only to a higher revision, so `version` only grows."""

    item: str
    warehouse: str
    shards: Mapping[int, ShardCount] = field(default_factory=dict)
    directory: DirectoryCount = _NO_DIRECTORY
    heat: Heat = _NEVER_TOUCHED

    @property
    def version(self) -> int:
        """The sum of all revisions folded in."""
        return sum(entry.rev for entry in self.shards.values()) + self.directory.rev

    @property
    def available(self) -> int:
        """Units that can be held."""
        return sum(entry.available for entry in self.shards.values())

    @property
    def held(self) -> int:
        """Units that are held."""
        return sum(entry.held for entry in self.shards.values())

    @property
    def by_shard(self) -> dict[int, int]:
        """Units that can be held, by shard."""
        return {number: entry.available for number, entry in self.shards.items()}

    @property
    def shard_count(self) -> int:
        """How many shards the stock is counted on, as far as the directory is known yet."""
        if self.directory.rev:
            return self.directory.shards
        return max(self.shards, default=0) + 1


@dataclass(frozen=True, slots=True)
class News:
    """What a batch of the stock stream says of one item in one warehouse: the latest of each record.

    Attributes:
        shards: The counts, by shard.
        directory: What the directory says of the warehouse.
        touches: All changes by sales, by shard and revision.
        at: The latest instant of all that is told.
    """

    shards: Mapping[int, ShardCount] = field(default_factory=dict)
    directory: DirectoryCount = _NO_DIRECTORY
    touches: Mapping[tuple[int, int], Touch] = field(default_factory=dict)
    at: Milliseconds = 0

    def with_shard(self, number: int, count: ShardCount, at: Milliseconds = 0, touch: Touch | None = None) -> "News":
        """The news with one more revision of a shard, and the sale's touch, where it was a sale that made it."""
        touches = self.touches if touch is None else {**self.touches, (number, count.rev): touch}
        return News(_newer(self.shards, {number: count}), self.directory, touches, max(self.at, at))

    def with_directory(self, count: DirectoryCount, at: Milliseconds = 0) -> "News":
        """The news with one more revision of the directory."""
        return News(self.shards, max(self.directory, count), self.touches, max(self.at, at))


def fold(known: Availability, news: News) -> Availability:
    """The projection with the news in it; `known` itself where all of it was known.

    Of the touches those count that belong to revisions not known yet, so that what is told twice warms once.
    """
    shards = _newer(known.shards, news.shards)
    directory = max(known.directory, news.directory)
    if shards == known.shards and directory == known.directory:
        return known
    fresh = [
        touch
        for (number, rev), touch in news.touches.items()
        if number not in known.shards or rev > known.shards[number].rev
    ]
    return Availability(known.item, known.warehouse, shards, directory, warmed(known.heat, fresh, news.at))


def _newer(known: Mapping[int, ShardCount], news: Mapping[int, ShardCount]) -> dict[int, ShardCount]:
    merged = dict(known)
    for number, count in news.items():
        if number not in merged or count.rev > merged[number].rev:
            merged[number] = count
    return merged


@dataclass(frozen=True, slots=True)
class WarehouseStock:
    """What a reader sees of an item in one warehouse."""

    warehouse: str
    available: int
    held: int
    shards: int


@dataclass(frozen=True, slots=True)
class ItemStock:
    """What a reader sees of an item. `as_of_ms` is the instant that it was read, milliseconds since 1970."""

    item: str
    warehouses: tuple[WarehouseStock, ...]
    as_of_ms: Milliseconds

    @property
    def available(self) -> int:
        """Units that can be held, all warehouses together."""
        return sum(each.available for each in self.warehouses)

    @property
    def held(self) -> int:
        """Units that are held, all warehouses together."""
        return sum(each.held for each in self.warehouses)
