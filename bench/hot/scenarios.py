"""What is asked of the model, and which figures answer it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, Section
from bench.hot.cases import Case, Result

Results = Mapping[Case, Result]
_FAILED_MAX = 0.01  # more buyers than this told to try again, and a rate is not kept up with


@dataclass(frozen=True)
class Scenario:
    """Some runs, the figures that come of them, and perhaps a plot."""

    cases: tuple[Case, ...]
    section: Callable[[Results], Section]
    plot: Callable[[Results, Path], None] | None = None


_CALM_64 = Case(6_100, 64, warm_s=8, seconds=4)
_CALM_256 = Case(10_200, 256, write_units=80_000, warm_s=1.5, seconds=1.5)
_ONE_SHARD = tuple(Case(rate, 1, warm_s=2, seconds=6) for rate in (20, 40, 60, 80, 100, 120))
_ONE_COUNTER = tuple(Case(rate, 1, "one counter", warm_s=2, seconds=6) for rate in (20, 30, 40, 50, 60, 80))
_GROWTH = tuple(Case(95 * shards, shards, warm_s=4, seconds=4) for shards in (4, 16))


def best(results: Results, cases: tuple[Case, ...]) -> float:
    """The most sales a second among runs that kept up: hardly anybody was told to try again."""
    kept_up = [results[case].sales for case in cases if results[case].failed <= _FAILED_MAX]
    return max(kept_up, default=0.0)


def _one_item(results: Results) -> Section:
    calm, most = results[_CALM_64], results[_CALM_256]
    single = best(results, _ONE_COUNTER)
    return Section(
        "One hot item",
        "Sales are placed, executed and settled; a transaction keeps its items 8 ms; tables warmed, hot keys isolated.",
        (
            Figure("sales on one item, 64 shards", calm.sales, "/s", 6_000, at_least=True, note=_told(calm)),
            Figure("p99 of place there", calm.p99_ms, "ms", 150, note=f"half within {calm.p50_ms:.0f} ms"),
            Figure("sales on one item, 256 shards", most.sales, "/s", 10_000, at_least=True, note=_told(most)),
            Figure("sales with a single counter", single, "/s", note="the best of offered loads; all synchronous"),
            Figure("64 shards ÷ single counter", calm.sales / max(1.0, single), "×", 20, at_least=True),
        ),
    )


def _told(result: Result) -> str:
    return (
        f"of {result.offered:,.0f}/s offered; {result.failed:.2%} told to try again; "
        f"{result.calls_per_sale:.1f} calls a place; settled after {result.lag_p50_ms / 1000:.1f} s"
    )


SCENARIOS: dict[str, Scenario] = {
    "one-item": Scenario((_CALM_64, _CALM_256, *_ONE_COUNTER), _one_item),
}
