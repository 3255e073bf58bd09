"""What lies where in the history's bucket, and how buckets and snapshots are named."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

from inventory.domain.clock import Milliseconds
from inventory.domain.events import Source
from inventory.domain.ids import AUDIT, SNAPSHOT

MANIFESTS: Final = "manifests/"
PUBLISHED: Final = "published/"
KEYS: Final = "keys/"
PARTIALS: Final = "partials/"
LISTED: Final = "listed/"
AUDITS: Final = "audits/"
OPENED: Final = "opened/"

#: Glue tables whose location is the prefix of the same name.
TABLES: Final = ("snapshots", "holds", "ledger")

#: The last instant that names have digits for, in the year 2286. Only who reads the past may ask for later ones
#: (`PAST_INSTANT_MAX_S` in domain/limits.py): nothing is named for those.
LAST_MS: Final = 9_999_999_999_999
_AUDIT_ID: Final = re.compile(rf"{AUDIT}_([0-9a-f]{{12}})[0-9a-f]{{20}}")
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ARCHIVED: Final = re.compile(
    rf"archive/(?:{'|'.join(Source)})/(dt=\d{{4}}-\d\d-\d\d/hour=\d\d)/[0-9a-f]{{16}}-\d{{1,64}}-\d{{1,64}}\.jsonl\.gz",
    re.ASCII,
)


def stamp_of(as_of_ms: Milliseconds) -> str:
    """An instant as it stands in names: ``20261122T180000Z``.

    Raises:
        ValueError: It is no whole second.
    """
    if as_of_ms % 1000:
        raise ValueError(f"{as_of_ms} is no whole second")
    return datetime.fromtimestamp(as_of_ms // 1000, UTC).strftime(_STAMP)


def instant_of(stamp: str) -> Milliseconds:
    """The instant that a name tells, in milliseconds since 1970."""
    return round(datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC).timestamp()) * 1000


def bucket_of(name: str, buckets: int) -> int:
    """The bucket of an item or of a hold."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % buckets


def folder_path(table: str, as_of_ms: Milliseconds) -> str:
    """The folder of a snapshot's files: ``ledger/as_of=20261122T180000Z``."""
    return f"{table}/as_of={stamp_of(as_of_ms)}"


def opened_path(as_of_ms: Milliseconds, kind: str, bucket: int) -> str:
    """Where an opening snapshot says what was lost: ``opened/as_of=20261122T180000Z/lost-items-0007.parquet``."""
    return data_path(OPENED.removesuffix("/"), as_of_ms, kind, bucket)


def instant_of_path(path: str) -> Milliseconds:
    """The instant in a file's place."""
    return instant_of(path.split("/")[1].removeprefix("as_of="))


def data_path(table: str, as_of_ms: Milliseconds, kind: str, bucket: int) -> str:
    """The final place of a file: ``snapshots/as_of=20261122T180000Z/items-0007.parquet``."""
    return f"{folder_path(table, as_of_ms)}/{kind}-{bucket:04d}.parquet"


def manifest_path(number: int) -> str:
    """The place of a manifest."""
    return f"{MANIFESTS}{number:08d}.json"


def published_path(number: int) -> str:
    """The empty object that says that a manifest's files are all in their places, and that its audit is started."""
    return f"{PUBLISHED}{number:08d}"


def snapshot_id(as_of_ms: Milliseconds) -> str:
    """The id of the one snapshot of an instant."""
    tail = hashlib.sha256(f"snapshot/{as_of_ms}".encode()).hexdigest()[:20]
    return f"{SNAPSHOT}_{as_of_ms:012x}{tail}"


def instant_of_snapshot(identifier: str) -> Milliseconds | None:
    """The instant that a snapshot's id tells; None where no snapshot can have this id."""
    try:
        as_of_ms = int(identifier.removeprefix(f"{SNAPSHOT}_")[:12], 16)
    except ValueError:
        return None
    return as_of_ms if snapshot_id(as_of_ms) == identifier else None


def listed_path(as_of_ms: Milliseconds) -> str:
    """The place of what tells of a published snapshot: later instants first."""
    return f"{LISTED}{_latest_first(as_of_ms)}-{snapshot_id(as_of_ms)}.json"


def listed_before(as_of_ms: Milliseconds) -> str:
    """The name after which snapshots of this instant, and of earlier ones, are listed."""
    return f"{LISTED}{_latest_first(as_of_ms)}"


def instant_of_listed(path: str) -> Milliseconds:
    """The instant in the name of what tells of a published snapshot."""
    return LAST_MS - int(path.removeprefix(LISTED)[:13])


def audit_path(identifier: str) -> str:
    """The place of an audit's result: later ones first.

    Raises:
        ValueError: No audit can have this id.
    """
    created_ms = instant_of_audit(identifier)
    if created_ms is None:
        raise ValueError(f"no audit can be called {identifier}")
    return f"{AUDITS}{_latest_first(created_ms)}-{identifier}.json"


def instant_of_audit(identifier: str) -> Milliseconds | None:
    """When the audit of this id was asked for; None where no audit can have it."""
    found = _AUDIT_ID.fullmatch(identifier)
    return int(found[1], 16) if found and int(found[1], 16) <= LAST_MS else None


def audit_after(as_of_ms: Milliseconds, published_ms: Milliseconds, *, full: bool = False) -> str:
    """The id of the one audit that follows a snapshot by itself; it counts as asked for when that was published.

    Args:
        as_of_ms: The snapshot's instant.
        published_ms: When it was published.
        full: Whether it is the one that follows its rebuild, and begins at the first event.
    """
    tail = hashlib.sha256(f"audit/{snapshot_id(as_of_ms)}{'/full' if full else ''}".encode()).hexdigest()[:20]
    return f"{AUDIT}_{published_ms:012x}{tail}"


def _latest_first(instant_ms: Milliseconds) -> str:
    """An instant as digits that sort before those of earlier ones."""
    return f"{LAST_MS - instant_ms:013d}"


def latest_possible(now_ms: Milliseconds, grace_ms: Milliseconds, align_ms: Milliseconds = 1000) -> Milliseconds:
    """The latest instant that a snapshot can have now: a multiple of so many milliseconds."""
    return (now_ms - grace_ms) // align_ms * align_ms


def archive_prefix(source: Source) -> str:
    """Where a table's events are."""
    return f"archive/{source}/"


def archive_hour(source: Source, instant_ms: Milliseconds) -> str:
    """The archive's folder of an instant's hour. Folders of later hours come after it by name."""
    return f"{archive_prefix(source)}{datetime.fromtimestamp(instant_ms / 1000, UTC):dt=%Y-%m-%d/hour=%H}/"


def hour_of(key: str) -> Milliseconds | None:
    """The beginning of the hour of an archived object; None where the archiver gives no such name."""
    found = _ARCHIVED.fullmatch(key)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], "dt=%Y-%m-%d/hour=%H").replace(tzinfo=UTC)
    except ValueError:  # no such day, or hour
        return None
    return round(moment.timestamp()) * 1000
