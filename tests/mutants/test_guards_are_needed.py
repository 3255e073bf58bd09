"""Every guard is needed: where it is taken away, a test notices. And the page that lists them is up to date."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mutants.document import PATH, rendered
from mutants.runner import without
from mutants.table import INVARIANTS, MUTANTS, Mutant

_TESTS = Path(__file__).parents[1]


@pytest.mark.timeout(600)
def test_every_guard_that_is_taken_away_is_missed_by_a_test() -> None:
    """In a process of its own: this one has imported the package, and so could not see another copy of it."""
    environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    run = subprocess.run(
        [sys.executable, "-m", "mutants.runner"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.invariant}: {mutant.guard}")
def test_the_table_names_code_that_is_there_and_changes_it(mutant: Mutant) -> None:
    for edit in (mutant.edit, *mutant.also):
        assert edit.code != edit.without
        compile(without(edit), edit.file, "exec")


def test_what_is_covered_says_by_what_and_how_that_is_taken_away() -> None:
    assert [mutant.guard for mutant in MUTANTS if bool(mutant.covered) != bool(mutant.also)] == []


def test_every_invariant_has_a_guard() -> None:
    assert {mutant.invariant for mutant in MUTANTS} == INVARIANTS.keys()


def test_the_page_says_what_the_table_says() -> None:
    assert PATH.read_text(encoding="utf-8") == rendered(), "run: PYTHONPATH=tests python -m mutants.document"
