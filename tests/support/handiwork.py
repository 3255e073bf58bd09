"""What is done by hand to a day of trade, to its archive and its tables; and what audits find of it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inventory.domain.events import Event, Source
from inventory.storage.codec import Record, encode
from support.audits import Audits
from support.sealed import Sealer, rewrite_object
from support.workflow import History
from support.world import START_MS

HOUR_MS = 3_600_000
#: Snapshots of these instants; nothing happened after the last one, until a test lets it.
INSTANTS = tuple(START_MS + hours * HOUR_MS for hours in (1, 2, 3))
LAST = INSTANTS[-1]


def found(audits: Audits, as_of_ms: int = LAST) -> dict[str, list[dict[str, Any]]]:
    """What all audits of an instant found, by check."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in audits.findings(as_of_ms):
        rows.setdefault(row["check_name"], []).append(row)
    return rows


def named(rows: list[dict[str, Any]]) -> set[str]:
    return {row["record"] for row in rows}


def objects(history: History, source: Source) -> list[Path]:
    return sorted((history.objects.root / "archive" / source).rglob("*.gz"))


def archived(history: History, source: Source, since_ms: int = INSTANTS[1], until_ms: int = LAST) -> list[Event]:
    told = [
        json.loads(line) for path in objects(history, source) for line in gzip.decompress(path.read_bytes()).split()
    ]
    return [event for event in told if since_ms < event["at"] <= until_ms]


def archive_also(history: History, source: Source, *events: Event) -> None:
    """Another object in the archive, in the hour of the first event."""
    Sealer(history.objects.root, {}).archive_object(source, f"{'f' * 16}-{'9' * 40}-{'9' * 40}", events)


def change_archive(history: History, source: Source, change: Callable[[list[Event]], list[Event]]) -> None:
    for path in objects(history, source):
        rewrite_object(path, change)


def edit(history: History, source: Source, wanted: Callable[[Record], bool], **changes: Any) -> Record:
    """Puts a record into a live table by hand, as it was but for these attributes; gives what it was."""
    world = history.tape.world
    table = history.tape.tables[source]
    record = next(each for each in world.records(table) if wanted(each))
    world.database.client.put_item(TableName=table, Item=encode(record | changes))
    return record


def remove_hold(history: History, wanted: Callable[[Record], bool], **told: Any) -> str:
    """Takes a hold out of the live table, and tells the archive so; gives the event's id."""
    world, table = history.tape.world, history.tape.tables[Source.HOLDS]
    hold = next(each for each in world.records(table) if wanted(each))
    world.database.client.delete_item(TableName=table, Key=encode({"hold_id": hold["hold_id"]}))
    del history.tape.records[-1]  # what a person's deletion would tell
    event_id = f"{hold['hold_id']}@{hold['rev'] + 1}"
    archive_also(history, Source.HOLDS, {"v": 1, "event_id": event_id, "type": "hold_removed", **told})
    return event_id


def is_shard(record: Record) -> bool:
    return "available" in record


def next_snapshot(history: History) -> int:
    """What was done meanwhile is archived and sealed; gives the instant."""
    history.archive(batch=400)
    history.snapshot(LAST + HOUR_MS)
    return LAST + HOUR_MS
