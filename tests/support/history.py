"""The recorded history of a world: every write to the archived tables, call by call, as the streams tell it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from inventory.domain.holds import Hold
from inventory.domain.stock import Directory, Shard
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import hold_from
from inventory.storage.stock_records import directory_from, is_directory, shard_from
from inventory.storage.tables import Tables
from simulated_dynamodb import SimulatedDynamoDB

#: An item in one warehouse, or (None) in all of them.
Scope = tuple[str, str | None]


class Event(NamedTuple):
    """One record before and after one write; None where it was not there."""

    table: str
    key: str
    before: Record | None
    after: Record | None


class Call(NamedTuple):
    """What one call wrote, all at once; and the `at` of the records that it only checked."""

    operation: str
    now_ms: int
    events: tuple[Event, ...]
    checked_at: tuple[int, ...] = ()


class History:
    """Everything that was ever written to stock, holds and adjustments.

    Attributes:
        calls: Each call that wrote something, in order.
        records: The events folded: each record as its latest event left it, by table and key.
        levels: How many units were available, by scope: the times when that changed, with the new number.
    """

    def __init__(self, database: SimulatedDynamoDB, tables: Tables, now: Callable[[], int]) -> None:
        self._tables = tables
        self._now = now
        self._pending: list[Event] = []
        self.calls: list[Call] = []
        self.records: dict[tuple[str, str], Record] = {}
        self.levels: dict[Scope, list[tuple[int, int]]] = {}
        for table in (tables.stock, tables.holds, tables.adjustments):
            self._listen(database, table)

    def _listen(self, database: SimulatedDynamoDB, table: str) -> None:
        stream = database.stream(table)
        append = stream.append

        def listening(keys: Any, old: Any, new: Any, position: int, now: float) -> None:
            append(keys, old, new, position, now)
            [key] = decode(keys).values()
            self._pending.append(Event(table, key, decode(old) if old else None, decode(new) if new else None))

        stream.append = listening  # type: ignore[method-assign]

    def close_call(self, operation: str, request: Mapping[str, Any]) -> Call | None:
        """Makes what was written since the last call into one; None where nothing was."""
        events, self._pending = tuple(self._pending), []
        if not events:
            return None
        checked = tuple(self._checked(request.get("TransactItems", ())))
        call = Call(operation, self._now(), events, checked)
        self.calls.append(call)
        for event in events:
            if event.after is None:
                self.records.pop((event.table, event.key))
            else:
                self.records[(event.table, event.key)] = event.after
        self._note_levels(call)
        return call

    def _checked(self, entries: Iterable[Mapping[str, Any]]) -> Iterator[int]:
        for entry in entries:
            check = entry.get("ConditionCheck")
            record = self.records.get((check["TableName"], check["Key"]["stock_id"]["S"])) if check else None
            if record is not None:
                yield record["at"]

    def _note_levels(self, call: Call) -> None:
        touched = {event.after["item_id"] for event in self.stock_events(call) if event.after}
        for item in touched:
            totals: dict[Scope, int] = {(item, None): 0}
            for shard in self.shards():
                if shard.key.item == item:
                    here: Scope = (item, shard.key.warehouse)
                    totals[here] = totals.get(here, 0) + shard.available
                    totals[(item, None)] += shard.available
            for scope, total in totals.items():
                self.levels.setdefault(scope, []).append((call.now_ms, total))

    def stock_events(self, call: Call) -> Iterator[Event]:
        """A call's events of shards and directories."""
        return (event for event in call.events if event.table == self._tables.stock)

    def shard_events(self, call: Call) -> Iterator[tuple[Shard | None, Shard]]:
        """A call's changes of shards."""
        for event in self.stock_events(call):
            if event.after is not None and not is_directory(event.after):
                yield shard_from(event.before) if event.before else None, shard_from(event.after)

    def hold_events(self, call: Call) -> Iterator[tuple[Hold | None, Hold | None]]:
        """A call's changes of holds."""
        for event in call.events:
            if event.table == self._tables.holds:
                yield hold_from(event.before) if event.before else None, hold_from(event.after) if event.after else None

    def of(self, table: str) -> Iterator[Record]:
        """The records of a table, folded from its events."""
        return (record for (name, _), record in self.records.items() if name == table)

    def shards(self) -> Iterator[Shard]:
        """All shards."""
        return (shard_from(record) for record in self.of(self._tables.stock) if not is_directory(record))

    def directories(self) -> Iterator[Directory]:
        """All directories."""
        return (directory_from(record) for record in self.of(self._tables.stock) if is_directory(record))

    def holds(self) -> Iterator[Hold]:
        """All holds."""
        return map(hold_from, self.of(self._tables.holds))

    def adjustments(self) -> Iterator[Record]:
        """All records of adjustments and transfers."""
        return self.of(self._tables.adjustments)

    def folded(self, table: str) -> dict[str, Record]:
        """A table as its events give it."""
        return {key: record for (name, key), record in self.records.items() if name == table}

    def lowest(self, scope: Scope, since_ms: int) -> int:
        """The fewest units that a scope had available at any instant from `since_ms` on."""
        levels = self.levels.get(scope, [])
        before = [level for at_ms, level in levels if at_ms < since_ms]
        return min([before[-1] if before else 0, *(level for at_ms, level in levels if at_ms >= since_ms)])
