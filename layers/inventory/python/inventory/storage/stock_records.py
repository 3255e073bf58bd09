"""Stock records, and every conditional write to them. The conditions are the protocol's guards: none may go."""

from collections.abc import Mapping
from typing import Any

from inventory.domain.clock import Milliseconds
from inventory.domain.stock import Cause, Change, Directory, Shard, ShardKey, Warehouse, is_directory_key
from inventory.storage.codec import Record
from inventory.storage.tables import Tables
from inventory.storage.writes import Write

#: What a write to a directory is called among the reasons of a cancelled transaction.
DIRECTORY = "directory"


def shard_from(record: Record) -> Shard:
    """A shard record as the domain knows it."""
    return Shard(
        key=ShardKey(record["item_id"], record["warehouse_id"], record["shard"]),
        available=record["available"],
        held=record["held"],
        inflow=record["inflow"],
        rev=record["rev"],
        at=record["at"],
    )


def directory_from(record: Record) -> Directory:
    """A directory record as the domain knows it."""
    return Directory(
        item=record["item_id"],
        warehouses={
            name: Warehouse(shards=entry["shards"], counts=entry["counts"])
            for name, entry in record["warehouses"].items()
        },
        rev=record["rev"],
        at=record["at"],
    )


def is_directory(record: Record) -> bool:
    """Whether a record of the stock table is an item's directory rather than a shard."""
    return is_directory_key(record["stock_id"])


def change_shard(tables: Tables, change: Change, at: Milliseconds, cause: Cause) -> Write:
    """Adds to (takes from) one shard's counters.

    Guards: what is taken is there (`never_oversold`), and `at` never goes back (`gapless`). Only a change that
    adds available units and holds nothing may make the record; all others need it to exist.
    """
    if change.available > 0 and change.held == 0:
        return _gain(tables, change, at, cause)
    conditions = ["#at <= :at"]
    sets = ["#rev = #rev + :one", "#at = :at", "#cause = :cause"]
    values: dict[str, Any] = {"at": at, "one": 1, "cause": _cause_record(cause)}
    if change.available:
        sets.append("#available = #available + :available")
        values["available"] = change.available
    if change.available > 0:
        sets.append("#inflow = #inflow + :one")
    if change.available < 0:
        conditions.append("#available >= :taken")
        values["taken"] = -change.available
    if change.held:
        sets.append("#held = #held + :held")
        values["held"] = change.held
    if change.held < 0:
        conditions.append("#held >= :settled")
        values["settled"] = -change.held
    return Write(
        kind="Update",
        key=tables.shard(change.key),
        condition=" AND ".join(conditions),
        about=change.key,
        update="SET " + ", ".join(sets),
        values=values,
    )


def _gain(tables: Tables, change: Change, at: Milliseconds, cause: Cause) -> Write:
    """Adds available units to a shard, or makes it."""
    item, warehouse, number = change.key
    return Write(
        kind="Update",
        key=tables.shard(change.key),
        condition="attribute_not_exists(#at) OR #at <= :at",
        about=change.key,
        update="SET #rev = if_not_exists(#rev, :zero) + :one, #at = :at, #cause = :cause, "
        "#item_id = :item, #warehouse_id = :warehouse, #shard = :shard, #held = if_not_exists(#held, :zero), "
        "#available = if_not_exists(#available, :zero) + :available, #inflow = if_not_exists(#inflow, :zero) + :one",
        values={
            "at": at,
            "one": 1,
            "zero": 0,
            "cause": _cause_record(cause),
            "item": item,
            "warehouse": warehouse,
            "shard": number,
            "available": change.available,
        },
    )


def give_up_shard(tables: Tables, key: ShardKey, at: Milliseconds) -> Write:
    """Checks that a shard holds nothing, so that the directory may stop covering it."""
    return Write(
        kind="ConditionCheck",
        key=tables.shard(key),
        condition="attribute_not_exists(#at) OR (#available = :zero AND #held = :zero AND #at <= :at)",
        about=key,
        values={"zero": 0, "at": at},
    )


