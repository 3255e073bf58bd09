"""A reduce task of an opening snapshot: it starts from what was read of the live tables, and writes what is lost."""

from pathlib import Path
from typing import ClassVar

import duckdb
from typing_extensions import override  # typing's own came with Python 3.12

from inventory.adapters.objects import Objects
from inventory.history.columnar import DIRECTORIES, HOLDS, SHARDS, SNAPSHOT, Columns, save
from inventory.history.layout import opened_path
from inventory.history.manifest import DataFile
from inventory.history.opening import (
    BEGIN_BOOKS,
    CHANGED,
    CHANGED_ITEMS,
    FINAL_READ,
    LOST,
    begin_with_reading,
    totals_of_lost,
)
from inventory.history.plan import Opening, Plan
from inventory.history.reduce_task import ReduceTask
from inventory.history.reduced import sealed_path
from inventory.history.scan import WHOLE, read_paths


class OpeningTask(ReduceTask):
    """The task of one bucket of an opening snapshot."""

    _kept_as: ClassVar = "TABLE"  # what was read takes the place of most events

    def __init__(self, objects: Objects, plan: Plan, kind: str, bucket: int, work: Path, opening: Opening) -> None:
        super().__init__(objects, plan, kind, bucket, work)
        self._opening = opening

    @override
    def _sort_out(self, sql: duckdb.DuckDBPyConnection) -> list[str]:
        self._load(sql, "whole", WHOLE, read_paths(self._objects, self._opening.read, self._kind, self._bucket))
        if self._kind == "holds":
            self._load_sealed(sql, "sealed_holds", HOLDS, "state", "holds")
        else:
            self._load_sealed(sql, "sealed_shards", SHARDS, "state", "shards")
            self._load_sealed(sql, "sealed_directories", DIRECTORIES, "state", "directories")
            self._load_sealed(sql, "sealed_snapshot", SNAPSHOT, "snapshots", "items")
        return begin_with_reading(sql, self._opening, self._plan.base_ms or 0, self._plan.as_of_ms, self._kind)

    @override
    def load_base(self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, folder: str, kind: str) -> None:
        """What was read is loaded already; the books start from nothing."""
        spelled = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
        sql.execute(f"CREATE TABLE IF NOT EXISTS {table} ({spelled})")

    @override
    def begin_books(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """Begins the books anew, and saves what changed since the snapshot before."""
        sql.execute(BEGIN_BOOKS)
        return [self._save_opened(sql, "changed-items", CHANGED_ITEMS, CHANGED, "item_id, warehouse_id")]

    @override
    def save_lost(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """What is lost of the time before."""
        order = "record_key, what, from_rev"
        return [self._save_opened(sql, f"lost-{self._kind}", "SELECT * FROM lost", LOST, order)]

    @override
    def totals_of_lost(self, sql: duckdb.DuckDBPyConnection) -> dict[str, int]:
        return totals_of_lost(sql)

    @override
    def save_heads(self, sql: duckdb.DuckDBPyConnection, rows: str) -> None:
        super().save_heads(sql, f"{rows} UNION ALL {FINAL_READ}")

    def _save_opened(
        self, sql: duckdb.DuckDBPyConnection, kind: str, rows: str, columns: Columns, order: str
    ) -> DataFile:
        path = opened_path(self._plan.as_of_ms, kind, self._bucket)
        file = self._work / f"{kind}.parquet"
        saved = save(sql, rows, columns, order, file, path)
        self._objects.upload(file, sealed_path(self._plan, path))
        return saved
