"""A whole service in one process: simulated tables, a clock that tests turn, streams that flow when told to.

Nothing is mocked but DynamoDB and time: the use cases, their writes and the streams' consumers are the real ones.
"""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.drawing import Want
from inventory.domain.holds import Hold, Status
from inventory.domain.ids import Requester, fingerprint
from inventory.domain.stock import Directory, Shard
from inventory.pipeline.projector import project_batch
from inventory.pipeline.settler import settle_batch
from inventory.pipeline.sweeper import run_merges, run_sweep
from inventory.protocol.adjust import adjust
from inventory.protocol.core import Answer, Core
from inventory.protocol.place import place
from inventory.protocol.sweep import Swept
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import hold_from
from inventory.storage.stock_records import directory_from, is_directory, shard_from
from inventory.storage.tables import Tables
from inventory.wiring import core_with
from simulated_dynamodb import SimulatedDynamoDB
from support.rights import check_call
from support.template import table_definitions

START_MS = 1_800_000_000_000
P = ParamSpec("P")
T = TypeVar("T")
W = TypeVar("W", bound="World")


def by_function(name: str) -> Callable[[Callable[Concatenate[W, P], T]], Callable[Concatenate[W, P], T]]:
    """What this method of a world does, the function of that name does in AWS: with its role's rights alone."""

    def decorate(method: Callable[Concatenate[W, P], T]) -> Callable[Concatenate[W, P], T]:
        @wraps(method)
        def act(world: W, /, *args: P.args, **kwargs: P.kwargs) -> T:
            with world.acting_as(name):
                return method(world, *args, **kwargs)

        return act

    return decorate


@dataclass
class Clock:
    """Time that passes only when told to, or while somebody waits."""

    now_ms: int = START_MS

    def pass_s(self, seconds: float) -> None:
        """Lets time pass."""
        self.now_ms += round(seconds * 1000)


