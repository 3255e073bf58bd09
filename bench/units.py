"""What a sale costs in DynamoDB's units, as the simulated tables count them by AWS's published rules."""

from collections import Counter
from typing import Any

from bench.figures import Figure, Section

from inventory.domain.holds import Hold
from inventory.protocol import resolve
from inventory.protocol.settle import settle
from inventory.protocol.split import split
from support.world import World

_BATCH = 25
#: On-demand list prices of us-east-1, in dollars for a million units.
WRITE_PRICE, READ_PRICE = 0.625, 0.125
_READS = {"GetItem", "BatchGetItem", "Query", "Scan"}


class Meter:
    """Counts the units of every call on a world's tables."""

    def __init__(self, world: World) -> None:
        self.units = Counter[str]()
        world.database.before_call = self._ask
        world.database.after_call = self._count

    def taken(self) -> tuple[float, float]:
        """Write and read units since this was last called."""
        units, self.units = self.units, Counter()
        return units["write"], units["read"]

    def _ask(self, _operation: str, arguments: dict[str, Any]) -> None:
        arguments["ReturnConsumedCapacity"] = "TOTAL"

    def _count(self, operation: str, _arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        told = answer.get("ConsumedCapacity", [])
        for table in told if isinstance(told, list) else [told]:
            self.units["read" if operation in _READS else "write"] += table["CapacityUnits"]


def figures() -> Section:
    """A sale's units, step by step; and what the same costs where the item is spread over many shards."""
    one, spread = _sales(1), _sales(64)
    total = sum(one[step][0] for step in ("place", "execute", "settle"))
    dollars = sum(written * WRITE_PRICE + read * READ_PRICE for written, read in one.values())
    return Section(
        "Units of a sale with one line",
        f"By AWS's rules for sizes, transactions and indexes; for each sale of a batch of {_BATCH}.",
        (
            Figure("place", one["place"][0], "write units", 5),
            Figure("execute", one["execute"][0], "write units", 1),
            Figure("settle, all of one shard", one["settle"][0], "write units", 3.5),
            Figure("settle, spread over 64 shards", spread["settle"][0], "write units", note="2 a shard"),
            Figure("project, one shard", one["project"][0], "write units", note="one record a batch"),
            Figure("project, 64 shards", spread["project"][0], "write units"),
            Figure("a sale, one shard", total, "write units", note="place, execute and settle"),
            Figure("a million sales, on demand", dollars, "$", note="list prices, us-east-1, reads and projector too"),
        ),
    )


Units = tuple[float, float]


def _sales(shards: int) -> dict[str, Units]:
    """The units for each of a batch of sales: write and read, by step."""
    world = World(open_slices=64)
    world.receive("cup", 1_000_000, "berlin")
    if shards > 1:
        split(world.core, "cup", "berlin", shards, by=world.by())
        world.flow()
    meter = Meter(world)
    holds = [world.place("cup", 1, "berlin").value for _ in range(_BATCH)]
    placed = meter.taken()
    world.project()
    projected = meter.taken()
    executed = [resolve.execute(world.core, hold.id, None, by=world.by()).value for hold in holds]
    resolved = meter.taken()
    _settle(world, executed)
    settled = meter.taken()
    world.project()
    again = meter.taken()
    return {
        "place": _each(placed),
        "execute": _each(resolved),
        "settle": _each(settled),
        "project": _each((projected[0] + again[0], projected[1] + again[1])),
    }


def _settle(world: World, holds: list[Hold]) -> None:
    settled = settle(world.core, holds, until_ms=world.clock.now_ms + 10_000).settled
    if settled != _BATCH:
        raise AssertionError(f"{settled} of {_BATCH} holds settled")


def _each(units: Units) -> Units:
    return units[0] / _BATCH, units[1] / _BATCH
