"""Under which circumstances a workload plays: how often things go wrong, how long runs may take, how slow calls are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Final

from inventory.domain.heat import Thresholds
from simulation.faults import Fault

#: Of a background function's time, how much is spent before it stops; as the functions have it.
RUNS_S: Final[Mapping[str, float]] = MappingProxyType({"settler": 50.0, "collector": 50.0, "sweeper": 110.0})
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
        limits: Limits of the service that are other ones here, by module and name: what takes thousands, takes few.
        unfailing: Functions that must not fail, whatever happens.
        callers_done_s: So long callers may take for all that they want.
        settled_within_s: So long after its end a hold must be settled; None: in the end.
    """

    sweep_every_s: float = 60.0
    rates: Mapping[Fault, float] | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    runs_s: Mapping[str, float] = field(default_factory=lambda: RUNS_S)
    kept_s: float = 0.0
    late_calls: int = 60
    late_s: float = 45.0
    limits: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    unfailing: frozenset[str] = frozenset()
    callers_done_s: float = 3_600.0

    @contextmanager
    def limited(self) -> Iterator[None]:
        """The limits are other ones meanwhile."""
        places = {
            name: (import_module(f"inventory.{name.rpartition('.')[0]}"), name.rpartition(".")[2])
            for name in self.limits
        }
        usual = {name: getattr(*place) for name, place in places.items()}
        try:
            for name, (module, limit) in places.items():
                setattr(module, limit, self.limits[name])
            yield
        finally:
            for name, (module, limit) in places.items():
                setattr(module, limit, usual[name])

    settled_within_s: float | None = None
