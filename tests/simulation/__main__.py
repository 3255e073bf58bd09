"""`make simulate`: many seeds, on all processors, and what became of them."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from simulation.faults import Fault
from simulation.quiet import hush
from simulation.run import Report, run_seed
from simulation.violation import Violation
from simulation.workloads import WORKLOADS, in_turn
from support.garbage import collect_rarely

#: From so many seeds on, a kind of fault that never happened is an error: something is not simulated any more.
ALL_FAULTS_FROM = 200
_PROGRESS_S = 10.0


class Task(NamedTuple):
    """One run to make."""

    seed: int
    workload: str


class Found(NamedTuple):
    """A violation, as it was met again with every event told."""

    task: Task
    invariant: str
    what: str
    trace: Sequence[str]


def main(arguments: Sequence[str]) -> int:
    """Runs the seeds and says what they found: 0 where all went well."""
    options = _options(arguments)
    tasks = [
        Task(seed, options.workload or in_turn(seed))
        for seed in range(options.first_seed, options.first_seed + options.seeds)
    ]
    started = time.monotonic()
    tally = _Tally()
    collect_rarely()
    with multiprocessing.get_context("fork").Pool(options.processes, initializer=hush) as pool:
        for number, result in enumerate(pool.imap_unordered(attempt, tasks, chunksize=4), start=1):
            tally.add(*result)
            if tally.violations >= options.stop_after:
                break
            tally.progress(number, len(tasks), time.monotonic() - started)
    if options.trace and options.seeds == 1:
        sys.stdout.write("\n".join(told(tasks[0])) + "\n")
    return tally.finish(time.monotonic() - started)


def attempt(task: Task) -> tuple[Report | Found, float]:
    """Makes a run and says how many seconds of processor time it took.

    One that finds a violation is made again, to tell the events that led there.
    """
    started = time.process_time()
    try:
        return run_seed(task.seed, task.workload), time.process_time() - started
    except Violation:
        pass
    try:
        run_seed(task.seed, task.workload, told=True)
    except Violation as violation:
        return Found(task, violation.invariant, violation.what, violation.trace), time.process_time() - started
    raise AssertionError(f"{task} did not repeat itself")


def told(task: Task) -> Sequence[str]:
    """The last events of a run, in words."""
    hush()
    try:
        return run_seed(task.seed, task.workload, told=True).trace
    except Violation as violation:
        return violation.trace


class _Tally:
    """The sum of all runs."""

    def __init__(self) -> None:
        self.violations = 0
        self._runs = 0
        self._simulated_s = 0.0
        self._processor_s = 0.0
        self._numbers: Counter[str] = Counter()
        self._faults: Counter[Fault] = Counter()
        self._told_s = 0.0

    def add(self, result: Report | Found, processor_s: float) -> None:
        """Adds a run; a violation is shown at once."""
        self._runs += 1
        self._processor_s += processor_s
        if isinstance(result, Found):
            self.violations += 1
            _show(result)
            return
        self._simulated_s += result.simulated_s
        self._numbers.update(calls=result.calls, requests=result.requests, writes=result.writes, looks=result.looks)
        self._numbers.update({f"holds {status}": count for status, count in result.holds.items()})
        self._numbers.update({f"answers {status}": count for status, count in result.answers.items()})
        self._faults.update(result.faults)

    def progress(self, done: int, of: int, seconds: float) -> None:
        """Says now and then how far it is."""
        if seconds - self._told_s >= _PROGRESS_S:
            self._told_s = seconds
            sys.stdout.write(f"· {done:,} of {of:,} seeds\n")
            sys.stdout.flush()

    def finish(self, seconds: float) -> int:
        """Says what it was in all; 0 where nothing was violated and every kind of fault has happened."""
        calls = self._numbers["calls"]
        sys.stdout.write(
            f"{self._runs:,} seeds, {self._simulated_s / 3600:,.0f} simulated hours, {calls:,} calls "
            f"({calls / self._processor_s:,.0f} a second of a processor), {self._numbers['requests']:,} requests, "
            f"{self._numbers['looks']:,} strong readings, in {seconds:.0f} s\n"
        )
        for kind in ("answers", "holds"):
            counted = {name.removeprefix(f"{kind} "): n for name, n in self._numbers.items() if name.startswith(kind)}
            sys.stdout.write(f"{kind}: {', '.join(f'{name} {n:,}' for name, n in sorted(counted.items()))}\n")
        sys.stdout.write(f"faults: {', '.join(f'{fault} {self._faults[fault]:,}' for fault in Fault)}\n")
        never = [fault for fault in Fault if not self._faults[fault]]
        if never and self._runs >= ALL_FAULTS_FROM:
            sys.stdout.write(f"NEVER HAPPENED: {', '.join(never)}\n")
        sys.stdout.write(f"{self.violations} violations\n")
        return 1 if self.violations or (never and self._runs >= ALL_FAULTS_FROM) else 0


def _show(found: Found) -> None:
    seed, workload = found.task
    lines = [
        *found.trace,
        f"VIOLATION of {found.invariant} by seed {seed} of {workload}: {found.what}",
        f"again: make simulate FIRST_SEED={seed} SEEDS=1 WORKLOAD={workload} TRACE=1",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workload", choices=WORKLOADS, help="by default each seed in turn has another")
    parser.add_argument("--trace", action="store_true", help="of a single seed, show the last events in any case")
    parser.add_argument("--stop-after", type=int, default=1, help="violations")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
