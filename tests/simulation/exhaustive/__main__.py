"""Goes through the small worlds and prints what was seen; exits with 1 where an invariant did not hold.

python -m simulation.exhaustive [name …]        (make simulate-exhaustive ONLY="rush twins")
"""

import multiprocessing
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from simulation.exhaustive.scenarios import SCENARIOS, Scenario
from simulation.exhaustive.search import Explored, Search, Violation

_PROCESSES = 2
_SAID_EVERY_S = 10


class Result(NamedTuple):
    """What became of a scenario."""

    name: str
    seen: Explored
    violation: str
    steps: list[str]


def explore(scenario: Scenario) -> Result:
    """Searches one scenario, and says from time to time how far it is."""
    said = time.monotonic()

    def progress(so_far: Explored) -> None:
        nonlocal said
        if time.monotonic() - said > _SAID_EVERY_S:
            said = time.monotonic()
            _say(f"· {scenario.name}: {so_far.states:,} states, {so_far.transitions:,} steps …")

    search = Search(scenario, progress)
    try:
        return Result(scenario.name, search.run(), "", [])
    except Violation as violation:
        return Result(scenario.name, search.seen, violation.why, violation.steps)


def main(names: Sequence[str]) -> int:
    """Searches the scenarios of these names (all: without any), two at a time."""
    chosen = [scenario for scenario in SCENARIOS if not names or scenario.name in names]
    if unknown := set(names) - {scenario.name for scenario in SCENARIOS}:
        _say(f"no such scenario: {', '.join(sorted(unknown))}")
        return 2
    began, results = time.monotonic(), []
    longest_first = sorted(chosen, key=lambda scenario: (len(scenario.ticks), scenario.faults_max), reverse=True)
    with multiprocessing.get_context("fork").Pool(_PROCESSES, maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(explore, longest_first):
            results.append(result)
            _say(_line(result))
    for result in results:
        if result.violation:
            _say(f"\n{result.name}: {result.violation}\n  " + "\n  ".join(result.steps))
    states = sum(result.seen.states for result in results)
    schedules = sum(result.seen.schedules for result in results)
    _say(f"{states:,} states, {schedules:,} schedules, in {time.monotonic() - began:.0f} s")
    return 1 if any(result.violation for result in results) else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _line(result: Result) -> str:
    seen = result.seen
    return (
        f"{'BROKEN' if result.violation else 'holds':6}  {result.name:16} {seen.states:>11,} states"
        f" {seen.transitions:>12,} steps {seen.schedules:>26,} schedules of up to {seen.steps_max} steps"
        f" {seen.seconds:6.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
