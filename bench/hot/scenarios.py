"""What is asked of the model, and which figures answer it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean

from bench.figures import Figure, KnownMiss, Section
from bench.hot import plots
from bench.hot.cases import DESIGNS, Case, Result
from bench.hot.postgres import NotMeasured, row_lock
from bench.hot.published import KEPT_MS, NEW_TABLE_WRITE_UNITS, PARTITION_READ_UNITS

Results = Mapping[Case, Result]
_FAILED_MAX = 0.01  # more buyers than this told to try again, and a rate is not kept up with
_KEPT_UP = 0.99
_MANY = 80_000  # write units: what a table must have been given for so many sales of one item (docs/capacity.md)


@dataclass(frozen=True)
class Scenario:
    """Some runs, the figures that come of them, and perhaps a plot."""

    cases: tuple[Case, ...]
    section: Callable[[Results], Section]
    plot: Callable[[Results, Path], None] | None = None


def best(results: Results, cases: Sequence[Case]) -> float:
    """The most sales a second among runs that kept up: hardly anybody was told to try again."""
    kept_up = [results[case].sales for case in cases if results[case].failed <= _FAILED_MAX]
    return max(kept_up, default=0.0)


def _told(result: Result) -> str:
    return (
        f"of {result.offered:,.0f}/s offered; {result.placed:,.0f}/s placed, {result.settled:,.0f}/s settled; "
        f"p99 of place {result.p99_ms:,.0f} ms; {result.failed:.2%} told to try again; "
        f"{result.calls_per_sale:.1f} calls a place; settled after {result.lag_p50_ms / 1000:.1f} s"
    )


# --- one hot item ---

_CALM_64 = Case(6_100, 64, write_units=_MANY, warm_s=3, seconds=3)
_CALM_64_BY_DEFAULT = Case(6_100, 64, warm_s=3, seconds=2)
_CALM_256 = Case(10_400, 256, write_units=_MANY, warm_s=2, seconds=2)
_ONE_COUNTER = tuple(Case(rate, 1, "one counter", warm_s=2, seconds=6) for rate in (20, 30, 40, 50, 60, 80))


def _one_item(results: Results) -> Section:
    calm, by_default, most = results[_CALM_64], results[_CALM_64_BY_DEFAULT], results[_CALM_256]
    single = best(results, _ONE_COUNTER)
    return Section(
        "One hot item",
        "Sales are placed, executed and settled; a transaction keeps its items 8 ms; hot keys isolated; tables warmed "
        f"to {_MANY:,} write units a second, which is twice the default quota.",
        (
            Figure("sales on one item, 64 shards", calm.sales, "/s", 6_000, at_least=True, note=_told(calm)),
            Figure("p99 of place there", calm.p99_ms, "ms", 150, note=f"half within {calm.p50_ms:.0f} ms"),
            Figure(
                "… with the default quota of 40,000 write units",
                by_default.sales,
                "/s",
                6_000,
                at_least=True,
                note=_told(by_default),
                known=KnownMiss("failed tries use up the Holds table", worst=3_600),
            ),
            Figure("p99 of place there", by_default.p99_ms, "ms", 150),
            Figure("sales on one item, 256 shards", most.sales, "/s", 10_000, at_least=True, note=_told(most)),
            Figure("p99 of place there", most.p99_ms, "ms", note=f"half within {most.p50_ms:.0f} ms"),
            Figure("sales with a single counter", single, "/s", note="the best of offered loads; all synchronous"),
            Figure("256 shards ÷ single counter", most.sales / max(1.0, single), "×", 20, at_least=True),
            Figure("64 shards ÷ single counter", calm.sales / max(1.0, single), "×", 20, at_least=True),
        ),
    )


# --- growth with shards ---

_PER_SHARD = (50, 65, 80)
_GROWTH = {
    shards: tuple(Case(rate * shards, shards, warm_s=3, seconds=3) for rate in _PER_SHARD) for shards in (1, 4, 16)
} | {64: (Case(50 * 64, 64, warm_s=2, seconds=2), _CALM_64)}


def growth(results: Results) -> dict[int, float]:
    """The best sales a second by the number of shards."""
    return {shards: best(results, cases) for shards, cases in _GROWTH.items()}


def _grows(results: Results) -> Section:
    reached = growth(results)
    return Section(
        "Growth with shards",
        "The best of several offered loads that was kept up with, less than 1 % told to try again.",
        (
            *(Figure(f"sales on one item, {n} shards", rate, "/s") for n, rate in reached.items()),
            Figure("64 shards ÷ 64 × one", reached[64] / max(1.0, 64 * reached[1]), "", 0.8, at_least=True),
        ),
    )


# --- what nobody publishes ---

_KEPT = {
    KEPT_MS[0]: (100, 150, 200),
    KEPT_MS[1]: (50, 65, 80),
    KEPT_MS[2]: (30, 45, 60),
}
_SWEEP = {
    kept: tuple(Case(4 * rate, 4, kept_ms=kept, warm_s=3, seconds=3) for rate in rates) for kept, rates in _KEPT.items()
}


def _kept(results: Results) -> Section:
    figures = []
    for kept, cases in _SWEEP.items():
        calmest = results[cases[0]]
        note = f"at {calmest.offered / 4:.0f}/s a shard p99 of place is {calmest.p99_ms:.0f} ms"
        figures.append(Figure(f"sales a shard, items kept {kept:.0f} ms", best(results, cases) / 4, "/s", note=note))
    return Section(
        "What nobody publishes: how long a transaction keeps an item", "4 shards, best of three loads.", tuple(figures)
    )


# --- a rush on one shard ---

_SMALL_RUSH = Case(800, 1, ramp_s=5, warm_s=6, seconds=2, heated=False, rebalances=True)
_RUSH = Case(6_000, 1, ramp_s=10, warm_s=10, seconds=2, heated=False, rebalances=True)


def kept_up_from(result: Result) -> float:
    """The second since the start from which on at least 99 % of those who came got their hold; infinite if never.

    Those who came in the last second may still be on their way, and are not looked at.
    """
    shares = [served / max(1, came) for came, served in zip(result.came, result.served, strict=True)][:-1]
    kept_up = [share >= _KEPT_UP for share in shares]
    if not kept_up[-1]:
        return math.inf
    return max((second + 1 for second, good in enumerate(kept_up) if not good), default=0)


def _rush_of(case: Case, results: Results) -> Section:
    rush = results[case]
    return Section(
        f"A rush of {case.rate:,.0f} buyers/s begins on one shard",
        f"The full rate comes within {case.ramp_s:.0f} s; tables warmed to 40,000 write units, nothing isolated.",
        (
            Figure("keeps up from second", kept_up_from(rush), "s", 30, note=_told(rush)),
            Figure("sales then", rush.sales, "/s"),
            Figure("p99 of place then", rush.p99_ms, "ms", note=f"half within {rush.p50_ms:.0f} ms"),
            Figure(
                "shards in the end",
                rush.splits[-1][1] if rush.splits else 1,
                note=", ".join(f"{shards} at {second:.1f} s" for second, shards in rush.splits),
            ),
        ),
    )


# --- the last units ---

_LAST = tuple(Case(6_000, 64, units=1_000, warm_s=0.0, seconds=1.2, seed=seed) for seed in range(1, 7))


def _last_units(results: Results) -> Section:
    runs = [results[case] for case in _LAST]
    refused = sum(run.refusals for run in runs)
    calls = [run.calls_per_sale for run in runs]
    return Section(
        "The last 1,000 units, on 64 shards",
        f"6,000 buyers/s for 1.2 s, {len(runs)} times with other buyers: the fewest sold, else means and the most.",
        (
            Figure("units sold", min(run.sold for run in runs), "", 1_000, at_least=True),
            Figure("calls a sale", fmean(calls), "", 3, note=f"{min(calls):.2f} to {max(calls):.2f}"),
            Figure(
                "write units a refused buyer who came after the last unit went",
                max(run.writes_per_late_refusal for run in runs),
                "",
                0,
                note=f"{sum(run.late_refusals for run in runs):,} of them",
            ),
            Figure(
                "write units a refused buyer, all",
                _mean_of_refused(runs, "writes"),
                "",
                0,
                note=f"{refused:,} refused",
                known=KnownMiss("who came while units were going tried, and met others or a shard short", worst=0.55),
            ),
            Figure("read units a refused buyer", _mean_of_refused(runs, "reads")),
            Figure(
                "read units of a partition, most in a second",
                max(run.peak_reads for run in runs),
                "",
                PARTITION_READ_UNITS,
            ),
        ),
    )


def _mean_of_refused(runs: Sequence[Result], units: str) -> float:
    spent = sum(getattr(run, f"{units}_per_refusal") * run.refusals for run in runs)
    return float(spent / max(1, sum(run.refusals for run in runs)))


# --- one item or a thousand ---

_SPREAD = Case(6_000, 1, items=1_000, warm_s=2, seconds=1.5)
_ON_ONE = Case(6_000, 256, warm_s=2, seconds=1.5)


def _penalty(results: Results) -> Section:
    one, spread = results[_ON_ONE], results[_SPREAD]
    try:
        lock = row_lock()
        postgres = Figure(
            "PostgreSQL's row lock, measured here: the same ratio",
            lock.penalty,
            note=f"{lock.one_item:,.0f}/s on one row, {lock.spread:,.0f}/s over 1,000 (pgbench, 32 clients)",
        )
    except NotMeasured as why:
        postgres = Figure("PostgreSQL's row lock", None, note=str(why))
    return Section(
        "The penalty of a hot item",
        "Throughput with all load on one item ÷ spread over 1,000 items, same offered load.",
        (
            Figure("all on one item, 256 shards", one.sales, "/s", note=_told(one)),
            Figure("spread over 1,000 items", spread.sales, "/s", note=_told(spread)),
            Figure("one ÷ spread", one.sales / max(1.0, spread.sales), "", 0.8, at_least=True),
            postgres,
        ),
    )


# --- other designs ---

_HOT_MIX = {design: Case(1_000, 64, design, warm_s=2, seconds=3) for design in DESIGNS}
_ZIPF_MIX = {
    design: Case(2_000, 8, design, items=1_000, zipf=True, warm_s=2, seconds=2, heated=False) for design in DESIGNS
}


def _designs(results: Results) -> Section:
    figures = []
    for mix, cases in (("1,000/s on one item", _HOT_MIX), ("2,000/s, Zipf over 1,000 items", _ZIPF_MIX)):
        for design, case in cases.items():
            figures.append(Figure(f"{mix}: {design}", results[case].sales, "/s", note=_told(results[case])))
    return Section(
        "Other designs, at equal offered load",
        "Static shards: 64 of the hot item, 8 of each in the mix.",
        tuple(figures),
    )


# --- tables that were not warmed ---

_COLD_TABLES = replace(_ON_ONE, rate=2_000, write_units=NEW_TABLE_WRITE_UNITS, heated=False)


def _cold_tables(results: Results) -> Section:
    cold = results[_COLD_TABLES]
    return Section(
        "Tables as they begin",
        "4,000 write units a second of each table and index, 256 shards, nothing split for heat yet.",
        (Figure("sales of 2,000/s offered", cold.sales, "/s", note=_told(cold)),),
    )


# --- all of them ---


def judged(results: Results) -> Section:
    """What no run may show."""
    oversells = sum(result.oversells for result in results.values())
    refused = sum(result.false_refusals for result in results.values())
    broken = [f"{case}: {each}" for case, result in results.items() for each in result.broken]
    return Section(
        "In all these runs",
        f"{len(results)} runs, {sum(result.sold for result in results.values()):,} holds placed, "
        f"{sum(result.refusals for result in results.values()):,} buyers refused.",
        (
            Figure("oversells", oversells, "", 0, note="every counter looked at after every write"),
            Figure("false refusals", refused, "", 0, note="against the lowest sum within the last second"),
            Figure("invariants broken at the end", len(broken), "", 0, note="; ".join(broken[:3])),
        ),
    )


SCENARIOS: dict[str, Scenario] = {
    "one-item": Scenario((_CALM_64, _CALM_64_BY_DEFAULT, _CALM_256, *_ONE_COUNTER), _one_item),
    "growth": Scenario(
        tuple(case for cases in _GROWTH.values() for case in cases),
        _grows,
        lambda results, folder: plots.growth(growth(results), folder),
    ),
    "kept": Scenario(
        tuple(case for cases in _SWEEP.values() for case in cases),
        _kept,
        lambda results, folder: plots.kept(
            {kept: [(results[c].offered / 4, results[c].p99_ms) for c in cases] for kept, cases in _SWEEP.items()},
            folder,
        ),
    ),
    "small-rush": Scenario(
        (_SMALL_RUSH,),
        partial(_rush_of, _SMALL_RUSH),
        lambda results, folder: plots.rush(results[_SMALL_RUSH], folder / "hot-item-small-rush.svg"),
    ),
    "rush": Scenario(
        (_RUSH,),
        partial(_rush_of, _RUSH),
        lambda results, folder: plots.rush(results[_RUSH], folder / "hot-item-rush.svg"),
    ),
    "last-units": Scenario(_LAST, _last_units),
    "penalty": Scenario((_SPREAD, _ON_ONE), _penalty),
    "designs": Scenario(
        (*_HOT_MIX.values(), *_ZIPF_MIX.values()),
        _designs,
        lambda results, folder: plots.designs(
            {design: (results[_HOT_MIX[design]].sales, results[_ZIPF_MIX[design]].sales) for design in DESIGNS},
            folder,
        ),
    ),
    "cold-tables": Scenario((_COLD_TABLES,), _cold_tables),
}
