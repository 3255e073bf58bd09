"""Map: the archived lines of one task to columns, each bucket by itself; what the base has is left out."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, Final

import duckdb
from isal import igzip
from isal.igzip_lib import IsalError

from inventory.adapters.objects import NoSuchObject, Objects
from inventory.adapters.scratch import scratch_database
from inventory.domain.events import VERSION, Source
from inventory.history.columnar import LEDGER, MEMORY_MB, Columns, bucket_sql
from inventory.history.plan import MapTask, Plan, read_task

DOWNLOADS_AT_ONCE: Final = 8
_DECOMPRESSED_AT_ONCE: Final = 1 << 20
#: A batch of a stream has 6 MB at most. More is nothing of the archiver's, and may be made to fill the disk.
OBJECT_BYTES_MAX: Final = 1 << 30
#: Partials are read once, by the same DuckDB, and then forgotten: half of LZ4's size for the same time.
_QUICK: Final = "COMPRESSION zstd, COMPRESSION_LEVEL 1"

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
_UNKNOWN: Final = "unknown version of event "
_BEFORE: Final = '{"available": "BIGINT", "held": "BIGINT"}'
_AFTER: Final = '{"available": "BIGINT", "held": "BIGINT", "inflow": "BIGINT"}'
_ID: Final = {"id": "string_split(event_id, '@')"}
#: What is taken out of a line's fields once, however many columns are made of it.
_TAKEN: Final[dict[Source, dict[str, str]]] = {
    Source.STOCK: _ID
    | {
        "place": "string_split(id[1], '#')",
        "is_shard": "type IN ('shard_changed', 'shard_removed')",
        "old": f"CASE WHEN is_shard THEN from_json_strict(\"before\", '{_BEFORE}') END",
        "new": f"CASE WHEN is_shard THEN from_json_strict(\"after\", '{_AFTER}') END",
    },
    Source.HOLDS: _ID,
    Source.ADJUSTMENTS: _ID,
}
_OF_EVERY: Final = {
    "record_key": "id[1]",
    "type": f"CASE WHEN v IS DISTINCT FROM {VERSION} THEN error('{_UNKNOWN}' || event_id) ELSE type END",
    "rev": "id[2]::BIGINT",
    "at_ms": '"at"',
    "other": "other",
    "by": '"by"',
}
#: Where each column of the ledger comes from; what is not here is null, or made of others.
_FROM: Final[dict[Source, dict[str, str]]] = {
    Source.STOCK: _OF_EVERY
    | {
        "item_id": "place[1]",
        "warehouse_id": "CASE WHEN is_shard THEN place[2] END",
        "shard": "CASE WHEN is_shard THEN place[3]::INTEGER END",
        "available_before": "old.available",
        "held_before": "old.held",
        "available_after": "new.available",
        "held_after": "new.held",
        "inflow_after": "new.inflow",
        "cause_type": "cause.type",
        "cause_id": "cause.id",
        "actor": "cause.actor",
        "reason": "cause.reason",
        "reference": "cause.reference",
        "hops": "cause.hops",
        "before": 'CASE WHEN NOT is_shard THEN "before" END',
        "after": 'CASE WHEN NOT is_shard THEN "after" END',
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


def run_map_task(objects: Objects, plan: Plan, task: MapTask, work: Path) -> None:
    """Writes a task's events by bucket, those after the snapshot's instant among them.

    Nothing is left to do where another run did it, and all that it wrote is there still.

    Raises:
        NoSuchObject: An archived object is gone, or no plan has this task.
        AlteredObject: One is not as it was listed any more.
        ObjectDamaged: Its checksum is wrong, or it has a line that is no event.
        UnknownVersion: See there.
    """
    if _is_done(objects, task):
        return
    listed = read_task(objects, task)
    keys = [each.key for each in listed]
    files = download_all(objects, keys, work, tags=[each.tag for each in listed])
    # One file: to begin one costs DuckDB as much as a few hundred lines, and a batch of a stream has no more.
    lines = work / "lines"
    with lines.open("wb") as together:
        for key, file in zip(keys, files, strict=True):
            decompress(key, file, together)
    folder = work / "events"
    with scratch_database(memory_mb=MEMORY_MB) as connection:
        try:
            connection.execute(_partition(plan, task.source, lines, folder))
        except duckdb.Error as error:
            _tell_damaged(error, plan, task.source, dict(zip(keys, files, strict=True)), work)
            raise
    parts = [_upload_parts(objects, task, bucket, folder) for bucket in range(plan.buckets)]
    objects.put(_done_path(task), json.dumps(parts).encode())


def _partition(plan: Plan, source: Source, file: Path, folder: Path) -> str:
    """The statement that reads lines and writes them, in the ledger's columns, by bucket: they lie nowhere between."""
    expressions, kind = _FROM[source], kind_of(source)
    fields = ", ".join(f"'{name}': '{of}'" for name, of in LINES[source].items())
    taken = ", ".join(f"{made} AS {name}" for name, made in _TAKEN[source].items())
    columns = ", ".join(f'({expressions.get(name, "NULL")})::{of} AS "{name}"' for name, of in columns_of(kind).items())
    bucket = bucket_sql("record_key" if kind == "holds" else "coalesce(item_id, record_key)", plan.buckets)
    lines = f"read_json('{file}', format = 'newline_delimited', compression = 'none', columns = {{{fields}}})"
    return (
        f"COPY (SELECT *, {bucket} AS bucket FROM (SELECT {columns} FROM (SELECT *, {taken} FROM {lines})) "
        f"WHERE at_ms > {plan.fold_from_ms}) TO '{folder}' (FORMAT parquet, {_QUICK}, PARTITION_BY (bucket))"
    )


