"""This design: the product's own code over busy tables. Functions for buyers, settler, projector and sweeper."""

import math
import random
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.hot.collecting import Collecting
from bench.hot.dynamodb import BusyDynamoDB, Warmth
from bench.hot.functions import Batching, Consumer, Fleet, StreamRecord
from bench.hot.judge import Judge
from bench.hot.published import CLOCK_SKEW_MS, KEPT_USUALLY_MS, KINESIS_SHARDS_AT_FIRST

from inventory.adapters.collecting import CollectingStream, NotPassedOn, holds_in
from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.collecting import thinly_spread
from inventory.domain.drawing import Want
from inventory.domain.errors import InventoryError
from inventory.domain.holds import Hold
from inventory.domain.ids import Requester
from inventory.domain.stock import ShardKey
from inventory.pipeline.projector import REBALANCED_WITHIN_MS
from inventory.pipeline.stream import change_of
from inventory.protocol.adjust import adjust
from inventory.protocol.core import Core
from inventory.protocol.place import place
from inventory.protocol.project import news_of, project
from inventory.protocol.rebalance import rebalance
from inventory.protocol.resolve import execute
from inventory.protocol.settle import settle
from inventory.protocol.split import split
from inventory.protocol.sweep import sweep
from inventory.storage.hold_records import hold_from
from inventory.storage.tables import Tables
from inventory.wiring import core_with
from simulated_dynamodb import SimulatedDynamoDB
from simulation.kernel import Kernel
from support.template import properties, table_definitions

START_US = 1_800_000_000_000_000
WAREHOUSE = "berlin"
#: Slices of the index of open holds, as on AWS.
OPEN_SLICES = 64
_SETTLED_WITHIN_MS = 50_000  # as the settler's function has it
_ENDED = {"executed", "released", "expired"}


@dataclass(frozen=True)
class Setup:
    """What a run of the model is given.

    Attributes:
        items: Units and shards of each item at the beginning.
        kept_ms: How long a transaction keeps its items.
        warmth: What the tables are ready for.
        stream_partitions: Into how many shards each stream is cut: one for each partition of its table.
        collecting_shards: Shards of the stream between settler and collector.
        settling: How the settler's stream is read; None: as the template says.
        projecting: How the projector's is.
        rebalances: Whether hot items are split by themselves.
        warm_instances: Instances that are there when the load begins.
        seed: Decides on all that is random.
    """

    items: Mapping[str, tuple[int, int]]
    kept_ms: float = KEPT_USUALLY_MS
    warmth: Warmth = field(default_factory=Warmth)
    stream_partitions: int = 40
    collecting_shards: int = KINESIS_SHARDS_AT_FIRST
    settling: Batching | None = None
    projecting: Batching | None = None
    rebalances: bool = False
    warm_instances: int = 1_000
    seed: int = 1


def templates_batching(function: str) -> Batching:
    """How the template has a function read its stream."""
    [event] = properties(function)["Events"].values()
    told = event["Properties"]
    return Batching(
        told["BatchSize"], told.get("ParallelizationFactor", 1), told.get("MaximumBatchingWindowInSeconds", 0)
    )


def all_tables() -> Tables:
    """The tables by their names in the template."""
    return Tables(
        stock="StockTable",
        holds="HoldsTable",
        adjustments="AdjustmentsTable",
        requests="RequestsTable",
        availability="AvailabilityTable",
    )


