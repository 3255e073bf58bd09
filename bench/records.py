"""How large the records are, as DynamoDB counts, at their usual and at their largest."""

from dataclasses import replace

from bench.figures import Figure, Section

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.availability import Availability, DirectoryCount, ShardCount
from inventory.domain.drawing import Want
from inventory.domain.limits import (
    ID_LENGTH_MAX,
    METADATA_KEY_LENGTH_MAX,
    METADATA_KEYS_MAX,
    METADATA_VALUE_LENGTH_MAX,
    QUANTITY_MAX,
    TEXT_LENGTH_MAX,
)
from inventory.protocol import adjust, place, resolve
from inventory.storage.availability_records import put_availability
from inventory.storage.codec import encode
from inventory.storage.tables import Tables
from simulated_dynamodb.capacity import read_units, write_units
from simulated_dynamodb.values import item_bytes
from support.world import World

_ACTOR = "key_" + "f" * 32
_LONG = "x" * ID_LENGTH_MAX
_METADATA = {f"{n:0{METADATA_KEY_LENGTH_MAX}d}": "v" * METADATA_VALUE_LENGTH_MAX for n in range(METADATA_KEYS_MAX)}


def figures() -> Section:
    """Sizes in bytes."""
    usual, largest = _World("espresso-cup", "berlin", 2), _World(_LONG, _LONG, QUANTITY_MAX)
    return Section(
        "Sizes of records",
        "Largest: ids of 64 characters, the largest quantities. Write units count each begun KB, read units each 4 KB.",
        (
            Figure("stock shard, usual", usual.shard(), "bytes", 512),
            Figure("stock shard, largest ids", largest.shard(), "bytes", 512),
            Figure(
                "stock shard, longest reason and reference", largest.adjusted(), "bytes", note="until the next sale"
            ),
            Figure("hold of one line, usual", usual.hold({}), "bytes", 1024),
            Figure("hold of one line, executed and settled", usual.settled_hold(), "bytes", 1024),
            Figure("hold of one line, largest ids", largest.hold({}), "bytes", 1024),
            Figure(
                "hold of one line, all metadata", largest.hold(_METADATA), "bytes", note="20 keys of 40, values of 200"
            ),
            *map(_availability, (1, 64, 256)),
        ),
    )


class _World:
    """A world with stock of one item in one warehouse."""

    def __init__(self, item: str, warehouse: str, quantity: int) -> None:
        self._world, self._item, self._warehouse, self._quantity = World(open_slices=64), item, warehouse, quantity
        self._world.receive(item, QUANTITY_MAX, warehouse)

    def shard(self) -> int:
        """A shard after a sale."""
        self._place({})
        return self._size(self._world.tables.stock, "shard")

    def hold(self, metadata: dict[str, str]) -> int:
        """A hold that was just placed, of all that is left."""
        self._world.receive(self._item, self._quantity, self._warehouse)
        hold_id = self._place(metadata)
        return self._size(self._world.tables.holds, "hold_id", hold_id)

    def settled_hold(self) -> int:
        """A hold at the end of its life."""
        hold_id = self._place({})
        resolve.execute(self._world.core, hold_id, None, by=replace(self._world.by(), actor=_ACTOR))
        self._world.flow()
        return self._size(self._world.tables.holds, "hold_id", hold_id)

    def adjusted(self) -> int:
        """A shard whose cause has the longest reason and reference."""
        text = "ß" * TEXT_LENGTH_MAX
        by = replace(self._world.by(), actor=_ACTOR)
        adjust.adjust(self._world.core, AdjustmentRequest(self._item, self._warehouse, text, by, reference=text), 1)
        return self._size(self._world.tables.stock, "shard")

    def _place(self, metadata: dict[str, str]) -> str:
        wants = [Want(self._item, self._warehouse, self._quantity)]
        by = replace(self._world.by(), actor=_ACTOR)
        return place.place(self._world.core, wants, expires_in_s=604_800, metadata=metadata, by=by).value.id

    def _size(self, table: str, attribute: str, value: str | None = None) -> int:
        return max(
            item_bytes(item)
            for item in self._world.database.items(table)
            if attribute in item and (value is None or item[attribute]["S"] == value)
        )


def _availability(shards: int) -> Figure:
    count = ShardCount(rev=100_000_000, available=1_000_000, held=10_000)
    known = Availability("espresso-cup", "berlin", dict.fromkeys(range(shards), count), DirectoryCount(5, shards))
    write = put_availability(Tables(availability="availability"), known, known)
    size = item_bytes(encode({**write.key.key, **write.record}))
    units = f"{write_units(size):g} write, {read_units(size, consistent=False):g} read units"
    return Figure(f"availability, item on {shards} shard{'s' if shards > 1 else ''}", size, "bytes", note=units)
