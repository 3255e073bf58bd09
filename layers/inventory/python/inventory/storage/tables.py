"""The tables' names, and the keys of their records."""

from collections.abc import Mapping
from dataclasses import dataclass

from inventory.domain.stock import ShardKey, directory_key


@dataclass(frozen=True, slots=True)
class Key:
    """The key of one record of a table."""

    table: str
    key: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of the tables; empty for those that a function does not use."""

    stock: str = ""
    holds: str = ""
    adjustments: str = ""
    requests: str = ""
    availability: str = ""

    def shard(self, key: ShardKey) -> Key:
        """The key of a shard record."""
        return Key(self.stock, {"stock_id": key.text})

    def directory(self, item: str) -> Key:
        """The key of an item's directory record."""
        return Key(self.stock, {"stock_id": directory_key(item)})

    def hold(self, hold_id: str) -> Key:
        """The key of a hold record."""
        return Key(self.holds, {"hold_id": hold_id})

    def adjustment(self, adjustment_id: str) -> Key:
        """The key of an adjustment's or a transfer's record."""
        return Key(self.adjustments, {"adjustment_id": adjustment_id})

    def request(self, token: str) -> Key:
        """The key of a keyed request's record."""
        return Key(self.requests, {"request_id": token})

    def availability_of(self, item: str, warehouse: str) -> Key:
        """The key of an availability record."""
        return Key(self.availability, {"item_id": item, "warehouse_id": warehouse})
