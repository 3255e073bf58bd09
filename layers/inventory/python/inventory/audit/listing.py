"""Which archived objects an audit reads: folder by folder, so that no single step grows with the history."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final

from inventory.adapters.objects import Objects
from inventory.audit.plan import HOUR_MS, AuditPlan, Depth, first_hour

SOURCES: Final = ("stock", "holds", "adjustments")
TASK_BYTES: Final = 32 * 1024 * 1024
TASK_OBJECTS_MAX: Final = 500
#: A longer time is looked through by the days that there are: a base may be of years before the first event.
HOURS_MAX: Final = 48


def archive_folders(objects: Objects, plan: AuditPlan, now_ms: int) -> Iterator[str]:
    """The beginnings of names under which the archived objects of an audit are: of a day, or with a base of an hour.

    Days where the base is long ago, or there is none, so that there are never more than the archive has: whatever
    folders there are, also what the archiver would not make, as what lies there is looked at too. Of the base's own day
    they are hours: the ledgers of what is before them are not brought. A full audit from the first event reads all.
    """
    for source in SOURCES:
        prefix = f"archive/{source}/"
        if plan.depth is Depth.FULL and plan.base is None:
            yield from objects.folders(prefix)
            continue
        first_ms = first_hour(plan.since_ms)
        last_ms = now_ms if plan.until_hour_ms is None else plan.until_hour_ms
        if last_ms - first_ms < HOURS_MAX * HOUR_MS:
            yield from (f"{prefix}{hour:dt=%Y-%m-%d/hour=%H}/" for hour in _hours(first_ms, last_ms))
        else:
            yield from _days(objects, prefix, _instant(first_ms), _instant(last_ms))


def cut_folder(objects: Objects, folder: str) -> Iterator[list[str]]:
    """The archived objects of a folder (or the object that lies beside folders), as many at once as one task reads."""
    keys: list[str] = []
    size = 0
    for stored in objects.list(folder):
        if not folder.endswith("/") and stored.key != folder:
            break  # another object, whose name begins like this one's
        if keys and (size + stored.size > TASK_BYTES or len(keys) == TASK_OBJECTS_MAX):
            yield keys
            keys, size = [], 0
        keys.append(stored.key)
        size += stored.size
    if keys:
        yield keys


def _days(objects: Objects, prefix: str, first: datetime, last: datetime) -> Iterator[str]:
    first_day, last_day = (f"{prefix}{hour:dt=%Y-%m-%d}/" for hour in (first, last))
    for day in takewhile(last_day.__ge__, objects.folders(prefix, after=first_day.removesuffix("/"))):
        if day == first_day:
            yield from objects.folders(day, after=f"{day}{first:hour=%H}")
        else:
            yield day


def _hours(first_ms: int, last_ms: int) -> Iterator[datetime]:
    hour = _instant(first_ms)
    while hour.timestamp() * 1000 <= last_ms:
        yield hour
        hour += timedelta(hours=1)


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
