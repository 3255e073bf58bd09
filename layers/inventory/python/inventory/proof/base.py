"""Where an audit begins: at the first event, or at a snapshot whose state then stands for all before it.

Each record of that state becomes one event of its own type (`shard_base`, `directory_base`, `hold_base`), so that the
rules follow a record on from there as they follow it from its first event.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inventory.proof.lives import rename_ended
from inventory.proof.manifest import Manifest
from inventory.proof.names import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BASE: Final = "_base"


#: Of each kind of state file, the columns of an event that its rows give.
_STATES: Final = {
    "shards": """
        concat_ws('#', item_id, warehouse_id, shard) AS record_key, 'shard_base' AS type, item_id, warehouse_id, shard,
        available AS available_after, held AS held_after, inflow AS inflow_after""",
    "directories": "item_id || '#*' AS record_key, 'directory_base' AS type, item_id, warehouses AS after",
    "holds": """
        hold_id AS record_key, 'hold_base' AS type, status, lines, metadata, resolution, actor, fingerprint, open,
        created_ms, expires_at_ms""",
}


def begin_from(database: "DuckDBPyConnection", folder: Path, base: Manifest | None) -> None:
    """Makes `base_event`, `base_books`, and the view `known`: the base's records, and every event after it.

    The tables `event` and `begun_again` have to be there. Files of the base that cannot be read are left out: they are
    found as files.

    Args:
        database: Where to make them.
        folder: A copy of the bucket.
        base: The snapshot to begin with, or None for the first event.
    """
    database.execute("CREATE OR REPLACE TEMP TABLE base_event AS SELECT * FROM event WHERE false")
    database.execute("""
        CREATE OR REPLACE TEMP TABLE base_books
        (item_id VARCHAR, warehouse_id VARCHAR, adjusted BIGINT, executed BIGINT)""")
    since_ms = 0
    if base is not None:
        since_ms = base.as_of_ms
        for kind, columns in _STATES.items():
            rows = f"SELECT {columns}, rev, at_ms, record_key || '@' || rev AS event_id"
            _insert(database, folder, base, f"state/as_of={base.as_of}/{kind}-", f"base_event BY NAME {rows}")
        rename_ended(database, "base_event", "record_key", "false", "at_ms", also_key=True)
        books = "base_books SELECT item_id, warehouse_id, adjusted, executed"
        _insert(database, folder, base, f"snapshots/as_of={base.as_of}/", books)
    database.execute(f"""
        CREATE OR REPLACE TEMP VIEW known AS
        SELECT * FROM base_event UNION ALL SELECT * FROM event WHERE at_ms > {since_ms}""")  # noqa: S608 a number


def _insert(database: "DuckDBPyConnection", folder: Path, base: Manifest, prefix: str, into: str) -> None:
    from duckdb import Error

    for file in base.under(prefix):
        path = folder / file.path
        with suppress(Error):
            if path.is_file():
                source = "read_parquet(?, hive_partitioning = false)"
                database.execute(f"INSERT INTO {into} FROM {source}", [literal(path)])
