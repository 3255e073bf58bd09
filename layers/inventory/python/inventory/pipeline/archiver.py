"""The consumer of all three streams: writes what happened into the archive, once (docs/events.md, docs/history.md).

The same batch again makes the same bytes under the same name, and no second object.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from inventory.adapters.objects import Objects
from inventory.domain.clock import Milliseconds
from inventory.domain.events import Event, Source, event_of, line_of
from inventory.history.layout import archive_hour
from inventory.metric import Metric
from inventory.pipeline.stream import SetAside, StreamRecord, change_of, put_aside
from inventory.telemetry import logger, report

#: An event's `at` differs from the stream's own time by no more than this, or a clock or a stream is wrong.
APART_MAX_MS: Final = 20_000
_TTL: Final = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


class NoSuchTable(Exception):
    """The function is given a stream that it was not told of: its mappings and its environment do not agree."""


class ArchivedEvent(NamedTuple):
    """An event with what its stream record says beside it: the stream's time, and the ids that name its object."""

    source: Source
    stream_ms: Milliseconds
    stream_id: str
    sequence: str
    event: Event
    line: str


@dataclass(frozen=True, slots=True)
class Archived:
    """What became of a batch: events archived, new objects written, and the longest way of an event to here."""

    events: int
    objects: int
    lag_ms: Milliseconds


def archive_batch(
    objects: Objects,
    sources: Mapping[str, Source],
    records: Iterable[StreamRecord],
    set_aside: SetAside,
    now_ms: Milliseconds,
) -> Archived:
    """Archives a batch of a stream. Poison is set aside and stops nothing.

    Args:
        objects: The history's bucket.
        sources: The archived tables by name.
        records: The batch.
        set_aside: Takes records that can never be archived.
        now_ms: The time, for the lag.

    Raises:
        Overloaded: The bucket did not answer; the batch must be given again.
        NoSuchTable: A record is of none of these tables, which no record is to blame for; likewise.
    """
    events = [event for record in records if (event := _archived_event(record, sources, set_aside)) is not None]
    new = 0
    for folder, batch in _by_hour(events).items():
        new += objects.put_new(object_key(folder, batch), body_of(batch))
    lag_ms = max([0, *(now_ms - each.event["at"] for each in events)])  # an instant is rounded up, and may be ahead
    if events:
        report(Metric.EVENTS_ARCHIVED, len(events))
        report(Metric.ARCHIVE_LAG, lag_ms)
    _report_apart(events)
    logger.info("archived", extra={"events": len(events), "objects": new, "lag_ms": lag_ms})
    return Archived(len(events), new, lag_ms)


def object_key(folder: str, batch: Sequence[ArchivedEvent]) -> str:
    """The name of the object for events of one hour: equal batches have equal names, different ones never."""
    ids = hashlib.sha256("".join(f"{each.stream_id}\n" for each in batch).encode()).hexdigest()[:16]
    return f"{folder}{ids}-{batch[0].sequence}-{batch[-1].sequence}.jsonl.gz"


def body_of(batch: Sequence[ArchivedEvent]) -> bytes:
    """The events as compressed lines; the same bytes whenever it is done."""
    return compressed(each.line for each in batch)


def compressed(lines: Iterable[str]) -> bytes:
    """Lines as an object of the archive has them."""
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), compresslevel=9, mtime=0)


def _archived_event(record: StreamRecord, sources: Mapping[str, Source], set_aside: SetAside) -> ArchivedEvent | None:
    try:
        before, after = change_of(record)
        table = record["eventSourceARN"].split(":table/")[1].split("/")[0]
        if table not in sources:
            raise NoSuchTable(table)
        source = sources[table]
        stream = record["dynamodb"]
        stream_ms = round(float(stream["ApproximateCreationDateTime"]) * 1000)
        by_ttl = after is None and _TTL.items() <= (record.get("userIdentity") or {}).items()
        event = event_of(source, before, after, stream_ms=stream_ms, by_ttl=by_ttl)
        return ArchivedEvent(source, stream_ms, record["eventID"], stream["SequenceNumber"], event, line_of(event))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        put_aside(record, f"{type(error).__name__}: {error}", set_aside)
        return None


def _by_hour(events: Iterable[ArchivedEvent]) -> dict[str, list[ArchivedEvent]]:
    """Whoever reads the hours around an instant finds all of it: no object has another hour's events."""
    batches: dict[str, list[ArchivedEvent]] = {}
    for each in events:
        batches.setdefault(archive_hour(each.source, each.stream_ms), []).append(each)
    return batches


def _report_apart(events: Iterable[ArchivedEvent]) -> None:
    apart = [each for each in events if abs(each.event["at"] - each.stream_ms) > APART_MAX_MS]
    if apart:
        report(Metric.STAMPS_APART, len(apart))
        for each in apart[:3]:
            logger.error(
                "an event's instant is far from the stream's time",
                extra={"event_id": each.event["event_id"], "at": each.event["at"], "stream_ms": each.stream_ms},
            )
