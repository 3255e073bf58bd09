"""The recorded history of a world: every write to the archived tables, call by call, as the streams tell it.

Beside the records it keeps what they add up to, so that each call is judged by what it changed and not by all there is.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from inventory.domain.holds import Hold
from inventory.domain.stock import Directory, Shard, ShardKey
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import hold_from
from inventory.storage.stock_records import directory_from, is_directory, shard_from
from inventory.storage.tables import Tables
from simulated_dynamodb import SimulatedDynamoDB

#: An item in one warehouse, or (None) in all of them.
Scope = tuple[str, str | None]
Place = tuple[str, str]


class Event(NamedTuple):
    """One record before and after one write; None where it was not there."""

    table: str
    key: str
    before: Record | None
    after: Record | None


class Call(NamedTuple):
    """What one call wrote, all at once.

    Attributes:
        operation: `TransactWriteItems` or another that writes.
        now_ms: When.
        events: The records that it wrote.
        checked_at: The `at` of the records that it only checked.
        holds: The holds among the records, before and after.
        shards: The shards among them, before and after.
        directories: The directories among them, after.
    """

    operation: str
    now_ms: int
    events: tuple[Event, ...]
    checked_at: tuple[int, ...]
    holds: tuple[tuple[Hold | None, Hold | None], ...]
    shards: tuple[tuple[Shard | None, Shard], ...]
    directories: tuple[Directory, ...]


class History:
    """Everything that was ever written to stock, holds and adjustments.

    Attributes:
        calls: Each call that wrote something, in order.
        records: The events folded: each record as its latest event left it, by table and key.
        levels: How many units were available, by scope: the times when that changed, with the new number.
        shards: Every shard, as it is.
        directories: Every item's directory, as it is.
        drawn: What the unsettled holds drew from each shard.
        expected: What adjustments brought less what settled holds took, by item and warehouse.
        on_hand: What the shards have, by item and warehouse.
        removed: Holds that TTL has removed, as they were last.
        foreign: Keys of records that somebody else writes: nothing is told of them here.
        foreign_news: Keys of records of which somebody else tells what is not so.
    """

    def __init__(self, database: SimulatedDynamoDB, tables: Tables, now: Callable[[], int]) -> None:
        self._tables = tables
        self._now = now
        self._pending: list[Event] = []
        self._told: dict[tuple[str, str], tuple[Any, Record]] = {}
        self.foreign: set[str] = set()
        self.foreign_news: set[str] = set()
        self.calls: list[Call] = []
        self.records: dict[tuple[str, str], Record] = {}
        self.levels: dict[Scope, list[tuple[int, int]]] = {}
        self.shards: dict[ShardKey, Shard] = {}
        self.directories: dict[str, Directory] = {}
        self.drawn: Counter[ShardKey] = Counter()
        self.expected: Counter[Place] = Counter()
        self.on_hand: Counter[Place] = Counter()
        self.removed: list[Record] = []
        for table in (tables.stock, tables.holds, tables.adjustments):
            self._listen(database, table)

    def _listen(self, database: SimulatedDynamoDB, table: str) -> None:
        stream = database.stream(table)
        append = stream.append

        def listening(keys: Any, old: Any, new: Any, position: int, now: float) -> None:
            append(keys, old, new, position, now)
            [key] = decode(keys).values()
            if key in self.foreign:
                return
            image, before = self._told.get((table, key), (None, None))
            if old is not image:
                before = decode(old) if old else None
            after = decode(new) if new else None
            if after is not None:
                self._told[(table, key)] = new, after  # most often the next event's old image: no need to read it again
            self._pending.append(Event(table, key, before, after))

        stream.append = listening  # type: ignore[method-assign]

    def close_call(self, operation: str, request: Mapping[str, Any]) -> Call | None:
        """Makes what was written since the last call into one; None where nothing was."""
        events, self._pending = tuple(self._pending), []
        if not events:
            return None
        checked = tuple(self._checked(request.get("TransactItems", ())))
        stock = [each for each in events if each.table == self._tables.stock and each.after is not None]
        call = Call(
            operation,
            self._now(),
            events,
            checked,
            tuple(_hold_change(each) for each in events if each.table == self._tables.holds),
            tuple(_shard_change(each) for each in stock if not is_directory(each.after or {})),
            tuple(directory_from(each.after or {}) for each in stock if is_directory(each.after or {})),
        )
        self.calls.append(call)
        self._add_up(call)
        return call

    def _checked(self, entries: Iterable[Mapping[str, Any]]) -> Iterator[int]:
        for entry in entries:
            check = entry.get("ConditionCheck")
            record = self.records.get((check["TableName"], check["Key"]["stock_id"]["S"])) if check else None
            if record is not None:
                yield record["at"]

    def _add_up(self, call: Call) -> None:
        for event in call.events:
            if event.after is None:
                self.records.pop((event.table, event.key))
                if event.table == self._tables.holds and event.before is not None:
                    self.removed.append(event.before)
            else:
                self.records[(event.table, event.key)] = event.after
                if event.table == self._tables.adjustments:
                    self._add_adjustment(event.before, -1)
                    self._add_adjustment(event.after, 1)
        for hold_before, hold_after in call.holds:
            if hold_after is None and hold_before is not None and hold_before.settlement is not None:
                continue  # what it took stays taken
            self._add_hold(hold_before, -1)
            self._add_hold(hold_after, 1)
        self.directories |= {directory.item: directory for directory in call.directories}
        gains: Counter[Scope] = Counter()
        for before, after in call.shards:
            self.shards[after.key] = after
            self.on_hand[(after.key.item, after.key.warehouse)] += after.on_hand - (before.on_hand if before else 0)
            gained = after.available - (before.available if before else 0)
            gains[(after.key.item, after.key.warehouse)] += gained
            gains[(after.key.item, None)] += gained
        for scope, gained in gains.items():
            levels = self.levels.setdefault(scope, [])
            levels.append((call.now_ms, (levels[-1][1] if levels else 0) + gained))

    def _add_adjustment(self, record: Record | None, sign: int) -> None:
        for place, quantity in moved(record):
            self.expected[place] += sign * quantity

    def _add_hold(self, hold: Hold | None, sign: int) -> None:
        for line in hold.lines if hold else ():
            if hold and hold.settlement is not None:
                self.expected[(line.item, line.warehouse)] -= sign * hold.executed(line)
                continue
            for draw in line.drawn:
                self.drawn[ShardKey(line.item, line.warehouse, draw.shard)] += sign * draw.quantity

    def folded(self, table: str) -> dict[str, Record]:
        """A table as its events give it."""
        return {key: record for (name, key), record in self.records.items() if name == table}

    def lowest(self, scope: Scope, since_ms: int) -> int:
        """The fewest units that a scope had available at any instant from `since_ms` on."""
        levels = self.levels.get(scope, [])
        first = bisect_left(levels, since_ms, key=itemgetter(0))
        return min([levels[first - 1][1] if first else 0, *(level for _, level in levels[first:])])


def _hold_change(event: Event) -> tuple[Hold | None, Hold | None]:
    return hold_from(event.before) if event.before else None, hold_from(event.after) if event.after else None


def _shard_change(event: Event) -> tuple[Shard | None, Shard]:
    return shard_from(event.before) if event.before else None, shard_from(event.after or {})


def moved(record: Record | None) -> list[tuple[Place, int]]:
    """What an adjustment or a transfer brought to each place; any other record brings nothing."""
    if record is None or "adjustment_id" not in record:
        return []
    if "from" in record:
        item, quantity = record["item"], record["quantity"]
        return [((item, record["from"]), -quantity), ((item, record["to"]), quantity)]
    return [((record["item"], record["warehouse"]), record["quantity"])]
