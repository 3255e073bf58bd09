"""The service as it runs: instances of its functions, each with a clock and a memory of its own, over one database."""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from inventory.adapters.announcements import EventBus, counting_losses
from inventory.api import adjustments, holds, stock
from inventory.api.application import Application
from inventory.domain.errors import InsufficientStock
from inventory.domain.events import Source
from inventory.storage.codec import Record, decode, encode
from inventory.storage.tables import Tables
from inventory.wiring import core_with
from simulated_dynamodb import Replica, SimulatedDynamoDB
from simulation.bus import Bus
from simulation.claims import Claims
from simulation.faults import Fault, Faults
from simulation.kernel import Kernel, Killed, Task
from simulation.line import Line
from simulation.linear import Timeline
from simulation.removal import TimeToLive
from simulation.setting import Setting
from simulation.trace import Trace
from simulation.violation import Violation
from support import invariants
from support.gateway import Answer, Gateway
from support.history import History
from support.kinesis import CollectedHolds
from support.template import table_definitions

if TYPE_CHECKING:
    from simulation.streams import Mapping as Mailbox

T = TypeVar("T")
USUAL: Final = Setting()

START_US: Final = 1_800_000_000_000_000
OPEN_SLICES: Final = 2
STREAM_SHARDS: Final = 2
#: Seconds after which Lambda ends an invocation.
TIMEOUTS_S: Final = {"api": 10, "settler": 60, "collector": 60, "projector": 60, "sweeper": 120, "archiver": 60}
CLOCK_OFF_MAX_MS: Final = 4_000
#: From how far off a clock is found out whatever the database's whole seconds hide; beside the time that a call takes.
CLOCK_FOUND_OUT_MS: Final = 3_000
API: Final = {"holds": holds.OPERATIONS, "adjustments": adjustments.OPERATIONS, "stock": stock.OPERATIONS}
#: An idle instance lives for some time, not for ever.
_REPLACED_AFTER_S: Final = 900


