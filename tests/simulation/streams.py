"""What AWS does behind the tables: streams to their consumers, batch by batch, and a schedule for the sweeper."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from inventory.adapters.collecting import CollectingStream
from inventory.domain.errors import InventoryError
from inventory.pipeline.archiver import archive_batch
from inventory.pipeline.collector import settle_collected
from inventory.pipeline.projector import project_batch
from inventory.pipeline.settler import settle_batch
from inventory.pipeline.sweeper import run_merges, run_sweep
from simulation.bucket import Bucket
from simulation.collecting import Collecting
from simulation.faults import Fault
from simulation.kernel import Killed
from simulation.service import STREAM_SHARDS, TIMEOUTS_S, Instance, Service
from simulation.setting import RUNS_S
from simulation.violation import Violation

StreamRecord = dict[str, Any]
Handler = Callable[[Instance, Sequence[StreamRecord]], object]

BATCH_MAX: Final = 100
_RETRY_S: Final = 1.0
_LATE_MAX_S: Final = 60.0
_DOWN_S: Final = 3_600.0
_LOOKED_FOR_S: Final = 0.2
#: A stream keeps what it tells for a day: it is not told again after that.
_KEPT_US: Final = 86_400 * 1_000_000


class Mapping:
    """One shard of a stream and one consumer of it: batches in order, each again until it is done.

    Args:
        service: The service.
        consumer: The consumer's name.
        handle: What it does with a batch.
    """

    def __init__(self, service: Service, consumer: str, handle: Handler) -> None:
        self._service = service
        self._consumer = consumer
        self._handle = handle
        self._waiting: deque[StreamRecord] = deque()
        self._done: list[tuple[int, Sequence[StreamRecord]]] = []
        self._running = False
        self._instance: Instance | None = None

    def tell(self, records: Sequence[StreamRecord]) -> None:
        """New records are in the stream."""
        self._waiting += records
        if not self._running:
            self._running = True
            service = self._service
            service.kernel.spawn(self._consumer, self._consume, after_s=service.rng.uniform(0.05, 0.4))

    def _consume(self) -> None:
        service = self._service
        while self._waiting:
            if service.faults.happens(Fault.CONSUMER_DOWN):
                service.trace.note(self._consumer, "down")
                service.kernel.wait_for(service.troubled, _DOWN_S)
            while self._consumer in service.stopped:
                service.kernel.wait(_LOOKED_FOR_S)
            if service.faults.happens(Fault.BATCH_LATE):
                service.kernel.wait_for(service.troubled, service.rng.uniform(1, _LATE_MAX_S))
            batch = self._next_batch()
            while not self._deliver(batch):
                service.kernel.wait(_RETRY_S)
            self._done.append((service.kernel.now_us, batch))
            if service.faults.happens(Fault.BATCH_TWICE):
                kept = [batch for done_us, batch in self._done[-5:] if service.kernel.now_us - done_us < _KEPT_US]
                self._deliver(service.rng.choice(kept))
            if service.faults.happens(Fault.BATCH_MERGED):  # the next batch begins where this one did
                self._waiting.extendleft(reversed(batch))
        self._running = False

    def _next_batch(self) -> list[StreamRecord]:
        limit = BATCH_MAX
        if len(self._waiting) > 1 and self._service.faults.happens(Fault.BATCH_SPLIT):
            limit = self._service.rng.randint(1, len(self._waiting) - 1)
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def _deliver(self, batch: Sequence[StreamRecord]) -> bool:
        if self._instance is None:
            self._instance = Instance(self._service, self._consumer, TIMEOUTS_S[self._consumer])
        instance = self._instance
        done = invoked(instance, lambda: self._handle(instance, batch))
        if done is None:
            self._instance = None
        return bool(done)


def invoked(instance: Instance, work: Callable[[], object]) -> bool | None:
    """Invokes a function that nobody waits for: True where it went well, False where it failed, None if it was killed.

    Raises:
        Violation: It failed by something that is no expected failure.
    """
    trace = instance.service.trace
    instance.begin()
    try:
        done = work()
        instance.check_in_time()
    except Killed:
        return None
    except (InventoryError, ClientError, BotoCoreError) as error:
        instance.check_in_time()
        trace.note(instance.name, f"fails: {type(error).__name__}")
        if instance.function in instance.service.setting.unfailing:
            raise Violation("everything_settles", f"{instance.name} failed: {error!r}") from error
        return False
    except Exception as error:
        raise Violation("no_defect", f"{instance.name} failed: {error!r}") from error
    trace.note(instance.name, "done", lambda: done)
    return True


def connect(service: Service) -> None:
    """Connects every stream with its consumers."""

    def archive(instance: Instance, batch: Sequence[StreamRecord]) -> object:
        bucket = Bucket(service, instance)
        return archive_batch(bucket, service.sources, batch, service.set_aside, instance.now_ms())  # type: ignore[arg-type]

    def collect(instance: Instance, batch: Sequence[StreamRecord]) -> object:
        return settle_collected(instance.core, batch, service.set_aside, until_ms=_until_ms(instance))

    collectors = [Mapping(service, "collector", collect) for _ in range(STREAM_SHARDS)]

    def settle(instance: Instance, batch: Sequence[StreamRecord]) -> object:
        client = Collecting(service, instance, [each.tell for each in collectors])
        return settle_batch(
            instance.core,
            batch,
            service.set_aside,
            until_ms=_until_ms(instance),
            pass_on=CollectingStream(client, "collecting", instance.core.clock.elapsed).pass_on,
        )

    consumers: dict[str, dict[str, Handler]] = {
        service.tables.holds: {
            "settler": settle,
            "archiver": archive,
        },
        service.tables.stock: {
            "projector": lambda instance, batch: project_batch(instance.core, batch, service.set_aside),
            "archiver": archive,
        },
        service.tables.adjustments: {"archiver": archive},
    }
    for table, handlers in consumers.items():
        mappings = [[Mapping(service, name, handle) for name, handle in handlers.items()] for _ in range(STREAM_SHARDS)]
        _listen(service, table, mappings)
        for name in handlers:
            service.mailboxes.setdefault(name, []).extend(of_shard[list(handlers).index(name)] for of_shard in mappings)


def _listen(service: Service, table: str, mappings: Sequence[Sequence[Mapping]]) -> None:
    stream = service.database.stream(table)
    append = stream.append

    def listening(*change: Any) -> None:
        append(*change)
        for shard, consumers in enumerate(mappings):
            if stream.pending[shard]:
                records = stream.drain(shard)
                for mapping in consumers:
                    mapping.tell(records)

    stream.append = listening  # type: ignore[method-assign, assignment]


def sweep_every(service: Service, seconds: float) -> None:
    """A task that sweeps on a schedule, for ever."""
    instance: Instance | None = None
    while True:
        if service.faults.happens(Fault.SWEEPER_STOPPED):
            service.trace.note("sweeper", "stopped")
            service.kernel.wait_for(service.troubled, service.rng.uniform(60, 600))
        if instance is None:
            instance = Instance(service, "sweeper", TIMEOUTS_S["sweeper"])
        if _sweep(instance) is None:
            instance = None
        service.kernel.wait(seconds)


def _until_ms(instance: Instance) -> int:
    """When a run of the settler or the sweeper stops, by its own clock."""
    run_s = {**RUNS_S, **instance.service.setting.runs_s}[instance.function]
    instance.due_us = instance.service.kernel.now_us + round(run_s * 1_000_000)
    return instance.now_ms() + round(run_s * 1000)


def _sweep(instance: Instance) -> bool | None:
    def sweep() -> object:
        began_us, until_ms = instance.service.kernel.now_us, _until_ms(instance)
        swept = run_sweep(instance.core, until_ms=until_ms)
        instance.service.swept_us, foreign = began_us, instance.service.history.foreign
        if {*swept.unreadable, *(hold.id for hold, _ in swept.settling.broken)} - foreign:
            raise Violation("everything_settles", f"cannot be settled: {swept.settling.broken} {swept.unreadable}")
        return swept.expired, swept.settling.settled, run_merges(instance.core, until_ms=until_ms)

    return invoked(instance, sweep)
