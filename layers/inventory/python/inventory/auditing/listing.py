"""Which archived objects an audit reads: folder by folder, so that no single step grows with the history."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from inventory.audit.archive import SOURCES
from inventory.auditing.plan import AuditPlan, first_hour
from inventory.storage.objects import Objects

TASK_BYTES: Final = 32 * 1024 * 1024
TASK_OBJECTS_MAX: Final = 500
#: Comes after every other character, so a name that ends with it comes after all that begin with the rest.
_LAST_CHARACTER: Final = "\U0010ffff"


def archive_folders(objects: Objects, plan: AuditPlan, now_ms: int) -> Iterator[str]:
    """The beginnings of names under which the archived objects of an audit are: of a day, or with a base of an hour."""
    for source in SOURCES:
        if plan.base is None:
            yield from _days(objects, f"archive/{source}/")
        else:
            last_ms = now_ms if plan.until_hour_ms is None else plan.until_hour_ms
            for hour in _hours(first_hour(plan.since_ms), last_ms):
                yield f"archive/{source}/{hour:dt=%Y-%m-%d/hour=%H}/"


def cut_folder(objects: Objects, folder: str) -> Iterator[list[str]]:
    """The archived objects of a folder, as many at once as one task reads."""
    keys: list[str] = []
    size = 0
    for stored in objects.list(folder):
        if keys and (size + stored.size > TASK_BYTES or len(keys) == TASK_OBJECTS_MAX):
            yield keys
            keys, size = [], 0
        keys.append(stored.key)
        size += stored.size
    if keys:
        yield keys


def _days(objects: Objects, prefix: str) -> Iterator[str]:
    """Whatever folders there are, also one that the archiver would not make: what lies there is looked at too."""
    after = ""
    while found := objects.page(prefix, after=after, limit=1):
        day, slash, _ = found[0].key.removeprefix(prefix).partition("/")
        folder = f"{prefix}{day}{slash}"
        yield folder
        after = f"{folder}{_LAST_CHARACTER}"


def _hours(first_ms: int, last_ms: int) -> Iterator[datetime]:
    hour = datetime.fromtimestamp(first_ms / 1000, UTC)
    while hour.timestamp() * 1000 <= last_ms:
        yield hour
        hour += timedelta(hours=1)
