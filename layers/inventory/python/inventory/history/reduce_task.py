"""A reduce task: where its bucket's input lies, how it is loaded, and where its output goes."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Final

import duckdb

from inventory.adapters.objects import Objects
from inventory.history.columnar import (
    DERIVED,
    EFFECTS,
    HEADS,
    LEDGER,
    Columns,
    bucket_sql,
    load,
    save,
    view,
)
from inventory.history.fold import drop_doubles
from inventory.history.layout import data_path
from inventory.history.lives import AS_ARCHIVED, tell_lives_apart, tell_lives_of_base_apart
from inventory.history.manifest import DataFile
from inventory.history.map_task import DOWNLOADS_AT_ONCE, columns_of, download_all, kind_of, read_parts
from inventory.history.plan import Plan
from inventory.history.reduced import Reduced, heads_path, result_path, sealed_path

#: No hold event has an item of its own.
_LEDGER_ORDER: Final = {"items": "item_id NULLS LAST, at_ms, record_key, rev", "holds": "at_ms, record_key, rev"}


class ReduceTask:
    """The task of one bucket, of holds or of items. What an opening snapshot does otherwise is in `OpeningTask`."""

    #: Events are read from the files wherever they are asked for, a few columns at a time: most questions need no more.
    _kept_as: ClassVar = "VIEW"

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

        Returns:
            Ids of events that an opening snapshot must have and the archive does not have yet; a few of them.
        """
        tasks = [task for task in self._plan.tasks if kind_of(task.source) == self._kind]
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            written = list(pool.map(lambda task: read_parts(self._objects, task, self._bucket), tasks))
        files = self._download([key for parts in written for key in parts])
        view(sql, "told", columns_of(self._kind), files)
        # A settled hold's removal is no write of the service's: the record was final before.
        removal = "type = 'hold_removed' AND settled" if self._kind == "holds" else "false"
        after = f"at_ms > {self._plan.as_of_ms}"
        sql.execute(f"CREATE VIEW later AS SELECT record_key, rev, at_ms FROM told WHERE {after} AND NOT ({removal})")
        sql.execute(f"CREATE {self._kept_as} events AS FROM told WHERE NOT ({after})")
        coming = self._sort_out(sql)
        drop_doubles(sql, self._kept_as)
        return coming

    def _sort_out(self, sql: duckdb.DuckDBPyConnection) -> list[str]:
        """Leaves in `events` what is to be folded, each record under a key of its own."""
        if self._kind == "holds":
            self._begun_again = tell_lives_apart(sql)
        return []

    def load_effects(self, sql: duckdb.DuckDBPyConnection) -> None:
        """What the buckets of holds do to this bucket's items."""
        found = self._objects.list(f"{self._plan.run}effects/{self._bucket:04d}/")
        self._load(sql, "effects", EFFECTS, [stored.key for stored in found])

    def load_base(self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, folder: str, kind: str) -> None:
        """A file of the snapshot that this one starts from; nothing where it starts from the first event."""
        self._load_sealed(sql, table, columns, folder, kind)
        if self._begun_again:
            tell_lives_of_base_apart(sql)

    def _load_sealed(
        self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, folder: str, kind: str
    ) -> None:
        base_ms = self._plan.base_ms
        keys = [] if base_ms is None else [data_path(folder, base_ms, kind, self._bucket)]
        self._load(sql, table, columns, keys)

    def begin_books(self, _: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """The books go on from the base's."""
        return []

    def save_lost(self, _: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """Nothing is lost."""
        return []

    def totals_of_lost(self, _: duckdb.DuckDBPyConnection) -> dict[str, int]:
        """Totals of what `save_lost` wrote."""
        return {}

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
        """Each record as the fold has it, with the first of its revisions after the instant.

        First in time: where the instant is of weeks ago, another hold of the id may have begun with revision 1 since.
        """
        file = self._work / "heads.parquet"
        later = "SELECT record_key, arg_min(rev, (at_ms, rev)) AS later FROM later GROUP BY record_key"
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
