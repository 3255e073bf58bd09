"""Map: the archived lines of one task to columns, each bucket by itself; what the base has is left out."""

import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import duckdb
from isal import igzip
from isal.igzip_lib import IsalError

from inventory.domain.events import VERSION, Source
from inventory.history.columnar import LEDGER, Columns, bucket_sql, engine
from inventory.history.plan import MapTask, Plan, read_keys
from inventory.storage.objects import NoSuchObject, Objects

DOWNLOADS_AT_ONCE: Final = 8
_DECOMPRESSED_AT_ONCE: Final = 1 << 20
#: Partials are read once, by the same DuckDB, and then forgotten.
_QUICK: Final = "COMPRESSION lz4_raw, PARQUET_VERSION V2"

_EVERY: Final = {"v": "INTEGER", "event_id": "VARCHAR", "type": "VARCHAR", "at": "BIGINT", "other": "JSON"}
_CAUSE: Final = "STRUCT(type VARCHAR, id VARCHAR, actor VARCHAR, reason VARCHAR, reference VARCHAR, hops INTEGER)"
_HOLD_SET: Final = (
    "STRUCT(status VARCHAR, lines JSON, created BIGINT, expires_at BIGINT, actor VARCHAR, metadata JSON, "
    "fingerprint VARCHAR, open VARCHAR, resolution JSON, settlement VARCHAR, ttl BIGINT)"
)
_ADJUSTMENT_SET: Final = (
    'STRUCT(item VARCHAR, warehouse VARCHAR, "from" VARCHAR, "to" VARCHAR, quantity BIGINT, reason VARCHAR, '
    "reference VARCHAR, count BIGINT, metadata JSON, actor VARCHAR, fingerprint VARCHAR)"
)
#: The fields of each table's lines.
LINES: Final[dict[Source, Columns]] = {
    Source.STOCK: _EVERY | {"before": "JSON", "after": "JSON", "cause": _CAUSE, "by": "VARCHAR"},
    Source.HOLDS: _EVERY | {"set": _HOLD_SET, "unset": "JSON", "by": "VARCHAR", "settled": "BOOLEAN"},
    Source.ADJUSTMENTS: _EVERY | {"set": _ADJUSTMENT_SET, "unset": "JSON", "by": "VARCHAR"},
}
_KEY: Final = "split_part(event_id, '@', 1)"
_SHARD: Final = "type IN ('shard_changed', 'shard_removed')"
_OF_EVERY: Final = {
    "record_key": _KEY,
    "type": "type",
    "rev": "split_part(event_id, '@', 2)::BIGINT",
    "at_ms": '"at"',
    "other": "other",
    "by": '"by"',
}
#: Where each column of the ledger comes from; what is not here is null, or made of others.
_FROM: Final[dict[Source, dict[str, str]]] = {
    Source.STOCK: _OF_EVERY
    | {
        "item_id": "split_part(event_id, '#', 1)",
        "warehouse_id": f"CASE WHEN {_SHARD} THEN split_part(event_id, '#', 2) END",
        "shard": f"CASE WHEN {_SHARD} THEN split_part({_KEY}, '#', 3)::INTEGER END",
        "available_before": f"CASE WHEN {_SHARD} THEN (\"before\"->>'available')::BIGINT END",
        "held_before": f"CASE WHEN {_SHARD} THEN (\"before\"->>'held')::BIGINT END",
        "available_after": f"CASE WHEN {_SHARD} THEN (\"after\"->>'available')::BIGINT END",
        "held_after": f"CASE WHEN {_SHARD} THEN (\"after\"->>'held')::BIGINT END",
        "inflow_after": f"CASE WHEN {_SHARD} THEN (\"after\"->>'inflow')::BIGINT END",
        "cause_type": "cause.type",
        "cause_id": "cause.id",
        "actor": "cause.actor",
        "reason": "cause.reason",
        "reference": "cause.reference",
        "hops": "cause.hops",
        "before": f'CASE WHEN NOT ({_SHARD}) THEN "before" END',
        "after": f'CASE WHEN NOT ({_SHARD}) THEN "after" END',
    },
    Source.HOLDS: _OF_EVERY
    | {
        "status": '"set".status',
        "settlement": '"set".settlement',
        "lines": '"set".lines',
        "metadata": '"set".metadata',
        "resolution": '"set".resolution',
        "actor": 'coalesce("set".actor, "set".resolution->>\'actor\')',
        "created_ms": '"set".created',
        "expires_at_ms": '"set".expires_at',
        "ttl": '"set".ttl',
        "open": '"set".open',
        "fingerprint": '"set".fingerprint',
        "unset": '"unset"',
        "settled": "settled",
    },
    Source.ADJUSTMENTS: _OF_EVERY
    | {
        "item_id": '"set".item',
        "warehouse_id": 'coalesce("set".warehouse, "set"."from")',
        "to_warehouse_id": '"set"."to"',
        "reason": '"set".reason',
        "reference": '"set".reference',
        "actor": '"set".actor',
        "quantity": '"set".quantity',
        "count": '"set"."count"',
        "metadata": '"set".metadata',
        "fingerprint": '"set".fingerprint',
        "unset": '"unset"',
    },
}


