"""DuckDB in memory for one piece of work. To start it takes 30 ms of CPU, so a process does it once, not each time."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

from inventory.adapters.workplace import spill_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Rows that are kept until they are written by bucket: of DuckDB's half a million most have left the processor's cache.
_PARTITIONED_AT_ONCE: Final = 8_192
_numbers: Final = itertools.count()


@contextmanager
def scratch_database(*, memory_mb: int, ordered: bool = True) -> Iterator["DuckDBPyConnection"]:
    """An empty database, which is gone afterwards. What does not fit into memory goes to the disk until then.

    Args:
        memory_mb: The limit that all databases with the same `ordered` share from this call on.
        ordered: Whether rows that nobody asked to be sorted stay in the order in which they were read.
    """
    import duckdb

    engine = _engine(ordered)
    engine.execute(f"SET GLOBAL memory_limit = '{memory_mb}MB'")
    name = f"scratch_{next(_numbers)}"
    try:
        engine.execute(f"ATTACH ':memory:' AS {name}")
        connection = engine.cursor()
        try:
            connection.execute(f"USE {name}")
            yield connection
        finally:
            connection.close()  # ends what a failure left open, or the database could not be detached
            engine.execute(f"DETACH {name}")
    except duckdb.FatalException:
        _engine.cache_clear()  # this one answers nothing any more
        raise


@cache
def _engine(ordered: bool) -> "DuckDBPyConnection":  # noqa: FBT001 - the key of a cache
    import duckdb

    engine = duckdb.connect(
        config={
            "threads": 1,  # so that rows are written in the order asked for
            "preserve_insertion_order": ordered,
            "temp_directory": str(spill_folder()),
            "enable_external_file_cache": False,
            "partitioned_write_flush_threshold": _PARTITIONED_AT_ONCE,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    engine.execute("SET enable_progress_bar = false")  # it would draw into the function's log
    engine.execute("SET GLOBAL TimeZone = 'UTC'")
    return engine
