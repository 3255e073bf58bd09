"""Whether what the model's buyers were told is true: nothing oversold, nobody refused falsely, all accounted for."""

from collections import deque
from collections.abc import Iterator

from bench.hot.dynamodb import Record

from inventory.domain.errors import InsufficientStock
from inventory.domain.limits import REFUSAL_AGE_MAX_MS
from inventory.storage.codec import decode
from inventory.storage.tables import Tables
from simulated_dynamodb import SimulatedDynamoDB
from simulation.kernel import Kernel
from support import table_invariants


class Lowest:
    """The lowest value that was in force within the last while."""

    def __init__(self) -> None:
        self._values: deque[tuple[int, float]] = deque()  # values in rising order, each with when it ended
        self._now = 0

    def put(self, value: int, now_us: int) -> None:
        """Another value is in force from now on."""
        if self._values:
            last, _ = self._values.pop()
            self._values.append((last, now_us))
        while self._values and self._values[-1][0] >= value:
            self._values.pop()
        self._values.append((value, float("inf")))

    def since(self, from_us: int) -> int:
        """The lowest of what was in force at that instant or later. Asked for ever later instants."""
        while self._values[0][1] < from_us:
            self._values.popleft()
        return self._values[0][0]


class Judge:
    """Follows every counter as it is written.

    Args:
        kernel: Its time.
        database: The tables.
        tables: Their names.
    """

    def __init__(self, kernel: Kernel, database: SimulatedDynamoDB, tables: Tables) -> None:
        self._kernel = kernel
        self._database = database
        self._tables = tables
        self._available: dict[Record, int] = {}
        self._totals: dict[str, int] = {}
        self._lowest: dict[str, Lowest] = {}
        self.oversells = 0
        self.false_refusals = 0

    def written(self, record: Record) -> None:
        """Looks at a record that was just written."""
        if record.table != self._tables.stock:
            return
        item = self._database.item(record.table, *record.key) or {}
        if "available" not in item:
            return  # a directory
        name, available = item["item_id"]["S"], int(item["available"]["N"])
        self.oversells += available < 0 or int(item["held"]["N"]) < 0
        total = self._totals.get(name, 0) + available - self._available.get(record, 0)
        self._available[record], self._totals[name] = available, total
        self._lowest.setdefault(name, Lowest()).put(total, self._kernel.now_us)

    def follow(self) -> None:
        """Takes note of all that is there before the load begins."""
        for item in self._database.items(self._tables.stock):
            self.written(Record(self._tables.stock, (item["stock_id"]["S"],)))

    def refused(self, refusal: InsufficientStock) -> None:
        """Looks whether there was too little at some instant of the last second."""
        since_us = self._kernel.now_us - REFUSAL_AGE_MAX_MS * 1000
        self.false_refusals += self._lowest[refusal.item].since(since_us) >= refusal.wanted

    def available(self, item: str) -> int:
        """Units of an item that can be held, all shards together."""
        return self._totals[item]

    def broken(self) -> list[str]:
        """What in the tables contradicts the invariants."""
        names = (self._tables.stock, self._tables.holds, self._tables.adjustments)
        return table_invariants.broken_invariants(
            table_invariants.Tables(*(list(self._records(name)) for name in names))
        )

    def _records(self, table: str) -> Iterator[dict[str, object]]:
        return map(decode, self._database.items(table))
