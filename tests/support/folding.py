"""Events folded back to records, one by one: what the archive means, against which the columnar fold is held."""

from collections.abc import Iterable, Mapping
from typing import Any

from inventory.domain.clock import Milliseconds
from inventory.domain.events import KEY_OF, Event, Record, Source, event_id, record_key
from inventory.domain.holds import due
from inventory.history.fold import EventsDiffer
from support.lives import Lives


def revision(event: Event) -> int:
    """The revision that the event made of its record."""
    return int(str(event["event_id"]).rpartition("@")[2])


class EventMissing(Exception):
    """A record's events have a gap: there is a later one, but not this one."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"event {event_id} is missing")
        self.event_id = event_id


def fold(
    events: Iterable[Event], *, base: Mapping[str, Record] | None = None, until: Milliseconds | None = None
) -> dict[str, dict[str, Any]]:
    """The records that the events lead to, by key: given in any order, any number of times.

    Of holds of one id that came one after the other, only the last is told (see `Lives`).

    Args:
        events: Of one table.
        base: The records as an earlier fold left them; events that they have already are passed over.
        until: Only events with `at` up to here.

    Raises:
        EventsDiffer: Two events with one id.
        EventMissing: A record's revisions have a gap (`gapless`).
    """
    told = list(events)
    lives = Lives(told, until)
    records = {lives.name(key, record["at"]): dict(record) for key, record in (base or {}).items()}
    wanted = [lives.told_apart(event) for event in told if until is None or event["at"] <= until]
    for event in sorted(unique(wanted), key=lambda each: (record_key(each), revision(each))):
        key, rev = record_key(event), revision(event)
        known = records[key]["rev"] if key in records else 0
        if rev <= known:
            continue
        if rev != known + 1:
            raise EventMissing(event_id(key, known + 1))
        records[key] = {"rev": rev, "gone": True} if "by" in event else applied(records.get(key), event)
    return {key: record for key, record in records.items() if "gone" not in record}


def unique(events: Iterable[Event]) -> list[Event]:
    """Each event once.

    Raises:
        EventsDiffer: Two events with one id.
    """
    seen: dict[str, Event] = {}
    for event in events:
        if seen.setdefault(event["event_id"], event) != event:
            raise EventsDiffer(event["event_id"])
    return list(seen.values())


def applied(record: Record | None, event: Event) -> dict[str, Any]:
    """The record after an event that follows its state so far (None: there was none)."""
    key = record_key(event)
    after: dict[str, Any] = dict(record or {})
    if event["type"] == "shard_changed":
        item, warehouse, shard = key.split("#")
        after |= {"stock_id": key, "item_id": item, "warehouse_id": warehouse, "shard": int(shard)} | event["after"]
        after["cause"] = event["cause"]
    elif event["type"] == "directory_changed":
        entries = {**after.get("warehouses", {}), **event["after"]}
        after |= {"stock_id": key, "item_id": key.removesuffix("#*"), "cause": event["cause"]}
        after["warehouses"] = {name: entry for name, entry in entries.items() if entry is not None}
    else:
        of_hold = event["type"].startswith("hold_")
        after |= {KEY_OF[Source.HOLDS if of_hold else Source.ADJUSTMENTS]: key} | event.get("set", {})
        if of_hold and "expires_at" in event.get("set", {}):
            after["due"] = due(key, after["expires_at"])
    other = event.get("other", {})
    after |= {**other.get("set", {}), "rev": revision(event), "at": event["at"]}
    for name in [*event.get("unset", ()), *other.get("unset", ())]:
        after.pop(name, None)
    return after
