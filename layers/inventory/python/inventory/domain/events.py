"""Events: what each write did to a record, as the archive keeps it (docs/events.md)."""

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Any, Final

from inventory.domain.canonical import canonical_json
from inventory.domain.clock import Milliseconds, tick_at_or_after
from inventory.domain.holds import Status, due
from inventory.domain.ids import ADJUSTMENT
from inventory.domain.stock import DIRECTORY_SUFFIX, is_directory_key

VERSION: Final = 1

Record = Mapping[str, Any]
Event = Mapping[str, Any]

_STAMP: Final = frozenset({"rev", "at"})
_SHARD: Final = frozenset({"available", "held", "inflow", "cause"})
_DIRECTORY: Final = frozenset({"warehouses", "cause"})
_HOLD: Final = frozenset(
    {
        "status",
        "lines",
        "created",
        "expires_at",
        "actor",
        "metadata",
        "fingerprint",
        "open",
        "resolution",
        "settlement",
        "ttl",
    }
)
_ADJUSTMENT: Final = frozenset(
    {"item", "warehouse", "from", "to", "quantity", "reason", "reference", "count", "metadata", "actor", "fingerprint"}
)


class Source(StrEnum):
    """The tables whose every change is archived, as their folders are named."""

    STOCK = "stock"
    HOLDS = "holds"
    ADJUSTMENTS = "adjustments"


KEY_OF: Final = {Source.STOCK: "stock_id", Source.HOLDS: "hold_id", Source.ADJUSTMENTS: "adjustment_id"}


def event_of(
    source: Source, before: Record | None, after: Record | None, *, stream_ms: Milliseconds = 0, by_ttl: bool = False
) -> Event:
    """The event that turned one state of a record into the next.

    Args:
        source: The record's table.
        before: The record before, or None where it is new.
        after: The record after, or None where it was removed.
        stream_ms: The stream's own time; only a removal, which carries no `at`, takes it from there.
        by_ttl: Whether a removal was the table's own, of an expired record.

    Raises:
        KeyError, TypeError, ValueError: It is no record of this table.
    """
    if after is None:
        if before is None:
            raise ValueError("neither before nor after")
        return _removal(source, before, stream_ms, by="ttl" if by_ttl else "someone")
    event: dict[str, Any] = {
        "v": VERSION,
        "event_id": event_id(after[KEY_OF[source]], _whole(after["rev"])),
        "at": _whole(after["at"]),
    }
    if source is Source.STOCK:
        changed = _directory_changed if is_directory_key(after["stock_id"]) else _shard_changed
        event |= changed(before, after)
    elif source is Source.HOLDS:
        event |= _hold_changed(before, after)
    else:
        event |= _adjustment_made(before, after)
    if other := _other(source, before, after):
        event["other"] = other
    return event


def line_of(event: Event) -> str:
    """The event as its line in the archive, without the line's end: equal events make equal lines.

    Raises:
        TypeError: It has a value that JSON lacks.
    """
    return canonical_json(event)


def event_id(key: str, rev: int) -> str:
    """The id of the event that made a revision of a record."""
    return f"{key}@{rev}"


def record_key(event: Event) -> str:
    """The key of the record that the event is about."""
    key, _, _ = str(event["event_id"]).rpartition("@")
    return key


def _removal(source: Source, before: Record, stream_ms: Milliseconds, *, by: str) -> Event:
    key = before[KEY_OF[source]]
    event: dict[str, Any] = {
        "v": VERSION,
        "event_id": event_id(key, _whole(before["rev"]) + 1),
        "at": max(_whole(before["at"]), tick_at_or_after(stream_ms)),
        "by": by,
    }
    if source is Source.HOLDS:
        return event | {"type": "hold_removed", "settled": "settlement" in before}
    if source is Source.ADJUSTMENTS:
        return event | {"type": "adjustment_removed"}
    if is_directory_key(key):
        return event | {"type": "directory_removed", "before": before["warehouses"]}
    return event | {"type": "shard_removed", "before": _counts(before)}


