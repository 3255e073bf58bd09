"""Scan: the live tables as the seal needs them, read consistently and in parallel, segment by segment."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inventory.adapters.objects import Objects
from inventory.adapters.outages import pages_named
from inventory.adapters.scratch import scratch_database
from inventory.domain.canonical import canonical_json
from inventory.domain.clock import Milliseconds
from inventory.domain.events import KEY_OF, Source
from inventory.domain.stock import DIRECTORY_SUFFIX, directory_key, is_directory_key
from inventory.history.columnar import DIRECTORIES, HOLDS, LIVE, MEMORY_MB, SHARDS, Columns, save
from inventory.history.layout import PARTIALS, bucket_of, stamp_of
from inventory.history.map_task import kind_of
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import sound_hold_from
from inventory.storage.stock_records import directory_from, shard_from

#: What is read of a record where a snapshot begins with it: all that a fold knows of one.
WHOLE: Final[Columns] = {**LIVE, **SHARDS, **DIRECTORIES, **HOLDS}
_ROWS: Final = "FROM read_json('{file}', format = 'newline_delimited', columns = {{{fields}}})"

LiveRow = dict[str, str | int | bool | None]

#: What a column takes of a record, before DuckDB is asked, which would name no record.
_TAKES: Final[dict[str, tuple[type, ...]]] = {
    "BIGINT": (int,),
    "INTEGER": (int,),
    "BOOLEAN": (bool,),
    "VARCHAR": (str,),
}
#: What not every record has: holds that stand in no index any more, or that nobody has ended.
_LACKED: Final = {"open", "resolution"}
_BITS: Final = {"BIGINT": 64, "INTEGER": 32}
_TOLD_MAX: Final = 100


class RecordDamaged(Exception):
    """A live record is none that the service writes: somebody wrote to its table by hand."""

    def __init__(self, table: str, key: str, why: str) -> None:
        super().__init__(f"table {table}, record {key!r}: {why}")
        self.table = table
        self.key = key


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a table."""

    source: Source
    number: int
    of: int


def segments(of: int) -> list[Segment]:
    """All three tables, each in so many parts."""
    return [Segment(source, number, of) for source in Source for number in range(of)]


@dataclass(frozen=True, slots=True)
class Reading:
    """One task of an execution: what it reads, and where to.

    Attributes:
        live: The execution's own folder.
        buckets: Into how many buckets records are cut.
        segment: What is read.
        whole: Whether all of a record is kept, for an opening snapshot, and not just what the seal looks at.
    """

    live: str
    buckets: int
    segment: Segment
    whole: bool = False

    @property
    def columns(self) -> Columns:
        """What is kept of each record."""
        return WHOLE if self.whole else LIVE

    def path(self, bucket: int) -> str:
        """Where it leaves what it found for a bucket; each has a file, also with nothing in it."""
        segment = self.segment
        return f"{self.live}{kind_of(segment.source)}-{bucket:04d}-{segment.source}-{segment.number:03d}.parquet"


def live_folder(as_of_ms: Milliseconds, now_ms: Milliseconds) -> str:
    """The folder of an execution's reading: no two that began at other times share one."""
    return f"{PARTIALS}live/{stamp_of(as_of_ms)}-{now_ms}/"


def whole_folder(now_ms: Milliseconds) -> str:
    """The folder of what an opening snapshot begins with."""
    return f"{PARTIALS}live/opening-{now_ms}/"


def segments_path(live: str) -> str:
    """Where it is told which segments are read into a folder."""
    return f"{live}segments.json"


def read_paths(objects: Objects, live: str, kind: str, bucket: int) -> list[str]:
    """Where everything lies that was read for a bucket.

    Raises:
        NoSuchObject: Nothing was to be read into this folder.
    """
    entries = json.loads(objects.read(segments_path(live)))
    readings = [
        Reading(live, each["buckets"], Segment(Source(each["source"]), each["number"], each["of"])) for each in entries
    ]
    return [reading.path(bucket) for reading in readings if kind_of(reading.segment.source) == kind]


