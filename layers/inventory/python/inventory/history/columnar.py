"""DuckDB, and the columns of everything that is written with it (docs/history.md). Equal rows make equal bytes."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from inventory.history.manifest import DataFile

ROW_GROUP_ROWS: Final = 16_384
#: What DuckDB may take of a function that has 1 GB and more.
MEMORY_MB: Final = 700

Columns = Mapping[str, str]

#: Adds no row, but DuckDB cannot know that. Otherwise it marks a column as required wherever the statistics of what it
#: read have no nulls, and equal rows, from an increment and from a rebuild, would make different bytes.
_MAY_BE_NULL: Final = "UNION ALL SELECT {nulls} WHERE random() > 2"

LEDGER: Final[Columns] = {
    "event_id": "VARCHAR",
    "record_key": "VARCHAR",
    "type": "VARCHAR",
    "rev": "BIGINT",
    "at_ms": "BIGINT",
    "happened_at": "TIMESTAMP",
    "item_id": "VARCHAR",
    "warehouse_id": "VARCHAR",
    "to_warehouse_id": "VARCHAR",
    "shard": "INTEGER",
    "available_before": "BIGINT",
    "held_before": "BIGINT",
    "available_after": "BIGINT",
    "held_after": "BIGINT",
    "inflow_after": "BIGINT",
    "cause_type": "VARCHAR",
    "cause_id": "VARCHAR",
    "reason": "VARCHAR",
    "reference": "VARCHAR",
    "hops": "INTEGER",
    "actor": "VARCHAR",
    "quantity": "BIGINT",
    "count": "BIGINT",
    "status": "VARCHAR",
    "settlement": "VARCHAR",
    "lines": "VARCHAR",
    "metadata": "VARCHAR",
    "resolution": "VARCHAR",
    "created_ms": "BIGINT",
    "expires_at_ms": "BIGINT",
    "ttl": "BIGINT",
    "open": "VARCHAR",
    "fingerprint": "VARCHAR",
    "before": "VARCHAR",
    "after": "VARCHAR",
    "unset": "VARCHAR",
    "other": "VARCHAR",
    "by": "VARCHAR",
    "settled": "BOOLEAN",
}
#: Columns of the ledger that follow from others: they are made where it is written.
DERIVED: Final = {"event_id": "record_key || '@' || rev", "happened_at": "make_timestamp(at_ms * 1000)"}
SNAPSHOT: Final[Columns] = {
    "item_id": "VARCHAR",
    "warehouse_id": "VARCHAR",
    "available": "BIGINT",
    "held": "BIGINT",
    "on_hand": "BIGINT",
    "shards": "INTEGER",
    "at_ms": "BIGINT",
    "last_event_at": "TIMESTAMP",
    "adjusted": "BIGINT",
    "executed": "BIGINT",
    "holding": "BIGINT",
}
SHARDS: Final[Columns] = {
    "item_id": "VARCHAR",
    "warehouse_id": "VARCHAR",
    "shard": "INTEGER",
    "available": "BIGINT",
    "held": "BIGINT",
    "inflow": "BIGINT",
    "rev": "BIGINT",
    "at_ms": "BIGINT",
}
DIRECTORIES: Final[Columns] = {"item_id": "VARCHAR", "warehouses": "VARCHAR", "rev": "BIGINT", "at_ms": "BIGINT"}


def _as_in_the_ledger(*names: str) -> Columns:
    return {name: LEDGER[name] for name in names}


HOLDS: Final[Columns] = {
    "hold_id": "VARCHAR",
    **_as_in_the_ledger("status", "lines", "metadata", "resolution", "actor", "fingerprint", "open"),
    **_as_in_the_ledger("created_ms", "expires_at_ms", "rev", "at_ms"),
}
DRAWS: Final[Columns] = {
    "hold_id": "VARCHAR",
    "line": "INTEGER",
    **_as_in_the_ledger("item_id", "warehouse_id", "shard", "quantity"),
    "line_quantity": "BIGINT",
    "line_executed": "BIGINT",
    **_as_in_the_ledger("status", "created_ms", "expires_at_ms", "at_ms"),
    "created": "TIMESTAMP",
    "expires_at": "TIMESTAMP",
    **_as_in_the_ledger("actor"),
}
#: What a fold says of a record to whoever compares it with the live one. `final`: it will never change again.
#: `later`: the first archived revision after the snapshot's instant.
HEADS: Final[Columns] = {
    "record_key": "VARCHAR",
    "rev": "BIGINT",
    "at_ms": "BIGINT",
    "final": "BOOLEAN",
    "later": "BIGINT",
}
LIVE: Final[Columns] = {"record_key": "VARCHAR", "rev": "BIGINT", "at_ms": "BIGINT", "settled": "BOOLEAN"}
EFFECTS: Final[Columns] = {
    "item_id": "VARCHAR",
    "warehouse_id": "VARCHAR",
    "executed": "BIGINT",
    "holding": "BIGINT",
}


def writer() -> str:
    """Who writes the files; another version may make other bytes of equal rows."""
    return f"DuckDB v{duckdb.__version__}"


def named(columns: Iterable[str]) -> str:
    """The columns' names as SQL lists them."""
    return ", ".join(f'"{name}"' for name in columns)


def listed(files: Iterable[Path]) -> str:
    """The files' names as SQL lists them."""
    return ", ".join(f"'{file}'" for file in files)


def cast(columns: Columns, made: Mapping[str, str] | None = None) -> str:
    """The columns, each as exactly its type; what is not there by name is made by an expression."""
    expressions = {name: f'"{name}"' for name in columns} | dict(made or {})
    return ", ".join(f'({expressions[name]})::{kind} AS "{name}"' for name, kind in columns.items())


def load(connection: duckdb.DuckDBPyConnection, table: str, columns: Columns, files: Sequence[Path]) -> None:
    """Makes a table of what is in the files; an empty one where there is no file."""
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {_rows_of(columns, files)}")


def view(connection: duckdb.DuckDBPyConnection, name: str, columns: Columns, files: Sequence[Path]) -> None:
    """Makes a view of what is in the files: each query reads the columns that it needs, and no table fills memory."""
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS {_rows_of(columns, files)}")


def _rows_of(columns: Columns, files: Sequence[Path]) -> str:
    if files:
        return f"SELECT {named(columns)} FROM read_parquet([{listed(files)}])"
    nothing = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
    return f"SELECT {nothing} WHERE false"


def save(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    columns: Columns,
    order: str,
    file: Path,
    path: str,
    made: Mapping[str, str] | None = None,
) -> DataFile:
    """Writes what a query gives, in an order, and tells what the file is.

    Args:
        connection: Where the query runs.
        rows: The query; it has the columns that are not made.
        columns: What is written.
        order: A total order of the rows, or equal rows would not make equal bytes.
        file: Where to write.
        path: The file's final place in the bucket.
        made: How columns are made of others, by name. They are made after sorting, which so moves less.
    """
    there = [name for name in columns if name not in (made or {})]
    nulls = _MAY_BE_NULL.format(nulls=", ".join("NULL" for _ in there))
    [(count,)] = connection.execute(
        f"COPY (SELECT {cast(columns, made)} FROM (SELECT {named(there)} FROM ({rows}) {nulls}) ORDER BY {order}) "
        f"TO '{file}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
    ).fetchall()
    content = file.read_bytes()
    return DataFile(path, len(content), count, hashlib.sha256(content).hexdigest())


def bucket_sql(name: str, buckets: int) -> str:
    """The bucket of a name in SQL, as `layout.bucket_of` has it."""
    return f"('0x' || left(sha256({name}), 8))::UBIGINT % {buckets}"