def _shard_changed(before: Record | None, after: Record) -> dict[str, Any]:
    item, warehouse, shard = after["stock_id"].split("#")
    if not (item and warehouse and shard.isdigit()):
        raise ValueError("no shard has such a key")
    return {
        "type": "shard_changed",
        "before": _counts(before) if before is not None else None,
        "after": {**_counts(after), "inflow": _whole(after["inflow"])},
        "cause": _cause(after),
    }


def _directory_changed(before: Record | None, after: Record) -> dict[str, Any]:
    old, new = (before or {}).get("warehouses", {}), after["warehouses"]
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return {
        "type": "directory_changed",
        "before": {name: old.get(name) for name in changed},
        "after": {name: new.get(name) for name in changed},
        "cause": _cause(after),
    }


def _hold_changed(before: Record | None, after: Record) -> dict[str, Any]:
    changed, gone = _difference(before or {}, after, _HOLD | {"due"})
    changed.pop("due", None)
    event = {"type": _hold_event(before, after, changed.keys(), set(gone)), "set": changed}
    return event | ({"unset": gone} if gone else {})


def _hold_event(before: Record | None, after: Record, changed: Set[str], gone: Set[str]) -> str:
    status = Status(after["status"])
    if before is None:
        return "hold_placed" if status is Status.ACTIVE and "settlement" not in after else "hold_altered"
    was_active = before["status"] == Status.ACTIVE
    if was_active and status is Status.ACTIVE and not gone and changed <= {"expires_at", "metadata"}:
        return "hold_extended"
    if was_active and status is not Status.ACTIVE and not gone and changed <= {"status", "resolution", "lines"}:
        return f"hold_{status.value}"
    settles = "settlement" in changed and "settlement" not in before and changed <= {"settlement", "ttl"}
    if settles and not was_active and gone <= {"open", "due"}:
        return "hold_settled"
    return "hold_altered"


def _adjustment_made(before: Record | None, after: Record) -> dict[str, Any]:
    changed, gone = _difference(before or {}, after, _ADJUSTMENT)
    if before is not None:
        return {"type": "adjustment_altered", "set": changed} | ({"unset": gone} if gone else {})
    made = "adjustment_made" if after["adjustment_id"].startswith(ADJUSTMENT + "_") else "transfer_made"
    _whole(after["quantity"])
    return {"type": made, "set": changed}


def _difference(before: Record, after: Record, names: frozenset[str]) -> tuple[dict[str, Any], list[str]]:
    changed = {name: after[name] for name in sorted(names & after.keys()) if before.get(name) != after[name]}
    return changed, sorted(names & before.keys() - after.keys())


def _other(source: Source, before: Record | None, after: Record) -> dict[str, Any]:
    """What an event of this table has no field for; there is nothing, unless somebody edited the record."""
    old = before or {}
    key = after[KEY_OF[source]]
    expected: dict[str, Any] = {KEY_OF[source]: key}
    if source is Source.STOCK and is_directory_key(key):
        known, expected["item_id"] = _DIRECTORY, key.removesuffix(DIRECTORY_SUFFIX)
    elif source is Source.STOCK:
        item, warehouse, shard = key.split("#")
        known = _SHARD
        expected |= {"item_id": item, "warehouse_id": warehouse, "shard": int(shard)}
    elif source is Source.HOLDS:
        known = _HOLD
        if old.get("expires_at") != after["expires_at"]:
            expected["due"] = due(key, after["expires_at"])
    else:
        known = _ADJUSTMENT
    known |= _STAMP
    changed = {
        name: value for name, value in after.items() if name not in known and expected.get(name, old.get(name)) != value
    }
    gone = sorted((old.keys() | expected.keys()) - after.keys() - known - {"due"})
    return ({"set": changed} if changed else {}) | ({"unset": gone} if gone else {})


def _counts(record: Record) -> dict[str, int]:
    return {"available": _whole(record["available"]), "held": _whole(record["held"])}


def _cause(record: Record) -> dict[str, Any]:
    cause: dict[str, Any] = dict(record["cause"])
    if not {"type", "id", "actor"} <= cause.keys():
        raise ValueError("a cause without type, id or actor")
    return cause


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number is expected, not {value!r}")
    return value
