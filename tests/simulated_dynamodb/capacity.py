"""What a request costs, by AWS's published rules."""

from collections.abc import Iterator, Mapping
from typing import Any

from .tables import Key, Table, View
from .values import Item, item_bytes

_WRITE_UNIT_BYTES = 1024
_READ_UNIT_BYTES = 4096


def write_units(size: int) -> float:
    """Units of 1 KB, begun ones counted; at least one."""
    return float(max(1, -(-size // _WRITE_UNIT_BYTES)))


def read_units(size: int, *, consistent: bool) -> float:
    """Units of 4 KB, begun ones counted, at least one; half where the read may be stale."""
    return max(1, -(-size // _READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)


class Meter:
    """The `ConsumedCapacity` of one request, in the detail that it asks for.

    Args:
        request: The request, with its `ReturnConsumedCapacity` (default NONE, which measures nothing).
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._detail = request.get("ReturnConsumedCapacity", "NONE")
        self._units: dict[str, dict[str | None, float]] = {}

    @property
    def on(self) -> bool:
        return bool(self._detail != "NONE")

    def write(self, table: Table, key: Key, old: Item | None, new: Item | None, *, transactional: bool = False) -> None:
        """Counts one write: the larger image, twice in a transaction, and each index entry put or deleted."""
        if not self.on:
            return
        size = max(item_bytes(image) if image else 0 for image in (old, new))
        self._count(table.name, None, write_units(size) * (2 if transactional else 1))
        for index in table.indexes.values():
            for entry in index.written(key, old, new):
                self._count(table.name, index.name, write_units(item_bytes(entry)))

    def read(self, view: View, size: int, *, consistent: bool, transactional: bool = False) -> None:
        """Counts one read of `size` bytes."""
        if self.on:
            units = read_units(size, consistent=consistent or transactional) * (2 if transactional else 1)
            self._count(view.table.name, view.name, units)

    def _count(self, table: str, index: str | None, units: float) -> None:
        of_table = self._units.setdefault(table, {None: 0.0})
        of_table[index] = of_table.get(index, 0.0) + units

    def one(self) -> dict[str, Any]:
        """For a request to one table."""
        return {"ConsumedCapacity": next(self._tables(None))} if self._units else {}

    def many(self, kind: str | None = None) -> dict[str, Any]:
        """For a request to several tables; a transaction also says of which kind its units are, Read or Write."""
        return {"ConsumedCapacity": list(self._tables(kind))} if self.on else {}

    def _tables(self, kind: str | None) -> Iterator[dict[str, Any]]:
        for name, units in sorted(self._units.items()):
            consumed = {"TableName": name, **_units(sum(units.values()), kind)}
            if self._detail == "INDEXES":
                consumed["Table"] = _units(units[None], kind)
                indexes = {index: _units(count, kind) for index, count in units.items() if index}
                if indexes:
                    consumed["GlobalSecondaryIndexes"] = indexes
            yield consumed


def _units(units: float, kind: str | None) -> dict[str, Any]:
    return {"CapacityUnits": units, **({f"{kind}CapacityUnits": units} if kind else {})}
