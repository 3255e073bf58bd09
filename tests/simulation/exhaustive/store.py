"""The tables as values: a call is a function from what is stored, and the time, to a reply and what is stored then.

The simulated database is put into the state, asked, and its state taken out again; each question is asked once.
Every change is judged by every invariant when it is first seen.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from inventory.pipeline.stream import StreamRecord
from inventory.storage.codec import Record, decode
from inventory.storage.tables import Tables
from simulated_dynamodb import SimulatedDynamoDB
from simulated_dynamodb.tables import SavedTable
from simulation.exhaustive.replay import THINK, Call, Reply
from support import invariants
from support.history import Call as Written
from support.history import Event, History
from support.world import Clock, World


@dataclass(frozen=True, eq=False)
class Stored:
    """All that is stored, and what waits in the stream of holds. Equal states are one object."""

    tables: Tables
    saved: Mapping[str, SavedTable]

    @cached_property
    def records(self) -> dict[tuple[str, str], Record]:
        """The records of stock, holds and adjustments, by table and key."""
        names = (self.tables.stock, self.tables.holds, self.tables.adjustments)
        return {(name, str(key[0])): decode(item) for name in names for key, item in self.saved[name].items.items()}

    @cached_property
    def available(self) -> int:
        """The units that can be held, over all shards."""
        return sum(int(record.get("available", 0)) for record in self.records.values())

    def holds(self) -> dict[str, Record]:
        """The holds by id."""
        return {key: record for (name, key), record in self.records.items() if name == self.tables.holds}

    @cached_property
    def on_hand(self) -> int:
        """The units that are there, held or not."""
        return self.available + sum(int(record.get("held", 0)) for record in self.records.values())

    def projection(self, item: str, warehouse: str) -> Record | None:
        """What the projection has of an item in a warehouse."""
        found = map(decode, self.saved[self.tables.availability].items.values())
        return next((each for each in found if (each["item_id"], each["warehouse_id"]) == (item, warehouse)), None)

    @property
    def waiting(self) -> int:
        """How many records wait in the stream of holds."""
        return len(self.saved[self.tables.holds].stream[0])


class Store:
    """Answers calls upon states.

    Args:
        world: Whose tables are the first state; it gives the names of tables, too.
        projected: Whether the projection is kept.
    """

    def __init__(self, world: World, *, projected: bool = True) -> None:
        self.tables = world.tables
        self._world = World()
        self._calls: dict[str, Call] = {}
        self._replies: dict[str, Reply] = {}
        self._states: dict[tuple[str, ...], Stored] = {}
        self._answers: dict[tuple[Stored, int, Call], tuple[Stored, Reply]] = {}
        self._texts: dict[int, tuple[object, str]] = {}
        for table in (self.tables.stock, self.tables.holds, self.tables.adjustments):
            world.database.stream(table).drain()
        saved = world.database.save()
        if not projected:
            saved[self.tables.availability] = self._world.database.save()[self.tables.availability]
        self.first = self._stored(saved)

    @property
    def count(self) -> int:
        """How many states of the tables and the stream were met."""
        return len(self._states)

    def call_of(self, operation: str, request: Mapping[str, Any]) -> Call:
        """The one object for equal calls."""
        key = operation + json.dumps(request, sort_keys=True)
        return self._calls.setdefault(key, Call(operation, request))

    def reply_of(self, content: Mapping[str, Any] | Exception) -> Reply:
        """The one object for equal replies."""
        key = repr(content) if isinstance(content, Exception) else json.dumps(content, sort_keys=True)
        if isinstance(content, ClientError):
            metadata = content.response["ResponseMetadata"]
            told = {**content.response, "ResponseMetadata": metadata.get("HTTPHeaders", {}).get("date")}
            key = json.dumps(told, sort_keys=True)
        return self._replies.setdefault(key, Reply(content))

    def ask(self, stored: Stored, now_ms: int, call: Call) -> tuple[Stored, Reply]:
        """The state after the call, and its reply.

        Raises:
            AssertionError: An invariant does not hold.
        """
        found = self._answers.get((stored, now_ms, call))
        if found is None:
            found = self._asked(stored, now_ms, call)
            self._answers[stored, now_ms, call] = found
        return found

    def batch(self, stored: Stored) -> list[StreamRecord]:
        """What waits in the stream of holds."""
        self._world.database.restore(stored.saved)
        return [*self._world.database.stream(self.tables.holds).drain()]

    def without_batch(self, stored: Stored, records: int) -> Stored:
        """The state once the stream's first records are done with."""
        holds = stored.saved[self.tables.holds]
        rest = holds._replace(stream=(holds.stream[0][records:],))
        return self._stored({**stored.saved, self.tables.holds: rest})

    def world(self, stored: Stored, now_ms: int) -> World:
        """A service on the state: it may do with it what it likes."""
        world = World(clock=Clock(now_ms), open_slices=1)
        world.database.restore(stored.saved)
        return world

    def _asked(self, stored: Stored, now_ms: int, call: Call) -> tuple[Stored, Reply]:
        if call.operation == THINK:
            return stored, self.reply_of({})
        self._world.clock.now_ms = now_ms
        self._world.database.restore(stored.saved)
        try:
            answer = _OPERATIONS[call.operation](self._world.database.client, **call.request)
        except ClientError as refused:
            return stored, self.reply_of(refused)
        headers = {"date": answer["ResponseMetadata"]["HTTPHeaders"]["date"]}
        reply = self.reply_of({**answer, "ResponseMetadata": {"HTTPHeaders": headers}})
        after = self._stored(self._world.database.save())
        if after is not stored:
            self._judge(stored, after, now_ms, call)
        return after, reply

    def _stored(self, saved: Mapping[str, SavedTable]) -> Stored:
        """The one object for a state. Only the stream of holds has a reader, and where it is in it does not matter."""
        stock, adjustments = saved[self.tables.stock], saved[self.tables.adjustments]
        saved = {
            **saved,
            self.tables.stock: stock._replace(stream=((),)),
            self.tables.adjustments: adjustments._replace(stream=((),)),
        }
        changes = saved[self.tables.holds].stream[0]
        key = (
            *sorted(self._text(item) for table in saved.values() for item in table.items.values()),
            *(f"{self._text(change.old)}→{self._text(change.new)}" for change in changes),
        )
        return self._states.setdefault(key, Stored(self.tables, saved))

    def _text(self, item: object) -> str:
        known = self._texts.get(id(item))
        if known is None:
            known = self._texts[id(item)] = (item, json.dumps(item, sort_keys=True))  # kept, so that its id stays its
        return known[1]

    def _judge(self, before: Stored, after: Stored, now_ms: int, call: Call) -> None:
        history = _Known(self._world.database, self.tables, lambda: now_ms)
        history.write("", {}, [Event(table, key, None, record) for (table, key), record in before.records.items()])
        written = history.write(call.operation, call.request, list(_events(before, after)))
        if written is None:
            return  # the projection alone
        for invariant in (*invariants.EVERY_CALL, invariants.true_time):
            try:
                invariant(history, written)
            except AssertionError as broken:
                raise AssertionError(f"{invariant.__name__}: {broken}") from None


class _Known(History):
    """A history that is told what was written: first all there was, as if at once, and then what a call did to it."""

    def _listen(self, database: SimulatedDynamoDB, table: str) -> None:
        """It does not listen."""

    def write(self, operation: str, request: Mapping[str, Any], events: list[Event]) -> Written | None:
        """These events are what a call wrote."""
        self._pending = events
        return self.close_call(operation, request)


_OPERATIONS: Mapping[str, Any] = {
    "GetItem": lambda client, **request: client.get_item(**request),
    "BatchGetItem": lambda client, **request: client.batch_get_item(**request),
    "Query": lambda client, **request: client.query(**request),
    "PutItem": lambda client, **request: client.put_item(**request),
    "UpdateItem": lambda client, **request: client.update_item(**request),
    "TransactWriteItems": lambda client, **request: client.transact_write_items(**request),
}


def _events(before: Stored, after: Stored) -> Iterator[Event]:
    for table, key in {**before.records, **after.records}:
        old, new = before.records.get((table, key)), after.records.get((table, key))
        if old != new:
            yield Event(table, key, old, new)
