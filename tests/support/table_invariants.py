"""The invariants that can be seen in the tables of a stack at rest, each by its name in docs/invariants.md."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inventory.domain.holds import Status
from inventory.domain.ids import ADJUSTMENT
from inventory.domain.stock import Directory, Shard, ShardKey
from inventory.storage.adjustment_records import adjustment_from, transfer_from
from inventory.storage.codec import Record
from inventory.storage.hold_records import hold_from
from inventory.storage.stock_records import directory_from, is_directory, shard_from
from support.stack import Operator


@dataclass(frozen=True)
class Tables:
    """Records as they stand in the tables."""

    stock: list[Record]
    holds: list[Record]
    adjustments: list[Record]

    @property
    def shards(self) -> list[Shard]:
        """The counter shards."""
        return [shard_from(record) for record in self.stock if not is_directory(record)]

    @property
    def directories(self) -> dict[str, Directory]:
        """The directories, by item."""
        return {record["item_id"]: directory_from(record) for record in self.stock if is_directory(record)}

    @property
    def unsettled(self) -> list[str]:
        """The holds that are resolved, and not settled yet."""
        holds = map(hold_from, self.holds)
        return [hold.id for hold in holds if hold.status is not Status.ACTIVE and hold.settlement is None]


def read_tables(operator: Operator, prefix: str = "") -> Tables:
    """What the tables have of the items with the prefix (of all: without one)."""
    return Tables(
        stock=list(operator.scan("StockTable", prefix, "#id", {"#id": "stock_id"})),
        holds=list(operator.scan("HoldsTable", prefix, "#lines[0].#item", {"#lines": "lines", "#item": "item"})),
        adjustments=list(operator.scan("AdjustmentsTable", prefix, "#item", {"#item": "item"})),
    )


def broken_invariants(tables: Tables) -> list[str]:
    """What contradicts the invariants, each beginning with the invariant's name. The stack must be at rest."""
    return [
        *_never_oversold(tables.shards),
        *_never_falsely_refused(tables),
        *_held_matches_holds(tables),
        *_stock_conserved(tables),
        *_settled_once(tables.holds),
    ]


def _never_oversold(shards: Iterable[Shard]) -> Iterator[str]:
    for shard in shards:
        if shard.available < 0 or shard.held < 0:
            yield f"never_oversold: {shard}"


def _never_falsely_refused(tables: Tables) -> Iterator[str]:
    """Every unit lies where a refusal looks for it: on a shard that the directory covers."""
    for shard in tables.shards:
        covered = tables.directories[shard.key.item].shard_keys(shard.key.warehouse)
        if shard.key not in covered and shard.on_hand:
            yield f"never_falsely_refused: {shard} is not in the directory"


def _held_matches_holds(tables: Tables) -> Iterator[str]:
    held: Counter[ShardKey] = Counter()
    for hold in map(hold_from, tables.holds):
        if hold.settlement is None:
            for line in hold.lines:
                held.update({ShardKey(line.item, line.warehouse, draw.shard): draw.quantity for draw in line.drawn})
    for shard in tables.shards:
        if shard.held != held[shard.key]:
            yield f"held_matches_holds: {shard} holds {shard.held}, its unsettled holds {held[shard.key]}"


def _stock_conserved(tables: Tables) -> Iterator[str]:
    expected: Counter[tuple[str, str]] = Counter()
    for record in tables.adjustments:
        if record["adjustment_id"].startswith(ADJUSTMENT + "_"):
            adjustment = adjustment_from(record)
            expected[adjustment.item, adjustment.warehouse] += adjustment.quantity
        else:
            transfer = transfer_from(record)
            expected[transfer.item, transfer.source] -= transfer.quantity
            expected[transfer.item, transfer.destination] += transfer.quantity
    for hold in map(hold_from, tables.holds):
        if hold.settlement is not None:
            for line in hold.lines:
                expected[line.item, line.warehouse] -= hold.executed(line)
    there: Counter[tuple[str, str]] = Counter()
    for shard in tables.shards:
        there[shard.key.item, shard.key.warehouse] += shard.on_hand
    for place in {*expected, *there}:
        if there[place] != expected[place]:
            yield f"stock_conserved: {place} has {there[place]}, its adjustments and sales say {expected[place]}"


def _settled_once(holds: Iterable[Record]) -> Iterator[str]:
    """What has been settled is off the list of open work for good, and what has not is on it."""
    for record in holds:
        listed, settled = "open" in record and "due" in record, "settlement" in record
        if listed == settled or settled != ("ttl" in record) or (settled and record["status"] == "active"):
            yield f"settled_once: {record}"
