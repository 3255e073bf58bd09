"""Takes each guard out of the package, one at a time, and shows which seed or small world of the simulation finds it.

    python -m mutants.simulated [--seconds n] [--by finder …] [part of a mutant's description …]

What found a guard last is kept in `seeds.json`, and tried first: `world NAME` or `seed N of WORKLOAD`. Where nothing is
known, or does not find it any more, small worlds are searched, and then seeds, as long as the time lasts.
"""

import argparse
import contextlib
import io
import itertools
import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from mutants.runner import Without, chosen_by, preload
from mutants.table import MUTANTS, Mutant

SEEDS_PATH: Final = Path(__file__).with_name("seeds.json")
_PROCESSES = 2
#: Of processor time, for each guard.
_SECONDS = 120
#: Small worlds that take long: the last to be tried.
_LARGE: Final = ("merge", "expiry", "minute", "extension", "crash at expiry")


class Shown(NamedTuple):
    """What became of a mutant: what found it (`seed 17`, `world rush`, or nothing), and what it found."""

    mutant: Mutant
    by: str
    what: str
    seconds: float


class _OutOfTime(BaseException):
    """The search for a mutant has taken too long: perhaps it never ends without the guard."""


def key_of(mutant: Mutant) -> str:
    """What a mutant is called in `seeds.json`."""
    return f"{mutant.invariant}: {mutant.guard}"


def known_finders() -> dict[str, str]:
    """What found each mutant last."""
    return dict(json.loads(SEEDS_PATH.read_text(encoding="utf-8"))) if SEEDS_PATH.exists() else {}


def hunt(
    mutant: Mutant,
    seconds: int = _SECONDS,
    known: Mapping[str, str] = MappingProxyType({}),
    finders: Sequence[str] = (),
) -> Shown:
    """Searches in this process, which must not have imported the package yet.

    Args:
        mutant: What to take away.
        seconds: Processor time that it may take.
        known: What found each mutant last.
        finders: What to try, and nothing else; by default what is known, small worlds, seeds.
    """
    started = time.process_time()
    sys.meta_path.insert(0, Without(mutant.edit, *mutant.also))
    signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    shown = Shown(mutant, "", "", 0)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for finder in finders or _finders(mutant, known):
                what = _found_by(finder)
                if what:
                    shown = Shown(mutant, finder, what, 0)
                    break
    except _OutOfTime:
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return shown._replace(seconds=time.process_time() - started)


def _ring(*_signal: object) -> None:
    raise _OutOfTime


def _finders(mutant: Mutant, known: Mapping[str, str]) -> Iterator[str]:
    """What may find a mutant: what found it last, small worlds, seeds."""
    from simulation.exhaustive.scenarios import SCENARIOS
    from simulation.workloads import WORKLOADS

    if key_of(mutant) in known:
        yield known[key_of(mutant)]
    names = sorted((scenario.name for scenario in SCENARIOS), key=lambda name: name in _LARGE)
    yield from (f"world {name}" for name in names if name not in _LARGE)
    yield from (f"seed {seed} of {name}" for seed in itertools.count() for name in WORKLOADS)


def _found_by(finder: str) -> str:
    """What a seed or a small world finds; empty, where it finds nothing."""
    kind, _, name = finder.partition(" ")
    search: Callable[[str], str] = _seed_finds if kind == "seed" else _world_finds
    return search(name)


def _seed_finds(name: str) -> str:
    from simulation.quiet import hush
    from simulation.run import run_seed
    from simulation.violation import Violation

    hush()
    seed, _, workload = name.partition(" of ")
    try:
        run_seed(int(seed), workload)
    except Violation as violation:
        return f"{violation.invariant}: {violation.what}"
    except Exception as failure:  # noqa: BLE001 - a run that fails in any way has noticed
        return f"{type(failure).__name__}: {failure}"
    return ""


def _world_finds(name: str) -> str:
    from simulation.exhaustive.scenarios import SCENARIOS
    from simulation.exhaustive.search import Search, Violation

    [scenario] = [scenario for scenario in SCENARIOS if scenario.name == name]
    try:
        Search(scenario).run()
    except Violation as violation:
        return violation.why
    except Exception as failure:  # noqa: BLE001 - nor can a world be made without this guard
        return f"{type(failure).__name__}: {failure}"
    return ""


def hunted(mutants: Sequence[Mutant], seconds: int, finders: Sequence[str] = ()) -> Iterator[Shown]:
    """Hunts mutants, two at a time, each in a fresh process; those that are found first come first."""
    preload()
    search = partial(hunt, seconds=seconds, known=known_finders(), finders=finders)
    with multiprocessing.get_context("fork").Pool(_PROCESSES, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(search, mutants)


def main(arguments: Sequence[str]) -> int:
    """Hunts those mutants whose description has one of the parts (none given: all), and notes what found them."""
    parser = argparse.ArgumentParser(prog="make simulate-mutants")
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--seconds", type=int, default=_SECONDS, help="processor time for each")
    parser.add_argument("--by", action="append", default=[], help="a finder to try; no others are")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    chosen = [mutant for mutant in chosen_by(options.parts) if not mutant.beyond]
    found = known_finders()
    missed = 0
    for number, shown in enumerate(hunted(chosen, options.seconds, options.by), start=1):
        name = key_of(shown.mutant)
        missed += not shown.by
        if shown.by or not options.by:
            found.pop(name, None)
        if shown.by:
            found[name] = shown.by
        _note(found)
        sys.stdout.write(f"{number:3}/{len(chosen)} {shown.seconds:5.1f} s  {shown.by or 'NOT FOUND':24} {name}\n")
        sys.stdout.write(f"{'':38}{shown.what[:160]}\n" if shown.by else "")
        sys.stdout.flush()
    beyond = sum(bool(mutant.beyond) for mutant in chosen_by(options.parts))
    sys.stdout.write(
        f"{len(chosen) - missed} of {len(chosen)} found, {beyond} beyond the simulation, "
        f"in {time.monotonic() - started:.0f} s\n"
    )
    return 1 if missed else 0


def _note(found: dict[str, str]) -> None:
    """Keeps what found what, in the table's order."""
    names = [key_of(mutant) for mutant in MUTANTS]
    kept = {name: found[name] for name in names if name in found}
    SEEDS_PATH.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
