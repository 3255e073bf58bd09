"""Under which circumstances a workload plays: how often things go wrong, how long runs may take, how slow calls are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from inventory.domain.heat import Thresholds
from simulation.faults import Fault

#: Of a background function's time, how much is spent before it stops; as the functions have it.
RUNS_S: Final[Mapping[str, float]] = MappingProxyType({"settler": 50.0, "sweeper": 110.0})
NOTHING: Final[Mapping[Fault, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Setting:
    """The circumstances.

    Attributes:
        sweep_every_s: How often the sweeper runs.
        rates: How often each fault happens, without moods; None: as `RATES` says, with moods.
        thresholds: When items are split and merged by themselves.
        runs_s: After how long the settler and the sweeper stop.
        kept_s: For how long a transaction keeps its records from others, so that they meet conflicts.
        late_calls: So many calls may be begun by a background run whose time is up.
        late_s: So long a background run may last when its time is up.
        unfailing: Functions that must not fail, whatever happens.
        settled_within_s: So long after its end a hold must be settled; None: in the end.
    """

    sweep_every_s: float = 60.0
    rates: Mapping[Fault, float] | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    runs_s: Mapping[str, float] = field(default_factory=lambda: RUNS_S)
    kept_s: float = 0.0
    late_calls: int = 60
    late_s: float = 45.0
    unfailing: frozenset[str] = frozenset()
    settled_within_s: float | None = None
