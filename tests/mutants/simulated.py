"""Takes each guard out of the package, one at a time, and shows which seed or small world of the simulation finds it.

    python -m mutants.simulated [--seeds n] [part of a mutant's description …]

What found a guard last is kept in `seeds.json`, and tried first.
"""

import argparse
import contextlib
import io
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
_SEEDS = 60
_SECONDS_MAX = 900
#: Small worlds that take seconds, the likeliest for each invariant first.
_WORLDS: Final = {
    "never_oversold": ("rush",),
    "never_falsely_refused": ("moved", "unseen", "twins", "split", "books", "merge"),
    "resolved_once": ("one hold", "extended", "twins", "rush"),
    "expiry_exact": ("extended", "alone"),
    "settled_once": ("one hold", "rush", "skewed"),
    "held_matches_holds": ("twins", "rush"),
    "stock_conserved": ("books", "merge"),
    "gapless": ("extended", "skewed clerks", "skewed"),
    "atomic_instant": ("skewed clerks", "merge"),
    "archive_complete": (),
    "everything_settles": ("one hold", "alone"),
}


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


def hunt(mutant: Mutant, seeds: int = 0, known: Mapping[str, str] = MappingProxyType({})) -> Shown:
    """Searches in this process, which must not have imported the package yet: what is known, small worlds, seeds."""
    started = time.monotonic()
    sys.meta_path.insert(0, Without(mutant))
    signal.signal(signal.SIGALRM, _ring)
    signal.alarm(_SECONDS_MAX)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for finder in _finders(mutant, seeds, known):
                what = _found_by(finder)
                if what:
                    return Shown(mutant, finder, what, time.monotonic() - started)
    except _OutOfTime:
        pass
    finally:
        signal.alarm(0)
    return Shown(mutant, "", "", time.monotonic() - started)


def _ring(*_signal: object) -> None:
    raise _OutOfTime


def _finders(mutant: Mutant, seeds: int, known: Mapping[str, str]) -> Iterator[str]:
    """What may find a mutant: what found it last, small worlds, seeds."""
    if key_of(mutant) in known:
        yield known[key_of(mutant)]
    yield from (f"world {name}" for name in _WORLDS[mutant.invariant])
    yield from (f"seed {seed}" for seed in range(seeds))


def _found_by(finder: str) -> str:
    """What a seed or a small world finds; empty, where it finds nothing."""
    kind, _, name = finder.partition(" ")
    search: Callable[[str], str] = _seed_finds if kind == "seed" else _world_finds
    return search(name)


def _seed_finds(seed: str) -> str:
    from simulation.quiet import hush
    from simulation.run import run_seed
    from simulation.violation import Violation
    from simulation.workloads import WORKLOADS

    hush()
    try:
        run_seed(int(seed), list(WORKLOADS)[int(seed) % len(WORKLOADS)])
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


def hunted(mutants: Sequence[Mutant], seeds: int) -> Iterator[Shown]:
    """Hunts mutants, two at a time, each in a fresh process; those that are found first come first."""
    preload()
    with multiprocessing.get_context("fork").Pool(_PROCESSES, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(partial(hunt, seeds=seeds, known=known_finders()), mutants)


def main(arguments: Sequence[str]) -> int:
    """Hunts those mutants whose description has one of the parts (none given: all), and notes what found them."""
    parser = argparse.ArgumentParser(prog="make simulate-mutants")
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--seeds", type=int, default=_SEEDS)
    options = parser.parse_args(arguments)
    started = time.monotonic()
    chosen = [mutant for mutant in chosen_by(options.parts) if not mutant.beyond]
    found = known_finders()
    missed = 0
    for number, shown in enumerate(hunted(chosen, options.seeds), start=1):
        name = key_of(shown.mutant)
        missed += not shown.by
        found.pop(name, None)
        if shown.by:
            found[name] = shown.by
        _note(found)
        sys.stdout.write(f"{number:3}/{len(chosen)} {shown.seconds:5.0f} s  {shown.by or 'NOT FOUND':20} {name}\n")
        sys.stdout.write(f"{shown.what[:200]:>40}\n" if shown.by else "")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - missed} of {len(chosen)} found, in {time.monotonic() - started:.0f} s\n")
    return 1 if missed else 0


def _note(found: dict[str, str]) -> None:
    """Keeps what found what, in the table's order."""
    names = [key_of(mutant) for mutant in MUTANTS]
    kept = {name: found[name] for name in names if name in found}
    SEEDS_PATH.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
