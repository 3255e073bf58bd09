"""The live tables as an audit needs them: read consistently and in parallel, segment by segment.

Whatever a record has is taken as the text that DynamoDB tells it by, so that one edited by hand into something that the
service could not read is found, and does not stop the audit.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from inventory.auditing.layout import bucket_of, live_prefix
from inventory.storage.objects import Objects
from inventory.storage.workplace import workplace

#: Of each table, its key and which attributes are looked at, by their names in `inventory.audit.checks.LIVE_COLUMNS`.
_STOCK: Final = {"record_key": "stock_id", "available": "available", "held": "held", "rev": "rev", "at_ms": "at"}
_HOLDS: Final = {
    "record_key": "hold_id",
    "status": "status",
    "expires_at_ms": "expires_at",
    "settlement": "settlement",
    "rev": "rev",
    "at_ms": "at",
}
ATTRIBUTES: Final[Mapping[str, Mapping[str, str]]] = {"items": _STOCK, "holds": _HOLDS}

Row = Mapping[str, str | None]


class Segment(NamedTuple):
    """A part of a table: `kind` is items for the stock table, or holds."""

    kind: str
    number: int
    of: int


def segments(of: int) -> list[Segment]:
    """Both tables, each in so many parts."""
    return [Segment(kind, number, of) for kind in ATTRIBUTES for number in range(of)]


def scan_segment(
    scratch: Objects, client: Any, table: str, run: str, segment: Segment, buckets: int, work: Path
) -> int:
    """Reads a segment and writes its records by bucket; gives their number.

    Raises:
        botocore.exceptions.ClientError: The table did not answer.
    """
    records = 0
    with ExitStack() as files:
        opened: dict[int, IO[str]] = {}
        for row in _live(client, table, segment):
            key = row["record_key"] or ""
            bucket = bucket_of(key.split("#")[0] if segment.kind == "items" else key, buckets)
            if bucket not in opened:
                opened[bucket] = files.enter_context(gzip.open(work / str(bucket), "wt", encoding="utf-8"))
            opened[bucket].write(json.dumps(row) + "\n")
            records += 1
    for bucket in opened:
        path = f"{live_prefix(run, segment.kind, bucket)}{segment.number:03}.jsonl.gz"
        scratch.upload(work / str(bucket), path)
    return records


def _live(client: Any, table: str, segment: Segment) -> Iterator[Row]:
    names = ATTRIBUTES[segment.kind]
    request = {
        "TableName": table,
        "ConsistentRead": True,
        "Segment": segment.number,
        "TotalSegments": segment.of,
        "ProjectionExpression": ", ".join(f"#{name}" for name in names),
        "ExpressionAttributeNames": {f"#{name}": attribute for name, attribute in names.items()},
    }
    while True:
        answer = client.scan(**request)
        for attributes in answer["Items"]:
            row = {name: _text(attributes.get(attribute)) for name, attribute in names.items()}
            if not (row["record_key"] or "").endswith("#*"):  # directories have no counts
                yield row
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else str(next(iter(value.values())))


def scan(scratch: Objects, client: Any, tables: Mapping[str, str], words: Mapping[str, Any]) -> dict[str, Any]:
    """Reads one segment of a live table, as the state machine says it; `tables` has their names by kind."""
    segment = Segment(words["kind"], words["number"], words["of"])
    with workplace() as work:
        table = tables[segment.kind]
        return {"records": scan_segment(scratch, client, table, words["run"], segment, words["buckets"], work)}