class ObjectDamaged(Exception):
    """An archived object is not what the archiver wrote."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")
        self.key = key


class UnknownVersion(Exception):
    """An archived line has a version that this code does not know."""


def kind_of(source: Source) -> str:
    """The kind of bucket that a table's events go to."""
    return "holds" if source is Source.HOLDS else "items"


def columns_of(kind: str) -> Columns:
    """The ledger's columns that events of a kind of bucket fill; the others are null, or made of these."""
    filled = {name for source in Source if kind_of(source) == kind for name in _FROM[source]}
    return {name: of for name, of in LEDGER.items() if name in filled}


def run_map_task(objects: Objects, plan: Plan, task: MapTask, work: Path, *, threads: int = 1) -> None:
    """Writes a task's events by bucket, and which revisions come after the snapshot's instant.

    Nothing is left to do where another run did it, and all that it wrote is there still.

    Raises:
        NoSuchObject: An archived object is gone, or no plan has this task.
        ObjectDamaged: Its checksum is wrong, or it has a line that is no event.
        UnknownVersion: See there.
    """
    if _is_done(objects, task):
        return
    keys = read_keys(objects, task)
    files = download_all(objects, keys, work)
    for key, file in zip(keys, files, strict=True):
        decompress(key, file)
    with engine(work, threads=threads) as connection:
        try:
            read_lines(connection, task.source, files)
        except duckdb.Error as error:
            damaged = next((key for key, file in zip(keys, files, strict=True) if file.name in str(error)), None)
            if damaged is None:
                raise
            raise ObjectDamaged(damaged, str(error)) from error
        kind = kind_of(task.source)
        bucket = bucket_sql("record_key" if kind == "holds" else "coalesce(item_id, record_key)", plan.buckets)
        now = f"at_ms > {plan.fold_from_ms} AND at_ms <= {plan.as_of_ms}"
        # A settled hold's removal is no write of the service's: the record was final before.
        removal = "type = 'hold_removed' AND settled" if kind == "holds" else "false"
        later = f"at_ms > {plan.as_of_ms} AND NOT ({removal})"
        parts: dict[str, list[int]] = {}
        for name, rows in (
            ("events", f"SELECT * EXCLUDE (v), {bucket} AS bucket FROM events WHERE {now}"),
            ("later", f"SELECT record_key, rev, {bucket} AS bucket FROM events WHERE {later}"),
        ):
            folder = work / name
            connection.execute(f"COPY ({rows}) TO '{folder}' (FORMAT parquet, {_QUICK}, PARTITION_BY (bucket))")
            parts[name] = [_upload_parts(objects, task, name, number, folder) for number in range(plan.buckets)]
    objects.put(_done_path(task), json.dumps(parts).encode())


