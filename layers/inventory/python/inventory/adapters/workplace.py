"""A function's disk outlives its invocation: what is left there would fill it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with TemporaryDirectory(prefix="inventory-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
