"""The live tables as an audit needs them: read consistently and in parallel, segment by segment.

Whatever a record has is taken as the text that DynamoDB tells it by, so that one edited by hand into something that the
service could not read is found, and does not stop the audit.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from inventory.adapters.objects import Objects
from inventory.adapters.outages import pages_named
from inventory.adapters.workplace import workplace
from inventory.audit.layout import bucket_of, live_prefix
from inventory.domain.events import Source
from inventory.proof.live import LIVE_COLUMNS

#: What the key of a record is called in its table.
_KEYS: Final = {
    "live_shard": "stock_id",
    "live_directory": "stock_id",
    "live_hold": "hold_id",
    "live_adjustment": "adjustment_id",
}
#: What else is called otherwise in a table than in `inventory.proof.live`.
_CALLED: Final = {
    "at_ms": "at",
    "created_ms": "created",
    "expires_at_ms": "expires_at",
    "source": "from",
    "destination": "to",
    "counted": "count",
}
#: Of each kind of record, which attributes are looked at, by their names in `LIVE_COLUMNS`.
ATTRIBUTES: Final[Mapping[str, Mapping[str, str]]] = {
    live: {name: {**_CALLED, "record_key": _KEYS[live]}.get(name, name) for name in columns}
    for live, columns in LIVE_COLUMNS.items()
}
#: Which kinds of records a table of the service has.
TABLES: Final[Mapping[str, Sequence[str]]] = {
    "stock": ("live_shard", "live_directory"),
    "holds": ("live_hold",),
    "adjustments": ("live_adjustment",),
}

Row = Mapping[str, str | None]
#: Made once: `json.dumps` makes an encoder anew for each text that is spelled otherwise than by default.
_spelled: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Segment(NamedTuple):
    """A part of a table, which is called as in `TABLES`."""

    kind: str
    number: int
    of: int


def segments(of: int) -> list[Segment]:
    """All three tables, each in so many parts."""
    return [Segment(kind, number, of) for kind in TABLES for number in range(of)]


def scan_segment(
    objects: Objects, client: Any, table: str, run: str, segment: Segment, buckets: int, work: Path
) -> int:
    """Reads a segment and writes its records by bucket; gives their number.

    Raises:
        botocore.exceptions.ClientError: The table refused to be read.
        Overloaded: It did not answer in time, or refused for load.
    """
    records = 0
    with ExitStack() as files:
        opened: dict[tuple[str, int], IO[str]] = {}
        for live, name, row in _live(client, table, segment):
            part = live, bucket_of(name, buckets)
            if part not in opened:
                path = _local(work, part)  # read once, and soon gone: the quickest level will do
                opened[part] = files.enter_context(gzip.open(path, "wt", compresslevel=1, encoding="utf-8"))
            opened[part].write(json.dumps(row) + "\n")
            records += 1
    for live, bucket in opened:
        key = f"{live_prefix(run, live, bucket)}{segment.number:03}.jsonl.gz"
        objects.upload(_local(work, (live, bucket)), key)
    return records


def _local(work: Path, part: tuple[str, int]) -> Path:
    return work / f"{part[0]}-{part[1]}"


def _live(client: Any, table: str, segment: Segment) -> Iterator[tuple[str, str, Row]]:
    """Each record with what kind it is of, and the name by which it falls into a bucket."""
    kinds = TABLES[segment.kind]
    attributes = {attribute for kind in kinds for attribute in ATTRIBUTES[kind].values()}
    request = {
        "TableName": table,
        "ConsistentRead": True,
        "Segment": segment.number,
        "TotalSegments": segment.of,
        "ProjectionExpression": ", ".join(f"#{name}" for name in sorted(attributes)),
        "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
    }
    for page in pages_named("The database", client.get_paginator("scan").paginate(**request)):
        for item in page["Items"]:
            key = _text(item.get(ATTRIBUTES[kinds[0]]["record_key"])) or ""
            kind = "live_directory" if segment.kind == "stock" and key.endswith("#*") else kinds[0]
            row = {name: _text(item.get(attribute)) for name, attribute in ATTRIBUTES[kind].items()}
            yield kind, row.get("item") or key.split("#")[0], row


def _text(value: Mapping[str, Any] | None) -> str | None:
    """A value as it is told; a map or list as the archive spells them."""
    if value is None:
        return None
    plain = _plain(value)
    if isinstance(plain, dict | list):
        return _spelled(plain)
    return None if plain is None else str(plain)


def _plain(value: Mapping[str, Any]) -> Any:
    """What a value of DynamoDB says, in JSON's terms."""
    [(kind, content)] = value.items()
    if kind == "S":
        return content
    if kind == "N":
        return int(content) if content.lstrip("-").isdigit() else content
    if kind == "M":
        return {name: _plain(each) for name, each in content.items()}
    if kind == "L":
        return [_plain(each) for each in content]
    return None if kind == "NULL" else content if isinstance(content, str | bool) else str(content)


def scan(objects: Objects, client: Any, tables: Mapping[Source, str], words: Mapping[str, Any]) -> dict[str, Any]:
    """Reads one segment of a live table, as the state machine says it; `tables` has their names."""
    segment = Segment(words["kind"], words["number"], words["of"])
    with workplace() as work:
        table = tables[Source(segment.kind)]
        return {"records": scan_segment(objects, client, table, words["run"], segment, words["buckets"], work)}
