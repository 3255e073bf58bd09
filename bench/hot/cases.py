"""One run of the model each: which design, what stock, how many buyers; and what came of it. Runs go in processes."""

import bisect
import gc
import itertools
import math
import os
import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from bench.hot.alternatives import Alternative, NestedHolds, OneCounter, StaticShards
from bench.hot.dynamodb import Warmth
from bench.hot.published import KEPT_USUALLY_MS, KINESIS_SHARDS_AT_FIRST, TABLE_WRITE_UNITS_QUOTA
from bench.hot.rush import Rush, percentile
from bench.hot.service import OPEN_SLICES, WAREHOUSE, Service, Setup

from inventory.domain.limits import SHARDS_MAX

PLENTY = 10_000_000
HOT = "hot"
_PROCESSES = 2
_SALES_PER_SHARD = 10
#: A stream that grew with its tables: a sale takes 5 write units of Holds, and one record at most.
_WRITE_UNITS_PER_COLLECTING_SHARD = 4_000

DESIGNS: Mapping[str, Callable[[Setup], Service | Alternative]] = {
    "this design": Service,
    "one counter": OneCounter,
    "static shards": StaticShards,
    "nested holds": NestedHolds,
}


@dataclass(frozen=True)
class Case:
    """A run.

    Attributes:
        rate: Buyers a second.
        shards: Shards of the hot item; of every item where there are several.
        design: One of `DESIGNS`.
        items: How many items the buyers want: one, or several alike.
        zipf: Whether the items are wanted by Zipf's law instead, the first most.
        kept_ms: How long a transaction keeps its items.
        units: Units there are of each item.
        ramp_s: Seconds until the full rate comes.
        warm_s: Seconds before the measuring begins.
        seconds: Seconds measured.
        write_units: Warm throughput of the tables, write units a second.
        heated: Whether hot keys have been isolated by sustained traffic.
        rebalances: Whether this design splits hot items by itself.
        seed: Decides on who comes when, and all else that is random.
    """

    rate: float
    shards: int = 1
    design: str = "this design"
    items: int = 1
    zipf: bool = False
    kept_ms: float = KEPT_USUALLY_MS
    units: int = PLENTY
    ramp_s: float = 0.0
    warm_s: float = 1.5
    seconds: float = 2.0
    write_units: int = TABLE_WRITE_UNITS_QUOTA
    heated: bool = True
    rebalances: bool = False
    seed: int = 1


@dataclass(frozen=True)
class Result:
    """What came of a run. Rates are a second, times milliseconds; counts of refusals are of the whole run.

    `came` and `served` are by second: how many buyers came, and how many of those got their hold. `splits` are when a
    hot item was split by itself, seconds since the start, and into how many shards.
    """

    offered: float
    placed: float
    sales: float
    settled: float
    p50_ms: float
    p99_ms: float
    failed: float
    calls_per_sale: float
    sold: int
    refusals: int
    writes_per_refusal: float
    late_refusals: int
    writes_per_late_refusal: float
    reads_per_refusal: float
    oversells: int
    false_refusals: int
    broken: tuple[str, ...]
    peak_writes: float
    peak_reads: float
    lag_p50_ms: float
    lag_p99_ms: float
    came: tuple[int, ...] = ()
    served: tuple[int, ...] = ()
    splits: tuple[tuple[float, int], ...] = ()


def measured(cases: Iterable[Case]) -> dict[Case, Result]:
    """Runs each case once, two at a time."""
    todo = sorted(set(cases), key=lambda case: -case.rate * (case.warm_s + case.seconds))
    with ProcessPoolExecutor(_PROCESSES) as pool:
        return dict(zip(todo, pool.map(run, todo), strict=True))


