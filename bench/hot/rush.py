"""Buyers who come as they like (open loop, Poisson), and what they met."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.hot.dynamodb import BusyDynamoDB, Spent
from bench.hot.functions import TooManyRequests
from bench.hot.judge import Judge
from bench.hot.service import START_US

from inventory.domain.errors import Conflict, InsufficientStock, Overloaded
from simulation.kernel import Kernel

_THINKS_S = 0.3


class Shop(Protocol):
    """What buyers buy from."""

    kernel: Kernel
    busy: BusyDynamoDB
    judge: Judge
    settled: int
    lags_ms: list[int]

    def place(self, item: str) -> Any:
        """Holds one unit."""

    def execute(self, hold: Any) -> None:
        """Takes it."""


@dataclass
class Outcome:
    """What a run showed. Rates are over the measured seconds, those after the warm-up.

    Attributes:
        offered: Buyers who came, a second.
        placed: Holds placed, a second.
        executed: Holds executed, a second.
        settled: Holds settled, a second.
        latencies_ms: Of each place that was made.
        failed: Buyers who got no answer but "try again", by what it was.
        calls: Calls to DynamoDB of all places that were made.
        refusals: Buyers who were refused for lack of stock.
        refusing: What those refusals spent.
        late_refusals: Those of them who came when the last unit was gone.
        late_writes: Write units that those cost.
        timeline: By second since the start: how many came, and how many of those got their hold.
    """

    seconds: float
    offered: float = 0
    placed: float = 0
    executed: float = 0
    settled: float = 0
    latencies_ms: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    sold: int = 0
    calls: int = 0
    refusals: int = 0
    refusing: Spent = field(default_factory=Spent)
    late_refusals: int = 0
    late_writes: float = 0.0
    came: Counter[int] = field(default_factory=Counter)
    served: Counter[int] = field(default_factory=Counter)
    lags_ms: list[int] = field(default_factory=list)

    @property
    def sales(self) -> float:
        """Sales a second: what passed the narrowest of the three steps."""
        return min(self.placed, self.executed, self.settled)

    def place_ms(self, part: float) -> float:
        """How long that part of the places took at most."""
        return percentile(self.latencies_ms, part)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of all does not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


class Rush:
    """Buyers of a service.

    Args:
        service: What they buy from.
        per_second: How many come, by the seconds since the start.
        pick: Which item one of them wants.
        warm_s: Seconds before the measuring begins.
        seconds: How many are measured.
    """

    def __init__(
        self,
        service: Shop,
        per_second: Callable[[float], float],
        pick: Callable[[random.Random], str],
        *,
        warm_s: float,
        seconds: float,
        seed: int = 1,
    ) -> None:
        self._service = service
        self._kernel = service.kernel
        self._per_second = per_second
        self._pick = pick
        self._from_us = START_US + round(warm_s * 1e6)
        self._until_us = self._from_us + round(seconds * 1e6)
        self._draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.outcome = Outcome(seconds)

    def run(self) -> Outcome:
        """Lets them come, and sees what becomes of them."""
        outcome, service = self.outcome, self._service
        self._kernel.spawn("arrivals", self._arrive)
        self._kernel.run(until_us=self._from_us)
        before = service.settled
        self._kernel.run(until_us=self._until_us)
        for rate in ("offered", "placed", "executed"):
            setattr(outcome, rate, getattr(outcome, rate) / outcome.seconds)
        outcome.settled = (service.settled - before) / outcome.seconds
        outcome.lags_ms = list(service.lags_ms)
        return outcome

    def _arrive(self) -> None:
        while self._kernel.now_us < self._until_us:
            rate = self._per_second((self._kernel.now_us - START_US) / 1e6)
            self._kernel.wait(self._draw.expovariate(max(rate, 1.0)))
            item = self._pick(self._draw)
            self._kernel.spawn("buyer", lambda item=item: self._buy(item))  # type: ignore[misc]

    def _measuring(self) -> bool:
        return self._from_us <= self._kernel.now_us < self._until_us

    def _buy(self, item: str) -> None:
        outcome, came_us = self.outcome, self._kernel.now_us
        second, counts = (came_us - START_US) // 1_000_000, self._measuring()
        outcome.came[second] += 1
        outcome.offered += counts
        late = self._service.judge.available(item) == 0
        spent = self._service.busy.spending[self._kernel.current] = Spent()
        try:
            hold = self._service.place(item)
        except InsufficientStock as refusal:
            self._service.judge.refused(refusal)
            self._count_refusal(spent, late=late)
            return
        except (Conflict, Overloaded, TooManyRequests) as failure:
            outcome.failed[type(failure).__name__] += counts
            return
        finally:
            del self._service.busy.spending[self._kernel.current]
        outcome.served[second] += 1
        outcome.sold += 1
        outcome.calls += spent.calls
        if counts:
            outcome.latencies_ms.append((self._kernel.now_us - came_us) / 1000)
        outcome.placed += self._measuring()
        self._kernel.wait(self._draw.expovariate(1 / _THINKS_S))
        try:
            self._service.execute(hold)
        except (Conflict, Overloaded, TooManyRequests) as failure:
            outcome.failed["execute: " + type(failure).__name__] += self._measuring()
            return
        outcome.executed += self._measuring()

    def _count_refusal(self, spent: Spent, *, late: bool) -> None:
        refusing = self.outcome.refusing
        self.outcome.refusals += 1
        self.outcome.late_refusals += late
        self.outcome.late_writes += spent.write_units * late
        refusing.calls += spent.calls
        refusing.write_units += spent.write_units
        refusing.read_units += spent.read_units
