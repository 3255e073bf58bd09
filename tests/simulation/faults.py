"""What goes wrong, how often, and how often it did."""

import random
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Fault(StrEnum):
    """A kind of fault. Each must happen in any run of many seeds, or the simulation proves less than it says."""

    THROTTLED = "throttled"
    CONFLICT = "transaction conflict"
    IN_DOUBT = "transaction in progress"
    UNREACHABLE = "time-out before the effect"
    LOST = "time-out after the effect"
    LATE = "effect long after the time-out"
    UNREAD = "keys left unprocessed"
    STALE = "stale read"
    TORN = "batch read at two instants"
    KILLED = "function killed"
    CLOCK_OFF = "clock off by up to 4 s"
    CLOCK_JUMPED = "clock jumped"
    REPLY_LOST = "reply lost"
    ASKED_AGAIN = "asked again under the same key"
    ASKED_ANEW = "asked again without a key"
    BATCH_TWICE = "stream batch twice"
    BATCH_SPLIT = "stream batch split"
    BATCH_LATE = "stream batch late"
    CONSUMER_DOWN = "consumer down for an hour"
    SWEEPER_STOPPED = "sweeper stopped"
    STREAM_FULL = "collecting stream full"
    STREAM_UNREACHABLE = "collecting stream unreachable"
    STREAM_LOST = "passed on, answer lost"
    PASSED_ON_GONE = "passed on and never seen again"
    OBJECT_REFUSED = "object refused"
    OBJECT_LOST = "object written, answer lost"
    EVENT_REFUSED = "event refused"
    EVENT_LOST = "event bus unreachable"
    CONFLICT_TOO = "transaction cancelled for a conflict, too"
    BATCH_MERGED = "stream batch again, with what follows"


#: The share of the occasions at which each happens: calls, invocations, batches, runs.
RATES: Final[Mapping[Fault, float]] = MappingProxyType(
    {
        Fault.THROTTLED: 0.01,
        Fault.CONFLICT: 0.03,
        Fault.IN_DOUBT: 0.005,
        Fault.UNREACHABLE: 0.005,
        Fault.LOST: 0.01,
        Fault.LATE: 0.005,
        Fault.UNREAD: 0.01,
        Fault.STALE: 0.2,
        Fault.TORN: 0.3,
        Fault.KILLED: 0.004,
        Fault.CLOCK_OFF: 0.3,
        Fault.CLOCK_JUMPED: 0.001,
        Fault.REPLY_LOST: 0.03,
        Fault.ASKED_AGAIN: 0.05,
        Fault.ASKED_ANEW: 0.3,
        Fault.BATCH_TWICE: 0.1,
        Fault.BATCH_SPLIT: 0.3,
        Fault.BATCH_LATE: 0.1,
        Fault.CONSUMER_DOWN: 0.01,
        Fault.SWEEPER_STOPPED: 0.1,
        Fault.STREAM_FULL: 0.1,
        Fault.STREAM_UNREACHABLE: 0.05,
        Fault.STREAM_LOST: 0.05,
        Fault.PASSED_ON_GONE: 0.03,
        Fault.OBJECT_REFUSED: 0.05,
        Fault.OBJECT_LOST: 0.05,
        Fault.EVENT_REFUSED: 0.2,
        Fault.EVENT_LOST: 0.2,
        Fault.CONFLICT_TOO: 0.1,
        Fault.BATCH_MERGED: 0.05,
    }
)
_MOODS: Final = (0, 0.3, 1, 1, 4)


class Faults:
    """Decides when something goes wrong.

    Each run has moods of its own: some kinds of fault do not happen in it, others more often than usual. What only
    shows when one thing goes wrong again and again, or just one thing, is found too.

    Args:
        rng: Decides.
        off: Whether nothing is to go wrong.
        rates: How often each kind happens; None: as `RATES` says, each as its mood is.

    Attributes:
        happened: How often each kind did.
        calm: Whether the faults have stopped.
    """

    def __init__(self, rng: random.Random, *, off: bool = False, rates: Mapping[Fault, float] | None = None) -> None:
        self._rng = rng
        moods = {fault: min(0.9, rate * rng.choice(_MOODS)) for fault, rate in RATES.items()}
        self._rates = moods if rates is None else {fault: rates.get(fault, 0.0) for fault in Fault}
        self.happened: Counter[Fault] = Counter()
        self.calm = off

    def happens(self, fault: Fault) -> bool:
        """Whether it happens here and now."""
        if self.calm or self._rng.random() >= self._rates[fault]:
            return False
        self.happened[fault] += 1
        return True

    def stop(self) -> None:
        """Nothing goes wrong any more."""
        self.calm = True