def run(case: Case) -> Result:
    """Runs a case to its end, and lets everything be accounted for."""
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    gc.disable()  # a run makes millions of records and no cycles worth mention, and ends with its process
    names = [HOT, *(f"item-{number}" for number in range(1, case.items))]
    service = DESIGNS[case.design](
        Setup(
            dict.fromkeys(names, (case.units, case.shards)),
            kept_ms=case.kept_ms,
            warmth=_warmth(case, names),
            stream_partitions=case.write_units // 1000,
            collecting_shards=max(KINESIS_SHARDS_AT_FIRST, case.write_units // _WRITE_UNITS_PER_COLLECTING_SHARD),
            rebalances=case.rebalances,
            seed=case.seed,
        )
    )
    draw = partial(_rate, case), _picker(case, names)
    rush = Rush(service, *draw, warm_s=case.warm_s, seconds=case.seconds, seed=case.seed)
    outcome = rush.run()
    service.finish()
    buckets = [partition for each in service.busy.partitions.values() for partition in each.all]
    came = outcome.came
    return Result(
        offered=outcome.offered,
        placed=outcome.placed,
        sales=outcome.sales,
        settled=outcome.settled,
        p50_ms=outcome.place_ms(0.5),
        p99_ms=outcome.place_ms(0.99),
        failed=sum(outcome.failed.values()) / max(1.0, outcome.offered * case.seconds),
        calls_per_sale=outcome.calls / max(1, outcome.sold),
        sold=outcome.sold,
        refusals=outcome.refusals,
        writes_per_refusal=outcome.refusing.write_units / max(1, outcome.refusals),
        late_refusals=outcome.late_refusals,
        writes_per_late_refusal=outcome.late_writes / max(1, outcome.late_refusals),
        reads_per_refusal=outcome.refusing.read_units / max(1, outcome.refusals),
        oversells=service.judge.oversells,
        false_refusals=service.judge.false_refusals,
        broken=tuple(service.judge.broken()) if case.design == "this design" else (),
        peak_writes=max(partition.writes.peak for partition in buckets),
        peak_reads=max(partition.reads.peak for partition in buckets),
        lag_p50_ms=percentile(outcome.lags_ms, 0.5),
        lag_p99_ms=percentile(outcome.lags_ms, 0.99),
        came=tuple(came[second] for second in range(max(came) + 1)),
        served=tuple(outcome.served[second] for second in range(max(came) + 1)),
        splits=tuple((at_us / 1e6, shards) for at_us, shards in getattr(service, "splits", ())),
    )


def zipf_shares(items: int) -> list[float]:
    """The part of all buyers that wants each item, the first most: 1, 1/2, 1/3 …, in proportion."""
    whole = sum(1 / rank for rank in range(1, items + 1))
    return [1 / rank / whole for rank in range(1, items + 1)]


def _shards(case: Case) -> list[int]:
    """The shards of each item: as asked for, or with Zipf's law for this design as many as its rate calls for."""
    if not case.zipf or case.design != "this design":
        return [case.shards] * case.items
    needed = (math.ceil(case.rate * share / _SALES_PER_SHARD) for share in zipf_shares(case.items))
    return [min(SHARDS_MAX, 1 << (least - 1).bit_length()) for least in needed]


def _rate(case: Case, second: float) -> float:
    return case.rate * min(1.0, second / case.ramp_s) if case.ramp_s else case.rate


def _picker(case: Case, names: list[str]) -> Callable[[random.Random], str]:
    if not case.zipf:
        return lambda draw: names[draw.randrange(len(names))]
    reached = list(itertools.accumulate(zipf_shares(len(names))))
    return lambda draw: names[min(len(names) - 1, bisect.bisect(reached, draw.random()))]


def _warmth(case: Case, names: list[str]) -> Warmth:
    if not case.heated:
        return Warmth(rest=case.write_units)
    shards = {
        "this design": [
            f"{name}#{WAREHOUSE}#{number}"
            for name, shards in zip(names, _shards(case), strict=True)
            for number in range(shards)
        ],
        "static shards": [f"{name}#{number}" for name in names for number in range(case.shards)],
    }
    hot = shards.get(case.design, names)
    return Warmth(
        rest=case.write_units,
        isolated={"StockTable": hot, "open_holds": [str(number) for number in range(OPEN_SLICES)]},
    )
