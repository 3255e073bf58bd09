"""Availability records, and the one conditional write to them."""

from typing import Final

from inventory.domain.availability import Availability, DirectoryCount, ShardCount
from inventory.domain.heat import Heat
from inventory.storage.codec import Record
from inventory.storage.tables import Tables
from inventory.storage.writes import Write

IN_STOCK_INDEX: Final = "in_stock"
SPLIT_INDEX: Final = "split"
IS_SPLIT: Final = "split"  # the one partition of the index of stock that is counted on more than one shard


def availability_from(record: Record) -> Availability:
    """An availability record as the domain knows it."""
    return Availability(
        item=record["item_id"],
        warehouse=record["warehouse_id"],
        shards={int(number): ShardCount(*count) for number, count in record["shards"].items()},
        directory=DirectoryCount(*record["directory"]),
        heat=Heat(*record.get("heat", ())),
    )


def put_availability(tables: Tables, availability: Availability, seen: Availability) -> Write:
    """The folded record. Guard: it still is what the fold began with, so that no news is lost.

    The attributes of the sparse indexes are there only while something is available, or while there are several
    shards: a sale does not touch them.
    """
    split = availability.shard_count > 1
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
            "heat": list(availability.heat),
            "in_stock": availability.warehouse if availability.available > 0 else None,
            "split": IS_SPLIT if split else None,
            "subject": f"{availability.item}#{availability.warehouse}" if split else None,
        },
        values={"seen": seen.version} if seen.version else {},
    )
