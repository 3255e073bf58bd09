"""Takes each guard out of the package, one at a time, and sees that its tests notice.

    python -m mutants.runner [part of a mutant's description …]

Everything slow (boto3, pytest, the template) is loaded once; each mutant then gets a process of its own by fork.
"""

import contextlib
import importlib
import importlib.abc
import importlib.util
import io
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from mutants.table import MUTANTS, Edit, Mutant
from support.garbage import collect_rarely

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "layers/inventory/python"
_PROCESSES = 2
_OPTIONS = (
    *("-x", "-q", "--no-header", "--tb=line", "--disable-warnings"),
    *("-p", "no:cacheprovider", "-p", "pytest_timeout"),
)
#: Not the package itself, nor anything that imports it.
_PRELOADED = (
    "pytest_timeout",
    "boto3",
    "botocore.session",
    "botocore.paginate",
    "hypothesis",
    "aws_lambda_powertools",
    "yaml",
)


class Found(NamedTuple):
    """What became of one mutant: pytest's exit code (1: a test failed, as it should) and what pytest said."""

    mutant: Mutant
    exit_code: int
    output: str

    @property
    def noticed(self) -> bool:
        """Whether a test failed; not an error of another kind, which would show nothing."""
        return self.exit_code == pytest.ExitCode.TESTS_FAILED


def without(*edits: Edit) -> str:
    """The text of a file without some of its guards.

    Raises:
        ValueError: A guard does not stand there exactly once: the table is out of date.
    """
    text = (_PACKAGE / "inventory" / edits[0].file).read_text(encoding="utf-8")
    for edit in edits:
        if text.count(edit.code) != 1:
            raise ValueError(f"{edit.file} has {text.count(edit.code)} times: {edit.code}")
        text = text.replace(edit.code, edit.without)
    return text


class Without(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Gives modules without some guards to whoever imports them; all others are the real ones."""

    def __init__(self, *edits: Edit) -> None:
        files = dict.fromkeys(edit.file for edit in edits)
        self._texts = {_module(file): without(*(edit for edit in edits if edit.file == file)) for file in files}

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname in self._texts else None

    def get_source(self, fullname: str) -> str:
        return self._texts[fullname]


def _module(file: str) -> str:
    return "inventory." + file.removesuffix(".py").replace("/", ".")


def run(mutant: Mutant) -> Found:
    """Runs the mutant's tests in this process, which must not have imported the package yet."""
    sys.meta_path.insert(0, Without(mutant.edit))
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = pytest.main([*_OPTIONS, *mutant.tests])
    return Found(mutant, int(code), output.getvalue())


def preload() -> None:
    """Loads what is slow and is not the package, for the processes that are forked from this one."""
    for module in _PRELOADED:
        importlib.import_module(module)
    importlib.import_module("support.template").load_template()
    collect_rarely()


def run_all(mutants: Sequence[Mutant]) -> list[Found]:
    """Runs mutants, two at a time, each in a fresh process."""
    os.chdir(_ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # loading what these tests need not would take most of the time
    preload()
    with multiprocessing.get_context("fork").Pool(_PROCESSES, maxtasksperchild=1) as pool:
        return pool.map(run, mutants, chunksize=1)


def chosen_by(parts: Sequence[str]) -> list[Mutant]:
    """Those mutants whose description has one of the parts; all, where none is given."""
    return [each for each in MUTANTS if not parts or any(part in f"{each.invariant} {each.guard}" for part in parts)]


def main(parts: Sequence[str]) -> int:
    """Runs those mutants whose description has one of the parts (none given: all), and says what became of them."""
    started = time.monotonic()
    chosen = chosen_by(parts)
    found = run_all(chosen)
    for each in found:
        if not each.noticed:
            sys.stdout.write(
                f"NOT NOTICED (pytest's exit code {each.exit_code})  {each.mutant.invariant}: {each.mutant.guard}\n"
                f"{each.mutant.file}: {each.mutant.code}\n{each.output}\n"
            )
    noticed = sum(each.noticed for each in found)
    sys.stdout.write(f"{noticed} of {len(found)} mutants noticed, in {time.monotonic() - started:.0f} s\n")
    return 0 if noticed == len(found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
