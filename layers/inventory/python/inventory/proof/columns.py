"""The ledger's columns, and how each follows from an archived line (docs/history.md, docs/events.md)."""

from typing import Final

from inventory.proof.sql import KEY, REV

#: What of a line is read, and as what. Whatever lies deeper is JSON.
LINE: Final = """{
    "event_id": "VARCHAR", "type": "VARCHAR", "at": "BIGINT", "by": "VARCHAR", "settled": "BOOLEAN",
    "before": "JSON", "after": "JSON", "unset": "JSON", "other": "JSON",
    "cause": {"type": "VARCHAR", "id": "VARCHAR", "actor": "VARCHAR", "reason": "VARCHAR", "reference": "VARCHAR",
              "hops": "INTEGER"},
    "set": {"status": "VARCHAR", "lines": "JSON", "created": "BIGINT", "expires_at": "BIGINT", "actor": "VARCHAR",
            "metadata": "JSON", "fingerprint": "VARCHAR", "open": "VARCHAR", "resolution": "JSON",
            "settlement": "VARCHAR", "ttl": "BIGINT", "item": "VARCHAR", "warehouse": "VARCHAR", "from": "VARCHAR",
            "to": "VARCHAR", "quantity": "BIGINT", "count": "BIGINT", "reason": "VARCHAR", "reference": "VARCHAR"}}"""

#: What a hold's lines are read as.
LINES_SHAPE: Final = (
    '[{"item": "VARCHAR", "warehouse": "VARCHAR", "quantity": "BIGINT", "executed": "BIGINT", '
    '"drawn": [{"shard": "INTEGER", "quantity": "BIGINT"}]}]'
)

#: Of either sign; a column has one more below zero.
_MOST: Final = 2**63 - 1

_SHARD = "e.type IN ('shard_changed', 'shard_removed')"
_STOCK = "(e.type LIKE 'shard_%' OR e.type LIKE 'directory_%')"
_DIRECTORY = "e.type LIKE 'directory_%'"

#: Column, type, and how it follows from the line `e` and the `event_id` that is told of it.
COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("event_id", "VARCHAR", "event_id"),
    ("record_key", "VARCHAR", KEY),
    ("type", "VARCHAR", "e.type"),
    ("rev", "BIGINT", f"{REV}::BIGINT"),
    ("at_ms", "BIGINT", "e.at"),
    ("happened_at", "TIMESTAMP", "make_timestamp(e.at * 1000)"),
    ("item_id", "VARCHAR", f"CASE WHEN {_STOCK} THEN split_part({KEY}, '#', 1) ELSE e.set.item END"),
    (
        "warehouse_id",
        "VARCHAR",
        f"CASE WHEN {_SHARD} THEN split_part({KEY}, '#', 2) ELSE coalesce(e.set.warehouse, e.set.from) END",
    ),
    ("to_warehouse_id", "VARCHAR", "e.set.to"),
    ("shard", "INTEGER", f"CASE WHEN {_SHARD} THEN split_part({KEY}, '#', 3)::INTEGER END"),
    ("available_before", "BIGINT", f"CASE WHEN {_SHARD} THEN (e.before->>'available')::BIGINT END"),
    ("held_before", "BIGINT", f"CASE WHEN {_SHARD} THEN (e.before->>'held')::BIGINT END"),
    ("available_after", "BIGINT", f"CASE WHEN {_SHARD} THEN (e.after->>'available')::BIGINT END"),
    ("held_after", "BIGINT", f"CASE WHEN {_SHARD} THEN (e.after->>'held')::BIGINT END"),
    ("inflow_after", "BIGINT", f"CASE WHEN {_SHARD} THEN (e.after->>'inflow')::BIGINT END"),
    ("cause_type", "VARCHAR", "e.cause.type"),
    ("cause_id", "VARCHAR", "e.cause.id"),
    ("reason", "VARCHAR", "coalesce(e.cause.reason, e.set.reason)"),
    ("reference", "VARCHAR", "coalesce(e.cause.reference, e.set.reference)"),
    ("hops", "INTEGER", "e.cause.hops"),
    ("actor", "VARCHAR", "coalesce(e.cause.actor, e.set.actor, e.set.resolution->>'actor')"),
    ("quantity", "BIGINT", "e.set.quantity"),
    ("count", "BIGINT", "e.set.count"),
    ("status", "VARCHAR", "e.set.status"),
    ("settlement", "VARCHAR", "e.set.settlement"),
    ("lines", "VARCHAR", "json(e.set.lines)"),
    ("metadata", "VARCHAR", "json(e.set.metadata)"),
    ("resolution", "VARCHAR", "json(e.set.resolution)"),
    ("created_ms", "BIGINT", "e.set.created"),
    ("expires_at_ms", "BIGINT", "e.set.expires_at"),
    ("ttl", "BIGINT", "e.set.ttl"),
    ("open", "VARCHAR", "e.set.open"),
    ("fingerprint", "VARCHAR", "e.set.fingerprint"),
    ("before", "VARCHAR", f"CASE WHEN {_DIRECTORY} THEN json(e.before) END"),
    ("after", "VARCHAR", f"CASE WHEN {_DIRECTORY} THEN json(e.after) END"),
    ("unset", "VARCHAR", "json(e.unset)"),
    ("other", "VARCHAR", "json(e.other)"),
    ("by", "VARCHAR", "e.by"),
    ("settled", "BOOLEAN", "e.settled"),
)

_JSON: Final = frozenset({"lines", "metadata", "resolution", "before", "after", "unset", "other"})


#: The select list that makes a row of the ledger from a parsed line `e` and its `event_id`.
ROW: Final = ", ".join(f'({made})::{kind} AS "{name}"' for name, kind, made in COLUMNS)


def comparable(table: str) -> str:
    """A row of the ledger as one value: equal for equal rows, however their JSON is spaced."""
    values = ((name, f'{table}."{name}"') for name, _, _ in COLUMNS)
    parts = (f'"{name}" := ' + (f"json({value})" if name in _JSON else value) for name, value in values)
    return f"struct_pack({', '.join(parts)})"


def counted(quantity: str) -> str:
    """SQL for a sum that a counter could hold, or for the nearest.

    Of nothing but nulls it is the largest number, as `least` passes over nulls: an unknown sum must not pass for 0.
    """
    return f"greatest(least(sum({quantity}), {_MOST}), -{_MOST})::BIGINT"
