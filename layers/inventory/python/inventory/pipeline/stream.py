"""Batches of a DynamoDB stream: what each record says, and what becomes of one that says nothing sensible.

A batch that fails for a passing reason is raised, and given again whole: every consumer is idempotent. A record that
can never be handled is set aside on the function's own queue with the reason, so that it stops nothing behind it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from inventory.domain.clock import Milliseconds
from inventory.metric import Metric
from inventory.storage.codec import Record, decode
from inventory.telemetry import logger, report

StreamRecord = Mapping[str, Any]
#: Puts a stream record where an operator finds it, with the reason.
SetAside = Callable[[StreamRecord, str], None]
T = TypeVar("T")
#: Where the streams say when a record was written, seconds since 1970.
_WRITTEN = (("dynamodb", "ApproximateCreationDateTime"), ("kinesis", "approximateArrivalTimestamp"))


class RecordChange(NamedTuple):
    """A record before and after one write; None where it was made or removed."""

    before: Record | None
    after: Record | None


def change_of(record: StreamRecord) -> RecordChange:
    """The change that a stream record tells of.

    Raises:
        KeyError, TypeError, ValueError: It is no record of a stream with new and old images.
    """
    images = record["dynamodb"]
    old, new = images.get("OldImage"), images.get("NewImage")
    if old is None and new is None:
        raise ValueError("no image")
    return RecordChange(decode(old) if old else None, decode(new) if new else None)


def understood(
    records: Iterable[StreamRecord], understand: Callable[[RecordChange], T | None], set_aside: SetAside
) -> Iterator[tuple[StreamRecord, T]]:
    """What is understood of each record; nothing for those that do not matter. Poison is set aside."""
    for record in records:
        try:
            meaning = understand(change_of(record))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            put_aside(record, f"{type(error).__name__}: {error}", set_aside)
            continue
        if meaning is not None:
            yield record, meaning


def told_at(records: Iterable[StreamRecord]) -> Milliseconds | None:
    """When the newest record of a batch was written, by the clock of DynamoDB or Kinesis; None where none says it."""
    return round(max(map(_written_s, records), default=0) * 1000) or None


def _written_s(record: StreamRecord) -> float:
    for source, name in _WRITTEN:
        envelope = record.get(source)
        written_s = envelope.get(name) if isinstance(envelope, Mapping) else None
        if isinstance(written_s, int | float):
            return written_s
    return 0


def put_aside(record: StreamRecord, why: str, set_aside: SetAside) -> None:
    """Sets a record aside, counted and logged."""
    set_aside(record, why)
    report(Metric.POISON_RECORDS, 1)
    logger.error("record set aside", extra={"event_id": record.get("eventID"), "why": why})


class StillPoison(Exception):
    """A record that was given back still cannot be handled."""


def aside_for(event: Mapping[str, Any], set_aside: SetAside) -> SetAside:
    """What to do with a record that cannot be handled: set it aside; but tell the operator who gives it back.

    `inventory redrive` marks a record that it gives back: its message still waits, and goes only if nothing fails. What
    it reads again from a stream is not marked: what of that cannot be handled is set aside as ever.
    """
    return _refuse if event.get("redrive") else set_aside


def _refuse(_record: StreamRecord, why: str) -> None:
    raise StillPoison(why)
