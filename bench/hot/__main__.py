"""Lets the product's own code meet DynamoDB's published limits, and prints how far a hot item goes.

PYTHONPATH=tests:tools python -m bench.hot [--only shards] [--plots docs/img]
"""

import argparse
import os
import sys
from pathlib import Path

os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"  # before anything that logs

from bench.figures import show
from bench.hot.cases import measured
from bench.hot.scenarios import SCENARIOS, judged
from rich.console import Console


def main() -> None:
    """Runs all scenarios, or those asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="some of: " + ", ".join(SCENARIOS))
    parser.add_argument("--plots", type=Path, default=Path("docs/img"), help="where the plots go")
    asked = parser.parse_args()
    unknown = set(asked.only) - SCENARIOS.keys()
    if unknown:
        parser.error(f"nothing is called {', '.join(sorted(unknown))}")
    chosen = [scenario for name, scenario in SCENARIOS.items() if name in asked.only or not asked.only]
    results = measured(case for scenario in chosen for case in scenario.cases)
    sections = [*(scenario.section(results) for scenario in chosen), judged(results)]
    good = show(sections, Console(width=None if sys.stdout.isatty() else 150))
    for scenario in chosen:
        if scenario.plot is not None:
            scenario.plot(results, asked.plots)
    sys.exit(not good)


main()
