"""A function's disk outlives its invocation: what is left there would fill it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that is gone afterwards: a function's disk outlives its invocation."""
    folder = Path(tempfile.mkdtemp(prefix="inventory-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
