"""What is needed to audit a recorded day as it was, or after damage: its events, its tables, and what was found."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from inventory.audit.scan import ATTRIBUTES
from inventory.domain.events import Event, Source, record_key
from inventory.proof.findings import Finding
from inventory.proof.verify import Proof
from support.folding import revision

Events = dict[Source, list[dict[str, Any]]]
#: Audits these events, and the tables with these changes; gives what was found, by check.
Audit = Callable[..., dict[str, list[Finding]]]
#: Changes events, and gives what a finding must name.
Damage = Callable[[Events], str]


def first(events: list[dict[str, Any]], kind: str, **wanted: Any) -> int:
    """Where the first event of a type is, whose fields are these."""
    return next(
        position
        for position, event in enumerate(events)
        if event["type"] == kind and all(event.get(name) == value for name, value in wanted.items())
    )


def follow_with(events: list[dict[str, Any]], record: str, kind: str, **fields: Any) -> str:
    """Adds an event to those of a record, of the last one's instant if it says no other; gives its id."""
    last = max((event for event in events if record_key(event) == record), key=revision)
    added = {"v": 1, "event_id": f"{record}@{revision(last) + 1}", "type": kind, "at": last["at"], **fields}
    events.append(added)
    return str(added["event_id"])


def placement_of(events: list[dict[str, Any]], event: Event) -> dict[str, Any]:
    """The event that placed a hold."""
    return next(each for each in events if each["event_id"] == f"{record_key(event)}@1")


def live(tables: dict[Source, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Records as an audit reads them."""

    def rows(kind: str, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        attributes = ATTRIBUTES[kind].items()
        return [{name: _spelled(record.get(attribute)) for name, attribute in attributes} for record in records]

    stock = tables[Source.STOCK]
    return {
        "live_shard": rows("live_shard", (each for each in stock if "warehouses" not in each)),
        "live_directory": rows("live_directory", (each for each in stock if "warehouses" in each)),
        "live_hold": rows("live_hold", tables[Source.HOLDS]),
        "live_adjustment": rows("live_adjustment", tables[Source.ADJUSTMENTS]),
    }


def _spelled(value: Any) -> Any:
    """Maps and lists as the archive spells them."""
    if not isinstance(value, dict | list):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def checks_naming(found: dict[str, list[Finding]], damaged: str) -> set[str]:
    """The checks that name what was damaged."""
    return {name for name, findings in found.items() for each in findings if damaged in (each.record or "").split()}


def findings(proof: Proof) -> list[tuple[str, Finding]]:
    """All that a verification found, each with its check."""
    return [(check.name, finding) for check in proof.checks for finding in check.findings]
