"""Scan: the live tables as the seal needs them, read consistently and in parallel, segment by segment."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inventory.domain.events import KEY_OF, Source, is_directory
from inventory.history.columnar import LIVE, engine, load, save
from inventory.history.layout import bucket_of
from inventory.history.map_task import kind_of
from inventory.history.plan import Plan
from inventory.storage.codec import decode
from inventory.storage.objects import Objects

_ROWS_AT_ONCE: Final = 50_000

LiveRow = tuple[str, int, int, bool]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a table."""

    source: Source
    number: int
    of: int


def segments(of: int) -> list[Segment]:
    """All three tables, each in so many parts."""
    return [Segment(source, number, of) for source in Source for number in range(of)]


def live_prefix(plan: Plan, kind: str, bucket: int) -> str:
    """How the names of what was read for a bucket begin."""
    return f"{plan.run}live/{kind}-{bucket:04d}-"


def scan_segment(objects: Objects, client: Any, table: str, plan: Plan, segment: Segment, work: Path) -> int:
    """Reads a segment and writes its records' keys, revisions and instants by bucket; gives their number.

    Raises:
        botocore.exceptions.ClientError: The table did not answer.
        KeyError, TypeError, ValueError: It has something that is no record of the service.
    """
    rows: dict[int, list[LiveRow]] = {bucket: [] for bucket in range(plan.buckets)}
    for bucket, row in _live(client, table, plan.buckets, segment):
        rows[bucket].append(row)
    kind = kind_of(segment.source)
    with engine(work) as sql:
        for bucket, found in rows.items():
            load(sql, "live", LIVE, [])
            for start in range(0, len(found), _ROWS_AT_ONCE):
                sql.executemany("INSERT INTO live VALUES (?, ?, ?, ?)", found[start : start + _ROWS_AT_ONCE])
            file = work / "live.parquet"
            save(sql, "SELECT * FROM live", LIVE, "record_key", file, "")
            name = f"{segment.source}-{segment.number:03d}"
            objects.upload(file, f"{live_prefix(plan, kind, bucket)}{name}")
    return sum(map(len, rows.values()))


def _live(client: Any, table: str, buckets: int, segment: Segment) -> Iterator[tuple[int, LiveRow]]:
    key = KEY_OF[segment.source]
    request = {
        "TableName": table,
        "ConsistentRead": True,
        "Segment": segment.number,
        "TotalSegments": segment.of,
        "ProjectionExpression": "#key, #rev, #at, #settlement, #item",
        "ExpressionAttributeNames": {
            "#key": key,
            "#rev": "rev",
            "#at": "at",
            "#settlement": "settlement",
            "#item": "item",
        },
    }
    while True:
        answer = client.scan(**request)
        for attributes in answer["Items"]:
            record = decode(attributes)
            name = record[key]
            if segment.source is Source.STOCK:
                named = name.removesuffix("#*") if is_directory(name) else name.split("#")[0]
            else:
                named = record["item"] if segment.source is Source.ADJUSTMENTS else name
            yield bucket_of(named, buckets), (name, record["rev"], record["at"], "settlement" in record)
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