def _tell_damaged(error: duckdb.Error, plan: Plan, source: Source, objects: dict[str, Path], work: Path) -> None:
    """Raises what a failure to read lines means, where they are at fault: each object is read once more, by itself."""
    if _UNKNOWN in str(error):
        raise UnknownVersion(f"event {str(error).partition(_UNKNOWN)[2].splitlines()[0]}") from error
    if isinstance(error, duckdb.OperationalError):  # no memory, no disk
        return
    for number, (key, file) in enumerate(objects.items()):
        lines = work / "lines-of-one"
        with lines.open("wb") as alone:
            decompress(key, file, alone)
        with scratch_database(memory_mb=MEMORY_MB) as connection:
            try:
                connection.execute(_partition(plan, source, lines, work / f"events-of-{number}"))
            except duckdb.Error as why:
                raise ObjectDamaged(key, str(why)) from error


def _upload_parts(objects: Objects, task: MapTask, bucket: int, folder: Path) -> int:
    files = sorted((folder / f"bucket={bucket}").glob("*.parquet"))
    for part, file in enumerate(files):
        objects.upload(file, _part_path(task, bucket, part))
    return len(files)


def read_parts(objects: Objects, task: MapTask, bucket: int) -> list[str]:
    """Where a task's output for a bucket lies.

    Raises:
        NoSuchObject: The task has not been done.
    """
    parts: list[int] = json.loads(objects.read(_done_path(task)))
    return [_part_path(task, bucket, part) for part in range(parts[bucket])]


def _is_done(objects: Objects, task: MapTask) -> bool:
    """Whether all of a task's output is there: partials are forgotten after some days, one by one."""
    try:
        parts: list[int] = json.loads(objects.read(_done_path(task)))
    except NoSuchObject:
        return False
    there = {stored.key for stored in objects.list(task.folder)}
    return all(_part_path(task, bucket, part) in there for bucket, count in enumerate(parts) for part in range(count))


def _done_path(task: MapTask) -> str:
    """What tells that a task is done: how many parts it wrote for each bucket."""
    return f"{task.folder}done.json"


def _part_path(task: MapTask, bucket: int, part: int) -> str:
    return f"{task.folder}events-{bucket:04d}-{part}"


def decompress(key: str, file: Path, lines: BinaryIO) -> None:
    """Adds a file's lines to others, having looked at gzip's checksum and length. DuckDB would not look.

    Raises:
        ObjectDamaged: Either is wrong, it is not gzip, or it is larger than any batch.
    """
    last, size = b"", 0
    try:
        with igzip.IGzipFile(file) as stream:  # type: ignore[no-untyped-call]
            while chunk := stream.read(_DECOMPRESSED_AT_ONCE):
                last, size = chunk, size + len(chunk)
                if size > OBJECT_BYTES_MAX:
                    raise ObjectDamaged(key, f"more than {OBJECT_BYTES_MAX:,} bytes, decompressed")
                lines.write(chunk)
    except (igzip.BadGzipFile, EOFError, IsalError) as error:  # type: ignore[misc]  # its stub is wrong
        raise ObjectDamaged(key, str(error)) from error
    if not last.endswith(b"\n"):  # or the next object's first line would be the end of this one's last
        lines.write(b"\n")


def download_all(objects: Objects, keys: Sequence[str], work: Path, *, tags: Sequence[str] = ()) -> list[Path]:
    """Brings objects into a folder, some at once; of these tags, where they are given."""
    folder = work / "input"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:05d}" for number in range(len(keys))]
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        list(pool.map(lambda key, file, tag: objects.download(key, file, tag=tag), keys, files, tags or repeat(None)))
    return files
