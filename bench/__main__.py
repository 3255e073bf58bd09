"""Measures what docs/performance.md claims, and prints one table; exits with 1 where a bound is missed.

PYTHONPATH=tests:tools python -m bench [--stack .local/bench/stack.json] [--only units]
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"  # before anything that logs: what runs in this process stays silent

from bench import archive_lag, calls, hot_item, imports, own_cpu, package, prime_day, records, shares, throughput, units
from bench.figures import Section, show
from bench.history import figures as history
from rich.console import Console

from stack.state import Stack

Measure = Callable[[], Section]


def main() -> None:
    """Measures all, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", type=Path, default=Path(".local/bench/stack.json"), help="a deployed stack's file")
    parser.add_argument("--only", nargs="*", default=[], help="some of: " + ", ".join(_measures(Path())))
    asked = parser.parse_args()
    measures = _measures(asked.stack)
    unknown = set(asked.only) - measures.keys()
    if unknown:
        parser.error(f"nothing is called {', '.join(sorted(unknown))}")
    chosen = [measure for name, measure in measures.items() if name in asked.only or not asked.only]
    good = show(_taken(chosen), Console(width=None if sys.stdout.isatty() else 150))
    sys.exit(not good)


def _measures(stack_file: Path) -> dict[str, Measure]:
    def stack() -> Stack:
        return Stack.needed(stack_file)

    return {
        "calls": calls.over_simulated_tables,
        "deployed-calls": lambda: calls.over_deployed_tables(stack()),
        "units": units.figures,
        "records": records.figures,
        "cpu": own_cpu.figures,
        "imports": imports.figures,
        "package": lambda: package.figures(stack_file.parent / "build"),
        "throughput": lambda: throughput.figures(stack()),
        "shares": lambda: shares.figures(stack(), stack_file.parent),
        "rebuild": lambda: history.rebuild(stack_file.parent),
        "increment": lambda: history.increment(stack_file.parent),
        "map-memory": lambda: history.map_memory(stack_file.parent),
        "archive-lag": lambda: archive_lag.figures(stack()),
        "prime-day": prime_day.figures,
        "hot-item": lambda: hot_item.figures(stack()),
    }


def _taken(measures: list[Measure]) -> Iterator[Section]:
    for measure in measures:
        yield measure()


main()