def _upload_parts(objects: Objects, task: MapTask, name: str, bucket: int, folder: Path) -> int:
    files = sorted((folder / f"bucket={bucket}").glob("*.parquet"))
    for part, file in enumerate(files):
        objects.upload(file, _part_path(task, name, bucket, part))
    return len(files)


def read_parts(objects: Objects, task: MapTask, bucket: int) -> dict[str, list[str]]:
    """Where a task's output for a bucket lies: under `events` and `later`.

    Raises:
        NoSuchObject: The task has not been done.
    """
    parts: dict[str, list[int]] = json.loads(objects.read(_done_path(task)))
    return {
        name: [_part_path(task, name, bucket, part) for part in range(counts[bucket])] for name, counts in parts.items()
    }


def _is_done(objects: Objects, task: MapTask) -> bool:
    """Whether all of a task's output is there: partials are forgotten after some days, one by one."""
    try:
        parts: dict[str, list[int]] = json.loads(objects.read(_done_path(task)))
    except NoSuchObject:
        return False
    there = {stored.key for stored in objects.list(task.folder)}
    return all(
        _part_path(task, name, bucket, part) in there
        for name, counts in parts.items()
        for bucket, count in enumerate(counts)
        for part in range(count)
    )


def _done_path(task: MapTask) -> str:
    """What tells that a task is done: how many parts it wrote for each bucket, by name."""
    return f"{task.folder}done.json"


def _part_path(task: MapTask, name: str, bucket: int, part: int) -> str:
    return f"{task.folder}{name}-{bucket:04d}-{part}"


def decompress(key: str, file: Path) -> None:
    """Puts a file's lines in its place, having looked at gzip's checksum and length. DuckDB does not look.

    Raises:
        ObjectDamaged: Either is wrong, or it is not gzip.
    """
    plain = file.with_suffix(".plain")
    try:
        with igzip.IGzipFile(file) as stream, plain.open("wb") as lines:  # type: ignore[no-untyped-call]
            shutil.copyfileobj(stream, lines, _DECOMPRESSED_AT_ONCE)
    except (igzip.BadGzipFile, EOFError, IsalError) as error:  # type: ignore[misc]  # its stub is wrong
        raise ObjectDamaged(key, str(error)) from error
    plain.replace(file)


def read_lines(connection: duckdb.DuckDBPyConnection, source: Source, files: Sequence[Path]) -> None:
    """Makes the table `events`, in the ledger's columns that are filled; what was archived twice is in it twice.

    Raises:
        duckdb.Error: A file is not what the archiver wrote.
        UnknownVersion: A line has another version.
    """
    spec = ", ".join(f"'{name}': '{kind}'" for name, kind in LINES[source].items())
    listed = ", ".join(f"'{file}'" for file in files)
    told = _FROM[source]
    columns = ", ".join(
        f'({told.get(name, "NULL")})::{kind} AS "{name}"' for name, kind in columns_of(kind_of(source)).items()
    )
    connection.execute(
        f"CREATE OR REPLACE TABLE events AS SELECT {columns}, v FROM "
        f"read_json([{listed}], format = 'newline_delimited', compression = 'none', columns = {{{spec}}})"
    )
    unknown: Any = connection.execute(
        f"SELECT record_key || '@' || rev FROM events WHERE v IS DISTINCT FROM {VERSION} LIMIT 1"
    ).fetchone()
    if unknown is not None:
        raise UnknownVersion(f"event {unknown[0]}")


def download_all(objects: Objects, keys: Sequence[str], work: Path) -> list[Path]:
    """Brings objects into a folder, some at once."""
    folder = work / "input"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:05d}-{key.rsplit('/', 1)[-1]}" for number, key in enumerate(keys)]
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        list(pool.map(objects.download, keys, files))
    return files
