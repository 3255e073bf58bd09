"""The books of some items, read from the tables behind the API, and the invariants checked on them by name."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from inventory.domain.adjustments import Adjustment
from inventory.domain.holds import Hold, Status
from inventory.domain.ids import ADJUSTMENT
from inventory.domain.stock import Shard
from inventory.storage.adjustment_records import adjustment_from
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import hold_from
from inventory.storage.stock_records import is_directory, shard_from
from inventory_cli.target import Stack


class Counters(NamedTuple):
    """What is available and held."""

    available: int
    held: int

    def __str__(self) -> str:
        return f"{self.available:,} available, {self.held:,} held"


class Check(NamedTuple):
    """An invariant, what it says about these books, and the two sides of it, which must be equal."""

    name: str
    says: str
    expected: int
    seen: int

    @property
    def holds(self) -> bool:
        """Whether the invariant holds."""
        return self.expected == self.seen


@dataclass(frozen=True)
class Books:
    """All records of some items."""

    shards: list[Shard]
    holds: list[Hold]
    adjustments: list[Adjustment]

    @classmethod
    def read(cls, stack: Stack, items: Collection[str]) -> "Books":
        """Reads the tables. Exact where nobody touches the items meanwhile."""
        stock = [record for record in _scan(stack, "StockTable") if not is_directory(record)]
        holds = [hold_from(record) for record in _scan(stack, "HoldsTable")]
        adjusted = [
            each for each in _scan(stack, "AdjustmentsTable") if each["adjustment_id"].startswith(ADJUSTMENT + "_")
        ]
        return cls(
            shards=[shard for shard in map(shard_from, stock) if shard.key.item in items],
            holds=[hold for hold in holds if any(line.item in items for line in hold.lines)],
            adjustments=[each for each in map(adjustment_from, adjusted) if each.item in items],
        )

    def received(self, item: str | None = None) -> int:
        """Units that came in, of one item or of all."""
        return sum(each.quantity for each in self.adjustments if item in (None, each.item))

    def sold(self, item: str | None = None) -> int:
        """Units that were executed, settled or not."""
        return sum(hold.executed(line) for hold in self.holds for line in hold.lines if item in (None, line.item))

    def counters(self, item: str | None = None) -> Counters:
        """What the counters of one item, or of all, add up to."""
        shards = [shard for shard in self.shards if item in (None, shard.key.item)]
        return Counters(sum(shard.available for shard in shards), sum(shard.held for shard in shards))


def checks(books: Books, ended: Mapping[str, Status], readings: Mapping[str, Counters]) -> list[Check]:
    """The invariants of these books, at rest.

    Args:
        books: The books.
        ended: How each hold ended, according to what the API answered.
        readings: What the API says is available and held, by item.
    """
    below_zero = [shard for shard in books.shards if shard.available < 0 or shard.held < 0]
    unsettled = sum(line.quantity for hold in books.holds if not hold.settlement for line in hold.lines)
    waiting = [hold for hold in books.holds if hold.status is not Status.ACTIVE and not hold.settlement]
    as_told = [hold for hold in books.holds if ended.get(hold.id, Status.ACTIVE) is hold.status]
    available, held = books.counters()
    api_available = sum(each.available for each in readings.values())
    api_held = sum(each.held for each in readings.values())
    return [
        Check("never_oversold", "counters below zero", 0, len(below_zero)),
        Check("stock_conserved", "received - sold = on hand", books.received() - books.sold(), available + held),
        Check("held_matches_holds", "held by open holds = held by counters", unsettled, held),
        Check("resolved_once", "holds that ended as the API said", len(books.holds), len(as_told)),
        Check("everything_settles", "ended holds that still wait", 0, len(waiting)),
        Check("reads_agree", "available in the counters = by the API", available, api_available),
        Check("reads_agree", "held in the counters = by the API", held, api_held),
    ]


def _scan(stack: Stack, output: str) -> Iterator[Record]:
    pages = stack.aws.dynamodb.get_paginator("scan").paginate(TableName=stack.output(output), ConsistentRead=True)
    return (decode(record) for page in pages for record in page["Items"])
