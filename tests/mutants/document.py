"""docs/invariants.md, from the table of guards: what always holds, what guards it, and which tests notice.

python -m mutants.document      writes it
"""

import re
from collections.abc import Mapping
from pathlib import Path

from mutants.simulated import key_of, known_finders
from mutants.table import INVARIANTS, MUTANTS, Mutant

PATH = Path(__file__).parents[2] / "docs/invariants.md"

_HEAD = """# What always holds, and what makes it so

Each invariant has a name, and everything that guards or tests it uses that name. They are judged in six ways:

- **After every single call**, in `tests/support/invariants.py`: one function for each name, which looks only at the
  recorded history of writes and at the tables. Every test of the protocol runs under them (`tests/support/watched.py`).
- **By example**, in `tests/unit/`: every branch of every use case, with faults put on the line and other actors put
  between any two calls (`tests/support/wire.py`).
- **By search**, in `tests/property/machine.py`: anything in any order, by instances whose clocks are up to 2 s off
  (one is a minute off and must not write), with lost answers, conflicts, throttling, unread keys, duplicated and
  reordered batches, and a plain model beside it. `PROPERTY_PROFILE=large` searches long.
- **By simulation**, in `tests/simulation/`: the functions themselves in simulated time, thousands of runs, each with
  faults and an order of events that its seed decides (docs/simulation.md). `make simulate` runs them.
- **By taking it away**, in `tests/mutants/`: each guard below is removed from a copy of the code, and the tests named
  beside it must fail. `make mutants` runs them all.
- **By simulation without it** (`make simulate-mutants`): the last column names the seed (`make simulate FIRST_SEED=…
  SEEDS=1 WORKLOAD=…`) or the small world (`make simulate-exhaustive ONLY=…`, docs/simulation.md) that finds its
  absence. Some are *covered* by other guards, so that nothing goes wrong without the one alone: there it is named what
  finds it missing together with those, which are given at the end. Where it says *not found*, none of the worlds and
  seeds tried so far has shown it: only the tests beside it notice.

This page is written by `python -m mutants.document` from `tests/mutants/guards_of_*.py` and what `make
simulate-mutants` found (`tests/mutants/seeds.json`); a test keeps them equal.

Two conventions hold for every guard. `at <= :at` stands in the condition of each record that a transaction writes *or
only checks*. And a condition that fails gives back the record that stood there, so that the next try knows better.
"""

_TABLE_HEAD = "| guard | where | tests that notice its absence | the simulation |\n| --- | --- | --- | --- |\n"

_FOOT = """
## What is relied on

- DynamoDB: a conditional write and a transaction are atomic and serializable, a strong read sees every write that
  was answered before it, the stream has every change in order for each key, `Date` on answers is right to a second.
- A hold keeps its slice of `open_holds` when their number is changed: so the sweeper's number must be the highest that
  there ever was. The template tells it 1,024, the parameter's maximum.
- A page of `GET /v1/holds` begins after the hold that `starting_after` names, where that hold stands *now*. If it was
  extended since it was listed, the holds between its old and its new time are passed over.
"""


def rendered() -> str:
    """The page."""
    parts, finders = [_HEAD], known_finders()
    for name, words in INVARIANTS.items():
        mutants = [mutant for mutant in MUTANTS if mutant.invariant == name]
        parts.append(f"\n## `{name}`\n\n{words}\n\n{_TABLE_HEAD}")
        parts += [_row(mutant, finders) for mutant in mutants]
    parts += [_summary(finders), _covered(), _beyond()]
    parts.append(_FOOT)
    return "".join(parts)


def _row(mutant: Mutant, finders: Mapping[str, str]) -> str:
    tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in mutant.tests)
    finder = "*beyond*" if mutant.beyond else finders.get(key_of(mutant), "*not found*")
    if mutant.covered:
        finder = f"*covered*; {finder}"
    return f"| {mutant.guard}: {_code(mutant.code)} | `{mutant.file}` | {tests} | {finder} |\n"


def _summary(finders: Mapping[str, str]) -> str:
    """How many are found, and by what."""
    beyond = sum(bool(mutant.beyond) for mutant in MUTANTS)
    found = [finders[key_of(mutant)] for mutant in MUTANTS if key_of(mutant) in finders and not mutant.beyond]
    by_world = sum(finder.startswith("world") for finder in found)
    covered = sum(bool(mutant.covered) for mutant in MUTANTS)
    return (
        f"\n## What the simulation finds\n\n"
        f"Of {len(MUTANTS)} guards {len(found)} are found missing, {by_world} by a small world and "
        f"{len(found) - by_world} by a seed; {covered} of them only together with those that cover them. "
        f"{beyond} are beyond the simulation, {len(MUTANTS) - len(found) - beyond} are not found.\n"
    )


def _covered() -> str:
    """Which guards are covered by others."""
    rows = "".join(f"- {_start(mutant.guard)}: {mutant.covered}.\n" for mutant in MUTANTS if mutant.covered)
    return (
        "\n## Covered by others\n\nNothing goes wrong without one of these alone, as others see to the same. They "
        f"stay, for the day on which those change.\n\n{rows}"
    )


def _start(words: str) -> str:
    return words[0].upper() + words[1:]


def _beyond() -> str:
    """Why some guards are beyond the simulation."""
    guards: dict[str, list[str]] = {}
    for mutant in MUTANTS:
        if mutant.beyond:
            guards.setdefault(mutant.beyond, []).append(mutant.guard)
    reasons = "".join(f"- What {reason}. So: {'; '.join(names)}.\n" for reason, names in guards.items())
    return f"\n## Beyond the simulation\n\n{reasons}" if reasons else ""


def _code(code: str) -> str:
    text = re.sub(r"\s+", " ", code).strip().replace("|", "\\|")
    return f"`{text if len(text) <= 100 else text[:99] + '…'}`"


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
