"""Real code as a function: what it asks of the database next follows from the answers that it got so far.

So a run under way needs no thread to live on. Where it stands is the log of what it heard, and to let it go on is to
run it again from its beginning against that log, up to the first question that the log does not answer.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from inventory.domain.ids import digest
from inventory.pipeline.stream import StreamRecord
from inventory.protocol.core import Core
from inventory.storage.tables import Tables
from inventory.telemetry import metrics
from inventory.wiring import core_with

#: What a request that asks nothing of the database is called: a client thinks, and time may pass meanwhile.
THINK = "Think"


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """A call to the database: its operation and its arguments. Equal calls are one object."""

    operation: str
    request: Mapping[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Reply:
    """What a call was answered: an answer, or the exception that the client raised. Equal replies are one object."""

    content: Mapping[str, Any] | Exception


class Heard(NamedTuple):
    """An answer, and the time (milliseconds since 1970, true) when it came. The first one is the start itself."""

    reply: Reply | None
    now_ms: int


@dataclass(frozen=True, eq=False, slots=True)
class Ended:
    """The run is over: with a value, or an exception."""

    outcome: object


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run works with: an instance of the service, a moment to think, and the records that it was given."""

    core: Core
    think: Callable[[], None]
    records: Sequence[StreamRecord]


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """One run of some code, in a process of its own.

    Attributes:
        name: Who runs, and which time: it makes the run's UUIDs.
        work: The code.
        skew_ms: By how much its clock is ahead.
        records: The stream's records that it was given.
    """

    name: str
    work: Callable[[Stage], object]
    skew_ms: int = 0
    records: Sequence[StreamRecord] = ()


@dataclass(eq=False, slots=True)
class Position:
    """Where a run stands: what it heard, and so what it asks now, or how it ended. Equal positions are one object."""

    run: Run
    heard: tuple[Heard, ...]
    waits_for: Call | Ended
    before: "Position | None" = None
    after: dict[Heard, "Position"] = field(default_factory=dict)


class Replays:
    """Runs code against logs.

    Args:
        tables: The tables' names.
        intern_call: Gives the one object for equal calls.
    """

    def __init__(self, tables: Tables, intern_call: Callable[[str, Mapping[str, Any]], Call]) -> None:
        self._tables = tables
        self._intern_call = intern_call
        self._started: dict[tuple[Run, int], Position] = {}
        self.count = 0

    def start(self, run: Run, now_ms: int) -> Position:
        """The run's first question."""
        started = self._started.get((run, now_ms))
        if started is None:
            started = self._position(run, (Heard(None, now_ms),))
            self._started[run, now_ms] = started
        return started

    def resume(self, position: Position, heard: Heard) -> Position:
        """The next question, after this answer to the one that the run waits for."""
        following = position.after.get(heard)
        if following is None:
            following = self._position(position.run, (*position.heard, heard), position)
            position.after[heard] = following
        return following

    def _position(self, run: Run, heard: tuple[Heard, ...], before: Position | None = None) -> Position:
        self.count += 1
        log = _Log(heard)
        try:
            outcome = run.work(Stage(self._instance(run, log), log.think, run.records))
        except _Asks as asks:
            return Position(run, heard, self._intern_call(asks.operation, asks.request), before)
        except Exception as failure:  # noqa: BLE001 - how a run ends is for others to judge
            outcome = failure
        finally:
            metrics.clear_metrics()
        return Position(run, heard, Ended(outcome), before)

    def _instance(self, run: Run, log: "_Log") -> Core:
        """An instance of the service that has already measured its clock, and knows nothing else."""
        made = 0

        def new_uuid() -> uuid.UUID:
            nonlocal made
            made += 1
            return uuid.UUID(bytes=digest(run.name, str(made))[:16], version=4)

        core = core_with(
            log,
            self._tables,
            open_slices=1,
            report=lambda _name, _value: None,
            now=lambda: log.now_ms + run.skew_ms,
            uptime=lambda: log.now_ms,
            pause=lambda _seconds: None,
            new_uuid=new_uuid,
        )
        core.clock.observe(log.now_ms + run.skew_ms, log.now_ms // 1000, log.now_ms + run.skew_ms)
        return core


class _Asks(BaseException):
    """The log has no answer to this: the code stops here. Nothing in it catches this, as nothing survives a kill."""

    def __init__(self, operation: str, request: Mapping[str, Any]) -> None:
        super().__init__(operation)
        self.operation = operation
        self.request = request


class _Log:
    """A client that answers from a log."""

    def __init__(self, heard: Sequence[Heard]) -> None:
        self._left = iter(heard[1:])
        self.now_ms = heard[0].now_ms

    def think(self) -> None:
        """Asks for nothing but the time to think."""
        self._answer(THINK, {})

    def get_item(self, **request: object) -> Any:
        return self._answer("GetItem", request)

    def batch_get_item(self, **request: object) -> Any:
        return self._answer("BatchGetItem", request)

    def query(self, **request: object) -> Any:
        return self._answer("Query", request)

    def put_item(self, **request: object) -> Any:
        return self._answer("PutItem", request)

    def update_item(self, **request: object) -> Any:
        return self._answer("UpdateItem", request)

    def transact_write_items(self, **request: object) -> Any:
        return self._answer("TransactWriteItems", request)

    def _answer(self, operation: str, request: Mapping[str, Any]) -> Any:
        heard = next(self._left, None)
        if heard is None or heard.reply is None:
            raise _Asks(operation, request)
        self.now_ms = heard.now_ms
        if isinstance(heard.reply.content, Exception):
            raise heard.reply.content.with_traceback(None)
        return heard.reply.content