def scan_segment(objects: Objects, client: Any, table: str, reading: Reading, work: Path) -> int:
    """Reads a segment and writes its records' keys, revisions and instants by bucket; gives their number.

    Rows go to a file for each bucket as they come: a segment has millions of them.

    Raises:
        botocore.exceptions.ClientError: The table refused to be read.
        Overloaded: It did not answer in time, or refused for load.
        RecordDamaged: It has something that is no record of the service.
    """
    records = 0
    lines = [work / f"{bucket}.jsonl" for bucket in range(reading.buckets)]
    with ExitStack() as files:
        opened = [files.enter_context(path.open("w", encoding="utf-8")) for path in lines]
        for bucket, row in _live(client, table, reading):
            opened[bucket].write(json.dumps(row) + "\n")
            records += 1
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        for bucket, path in enumerate(lines):
            file = work / "live.parquet"
            fields = ", ".join(f"'{name}': '{kind}'" for name, kind in reading.columns.items())
            save(sql, _ROWS.format(file=path, fields=fields), reading.columns, "record_key", file, "")
            objects.upload(file, reading.path(bucket))
            path.unlink()
    return records


def _live(client: Any, table: str, reading: Reading) -> Iterator[tuple[int, LiveRow]]:
    segment = reading.segment
    key = KEY_OF[segment.source]
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "Segment": segment.number,
        "TotalSegments": segment.of,
    }
    if not reading.whole:
        names = {"#key": key, "#rev": "rev", "#at": "at", "#settlement": "settlement", "#item": "item"}
        request |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    for page in pages_named("The database", client.get_paginator("scan").paginate(**request)):
        for attributes in page["Items"]:
            try:
                told = _told(reading, decode(attributes))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                why = f"no attribute {error}" if isinstance(error, KeyError) else str(error)
                raise RecordDamaged(table, attributes[key]["S"], why) from error
            yield told


def _told(reading: Reading, record: Record) -> tuple[int, LiveRow]:
    """What is kept of a record, and the bucket that it falls into.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It is no record of the service.
    """
    source = reading.segment.source
    name = record[KEY_OF[source]]
    if source is Source.STOCK:
        named = name.removesuffix(DIRECTORY_SUFFIX) if is_directory_key(name) else name.split("#")[0]
    else:
        named = record["item"] if source is Source.ADJUSTMENTS else name
    row: LiveRow = {
        "record_key": name,
        "rev": record["rev"],
        "at_ms": record["at"],
        "settled": "settlement" in record,
    }
    if reading.whole:
        row |= _whole(source, record)
    for column, value in [("item_id", named), *row.items()]:
        _check_taken(column, value)
    if reading.whole:
        _check_sound(source, record)
    return bucket_of(named, reading.buckets), row


def _check_taken(column: str, value: object) -> None:
    kind = WHOLE[column]
    if value is None and column in _LACKED:
        return
    if type(value) not in _TAKES[kind]:
        raise TypeError(f"{column} is {repr(value)[:_TOLD_MAX]}")
    if isinstance(value, int) and value.bit_length() >= _BITS.get(kind, 64):
        raise ValueError(f"{column} is {value}, which has too many digits")


def _whole(source: Source, record: Record) -> LiveRow:
    """All else that a fold knows of a record; what is no number or text, in the archive's spelling."""
    if source is Source.ADJUSTMENTS:
        return {}
    if source is Source.STOCK and is_directory_key(record["stock_id"]):
        return {"item_id": record["item_id"], "warehouses": _spelled(record["warehouses"])}
    if source is Source.STOCK:
        names = ("item_id", "warehouse_id", "shard", "available", "held", "inflow")
        return {name: record[name] for name in names}
    return {
        **{name: record[name] for name in ("hold_id", "status", "actor", "fingerprint")},
        **{name: _spelled(record[name]) for name in ("lines", "metadata")},
        "open": record.get("open"),
        "resolution": _spelled(record.get("resolution")),
        "created_ms": record["created"],
        "expires_at_ms": record["expires_at"],
    }


def _check_sound(source: Source, record: Record) -> None:
    """Looks whether the service can work with a record: a history may not begin with one that stops who reads it."""
    if source is Source.HOLDS:
        sound_hold_from(record)
    elif source is Source.STOCK:
        is_of_all = is_directory_key(record["stock_id"])
        key = directory_key(directory_from(record).item) if is_of_all else shard_from(record).key.text
        if record["stock_id"] != key:
            raise ValueError(f"what it says of itself is of {key[:_TOLD_MAX]!r}")


def _spelled(value: object) -> str | None:
    return None if value is None else canonical_json(value)
