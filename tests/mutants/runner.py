"""Takes each guard out of a copy of the package, one at a time, and sees that its tests notice.

    python -m mutants.runner [part of a mutant's description …]

Everything slow (boto3, pytest, the template) is loaded once; each mutant then gets a process of its own by fork.
"""

import contextlib
import importlib
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from mutants.table import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "layers/inventory/python"
_PROCESSES = 2
#: Not the package itself, nor anything that imports it.
_PRELOADED = ("boto3", "botocore.session", "botocore.paginate", "hypothesis", "aws_lambda_powertools", "yaml")


class Found(NamedTuple):
    """What became of one mutant: pytest's exit code (1: a test failed, as it should) and what pytest said."""

    mutant: Mutant
    exit_code: int
    output: str

    @property
    def noticed(self) -> bool:
        """Whether a test failed; not an error of another kind, which would show nothing."""
        return self.exit_code == pytest.ExitCode.TESTS_FAILED


def without(mutant: Mutant) -> str:
    """The file's text without the guard.

    Raises:
        ValueError: The guard does not stand there exactly once: the table is out of date.
    """
    text = (_PACKAGE / "inventory" / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.code) != 1:
        raise ValueError(f"{mutant.file} has {text.count(mutant.code)} times: {mutant.code}")
    return text.replace(mutant.code, mutant.without)


def run(mutant: Mutant) -> Found:
    """Runs the mutant's tests over the package without the guard."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "python"
        shutil.copytree(_PACKAGE / "inventory", copy / "inventory", ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "inventory" / mutant.file).write_text(without(mutant), encoding="utf-8")
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = pytest.main(
                [
                    *(
                        "-x",
                        "-q",
                        "--no-header",
                        "--tb=line",
                        "--disable-warnings",
                        "-p",
                        "no:cacheprovider",
                        "-p",
                        "no:xdist",
                        "-p",
                        "no:randomly",
                    ),
                    *("-o", f"pythonpath={copy} tests", "--rootdir", str(_ROOT)),
                    *mutant.tests,
                ]
            )
    return Found(mutant, int(code), output.getvalue())


def run_all(mutants: Sequence[Mutant]) -> list[Found]:
    """Runs mutants, two at a time, each in a fresh process."""
    os.chdir(_ROOT)
    for module in _PRELOADED:
        importlib.import_module(module)
    importlib.import_module("support.template").load_template()
    with multiprocessing.get_context("fork").Pool(_PROCESSES, maxtasksperchild=1) as pool:
        return pool.map(run, mutants, chunksize=1)


def main(parts: Sequence[str]) -> int:
    """Runs those mutants whose description has one of the parts (none given: all), and says what became of them."""
    started = time.monotonic()
    chosen = [each for each in MUTANTS if not parts or any(part in f"{each.invariant} {each.guard}" for part in parts)]
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
