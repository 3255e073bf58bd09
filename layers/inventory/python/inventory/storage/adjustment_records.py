"""Records of adjustments and transfers: each is written once and never changed."""

from inventory.domain.adjustments import Adjustment, Transfer
from inventory.storage.codec import Record
from inventory.storage.tables import Tables
from inventory.storage.writes import Write


def put_adjustment(tables: Tables, adjustment: Adjustment) -> Write:
    """A new adjustment. Guard: none has this id yet, so that a retry finds it instead of adjusting twice."""
    return Write(
        kind="Put",
        key=tables.adjustment(adjustment.id),
        condition="attribute_not_exists(#adjustment_id)",
        about=adjustment.id,
        record={
            "item": adjustment.item,
            "warehouse": adjustment.warehouse,
            "quantity": adjustment.quantity,
            "count": adjustment.count,
            "reason": adjustment.reason,
            "reference": adjustment.reference,
            "metadata": dict(adjustment.metadata),
            "rev": 1,
            "at": adjustment.at,
            "actor": adjustment.actor,
            "fingerprint": adjustment.fingerprint,
        },
    )


def put_transfer(tables: Tables, transfer: Transfer) -> Write:
    """A new transfer. Guard: none has this id yet, so that a retry finds it instead of moving twice."""
    return Write(
        kind="Put",
        key=tables.adjustment(transfer.id),
        condition="attribute_not_exists(#adjustment_id)",
        about=transfer.id,
        record={
            "item": transfer.item,
            "from": transfer.source,
            "to": transfer.destination,
            "quantity": transfer.quantity,
            "reference": transfer.reference,
            "metadata": dict(transfer.metadata),
            "rev": 1,
            "at": transfer.at,
            "actor": transfer.actor,
            "fingerprint": transfer.fingerprint,
        },
    )


def adjustment_from(record: Record) -> Adjustment:
    """An adjustment's record as the domain knows it."""
    return Adjustment(
        id=record["adjustment_id"],
        item=record["item"],
        warehouse=record["warehouse"],
        quantity=record["quantity"],
        count=record.get("count"),
        reason=record["reason"],
        reference=record.get("reference"),
        metadata=record["metadata"],
        at=record["at"],
        actor=record["actor"],
        fingerprint=record["fingerprint"],
    )


def transfer_from(record: Record) -> Transfer:
    """A transfer's record as the domain knows it."""
    return Transfer(
        id=record["adjustment_id"],
        item=record["item"],
        source=record["from"],
        destination=record["to"],
        quantity=record["quantity"],
        reference=record.get("reference"),
        metadata=record["metadata"],
        at=record["at"],
        actor=record["actor"],
        fingerprint=record["fingerprint"],
    )
