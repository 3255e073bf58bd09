"""A world whose every call is judged by every invariant, and whose line to the tables tests can disturb."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from inventory.domain.adjustments import Adjustment, AdjustmentRequest, Transfer
from inventory.domain.availability import ItemStock
from inventory.domain.drawing import Want
from inventory.domain.errors import InsufficientStock
from inventory.domain.holds import Hold, Take
from inventory.domain.ids import Requester
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol import adjust as _adjust
from inventory.protocol import count as _count
from inventory.protocol import extend as _extend
from inventory.protocol import place as _place
from inventory.protocol import resolve as _resolve
from inventory.protocol import split as _split
from inventory.protocol import transfer as _transfer
from inventory.protocol.core import Answer, Core
from inventory.protocol.move import shift, spread
from inventory.protocol.sweep import UNSETTLED_AFTER_MS
from inventory.storage.availability_records import availability_from
from support import invariants
from support.history import History
from support.wire import Wire
from support.world import World, by_function

CALL_MS = 2
T = TypeVar("T")


@dataclass
class Watched(World):
    """A world where each call takes 2 ms and is followed by all invariants.

    Each use case can be asked for by another instance (`core`) and under an idempotency key.

    Attributes:
        ends_well: Whether everything can finish; not, where a test has broken a record on purpose.
    """

    ends_well: bool = True

    def __post_init__(self) -> None:
        """Makes the tables, and watches them from the first write on."""
        super().__post_init__()
        self.history = History(self.database, self.tables, lambda: self.clock.now_ms)
        self.wire = Wire(self.database, self._judge, self._tick, in_between=lambda: self.acting_as(None))

    def _tick(self) -> None:
        self.clock.now_ms += CALL_MS

    def _judge(self, operation: str, request: Mapping[str, Any], _answer: object) -> None:
        call = self.history.close_call(operation, request)
        if call is not None:
            for invariant in (*invariants.EVERY_CALL, invariants.true_time):
                invariant(self.history, call)

    def fairly(self, ask: Callable[[], T]) -> T:
        """Asks, and judges a refusal by `never_falsely_refused`."""
        try:
            return ask()
        except InsufficientStock as refusal:
            # What a refused request still looks for, its own hold, comes after the proof and takes one call.
            invariants.never_falsely_refused(self.history, refusal, self.clock.now_ms - CALL_MS)
            raise

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
        return self.place_all(Want(item, warehouse, quantity), expires_in_s=expires_in_s, key=key)

    @by_function("holds")
    def place_all(
        self,
        *wants: Want,
        key: str | None = None,
        expires_in_s: int = 900,
        metadata: Mapping[str, str] | None = None,
        by: Requester | None = None,
        core: Core | None = None,
    ) -> Answer[Hold]:
        """A hold for all the wants."""
        by = by or self.by(key, [[want.item, want.warehouse, want.quantity] for want in wants])
        return self.fairly(
            lambda: _place.place(core or self.core, wants, expires_in_s=expires_in_s, metadata=metadata or {}, by=by)
        )

    @by_function("holds")
    def execute(
        self, hold: Hold, takes: Sequence[Take] | None = None, *, key: str | None = None, core: Core | None = None
    ) -> Answer[Hold]:
        """Executes a hold."""
        parameters = None if takes is None else [[take.item, take.warehouse, take.quantity] for take in takes]
        by = self.by(key, parameters, f"/v1/holds/{hold.id}/execute")
        return _resolve.execute(core or self.core, hold.id, takes, by=by)

    @by_function("holds")
    def release(self, hold: Hold, *, key: str | None = None, core: Core | None = None) -> Answer[Hold]:
        """Releases a hold."""
        by = self.by(key, None, f"/v1/holds/{hold.id}/release")
        return _resolve.release(core or self.core, hold.id, by=by)

    @by_function("holds")
    def extend(
        self,
        hold: Hold,
        expires_in_s: int | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        core: Core | None = None,
    ) -> Answer[Hold]:
        """Extends a hold."""
        by = self.by(key, [expires_in_s, metadata], f"/v1/holds/{hold.id}")
        return _extend.extend(core or self.core, hold.id, expires_in_s=expires_in_s, metadata=metadata, by=by)

    @by_function("adjustments")
    def adjust(
        self, item: str, quantity: int, warehouse: str = "W1", *, key: str | None = None, core: Core | None = None
    ) -> Answer[Adjustment]:
        """Adds or takes units."""
        by = self.by(key, [item, quantity, warehouse], "/v1/adjustments")
        return self.fairly(
            lambda: _adjust.adjust(core or self.core, AdjustmentRequest(item, warehouse, "test", by), quantity)
        )

    @by_function("adjustments")
    def count(
        self, item: str, counted: int, warehouse: str = "W1", *, key: str | None = None, core: Core | None = None
    ) -> Answer[Adjustment]:
        """Counts."""
        by = self.by(key, [item, counted, warehouse], "/v1/adjustments")
        return _count.count(core or self.core, AdjustmentRequest(item, warehouse, "counted", by), counted)

    @by_function("adjustments")
    def transfer(
        self,
        item: str,
        quantity: int,
        source: str = "W1",
        destination: str = "W2",
        *,
        key: str | None = None,
        core: Core | None = None,
    ) -> Answer[Transfer]:
        """Moves units between warehouses."""
        by = self.by(key, [item, quantity, source, destination], "/v1/transfers")
        return self.fairly(
            lambda: _transfer.transfer(
                core or self.core, item, source, destination, quantity, reference=None, metadata={}, by=by
            )
        )

    @by_function("adjustments")
    def split(
        self, item: str, shards: int, warehouse: str = "W1", *, key: str | None = None, core: Core | None = None
    ) -> Answer[ItemStock]:
        """Splits or merges a warehouse's shards."""
        by = self.by(key, [item, shards, warehouse], f"/v1/stock/{item}/split")
        return _split.split(core or self.core, item, warehouse, shards, by=by)

    def level(self, item: str, shards: int, warehouse: str = "W1") -> None:
        """Another actor levels stock over the first shards."""
        spread(self.core, item, warehouse, "test", shards)

    def scatter(self, item: str, amounts: Sequence[int], warehouse: str = "W1") -> None:
        """Stock as it would lie after many sales: so many units on each shard, and readers know of it."""
        self.adjust(item, sum(amounts), warehouse)
        if len(amounts) > 1:
            self.split(item, len(amounts), warehouse)
        self._rearrange(item, warehouse, amounts)
        self.flow()

    def _rearrange(self, item: str, warehouse: str, amounts: Sequence[int]) -> None:
        have = {shard.key.number: shard.available for shard in self.shards(item) if shard.key.warehouse == warehouse}
        missing = Counter({number: amount - have.get(number, 0) for number, amount in enumerate(amounts)})
        while any(missing.values()):
            (taker, lack), (giver, spare) = missing.most_common(1)[0], missing.most_common()[-1]
            assert self.move(item, giver, taker, min(lack, -spare), warehouse)
            missing[taker] -= min(lack, -spare)
            missing[giver] += min(lack, -spare)

    def move(self, item: str, source: int, destination: int, quantity: int, warehouse: str = "W1") -> bool:
        """Another actor moves units between two shards, if they are there, and says whether."""
        changes = [
            Change(ShardKey(item, warehouse, source), -quantity),
            Change(ShardKey(item, warehouse, destination), quantity),
        ]
        return shift(self.core, changes, Cause("move", self.core.new_id("mov"), "test"))

    def units_by_shard(self, item: str) -> list[int]:
        """What is available on each shard of an item that is in one warehouse."""
        return [shard.available for shard in sorted(self.shards(item), key=lambda shard: shard.key.number)]

    def shard_count(self, item: str, warehouse: str = "W1") -> int:
        """On how many shards the directory says that the item is counted."""
        return self.directories()[item].warehouses[warehouse].shards

    def hide_from_readers(self, item: str, warehouse: str = "W1") -> None:
        """The service thinks that there is nothing, so that it must look strongly."""
        self.core.hints.remember(item, warehouse, {})
        self.core.passes.discard((item, warehouse))

    def finish(self) -> None:
        """Faults stop, what the holds' stream still had is lost, and time passes: the sweeper alone must finish."""
        self.wire.calm()
        self.database.stream(self.tables.holds).drain()
        for _ in range(2):
            latest_ms = max((hold.expires_at for hold in self.holds()), default=0)
            self.clock.now_ms = max(self.clock.now_ms, latest_ms) + UNSETTLED_AFTER_MS + 1_000
            assert self.sweep().finished
        self.project()

    def check_the_end(self) -> None:
        """What must hold once everything has finished."""
        invariants.everything_settles(self.holds(), self.records(self.tables.holds))
        invariants.archive_complete(self.history, self.database, self.tables)
        self.check_the_projection()

    def check_the_projection(self) -> None:
        """Readers see what the shards say, once the stock's stream has run dry."""
        seen = {
            (each.item, each.warehouse): (each.available, each.held, each.shard_count)
            for each in map(availability_from, self.records(self.tables.availability))
        }
        told: dict[tuple[str, str], tuple[int, int, int]] = {}
        for directory in self.directories().values():
            for name, entry in directory.warehouses.items():
                here = [shard for shard in self.shards(directory.item) if shard.key.warehouse == name]
                told[(directory.item, name)] = (
                    sum(shard.available for shard in here),
                    sum(shard.held for shard in here),
                    entry.shards,
                )
        assert seen == told, "the projection is not what the shards say"