class Service:
    """Tables, bucket and everything around them that one run shares.

    Args:
        seed: Decides everything.
        faults: Whether anything goes wrong.
        told: Whether the trace is kept in words.
        setting: The circumstances.

    Attributes:
        rng: The only source of chance.
        number: The seed without the workload's name.
        replica: What eventually consistent reads may see: the tables some time ago.
        calls: Calls to AWS that had an effect or an answer.
        timeline: What each item's stock was, and when.
        objects: What the archiver wrote, by name.
        collected: The stream between settler and collector.
        came_late: The holds and adjustments that were written long after whoever wrote them had given that up.
        troubled: A task that lasts until the faults stop.
        busy: Records that another keeps now, by key: who wants to write them meets a "conflict", or is "throttled".
        kept: Until when transactions keep records, by key.
        slowness: How many times longer than usual calls take.
        steady: Whether all calls take the same time.
        stopped: Consumers of streams that do not run now.
        mailboxes: The mappings of each consumer.
        claims: Who looks after which stock.
        aside: What consumers set aside: who, the record's key, and why.
        swept_us: When the last run of the sweeper began that is over.
        misses: How often each instance's transactions were cancelled.
        placings: How often each tried to place the hold that it was asked for last.
    """

    def __init__(self, seed: str, *, faults: bool = True, told: bool = False, setting: Setting = USUAL) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.setting = setting
        self.number = int(seed.rpartition("/")[2])
        self.kernel = Kernel(START_US)
        self.faults = Faults(self.rng, off=not faults, rates=setting.rates)
        self.trace = Trace(lambda: self.kernel.now_us, told=told)
        definitions = table_definitions()
        self.database = SimulatedDynamoDB(
            definitions.values(), now=lambda: self.kernel.now_us / 1_000_000, stream_shards=STREAM_SHARDS
        )
        self.replica = Replica(self.database, lambda: self.kernel.now_us / 1_000_000)
        self.tables = Tables(
            stock=definitions["STOCK_TABLE"]["TableName"],
            holds=definitions["HOLDS_TABLE"]["TableName"],
            adjustments=definitions["ADJUSTMENTS_TABLE"]["TableName"],
            requests=definitions["REQUESTS_TABLE"]["TableName"],
            availability=definitions["AVAILABILITY_TABLE"]["TableName"],
        )
        self.sources = {
            self.tables.stock: Source.STOCK,
            self.tables.holds: Source.HOLDS,
            self.tables.adjustments: Source.ADJUSTMENTS,
        }
        self.history = History(self.database, self.tables, lambda: self.kernel.now_us // 1000)
        self.database.after_call = self._judge
        self.database.unprocessed = lambda _table, _key: self.faults.happens(Fault.UNREAD)
        self.timeline = Timeline()
        self.counted: Counter[str] = Counter()
        self.objects: dict[str, bytes] = {}
        self.collected = CollectedHolds(STREAM_SHARDS)
        self.calls = 0
        self.came_late: set[str] = set()
        self.troubled: Task
        self.busy: dict[str, str] = {}
        self.kept: dict[str, int] = {}
        self.slowness = 1.0
        self.steady = False
        self.stopped: set[str] = set()
        self.mailboxes: dict[str, list[Mailbox]] = {}
        self.claims = Claims(self.kernel, setting.thresholds)
        self.aside: list[tuple[str, str, str]] = []
        self.misses: Counter[str] = Counter()
        self.swept_us = 0
        self.placings: Counter[str] = Counter()
        self.instances: list[Instance] = []
        self._ttl = TimeToLive(self, seed)
        self._idle: dict[str, list[Api]] = {function: [] for function in API}
        self._requests = 0

    def new_uuid(self) -> uuid.UUID:
        """A random UUID, the same in every run of the seed."""
        return uuid.UUID(int=self.rng.getrandbits(128), version=4)

    def invoke(self, function: str, ask: Callable[[Gateway], Answer], *, patience_s: float) -> Answer | None:
        """Has an instance of an API function answer, and waits for it as long as the caller's patience lasts.

        Returns:
            The answer; None where the caller gave up, the function was killed, or the reply was lost.
        """
        idle = self._idle[function]
        instance = idle.pop(self.rng.randrange(len(idle))) if idle else Api(self, function)
        task = instance.answer(ask)
        if not self.kernel.wait_for(task, patience_s) or self.faults.happens(Fault.REPLY_LOST):
            return None
        return instance.answered

    def release(self, instance: "Api") -> None:
        """An instance that has answered waits for the next request, unless it is old: Lambda replaces it some time.

        Else one whose clock is off could be the only one that ever answers, and refuse for ever.
        """
        if self.kernel.now_us - instance.born_us < _REPLACED_AFTER_S * 1_000_000:
            self._idle[instance.function].append(instance)

    def next_request(self) -> int:
        """A number for a request, which no other has."""
        self._requests += 1
        return self._requests

    def calm(self) -> None:
        """The faults stop, and the clocks are set right."""
        self.faults.stop()
        self.busy.clear()
        self.stopped.clear()
        self.slowness = 1.0
        for instance in self.instances:
            instance.skew_ms = max(-1_500, min(1_500, instance.skew_ms))

    def judged(self, invariant: Callable[..., None], *arguments: object) -> None:
        """Judges by an invariant.

        Raises:
            Violation: It does not hold.
        """
        try:
            invariant(*arguments)
        except AssertionError as broken:
            name = getattr(invariant, "__name__", "linearizable")
            raise Violation(name, str(broken)) from broken

    def poison(self, table: str, record: Record) -> None:
        """A record of which the service knows nothing: no history tells of it."""
        key = str(record[self.database.table(table).primary.hash_name])
        self.history.foreign.add(key)
        self.database.client.put_item(TableName=table, Item=encode(record))

    def set_aside(self, record: Mapping[str, Any], why: str) -> None:
        """Only what somebody else wrote is poison: whatever else is set aside is a defect."""
        [key] = decode(record["dynamodb"]["Keys"]).values()
        if key not in self.history.foreign and key not in self.history.foreign_news:
            raise Violation("everything_settles", f"set aside: {why}: {record}")
        task = self.kernel.current
        self.aside.append((task.name if task else "", key, why))

    def _judge(self, operation: str, request: Mapping[str, Any], _answer: object) -> None:
        call = self.history.close_call(operation, request)
        if call is not None:
            for invariant in invariants.EVERY_CALL:
                self.judged(invariant, self.history, call)
            self.claims.sold(call)
            self.timeline.note(self.kernel.now_us, self.history, call)


@dataclass
class Instance:
    """One running copy of a function. It does one thing at a time.

    Attributes:
        function: Which function.
        timeout_s: After so many seconds Lambda ends it.
        skew_ms: How far its clock is ahead.
    """

    service: Service
    function: str
    timeout_s: float
    skew_ms: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        service = self.service
        service.instances.append(self)
        self.name = f"{self.function}-{len(service.instances)}"
        self.born_us = service.kernel.now_us
        self._until_us = 0
        self._found_out = False
        self._compared = False
        self.due_us: int | None = None
        self.late_calls = 0
        if service.faults.happens(Fault.CLOCK_OFF):
            self.skew_ms = self._some_skew_ms()
        core = core_with(
            Line(service, self),
            service.tables,
            open_slices=OPEN_SLICES,
            report=self._report,
            now=self.now_ms,
            uptime=lambda: service.kernel.now_us // 1000,
            pause=self.pause,
            new_uuid=service.new_uuid,
        )
        announce = counting_losses(EventBus(Bus(service, self), "bus"))
        self.core = replace(core, thresholds=service.setting.thresholds, announce=announce)

    def now_ms(self) -> int:
        """The time by this instance's clock."""
        return self.service.kernel.now_us // 1000 + self.skew_ms

    def begin(self) -> None:
        """An invocation begins: it has its time."""
        self._until_us = self.service.kernel.now_us + round(self.timeout_s * 1_000_000)
        self.due_us = None
        self.late_calls = 0
        self.service.claims.begin(self.name)
        self.service.placings[self.name] = 0

    def pause(self, seconds: float) -> None:
        """Waits, while others go on.

        Raises:
            Killed: The invocation's time is over.
        """
        kernel = self.service.kernel
        kernel.wait(seconds)
        if self.service.faults.happens(Fault.CLOCK_JUMPED):
            self.skew_ms = self._some_skew_ms()
            self.service.trace.note(self.name, f"clock jumps to {self.skew_ms} ms")
        if kernel.now_us > self._until_us:
            self.service.trace.note(self.name, "out of time")
            raise Killed

    def timed(self, call: Callable[[], T]) -> T:
        """Makes a call, and notes whether its answer shows beyond doubt that this instance's clock is off."""
        before_ms, sent_us = self.skew_ms, self.service.kernel.now_us
        try:
            answer = call()
        except ClientError as error:
            if "date" in error.response["ResponseMetadata"]["HTTPHeaders"]:
                self._look_at_clock(before_ms, sent_us)
            raise
        self._look_at_clock(before_ms, sent_us)
        return answer

    def note_call(self) -> None:
        """A call is begun: perhaps when the run should be over."""
        if self.due_us is not None and self.service.kernel.now_us > self.due_us:
            self.late_calls += 1

    def check_in_time(self) -> None:
        """A background run has ended.

        Raises:
            Violation: It has gone on for long after its time was up.
        """
        setting, now_us = self.service.setting, self.service.kernel.now_us
        if self.due_us is not None and now_us > self.due_us:
            late_s = (now_us - self.due_us) / 1_000_000
            if self.late_calls > setting.late_calls or late_s > setting.late_s:
                what = f"{self.name} made {self.late_calls} calls, and ended {late_s:.1f} s, after its time was up"
                raise Violation("everything_settles", what)

    def _look_at_clock(self, before_ms: int, sent_us: int) -> None:
        self._compared = True
        taken_ms = (self.service.kernel.now_us - sent_us) // 1000 + 1
        least_ms = CLOCK_FOUND_OUT_MS + taken_ms
        self._found_out = min(before_ms, self.skew_ms) > least_ms or max(before_ms, self.skew_ms) < -least_ms

    def check_clock(self) -> None:
        """A write is to be sent.

        Raises:
            Violation: This instance's clock was just shown to be off, so it should have refused; or never looked at.
        """
        if not self._compared:
            raise Violation("expiry_exact", f"{self.name} writes, and has not looked at its clock yet")
        if self._found_out:
            raise Violation("expiry_exact", f"{self.name} writes, though its clock is {self.skew_ms} ms off")

    def _some_skew_ms(self) -> int:
        rng = self.service.rng
        return rng.choice((rng.randint(-2_000, 2_000), rng.randint(-CLOCK_OFF_MAX_MS, CLOCK_OFF_MAX_MS)))

    def _report(self, name: str, value: int) -> None:
        self.service.counted[name] += value


class Api(Instance):
    """An instance of a function behind the gateway.

    Attributes:
        answered: Its last answer, or None where it gave none.
    """

    def __init__(self, service: Service, function: str) -> None:
        super().__init__(service, function, TIMEOUTS_S["api"])
        self.answered: Answer | None = None
        self._gateway = Gateway(Application(API[function], self.core, docs_url=""))

    def answer(self, ask: Callable[[Gateway], Answer]) -> Task:
        """Starts to answer a request."""
        self.answered = None
        return self.service.kernel.spawn(self.name, lambda: self._serve(ask))

    def _serve(self, ask: Callable[[Gateway], Answer]) -> None:
        self.begin()
        try:
            self._gateway.requests = self.service.next_request()
            answer = ask(self._gateway)
        except Killed:
            return  # and never serves again
        self._check(answer)
        self.service.trace.note(self.name, f"answers {answer.status}", lambda: answer.body)
        self.answered = answer
        self.service.release(self)

    def _check(self, answer: Answer) -> None:
        if answer.status >= 500 and answer.code == "internal":
            raise Violation("no_defect", f"{self.name} answered {answer.body}")
        if answer.status == 402:
            error = answer.error
            refusal = InsufficientStock(error["item"], error["warehouse"], error["wanted"], error["available"])
            answered_ms = self.service.kernel.now_us // 1000
            self.service.judged(invariants.never_falsely_refused, self.service.history, refusal, answered_ms)
