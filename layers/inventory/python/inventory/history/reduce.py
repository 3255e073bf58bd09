"""Reduce: base and partials of one bucket to the snapshot's files. First all buckets of holds, then those of items."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import duckdb

from inventory.domain.events import EventsDiffer
from inventory.history.columnar import (
    DERIVED,
    DIRECTORIES,
    DRAWS,
    EFFECTS,
    HEADS,
    HOLDS,
    LEDGER,
    SHARDS,
    SNAPSHOT,
    Columns,
    bucket_sql,
    engine,
    load,
    save,
    view,
)
from inventory.history.layout import data_path, opened_path
from inventory.history.manifest import DataFile
from inventory.history.map_task import DOWNLOADS_AT_ONCE, columns_of, download_all, kind_of, read_parts
from inventory.history.opening import CHANGED, FINAL_READ, LOST, begin_books, begin_with_reading, totals_of_lost
from inventory.history.plan import Plan
from inventory.history.scan import WHOLE, read_paths
from inventory.storage.objects import Objects

#: No hold event has an item of its own.
_LEDGER_ORDER: Final = {"items": "item_id NULLS LAST, at_ms, record_key, rev", "holds": "at_ms, record_key, rev"}
_LINES: Final = (
    '\'[{"item": "VARCHAR", "warehouse": "VARCHAR", "quantity": "BIGINT", "executed": "BIGINT", '
    '"drawn": [{"shard": "INTEGER", "quantity": "BIGINT"}]}]\''
)
#: The same without the shards: what a settled hold took.
_TAKEN: Final = '\'[{"item": "VARCHAR", "warehouse": "VARCHAR", "quantity": "BIGINT", "executed": "BIGINT"}]\''
_GAPS_TOLD_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Reduced:
    """What became of a bucket.

    Attributes:
        files: What is to be committed; each lies under the run's `sealed/` until then.
        gaps: Ids of events that must exist and are not in the archive; a few of them.
        totals: What the bucket adds to the manifest's totals.
    """

    files: Sequence[DataFile]
    gaps: Sequence[str]
    totals: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """As a file."""
        told = asdict(self) | {"files": [file._asdict() for file in self.files]}
        return json.dumps(told, sort_keys=True).encode()


def result_path(plan: Plan, kind: str, bucket: int) -> str:
    """Where the result of a bucket lies."""
    return f"{plan.run}results/{kind}-{bucket:04d}.json"


def heads_path(plan: Plan, kind: str, bucket: int) -> str:
    """Where a bucket tells of each of its records; what the seal compares with the live ones."""
    return f"{plan.run}heads/{kind}-{bucket:04d}.parquet"


def sealed_path(plan: Plan, path: str) -> str:
    """Where a file waits for its commit."""
    return f"{plan.run}sealed/{path}"


def read_results(objects: Objects, plan: Plan) -> list[Reduced]:
    """What all reduce tasks left.

    Raises:
        NoSuchObject: One has not been done.
    """
    results = []
    for kind in ("holds", "items"):
        for bucket in range(plan.buckets):
            told = json.loads(objects.read(result_path(plan, kind, bucket)))
            files = [DataFile(**file) for file in told["files"]]
            results.append(Reduced(files, told["gaps"], told["totals"]))
    return results


def reduce_holds(objects: Objects, plan: Plan, bucket: int, work: Path) -> Reduced:
    """Folds a bucket of holds: those unsettled at the instant, their draws, the ledger, what they do to items.

    Raises:
        EventsDiffer: The archive has two events of one id with other contents.
        NoSuchObject: A map task has not been done, or a part that it wrote is gone: mapping again brings it back.
    """
    task = _Bucket(objects, plan, "holds", bucket, work)
    with engine(work) as sql:
        gaps = task.load_events(sql)
        task.load_base(sql, "base", HOLDS, "state", "holds")
        gaps += _gaps(sql, "SELECT hold_id AS record_key, rev FROM base", "NOT (type = 'hold_removed' AND settled)")
        sql.execute(_END_HOLDS)
        sql.execute(_FOLD_HOLDS)
        sql.execute(f"CREATE TABLE draws AS {_DRAWS}")
        files = [
            task.save(sql, "state", "holds", "FROM folded", HOLDS, "hold_id"),
            task.save(sql, "holds", "holds", "FROM draws", DRAWS, "hold_id, line, shard"),
            *task.save_ledger(sql),
            *task.save_lost(sql),
        ]
        task.save_heads(sql, "SELECT hold_id AS record_key, rev, at_ms, final FROM ended")
        _save_effects(task, sql)
        totals = {
            "unsettled_holds": _one(sql, "SELECT count(*) FROM folded"),
            "hold_events": _one(sql, f"SELECT count(*) FROM events WHERE {task.in_ledger}"),
            **task.totals_of_lost(sql),
        }
    return task.finish(Reduced(files, gaps, totals))


def reduce_items(objects: Objects, plan: Plan, bucket: int, work: Path) -> Reduced:
    """Folds a bucket of items: shards, directories, what was where, the ledger. All holds must be reduced already.

    Raises:
        EventsDiffer: The archive has two events of one id with other contents.
        NoSuchObject: A map task has not been done, or a part that it wrote is gone: mapping again brings it back.
    """
    task = _Bucket(objects, plan, "items", bucket, work)
    with engine(work) as sql:
        gaps = task.load_events(sql)
        task.load_base(sql, "base_shards", SHARDS, "state", "shards")
        task.load_base(sql, "base_directories", DIRECTORIES, "state", "directories")
        task.load_base(sql, "base_snapshot", SNAPSHOT, "snapshots", "items")
        task.load_effects(sql)
        gaps += _gaps(sql, _BASE_STOCK, "cause_type IS NOT NULL OR type IN ('shard_removed', 'directory_removed')")
        sql.execute(_FOLD_SHARDS)
        _fold_directories(sql)
        sql.execute(f"CREATE TABLE snapshot AS {_SNAPSHOT}")
        changed = task.begin_books(sql)
        files = [
            task.save(sql, "state", "shards", "SELECT * FROM shards", SHARDS, "item_id, warehouse_id, shard"),
            task.save(sql, "state", "directories", "SELECT * FROM directories", DIRECTORIES, "item_id"),
            task.save(sql, "snapshots", "items", "SELECT * FROM snapshot", SNAPSHOT, "item_id, warehouse_id"),
            *task.save_ledger(sql),
            *task.save_lost(sql),
            *changed,
        ]
        task.save_heads(sql, _STOCK_HEADS)
        totals = _item_totals(sql, task.in_ledger) | task.totals_of_lost(sql)
    return task.finish(Reduced(files, gaps, totals))


class _Bucket:
    """One bucket's task: where its input and its output lie."""

    def __init__(self, objects: Objects, plan: Plan, kind: str, bucket: int, work: Path) -> None:
        self.plan = plan
        self._objects = objects
        self._kind = kind
        self._bucket = bucket
        self._work = work
        self._loaded = 0

    @property
    def in_ledger(self) -> str:
        """The condition of events that this snapshot adds to the ledger."""
        return "false" if self.plan.ledger_from_ms is None else f"at_ms > {self.plan.ledger_from_ms}"

    def load_events(self, sql: duckdb.DuckDBPyConnection) -> list[str]:
        """The bucket's events, each once, and the revisions after the instant.

        They are read from the files wherever they are asked for, a few columns at a time: most questions need no more.
        Those of an opening snapshot are a table, as what was read takes the place of most.

        Returns:
            Ids of events that an opening snapshot must have and the archive does not have yet; a few of them.
        """
        tasks = [task for task in self.plan.tasks if kind_of(task.source) == self._kind]
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            told = list(pool.map(lambda task: read_parts(self._objects, task, self._bucket), tasks))
        files = self._download([key for parts in told for key in parts])
        view(sql, "told", columns_of(self._kind), files)
        # A settled hold's removal is no write of the service's: the record was final before.
        removal = "type = 'hold_removed' AND settled" if self._kind == "holds" else "false"
        after = f"at_ms > {self.plan.as_of_ms}"
        made = "VIEW" if self.plan.opening is None else "TABLE"
        sql.execute(f"CREATE VIEW later AS SELECT record_key, rev FROM told WHERE {after} AND NOT ({removal})")
        sql.execute(f"CREATE {made} events AS FROM told WHERE NOT ({after})")
        coming = self._begin_with_reading(sql)
        _drop_doubles(sql, made)
        return coming

    def load_effects(self, sql: duckdb.DuckDBPyConnection) -> None:
        """What the buckets of holds do to this bucket's items."""
        found = self._objects.list(f"{self.plan.run}effects/{self._bucket:04d}/")
        self._load(sql, "effects", EFFECTS, [stored.key for stored in found])

    def load_base(self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, folder: str, kind: str) -> None:
        """A file of the snapshot that this one starts from; nothing where it starts from the first event.

        An opening snapshot starts from what was read, which is loaded already; its books start from nothing.
        """
        if self.plan.opening is not None:
            spelled = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            sql.execute(f"CREATE TABLE IF NOT EXISTS {table} ({spelled})")
            return
        self._load_sealed(sql, table, columns, folder, kind)

    def _load_sealed(
        self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, folder: str, kind: str
    ) -> None:
        base_ms = self.plan.base_ms
        keys = [] if base_ms is None else [data_path(folder, base_ms, kind, self._bucket)]
        self._load(sql, table, columns, keys)

    def _begin_with_reading(self, sql: duckdb.DuckDBPyConnection) -> list[str]:
        opening = self.plan.opening
        if opening is None:
            return []
        self._load(sql, "whole", WHOLE, read_paths(self._objects, opening.read, self._kind, self._bucket))
        if self._kind == "holds":
            self._load_sealed(sql, "sealed_holds", HOLDS, "state", "holds")
        else:
            self._load_sealed(sql, "sealed_shards", SHARDS, "state", "shards")
            self._load_sealed(sql, "sealed_directories", DIRECTORIES, "state", "directories")
            self._load_sealed(sql, "sealed_snapshot", SNAPSHOT, "snapshots", "items")
        return begin_with_reading(sql, opening, self.plan.base_ms or 0, self.plan.as_of_ms, self._kind)

    def begin_books(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """Begins an opening snapshot's books anew, and saves what changed since the snapshot before."""
        if self.plan.opening is None:
            return []
        rows = begin_books(sql)
        return [self._save_opened(sql, "changed-items", rows, CHANGED, "item_id, warehouse_id")]

    def save_lost(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """What is lost of the time before an opening snapshot."""
        if self.plan.opening is None:
            return []
        order = "record_key, what, from_rev"
        return [self._save_opened(sql, f"lost-{self._kind}", "SELECT * FROM lost", LOST, order)]

    def totals_of_lost(self, sql: duckdb.DuckDBPyConnection) -> dict[str, int]:
        """How much that is."""
        return {} if self.plan.opening is None else totals_of_lost(sql)

    def _save_opened(
        self, sql: duckdb.DuckDBPyConnection, kind: str, rows: str, columns: Columns, order: str
    ) -> DataFile:
        path = opened_path(self.plan.as_of_ms, kind, self._bucket)
        file = self._work / f"{kind}.parquet"
        saved = save(sql, rows, columns, order, file, path)
        self._objects.upload(file, sealed_path(self.plan, path))
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
        path = data_path(folder, self.plan.as_of_ms, kind, self._bucket)
        file = self._work / f"{folder}-{kind}.parquet"
        saved = save(sql, rows, columns, order, file, path, made)
        self._objects.upload(file, sealed_path(self.plan, path))
        return saved

    def save_ledger(self, sql: duckdb.DuckDBPyConnection) -> list[DataFile]:
        """The events that are new to the ledger; no file where the ledger has this time already."""
        if self.plan.ledger_from_ms is None:
            return []
        rows = f"SELECT * FROM events WHERE {self.in_ledger}"
        made = dict.fromkeys(LEDGER.keys() - columns_of(self._kind).keys(), "NULL") | DERIVED
        return [self.save(sql, "ledger", self._kind, rows, LEDGER, _LEDGER_ORDER[self._kind], made)]

    def save_heads(self, sql: duckdb.DuckDBPyConnection, rows: str) -> None:
        """Each record as the fold has it, with the first of its revisions after the instant."""
        if self.plan.opening is not None:
            rows = f"{rows} UNION ALL {FINAL_READ}"
        file = self._work / "heads.parquet"
        later = "SELECT record_key, min(rev) AS later FROM later GROUP BY record_key"
        joined = (
            "SELECT record_key, coalesce(head.rev, 0) AS rev, at_ms, coalesce(final, false) AS final, later "
            f"FROM ({rows}) AS head FULL JOIN ({later}) AS next USING (record_key)"
        )
        save(sql, joined, HEADS, "record_key", file, "")
        self._objects.upload(file, heads_path(self.plan, self._kind, self._bucket))

    def upload(self, file: Path, key: str) -> None:
        """Anything else."""
        self._objects.upload(file, f"{self.plan.run}{key}")

    @property
    def bucket(self) -> int:
        """The bucket's number."""
        return self._bucket

    @property
    def work(self) -> Path:
        """The task's own folder."""
        return self._work

    def finish(self, reduced: Reduced) -> Reduced:
        """Leaves the result."""
        self._objects.put(result_path(self.plan, self._kind, self._bucket), reduced.to_json())
        return reduced

    def _load(self, sql: duckdb.DuckDBPyConnection, table: str, columns: Columns, keys: Sequence[str]) -> None:
        load(sql, table, columns, self._download(keys))

    def _download(self, keys: Sequence[str]) -> list[Path]:
        self._loaded += 1
        return download_all(self._objects, keys, self._work / str(self._loaded))


def _drop_doubles(sql: duckdb.DuckDBPyConnection, made: str) -> None:
    """Keeps one of equal events. Few are ever archived twice, so the rest is left as it is.

    Raises:
        EventsDiffer: Two events have one id and other contents.
    """
    sql.execute("CREATE TABLE doubled AS SELECT record_key, rev FROM events GROUP BY ALL HAVING count(*) > 1")
    if _one(sql, "SELECT count(*) FROM doubled") == 0:
        return
    sql.execute(
        "CREATE TABLE single AS SELECT DISTINCT * FROM events SEMI JOIN doubled USING (record_key, rev);"
        f"ALTER {made} events RENAME TO archived;"
        "CREATE VIEW events AS FROM archived ANTI JOIN doubled USING (record_key, rev) UNION ALL FROM single"
    )
    differ = sql.execute(
        "SELECT record_key || '@' || rev FROM single GROUP BY record_key, rev HAVING count(*) > 1 ORDER BY 1"
    ).fetchone()
    if differ is not None:
        raise EventsDiffer(differ[0])


def _gaps(sql: duckdb.DuckDBPyConnection, base: str, counted: str) -> list[str]:
    """The first missing event of records whose revisions do not follow each other from the base's on (`gapless`)."""
    told = f"SELECT record_key, rev FROM events WHERE {counted}"
    # No event is there twice: as many as lie between the first and the last are all of them.
    sql.execute(
        f"""
        CREATE OR REPLACE TABLE broken AS
        SELECT record_key, based.rev AS base FROM (
            SELECT record_key, min(rev) AS first, max(rev) AS last, count(*) AS events FROM ({told}) GROUP BY record_key
        ) LEFT JOIN ({base}) AS based USING (record_key)
        WHERE first <> coalesce(based.rev, 0) + 1 OR events <> last - first + 1
        """
    )
    if _one(sql, "SELECT count(*) FROM broken") == 0:
        return []
    found = sql.execute(
        f"""
        WITH followed AS (
            SELECT record_key, rev, base, lag(rev, 1, 0) OVER (PARTITION BY record_key ORDER BY rev) AS before
            FROM (FROM ({told}) UNION ALL SELECT record_key, base FROM broken WHERE base IS NOT NULL)
            JOIN broken USING (record_key)
        )
        SELECT record_key || '@' || (before + 1) FROM followed
        WHERE rev <> before + 1 AND rev IS DISTINCT FROM base
        ORDER BY 1 LIMIT {_GAPS_TOLD_MAX}
        """
    ).fetchall()
    return [event_id for (event_id,) in found]


#: Every hold of the bucket, and of those that are settled what they did: most holds of a long history are.
_END_HOLDS: Final = """
CREATE TABLE ended AS
SELECT hold_id, max(rev) AS rev, max(at_ms) AS at_ms, bool_or(final) AS final, bool_or(settles) AS settles,
       arg_max(status, rev) AS status, arg_max(lines, rev) AS lines
FROM (
    SELECT record_key AS hold_id, rev, at_ms, status, lines, settlement IS NOT NULL OR type = 'hold_removed' AS final,
           settlement IS NOT NULL AS settles
    FROM events WHERE NOT (type = 'hold_removed' AND settled)
    UNION ALL
    SELECT hold_id, rev, at_ms, status, lines, false, false FROM base
) GROUP BY hold_id
"""
#: The unsettled ones, whole.
_FOLD_HOLDS: Final = """
CREATE TABLE folded AS
WITH open AS (SELECT hold_id FROM ended WHERE NOT final),
told AS (
    SELECT record_key AS hold_id, rev, at_ms, status, lines, metadata, resolution, fingerprint, open, created_ms,
           expires_at_ms, CASE WHEN created_ms IS NOT NULL THEN actor END AS actor
    FROM events WHERE record_key IN (FROM open)
    UNION ALL BY NAME
    FROM base WHERE hold_id IN (FROM open)
)
SELECT hold_id, max(rev) AS rev, max(at_ms) AS at_ms, arg_max(status, rev) AS status, arg_max(lines, rev) AS lines,
       arg_max(metadata, rev) AS metadata, arg_max(resolution, rev) AS resolution,
       arg_max(fingerprint, rev) AS fingerprint, arg_max(open, rev) AS open, arg_max(created_ms, rev) AS created_ms,
       arg_max(expires_at_ms, rev) AS expires_at_ms, arg_max(actor, rev) AS actor
FROM told GROUP BY hold_id
"""
_DRAWS: Final = f"""
WITH lined AS (
    SELECT * EXCLUDE (lines), unnest(from_json(lines, {_LINES})) AS part,
           generate_subscripts(from_json(lines, {_LINES}), 1) - 1 AS line
    FROM folded
)
SELECT hold_id, line, part.item AS item_id, part.warehouse AS warehouse_id, part.quantity AS line_quantity,
       part.executed AS line_executed, status, created_ms, expires_at_ms, at_ms, actor,
       make_timestamp(created_ms * 1000) AS created, make_timestamp(expires_at_ms * 1000) AS expires_at,
       unnest(part.drawn).shard AS shard, unnest(part.drawn).quantity AS quantity
FROM lined
"""
#: What a bucket of holds does to items: units that left with holds settled since the base, and units held now.
_EFFECTS: Final = f"""
SELECT item_id, warehouse_id, sum(executed) AS executed, sum(holding) AS holding FROM (
    SELECT line.item AS item_id, line.warehouse AS warehouse_id, coalesce(line.executed, line.quantity) AS executed,
           0 AS holding
    FROM (SELECT unnest(from_json(lines, {_TAKEN})) AS line FROM ended WHERE settles AND status = 'executed')
    UNION ALL
    SELECT item_id, warehouse_id, 0, quantity FROM draws
) GROUP BY ALL
"""
_BASE_STOCK: Final = """
SELECT item_id || '#' || warehouse_id || '#' || shard AS record_key, rev FROM base_shards
UNION ALL SELECT item_id || '#*', rev FROM base_directories
"""
_FOLD_SHARDS: Final = """
CREATE TABLE shards AS
WITH told AS (
    SELECT item_id, warehouse_id, shard, available_after AS available, held_after AS held, inflow_after AS inflow, rev,
           at_ms, type = 'shard_removed' AS gone
    FROM events WHERE shard IS NOT NULL
    UNION ALL BY NAME SELECT *, false AS gone FROM base_shards
)
SELECT item_id, warehouse_id, shard, last.available, last.held, last.inflow, last.rev, last.at_ms FROM (
    SELECT item_id, warehouse_id, shard, arg_max({'available': available, 'held': held, 'inflow': inflow, 'rev': rev,
           'at_ms': at_ms, 'gone': gone}, rev) AS last
    FROM told GROUP BY item_id, warehouse_id, shard
) WHERE NOT last.gone
"""
_ADJUSTED: Final = """
SELECT item_id, warehouse_id, CASE WHEN to_warehouse_id IS NULL THEN quantity ELSE -quantity END AS adjusted
FROM events WHERE type IN ('adjustment_made', 'transfer_made')
UNION ALL
SELECT item_id, to_warehouse_id, quantity FROM events WHERE type = 'transfer_made'
"""
_SNAPSHOT: Final = f"""
SELECT item_id, warehouse_id, sum(available) AS available, sum(held) AS held, sum(available) + sum(held) AS on_hand,
       sum(shards) AS shards, coalesce(max(at_ms), 0) AS at_ms,
       make_timestamp(coalesce(max(at_ms), 0) * 1000) AS last_event_at,
       sum(adjusted) AS adjusted, sum(executed) AS executed, sum(holding) AS holding
FROM (
    SELECT item_id, warehouse_id, available, held, 1 AS shards, at_ms, 0 AS adjusted, 0 AS executed, 0 AS holding
    FROM shards
    UNION ALL SELECT item_id, warehouse_id, 0, 0, 0, NULL, adjusted, 0, 0 FROM ({_ADJUSTED})
    UNION ALL SELECT item_id, warehouse_id, 0, 0, 0, NULL, adjusted, executed, 0 FROM base_snapshot
    UNION ALL SELECT item_id, warehouse_id, 0, 0, 0, NULL, 0, executed, holding FROM effects
) GROUP BY item_id, warehouse_id
"""
_STOCK_HEADS: Final = """
SELECT item_id || '#' || warehouse_id || '#' || shard AS record_key, rev, at_ms, false AS final FROM shards
UNION ALL SELECT item_id || '#*', rev, at_ms, false FROM directories
UNION ALL SELECT record_key, max(rev), max(at_ms), true FROM events
WHERE type LIKE 'adjustment%' OR type LIKE 'transfer%' OR type IN ('shard_removed', 'directory_removed')
GROUP BY record_key
"""


def _fold_directories(sql: duckdb.DuckDBPyConnection) -> None:
    """Directories change with splits, counts and new warehouses only: few enough to fold one by one."""
    spelled = ", ".join(f"{name} {kind}" for name, kind in DIRECTORIES.items())
    sql.execute(f"CREATE TABLE directories ({spelled})")
    told = sql.execute(
        "SELECT item_id, rev, at_ms, type, after FROM events WHERE type LIKE 'directory%' ORDER BY item_id, rev"
    ).fetchall()
    bases = dict(
        sql.execute(
            "SELECT item_id, warehouses FROM base_directories "
            "WHERE item_id IN (SELECT item_id FROM events WHERE type LIKE 'directory%')"
        ).fetchall()
    )
    folded: list[tuple[str, str, int, int]] = []
    for item, changes in groupby(told, key=lambda row: row[0]):
        warehouses: dict[str, Any] | None = json.loads(bases.get(item, "{}"))
        rev = at_ms = 0
        for _, rev, at_ms, kind, after in changes:  # noqa: B007 - the last ones are the record's
            warehouses = changed_directory(warehouses, kind, after)
        if warehouses is not None:
            folded.append((item, json.dumps(warehouses, sort_keys=True, separators=(",", ":")), rev, at_ms))
    if folded:
        sql.executemany("INSERT INTO directories VALUES (?, ?, ?, ?)", folded)
    sql.execute(
        "INSERT INTO directories SELECT item_id, warehouses, rev, at_ms FROM base_directories "
        "WHERE item_id NOT IN (SELECT item_id FROM events WHERE type LIKE 'directory%')"
    )


def changed_directory(warehouses: Mapping[str, Any] | None, kind: str, after: str) -> dict[str, Any] | None:
    """A directory's warehouses after one more event; None for no directory. `after` is JSON: what became of some."""
    if kind == "directory_removed":
        return None
    merged = {**(warehouses or {}), **json.loads(after)}
    return {name: entry for name, entry in merged.items() if entry is not None}


def _save_effects(task: _Bucket, sql: duckdb.DuckDBPyConnection) -> None:
    folder = task.work / "effects"
    sql.execute(
        f"COPY (SELECT *, {bucket_sql('item_id', task.plan.buckets)} AS bucket FROM ({_EFFECTS})) TO '{folder}' "
        "(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (bucket))"
    )
    for number in range(task.plan.buckets):
        for part, file in enumerate(sorted((folder / f"bucket={number}").glob("*.parquet"))):
            task.upload(file, f"effects/{number:04d}/from-{task.bucket:04d}-{part}")


def _item_totals(sql: duckdb.DuckDBPyConnection, in_ledger: str) -> dict[str, int]:
    summed = ("available", "held", "on_hand", "adjusted", "executed", "holding", "shards")
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in summed)
    [told] = sql.execute(f"SELECT {sums}, count(DISTINCT item_id) FROM snapshot").fetchall()
    of_stock = "type LIKE 'shard%' OR type LIKE 'directory%'"
    return dict(zip((*summed, "items"), told, strict=True)) | {
        "stock_events": _one(sql, f"SELECT count(*) FROM events WHERE {in_ledger} AND ({of_stock})"),
        "adjustment_events": _one(sql, f"SELECT count(*) FROM events WHERE {in_ledger} AND NOT ({of_stock})"),
    }


def _one(sql: duckdb.DuckDBPyConnection, query: str) -> int:
    [(value,)] = sql.execute(query).fetchall()
    return int(value)
