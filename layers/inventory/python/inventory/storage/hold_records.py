"""Hold records, and every conditional write to them. The conditions are the protocol's guards: none may go."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from inventory.domain.clock import Milliseconds
from inventory.domain.holds import Draw, Hold, Line, Resolution, Status, due, settling_changes
from inventory.domain.ids import rank
from inventory.domain.limits import DRAWS_MAX, KEPT_AFTER_SETTLEMENT_S
from inventory.storage.codec import Record
from inventory.storage.tables import Tables
from inventory.storage.writes import Write

OPEN_INDEX: Final = "open_holds"


def hold_from(record: Record) -> Hold:
    """A hold record as the domain knows it."""
    resolution = record.get("resolution")
    return Hold(
        id=record["hold_id"],
        status=Status(record["status"]),
        lines=tuple(_line_from(line) for line in record["lines"]),
        created=record["created"],
        expires_at=record["expires_at"],
        rev=record["rev"],
        at=record["at"],
        actor=record["actor"],
        fingerprint=record["fingerprint"],
        metadata=record["metadata"],
        resolution=Resolution(resolution["key"], resolution["fingerprint"], resolution["actor"])
        if resolution
        else None,
        settlement=record.get("settlement"),
    )


def sound_hold_from(record: Record) -> Hold:
    """A hold record as the domain knows it, if it is whole: nothing that settles it will stumble over it.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    hold = hold_from(record)
    if len(hold.shard_keys()) > DRAWS_MAX:
        raise ValueError(f"it is drawn from more than {DRAWS_MAX} shards")
    _ = settling_changes(hold), hold.at + hold.rev + hold.expires_at  # whatever is added up later can be added up
    return hold


def settling_record(hold: Hold) -> Record:
    """As much of a hold's record as settling it needs, for `hold_from` to read again: metadata stays behind."""
    return {
        "hold_id": hold.id,
        "status": hold.status.value,
        "lines": [_line_record(line) for line in hold.lines],
        "created": hold.created,
        "expires_at": hold.expires_at,
        "rev": hold.rev,
        "at": hold.at,
        "actor": hold.actor,
        "fingerprint": hold.fingerprint,
        "metadata": {},
    }


def open_slice(hold_id: str, slices: int) -> str:
    """The slice of the index of unfinished work that a hold stands in."""
    return str(rank(hold_id) % slices)


def put_hold(tables: Tables, hold: Hold, slices: int) -> Write:
    """A new hold. Guard: none has this id yet, so that a retry finds it instead of holding twice."""
    return Write(
        kind="Put",
        key=tables.hold(hold.id),
        condition="attribute_not_exists(#hold_id)",
        about=hold.id,
        record={
            "status": hold.status.value,
            "lines": [_line_record(line) for line in hold.lines],
            "created": hold.created,
            "expires_at": hold.expires_at,
            "rev": 1,
            "at": hold.at,
            "actor": hold.actor,
            "metadata": dict(hold.metadata),
            "fingerprint": hold.fingerprint,
            "open": open_slice(hold.id, slices),
            "due": due(hold.id, hold.expires_at),
        },
    )


def execute_hold(
    tables: Tables, hold_id: str, resolution: Resolution, at: Milliseconds, executed: Sequence[int] | None
) -> Write:
    """Executes a hold, all of it or (by line, in the record's order) less.

    Guards: `resolved_once` (it is active), `expiry_exact` (`at` lies before its time), `gapless`.
    """
    by_line = {f"executed_{index}": quantity for index, quantity in enumerate(executed or ())}
    lines = "".join(f", #lines[{index}].#executed = :executed_{index}" for index in range(len(by_line)))
    return _resolve(
        tables,
        hold_id,
        Status.EXECUTED,
        at,
        condition="#expires_at > :at",
        more=f", #resolution = :resolution{lines}",
        values={"resolution": _resolution_record(resolution), **by_line},
    )


def release_hold(tables: Tables, hold_id: str, resolution: Resolution, at: Milliseconds) -> Write:
    """Gives a hold back. Guards: `resolved_once`, `gapless`."""
    return _resolve(
        tables,
        hold_id,
        Status.RELEASED,
        at,
        more=", #resolution = :resolution",
        values={"resolution": _resolution_record(resolution)},
    )


def expire_hold(tables: Tables, hold_id: str, at: Milliseconds) -> Write:
    """Ends a hold whose time is over. Guards: `resolved_once`, `expiry_exact`, `gapless`."""
    return _resolve(tables, hold_id, Status.EXPIRED, at, condition="#expires_at <= :at")


def extend_hold(tables: Tables, hold: Hold, expires_at: Milliseconds, metadata: Mapping[str, str], at: int) -> Write:
    """Gives an active hold a new time and new metadata.

    Guards: `resolved_once` and `expiry_exact` (it is active, `at` lies before its time), `gapless`, and the
    record is the revision that the new metadata was made from.
    """
    return Write(
        kind="Update",
        key=tables.hold(hold.id),
        condition="#status = :active AND #expires_at > :at AND #at <= :at AND #rev = :rev",
        about=hold.id,
        update="SET #expires_at = :expires_at, #due = :due, #metadata = :metadata, #rev = #rev + :one, #at = :at",
        values={
            "active": Status.ACTIVE.value,
            "at": at,
            "rev": hold.rev,
            "one": 1,
            "expires_at": expires_at,
            "due": due(hold.id, expires_at),
            "metadata": dict(metadata),
        },
    )


def settle_hold(tables: Tables, hold: Hold, settlement: str, at: Milliseconds) -> Write:
    """Marks a resolved hold as settled and takes it off the list of unfinished work.

    Guards: `settled_once` (no settlement yet, and it is resolved), `gapless`.
    """
    return Write(
        kind="Update",
        key=tables.hold(hold.id),
        condition="attribute_not_exists(#settlement) AND #status = :status AND #at <= :at",
        about=hold.id,
        update="SET #settlement = :settlement, #ttl = :ttl, #rev = #rev + :one, #at = :at REMOVE #open, #due",
        values={
            "settlement": settlement,
            "status": hold.status.value,
            "ttl": at // 1000 + KEPT_AFTER_SETTLEMENT_S,
            "one": 1,
            "at": at,
        },
    )


def _resolve(
    tables: Tables,
    hold_id: str,
    status: Status,
    at: Milliseconds,
    *,
    condition: str = "",
    more: str = "",
    values: Mapping[str, Any] | None = None,
) -> Write:
    guard = f" AND {condition}" if condition else ""
    return Write(
        kind="Update",
        key=tables.hold(hold_id),
        condition=f"#status = :active AND #at <= :at{guard}",
        about=hold_id,
        update=f"SET #status = :status, #rev = #rev + :one, #at = :at{more}",
        values={"active": Status.ACTIVE.value, "status": status.value, "one": 1, "at": at, **(values or {})},
    )


def _line_from(record: Record) -> Line:
    return Line(
        item=record["item"],
        warehouse=record["warehouse"],
        quantity=record["quantity"],
        drawn=tuple(Draw(draw["shard"], draw["quantity"]) for draw in record["drawn"]),
        executed=record.get("executed"),
    )


def _line_record(line: Line) -> Record:
    return {
        "item": line.item,
        "warehouse": line.warehouse,
        "quantity": line.quantity,
        "drawn": [{"shard": draw.shard, "quantity": draw.quantity} for draw in line.drawn],
        **({} if line.executed is None else {"executed": line.executed}),
    }


def _resolution_record(resolution: Resolution) -> Record:
    return {"key": resolution.key, "fingerprint": resolution.fingerprint, "actor": resolution.actor}