class Service:
    """The whole service in simulated time, with its stock received.

    Args:
        setup: What it begins with.

    Attributes:
        settled: Holds settled so far.
        lags_ms: How long each settlement came after the resolution of the oldest hold in it.
        reported: What the product's own code counted.
        splits: When hot items were split, microseconds since the start, and into how many shards.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._draw = random.Random(setup.seed)  # noqa: S311 - repeatable, not secret
        self.kernel = Kernel(START_US)
        self._settling = setup.settling or templates_batching("SettlerFunction")
        self._projecting = setup.projecting or templates_batching("ProjectorFunction")
        self.tables = all_tables()
        self.database = SimulatedDynamoDB(
            table_definitions().values(),
            now=lambda: self.kernel.now_us / 1_000_000,
            stream_shards=self._lanes(),
            checked=False,
        )
        self.busy = BusyDynamoDB(
            self.kernel,
            self.database,
            kept_s=setup.kept_ms / 1000,
            warmth=setup.warmth,
            draw=self._draw,
            slices=OPEN_SLICES,
            small=(self.tables.stock, self.tables.holds),
        )
        self.reported: Counter[str] = Counter()
        self.settled = 0
        self.lags_ms: list[int] = []
        self.splits: list[tuple[int, int]] = []
        self._requests = 0
        self._receive(setup.items)
        self.judge = Judge(self.kernel, self.database, self.tables)
        self.judge.follow()
        self.busy.watch = self.judge.written
        self.fleet = Fleet(self.kernel, self._instance, setup.warm_instances)
        self._consume()

    def place(self, item: str) -> Hold:
        """A buyer's first request, served by some instance."""
        by = self._by()
        wants = [Want(item, WAREHOUSE, 1)]
        return self.fleet.serve(lambda core: place(core, wants, expires_in_s=900, metadata={}, by=by)).value

    def execute(self, hold: Hold) -> None:
        """The buyer's second request."""
        by = self._by()
        self.fleet.serve(lambda core: execute(core, hold.id, None, by=by))

    def finish(self) -> None:
        """Faultless and at once: what the streams still have is settled, and the sweeper does the rest."""
        core = self._core(self.database.client, _no_pause)
        for consumer in self.consumers:
            consumer.stopped = True
        stream = self.database.stream(self.tables.holds)
        for lane in range(len(stream.pending)):
            for records in iter(lambda lane=lane: stream.drain(lane, 500), []):  # type: ignore[misc]
                self._settled(core, _holds([record for record in records if _is_resolved(record)]))
        self.collecting.stopped = True
        self._settled(core, [hold for data in self.collecting.drain() for hold in holds_in(data)])
        self.kernel.now_us += 120_000_000
        sweep(core, until_ms=self.kernel.now_us // 1000 + 600_000)

    def _lanes(self) -> int:
        return self._setup.stream_partitions * math.lcm(self._settling.factor, self._projecting.factor)

    def _receive(self, items: Mapping[str, tuple[int, int]]) -> None:
        core = self._core(self.database.client, _no_pause)
        for item, (quantity, shards) in items.items():
            adjust(core, AdjustmentRequest(item, WAREHOUSE, "received", self._by()), quantity)
            if shards > 1:
                split(core, item, WAREHOUSE, shards, by=self._by())
        stream = self.database.stream(self.tables.stock)
        changes = [change_of(record) for lane in range(len(stream.pending)) for record in stream.drain(lane)]
        project(core, news_of([(before, after) for before, after in changes if after is not None]))

    def _consume(self) -> None:
        def settles() -> Callable[[Sequence[StreamRecord]], object]:
            core = self._instance()
            return lambda records: self._settle(core, records)

        def projects() -> Callable[[Sequence[StreamRecord]], object]:
            core = self._instance()
            return lambda records: self._project(core, records)

        def collects() -> Callable[[Sequence[bytes]], object]:
            core = self._instance()
            return lambda batch: self._settled(core, [hold for data in batch for hold in holds_in(data)])

        self.collecting = Collecting(
            self.kernel, self._setup.collecting_shards, templates_batching("CollectorFunction"), collects, self._draw
        )
        self._stream = CollectingStream(self.collecting, "collecting", lambda: self.kernel.now_us // 1000)
        holds, stock = (self.database.stream(name) for name in (self.tables.holds, self.tables.stock))
        partitions = self._setup.stream_partitions
        self.consumers = [
            Consumer(self.kernel, holds, partitions, self._settling, _is_resolved, settles, self._draw),
            Consumer(self.kernel, stock, partitions, self._projecting, lambda _: True, projects, self._draw),
        ]

    def _settle(self, core: Core, records: Sequence[StreamRecord]) -> None:
        holds = _holds(records)
        groups = thinly_spread(holds)
        if groups:
            passed = self._passed_on(groups)
            holds = [hold for hold in holds if hold.id not in passed]
        self._settled(core, holds)

    def _passed_on(self, groups: Mapping[ShardKey, Sequence[Hold]]) -> set[str]:
        left: Sequence[ShardKey] = ()
        try:
            self._stream.pass_on(groups)
        except NotPassedOn as refused:
            left = refused.left
        return {hold.id for shard, holds in groups.items() if shard not in left for hold in holds}

    def _settled(self, core: Core, holds: Sequence[Hold]) -> None:
        if not holds:
            return
        done = settle(core, holds, until_ms=core.clock.now() + _SETTLED_WITHIN_MS)
        self.settled += done.settled
        self.lags_ms.append(done.lag_ms)
        if done.hindered is not None:
            raise done.hindered

    def _project(self, core: Core, records: Sequence[StreamRecord]) -> None:
        changes = map(change_of, records)
        projected = project(core, news_of([(before, after) for before, after in changes if after is not None]))
        for unbalanced in projected.unbalanced if self._setup.rebalances else ():
            with suppress(InventoryError):  # put off
                split_up = rebalance(core, unbalanced, until_ms=core.clock.now() + REBALANCED_WITHIN_MS)
                if split_up is not None:
                    self.splits.append((self.kernel.now_us - START_US, split_up.after))

    def _instance(self) -> Core:
        skew_ms = self._draw.randint(-CLOCK_SKEW_MS, CLOCK_SKEW_MS)
        return self._core(self.busy, self.kernel.wait, skew_ms)

    def _core(self, client: Any, pause: Callable[[float], None], skew_ms: int = 0) -> Core:
        return core_with(
            client,
            self.tables,
            open_slices=OPEN_SLICES,
            report=self._report,
            now=lambda: self.kernel.now_us // 1000 + skew_ms,
            uptime=lambda: self.kernel.now_us // 1000,
            pause=pause,
            new_uuid=lambda: uuid.UUID(int=self._draw.getrandbits(128), version=4),
        )

    def _report(self, name: str, value: int) -> None:
        self.reported[name] += value

    def _by(self) -> Requester:
        self._requests += 1
        return Requester(
            account="acct_bench",
            actor="key_bench",
            invocation_id=f"invocation-{self._requests}",
            fingerprint="bench",
            path="/v1/holds",
            idempotency_key=None,
        )


def _holds(records: Sequence[StreamRecord]) -> list[Hold]:
    return [hold_from(change_of(record).after or {}) for record in records]


def _is_resolved(record: Mapping[str, Any]) -> bool:
    """The settler's filter in the template."""
    image = record["dynamodb"].get("NewImage", {})
    return image.get("status", {}).get("S") in _ENDED and "open" in image


def _no_pause(_seconds: float) -> None:
    return None
