"""One run: a seed, a workload, faults, and after they have stopped, what must be true in the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from simulation.answers import check_answers
from simulation.ending import check_the_end
from simulation.faults import Fault
from simulation.kernel import Task
from simulation.service import START_US, Service
from simulation.shop import Shop
from simulation.streams import connect, sweep_every
from simulation.violation import Violation
from simulation.workloads import WORKLOADS

#: So long after the faults stop, or the last hold's time is over, everything must have settled.
SETTLED_WITHIN_S: Final = 300
#: Into so many parts that time is cut, to see whether they are done.
_LOOKED_FOR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Report:
    """What a run without a violation was.

    Attributes:
        seed: Its seed.
        workload: Its workload.
        digest: Equal for equal runs.
        simulated_s: Seconds of simulated time.
        calls: Calls to AWS.
        requests: Requests of callers, each sending counted.
        answers: By status, or `none`.
        holds: By status in the end, or removed.
        faults: How often each fault happened.
        looks: Strong readings that were judged.
        writes: Calls that changed something.
        trace: The last events in words, where they were to be told.
    """

    seed: int
    workload: str
    digest: str
    simulated_s: float
    calls: int
    requests: int
    answers: Counter[str] = field(default_factory=Counter)
    holds: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    looks: int = 0
    writes: int = 0
    trace: Sequence[str] = ()


def run_seed(seed: int, workload: str, *, faults: bool = True, told: bool = False) -> Report:
    """Runs a workload under a seed; the same run for the same arguments, in any process.

    Args:
        seed: Decides everything.
        workload: One of `WORKLOADS`.
        faults: Whether anything goes wrong.
        told: Whether a violation carries the last events in words. (It costs time: run again with it.)

    Raises:
        Violation: An invariant does not hold.
    """
    run = _Run(f"{workload}/{seed}", workload, faults=faults, told=told)
    try:
        with run.service.setting.limited():
            run.play()
    except Violation as violation:
        violation.trace = run.service.trace.lines
        raise
    finally:
        run.service.kernel.close()
    service = run.service
    return Report(
        seed,
        workload,
        service.trace.digest,
        (service.kernel.now_us - START_US) / 1_000_000,
        service.calls,
        sum(len(ask.answers) for ask in run.shop.asks),
        Counter(str(answer.status) if answer else "none" for ask in run.shop.asks for _, answer in ask.answers),
        Counter(record["status"] for record in service.history.folded(service.tables.holds).values())
        + Counter(removed=len(service.history.removed)),
        service.faults.happened,
        run.shop.looks,
        len(service.history.calls),
        service.trace.lines,
    )


class _Run:
    def __init__(self, seed: str, workload: str, *, faults: bool, told: bool) -> None:
        self._workload = WORKLOADS[workload]
        self.service = Service(seed, faults=faults, told=told, setting=self._workload.setting)
        self.shop = Shop(self.service)

    def play(self) -> None:
        """Plays it all."""
        service, kernel = self.service, self.service.kernel
        service.troubled = kernel.spawn("workload", self._trouble)
        connect(service)
        kernel.spawn("sweeper", lambda: sweep_every(service, self._workload.setting.sweep_every_s))
        self._run_until_ended(service.troubled)
        service.calm()
        self._run_until_ended(kernel.spawn("afterwards", self.shop.learn_the_rest))
        holds = service.history.folded(service.tables.holds).values()
        last_ms = max((hold["expires_at"] for hold in holds), default=0)
        kernel.run(until_us=max(kernel.now_us, last_ms * 1000) + SETTLED_WITHIN_S * 1_000_000)
        check_the_end(service)
        check_answers(self.shop)

    def _trouble(self) -> None:
        self._workload.play(self.shop)
        for caller in self.shop.callers:
            while not self.service.kernel.wait_for(caller, self._workload.setting.callers_done_s):
                pass

    def _run_until_ended(self, task: Task) -> None:
        kernel, seconds = self.service.kernel, self._workload.setting.callers_done_s
        last_us = kernel.now_us + round(seconds * 1_000_000)
        while not task.ended:
            if kernel.now_us >= last_us:
                raise Violation("everything_settles", f"{task.name} has not ended after {seconds} s")
            kernel.run(until_us=min(last_us, kernel.now_us + round(seconds / _LOOKED_FOR * 1_000_000)))
