"""Availability records, and the one conditional write to them."""

from typing import Final

from inventory.domain.availability import Availability, DirectoryCount, ShardCount
from inventory.storage.codec import Record
from inventory.storage.tables import Tables
from inventory.storage.writes import Write

IN_STOCK_INDEX: Final = "in_stock"


def availability_from(record: Record) -> Availability:
    """An availability record as the domain knows it."""
    return Availability(
        item=record["item_id"],
        warehouse=record["warehouse_id"],
        shards={int(number): ShardCount(*count) for number, count in record["shards"].items()},
        directory=DirectoryCount(*record["directory"]),
    )


def put_availability(tables: Tables, availability: Availability, seen: Availability) -> Write:
    """The folded record. Guard: it still is what the fold began with, so that no news is lost.

    The attribute of the sparse index is there only while something is available: a sale does not touch it.
    """
    return Write(
        kind="Put",
        key=tables.availability_of(availability.item, availability.warehouse),
        condition="#version = :seen" if seen.version else "attribute_not_exists(#version)",
        about=(availability.item, availability.warehouse),
        record={
            "shards": {str(number): list(count) for number, count in sorted(availability.shards.items())},
            "directory": list(availability.directory),
            "available": availability.available,
            "held": availability.held,
            "version": availability.version,
            "in_stock": availability.warehouse if availability.available > 0 else None,
        },
        values={"seen": seen.version} if seen.version else {},
    )
