"""Reference cycles: nothing here makes many, and looking for them takes a sixth of the time of a simulated run."""

import gc


def collect_rarely() -> None:
    """Looks for cycles much more seldom than usual in this process, and never among what is loaded by now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def collect_in_the_end() -> None:
    """Leaves what is loaded to Python's last look for cycles: DuckDB lists its objects that it does not find as leaked.

    It finds most: a run of a folder ends quietly, one that loads all tests into one process does not yet.
    """
    gc.unfreeze()
