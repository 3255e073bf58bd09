"""Availability: what the stock stream has told about an item in a warehouse, folded; and what readers see of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inventory.domain.clock import Milliseconds


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


@dataclass(frozen=True, slots=True)
class Availability:
    """One record of the projection. An entry gives way only to a higher revision, so `version` only grows."""

    item: str
    warehouse: str
    shards: Mapping[int, ShardCount] = field(default_factory=dict)
    directory: DirectoryCount = _NO_DIRECTORY

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
    def shard_count(self) -> int:
        """How many shards the stock is counted on, as far as the directory is known yet."""
        if self.directory.rev:
            return self.directory.shards
        return max(self.shards, default=0) + 1


@dataclass(frozen=True, slots=True)
class News:
    """What a batch of the stock stream says of one item in one warehouse: the latest of each record."""

    shards: Mapping[int, ShardCount] = field(default_factory=dict)
    directory: DirectoryCount = _NO_DIRECTORY

    def with_shard(self, number: int, count: ShardCount) -> "News":
        """The news with one more revision of a shard."""
        return News(_newer(self.shards, {number: count}), self.directory)

    def with_directory(self, count: DirectoryCount) -> "News":
        """The news with one more revision of the directory."""
        return News(self.shards, max(self.directory, count))


def fold(known: Availability, news: News) -> Availability:
    """The projection with the news in it; the same object's value where all of it was known."""
    return Availability(
        known.item, known.warehouse, _newer(known.shards, news.shards), max(known.directory, news.directory)
    )


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