@dataclass
class World:
    """One service over simulated tables.

    Attributes:
        seed: Makes every UUID; equal seeds make equal worlds.
        open_slices: Slices of the index of unfinished holds.
        function: Whose role the calls have to be granted by just now; None: nobody's.
    """

    seed: int = 0
    open_slices: int = 4
    clock: Clock = field(default_factory=Clock)
    counted: Counter[str] = field(default_factory=Counter)
    set_aside: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)
    requests: int = 0
    function: str | None = None

    def __post_init__(self) -> None:
        """Makes the tables as the template has them."""
        definitions = table_definitions()
        self.database = SimulatedDynamoDB(definitions.values(), now=lambda: self.clock.now_ms / 1000)
        self.tables = Tables(
            stock=definitions["STOCK_TABLE"]["TableName"],
            holds=definitions["HOLDS_TABLE"]["TableName"],
            adjustments=definitions["ADJUSTMENTS_TABLE"]["TableName"],
            requests=definitions["REQUESTS_TABLE"]["TableName"],
            availability=definitions["AVAILABILITY_TABLE"]["TableName"],
        )
        self.random = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        self.core = self.instance()

    def instance(self, *, skew_ms: int = 0, client: Any = None) -> Core:
        """Another instance of the service on the same tables, with memory (and perhaps a clock) of its own."""
        return core_with(
            client or self.database.client.restricted(self._check_rights),
            self.tables,
            open_slices=self.open_slices,
            report=self._count,
            now=lambda: self.clock.now_ms + skew_ms,
            uptime=lambda: self.clock.now_ms,
            pause=self.clock.pass_s,
            new_uuid=lambda: uuid.UUID(int=self.random.getrandbits(128), version=4),
        )

    @contextmanager
    def acting_as(self, function: str | None) -> Iterator[None]:
        """Within, calls need the rights of this function's role; or (None) none."""
        earlier, self.function = self.function, function
        try:
            yield
        finally:
            self.function = earlier

    def _check_rights(self, operation: str, request: Mapping[str, Any]) -> None:
        if self.function is not None:
            check_call(self.function, operation, request)

    def by(self, key: str | None = None, parameters: object = None, path: str = "/v1/holds") -> Requester:
        """A request of the test's account; with a key it can be asked again."""
        self.requests += 1
        return Requester(
            account="acct_test",
            actor="key_test",
            invocation_id=f"invocation-{self.requests}",
            fingerprint=fingerprint(parameters),
            path=path,
            idempotency_key=key,
        )

    @by_function("adjustments")
    def receive(self, item: str, quantity: int, warehouse: str = "W1") -> None:
        """Stock arrives, and readers know of it."""
        adjust(self.core, AdjustmentRequest(item, warehouse, "received", self.by()), quantity)
        self.flow()

    @by_function("holds")
    def place(
        self,
        item: str,
        quantity: int = 1,
        warehouse: str | None = "W1",
        *,
        expires_in_s: int = 900,
        key: str | None = None,
    ) -> Answer[Hold]:
        """A hold with one line."""
        wants = [Want(item, warehouse, quantity)]
        by = self.by(key, [item, quantity, warehouse, expires_in_s])
        return place(self.core, wants, expires_in_s=expires_in_s, metadata={}, by=by)

    @by_function("settler")
    def settle(self, limit: int | None = None) -> int:
        """Lets the settler have the holds stream (at most `limit` records)."""
        records = self.database.stream(self.tables.holds).drain(limit=limit)
        return settle_batch(self.core, records, self._set_aside, until_ms=self.clock.now_ms + 50_000)

    @by_function("projector")
    def project(self, limit: int | None = None) -> int:
        """Lets the projector have the stock stream (at most `limit` records)."""
        records = self.database.stream(self.tables.stock).drain(limit=limit)
        return project_batch(self.core, records, self._set_aside)

    def flow(self) -> None:
        """Lets the streams flow until they are dry, and memories of a second fade."""
        while any(self.database.stream(self.tables.holds).pending + self.database.stream(self.tables.stock).pending):
            self.settle()
            self.project()
        self.clock.pass_s(1)

    @by_function("sweeper")
    def sweep(self) -> Swept:
        """One run of the sweeper, with a minute to spend."""
        return run_sweep(self.core, until_ms=self.clock.now_ms + 60_000)

    @by_function("sweeper")
    def merge_cold(self) -> int:
        """One run over what is split, with a minute to spend."""
        return run_merges(self.core, until_ms=self.clock.now_ms + 60_000)

    def records(self, table: str) -> Iterator[Record]:
        """Everything in a table."""
        for item in list(self.database.items(table)):
            yield decode(item)

    def shards(self, item: str | None = None) -> list[Shard]:
        """All shard records (of an item)."""
        records = (record for record in self.records(self.tables.stock) if not is_directory(record))
        return [shard for shard in map(shard_from, records) if item in (None, shard.key.item)]

    def directories(self) -> dict[str, Directory]:
        """All directory records, by item."""
        found = (directory_from(record) for record in self.records(self.tables.stock) if is_directory(record))
        return {directory.item: directory for directory in found}

    def holds(self, status: Status | None = None) -> list[Hold]:
        """All holds (in a status)."""
        return [hold for hold in map(hold_from, self.records(self.tables.holds)) if status in (None, hold.status)]

    def hold(self, hold_id: str) -> Hold:
        """A hold as its record has it."""
        return next(hold for hold in self.holds() if hold.id == hold_id)

    def available(self, item: str) -> int:
        """Units of an item that can be held, by the shard records."""
        return sum(shard.available for shard in self.shards(item))

    def held(self, item: str) -> int:
        """Units of an item that are held, by the shard records."""
        return sum(shard.held for shard in self.shards(item))

    def _count(self, name: str, value: int) -> None:
        self.counted[name] += value

    def _set_aside(self, record: Mapping[str, Any], why: str) -> None:
        self.set_aside.append((record, why))
