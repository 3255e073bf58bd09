"""A reduce task's bucket: where its input lies, how it is loaded, and where its output goes."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import duckdb

from inventory.adapters.objects import Objects
from inventory.history.columnar import (
    DERIVED,
    DIRECTORIES,
    EFFECTS,
    HEADS,
    HOLDS,
    LEDGER,
    SHARDS,
    SNAPSHOT,
    Columns,
    bucket_sql,
    load,
    save,
    view,
)
from inventory.history.fold import drop_doubles
from inventory.history.layout import data_path, opened_path
from inventory.history.lives import AS_ARCHIVED, tell_lives_apart, tell_lives_of_base_apart
from inventory.history.manifest import DataFile
from inventory.history.map_task import DOWNLOADS_AT_ONCE, columns_of, download_all, kind_of, read_parts
from inventory.history.opening import (
    BEGIN_BOOKS,
    CHANGED,
    CHANGED_ITEMS,
    FINAL_READ,
    LOST,
    begin_with_reading,
    totals_of_lost,
)
from inventory.history.plan import Plan
from inventory.history.reduced import Reduced, heads_path, result_path, sealed_path
from inventory.history.scan import WHOLE, read_paths

#: No hold event has an item of its own.
_LEDGER_ORDER: Final = {"items": "item_id NULLS LAST, at_ms, record_key, rev", "holds": "at_ms, record_key, rev"}


class Bucket:
    """One bucket's task: where its input and its output lie."""

    def __init__(self, objects: Objects, plan: Plan, kind: str, bucket: int, work: Path) -> None:
        self._plan = plan
        self._objects = objects
        self._kind = kind
        self._bucket = bucket
        self._work = work
        self._loaded = 0
        self._begun_again = False

    @property
    def in_ledger(self) -> str:
        """The condition of events that this snapshot adds to the ledger."""
        return "false" if self._plan.ledger_from_ms is None else f"at_ms > {self._plan.ledger_from_ms}"

    def load_events(self, sql: duckdb.DuckDBPyConnection) -> list[str]:
        """The bucket's events, each once, and the revisions after the instant.

        They are read from the files wherever they are asked for, a few columns at a time: most questions need no more.
        Those of an opening snapshot are a table, as what was read takes the place of most.

        Returns:
            Ids of events that an opening snapshot must have and the archive does not have yet; a few of them.
        """
        tasks = [task for task in self._plan.tasks if kind_of(task.source) == self._kind]
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            told = list(pool.map(lambda task: read_parts(self._objects, task, self._bucket), tasks))
        files = self._download([key for parts in told for key in parts])
        view(sql, "told", columns_of(self._kind), files)
        # A settled hold's removal is no write of the service's: the record was final before.
        removal = "type = 'hold_removed' AND settled" if self._kind == "holds" else "false"
        after = f"at_ms > {self._plan.as_of_ms}"
        made = "VIEW" if self._plan.opening is None else "TABLE"
        sql.execute(f"CREATE VIEW later AS SELECT record_key, rev FROM told WHERE {after} AND NOT ({removal})")
        sql.execute(f"CREATE {made} events AS FROM told WHERE NOT ({after})")
        coming = self._begin_with_reading(sql)
        if self._kind == "holds" and self._plan.opening is None:
            self._begun_again = tell_lives_apart(sql)
        drop_doubles(sql, made)
        return coming

    def load_effects(self, sql: duckdb.DuckDBPyConnection) -> None:
        """What the buckets of holds do to this bucket's items."""
        found = self._objects.list(f"{self._plan.run}effects/{self._bucket:04d}/")
        self._load(sql, "effects", EFFECTS, [stored.key for stored in found])

    def load_base(self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, folder: str, kind: str) -> None:
        """A file of the snapshot that this one starts from; nothing where it starts from the first event.

        An opening snapshot starts from what was read, which is loaded already; its books start from nothing.
        """
        if self._plan.opening is not None:
            spelled = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            sql.execute(f"CREATE TABLE IF NOT EXISTS {table} ({spelled})")
            return
        self._load_sealed(sql, table, columns, folder, kind)
        if self._begun_again:
            tell_lives_of_base_apart(sql)

    def _load_sealed(
        self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, folder: str, kind: str
    ) -> None:
        base_ms = self._plan.base_ms
        keys = [] if base_ms is None else [data_path(folder, base_ms, kind, self._bucket)]
        self._load(sql, table, columns, keys)

    def _begin_with_reading(self, sql: duckdb.DuckDBPyConnection) -> list[str]:
        opening = self._plan.opening
        if opening is None:
            return []
        self._load(sql, "whole", WHOLE, read_paths(self._objects, opening.read, self._kind, self._bucket))
        if self._kind == "holds":
            self._load_sealed(sql, "sealed_holds", HOLDS, "state", "holds")
        else:
            self._load_sealed(sql, "sealed_shards", SHARDS, "state", "shards")
            self._load_sealed(sql, "sealed_directories", DIRECTORIES, "state", "directories")
            self._load_sealed(sql, "sealed_snapshot", SNAPSHOT, "snapshots", "items")
        return begin_with_reading(sql, opening, self._plan.base_ms or 0, self._plan.as_of_ms, self._kind)

    def begin_books(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """Begins an opening snapshot's books anew, and saves what changed since the snapshot before."""
        if self._plan.opening is None:
            return []
        sql.execute(BEGIN_BOOKS)
        return [self._save_opened(sql, "changed-items", CHANGED_ITEMS, CHANGED, "item_id, warehouse_id")]

    def save_lost(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """What is lost of the time before an opening snapshot."""
        if self._plan.opening is None:
            return []
        order = "record_key, what, from_rev"
        return [self._save_opened(sql, f"lost-{self._kind}", "SELECT * FROM lost", LOST, order)]

    def totals_of_lost(self, sql: duckdb.DuckDBPyConnection) -> dict[str, int]:
        """Totals of what `save_lost` wrote."""
        return {} if self._plan.opening is None else totals_of_lost(sql)

    def _save_opened(
        self, sql: duckdb.DuckDBPyConnection, kind: str, rows: str, columns: Columns, order: str
    ) -> DataFile:
        path = opened_path(self._plan.as_of_ms, kind, self._bucket)
        file = self._work / f"{kind}.parquet"
        saved = save(sql, rows, columns, order, file, path)
        self._objects.upload(file, sealed_path(self._plan, path))
        return saved

    def save(
        self,
        sql: duckdb.DuckDBPyConnection,
        folder: str,
        kind: str,
        rows: str,
        columns: Columns,
        order: str,
        made: Mapping[str, str] | None = None,
    ) -> DataFile:
        """One of the snapshot's files."""
        path = data_path(folder, self._plan.as_of_ms, kind, self._bucket)
        file = self._work / f"{folder}-{kind}.parquet"
        saved = save(sql, rows, columns, order, file, path, made)
        self._objects.upload(file, sealed_path(self._plan, path))
        return saved

    def save_ledger(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """The events that are new to the ledger; no file where the ledger has this time already."""
        if self._plan.ledger_from_ms is None:
            return []
        rows = f"SELECT {AS_ARCHIVED if self._begun_again else '*'} FROM events WHERE {self.in_ledger}"
        made = dict.fromkeys(LEDGER.keys() - columns_of(self._kind).keys(), "NULL") | DERIVED
        return [self.save(sql, "ledger", self._kind, rows, LEDGER, _LEDGER_ORDER[self._kind], made)]

    def save_heads(self, sql: duckdb.DuckDBPyConnection, rows: str) -> None:
        """Each record as the fold has it, with the first of its revisions after the instant."""
        if self._plan.opening is not None:
            rows = f"{rows} UNION ALL {FINAL_READ}"
        file = self._work / "heads.parquet"
        later = "SELECT record_key, min(rev) AS later FROM later GROUP BY record_key"
        joined = (
            "SELECT record_key, coalesce(head.rev, 0) AS rev, at_ms, coalesce(final, false) AS final, later "
            f"FROM ({rows}) AS head FULL JOIN ({later}) AS next USING (record_key)"
        )
        save(sql, joined, HEADS, "record_key", file, "")
        self._objects.upload(file, heads_path(self._plan, self._kind, self._bucket))

    def save_effects(self, sql: duckdb.DuckDBPyConnection, rows: str) -> None:
        """What a bucket of holds does to items, for each of their buckets."""
        folder, plan = self._work / "effects", self._plan
        sql.execute(
            f"COPY (SELECT *, {bucket_sql('item_id', plan.buckets)} AS bucket FROM ({rows})) "
            f"TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (bucket))"
        )
        for number in range(plan.buckets):
            for part, file in enumerate(sorted((folder / f"bucket={number}").glob("*.parquet"))):
                self._objects.upload(file, f"{plan.run}effects/{number:04d}/from-{self._bucket:04d}-{part}")

    def finish(self, reduced: Reduced) -> Reduced:
        """Writes the result for seal and commit."""
        self._objects.put(result_path(self._plan, self._kind, self._bucket), reduced.to_json())
        return reduced

    def _load(self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, keys: Sequence[str]) -> None:
        load(sql, table, columns, self._download(keys))

    def _download(self, keys: Sequence[str]) -> list[Path]:
        self._loaded += 1
        return download_all(self._objects, keys, self._work / str(self._loaded))