def create_directory(tables: Tables, item: str, warehouse: str, counts: int, at: Milliseconds, cause: Cause) -> Write:
    """The directory of an item that had none, with its first warehouse."""
    return Write(
        kind="Put",
        key=tables.directory(item),
        condition="attribute_not_exists(#stock_id)",
        about=DIRECTORY,
        record={
            "item_id": item,
            "warehouses": {warehouse: {"shards": 1, "counts": counts}},
            "rev": 1,
            "at": at,
            "cause": _cause_record(cause),
        },
    )


def add_warehouse(tables: Tables, item: str, warehouse: str, counts: int, at: Milliseconds, cause: Cause) -> Write:
    """A warehouse's entry in an existing directory. Guard: nobody else added it meanwhile."""
    return _update_directory(
        tables,
        item,
        warehouse,
        at,
        cause,
        change="#warehouses.#w = :entry",
        condition="attribute_not_exists(#warehouses.#w)",
        values={"entry": {"shards": 1, "counts": counts}},
    )


def apply_count(
    tables: Tables, item: str, warehouse: str, counts: int, highest: int, at: Milliseconds, cause: Cause
) -> Write:
    """Raises a warehouse's number of counts from `counts`.

    Guards: no other count was applied since this one was taken; the directory covers the highest shard written.
    """
    return _update_directory(
        tables,
        item,
        warehouse,
        at,
        cause,
        change="#warehouses.#w.#counts = :next",
        condition="#warehouses.#w.#counts = :counts AND #warehouses.#w.#shards > :highest",
        values={"next": counts + 1, "counts": counts, "highest": highest},
    )


def set_shards(
    tables: Tables,
    item: str,
    warehouse: str,
    current: int,
    shards: int,
    at: Milliseconds,
    cause: Cause,
    *,
    rev: int | None = None,
) -> Write:
    """Changes how many shards a warehouse's stock is counted on.

    Guards: they are as many as was thought; with `rev`, those of all other warehouses are, too.
    """
    return _update_directory(
        tables,
        item,
        warehouse,
        at,
        cause,
        change="#warehouses.#w.#shards = :shards",
        condition="#warehouses.#w.#shards = :current" + ("" if rev is None else " AND #rev = :rev"),
        values={"shards": shards, "current": current} | ({} if rev is None else {"rev": rev}),
    )


def check_covered(tables: Tables, item: str, warehouse: str, highest: int, at: Milliseconds) -> Write:
    """Checks that the directory covers a shard that gets stock: no unit may land where nobody looks."""
    return Write(
        kind="ConditionCheck",
        key=tables.directory(item),
        condition="#warehouses.#w.#shards > :highest AND #at <= :at",
        about=DIRECTORY,
        values={"highest": highest, "at": at},
        names={"#w": warehouse},
    )


def _update_directory(
    tables: Tables,
    item: str,
    warehouse: str,
    at: Milliseconds,
    cause: Cause,
    *,
    change: str,
    condition: str,
    values: Mapping[str, Any],
) -> Write:
    return Write(
        kind="Update",
        key=tables.directory(item),
        condition=f"{condition} AND #at <= :at",  # which no missing record fulfils
        about=DIRECTORY,
        update=f"SET {change}, #rev = #rev + :one, #at = :at, #cause = :cause",
        values={**values, "one": 1, "at": at, "cause": _cause_record(cause)},
        names={"#w": warehouse},
    )


def _cause_record(cause: Cause) -> Record:
    record: Record = {"type": cause.type, "id": cause.id, "actor": cause.actor}
    if cause.reason is not None:
        record["reason"] = cause.reason
    if cause.reference is not None:
        record["reference"] = cause.reference
    if cause.hops:
        record["hops"] = cause.hops
    return record
