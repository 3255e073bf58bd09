"""The simulation finds a guard's absence: a handful here, all of them by `make simulate-mutants`."""

import json
import multiprocessing

import pytest

from mutants.simulated import SEEDS_PATH, hunt, key_of
from mutants.table import MUTANTS

_HANDFUL = {
    "what is taken is available",
    "a second pass: one alone proves nothing",
    "only an active hold is executed, released or expired",
    "a hold that is settled is not settled again",
}


@pytest.mark.timeout(600)
def test_the_simulation_finds_what_is_taken_away() -> None:
    """Each in a process of its own: this one has imported the package, and so could not see another copy of it."""
    handful = [mutant for mutant in MUTANTS if mutant.guard in _HANDFUL]
    assert len(handful) == len(_HANDFUL)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        shown = pool.map(hunt, handful, chunksize=1)
    assert [each.mutant.guard for each in shown if not each.what] == []


def test_what_found_a_guard_is_of_the_table() -> None:
    found = json.loads(SEEDS_PATH.read_text(encoding="utf-8"))
    assert found.keys() <= {key_of(mutant) for mutant in MUTANTS if not mutant.beyond}
