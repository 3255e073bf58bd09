"""A function's disk outlives its invocation, and its process: what is left there would fill it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

_PREFIX: Final = "inventory-"


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    clear_left_over()
    with TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def spill_folder() -> Path:
    """Where this process may put what does not fit into memory. It need not be there yet."""
    clear_left_over()
    return Path(gettempdir()) / f"{_PREFIX}{os.getpid()}-spill"


@cache
def clear_left_over() -> None:
    """Removes what processes that were killed have left; once in a process, before it has anything there itself.

    Lambda ends a function that takes too long or too much memory, starts it anew, and keeps its disk.
    """
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*-*"):
        process = folder.name.split("-")[1]
        if process.isdigit() and not _is_another_s(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_another_s(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is there, and not ours to ask; or no process at all
        return True
    return True
