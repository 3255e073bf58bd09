"""Adjust: stock that arrives or goes other than by a sale, in one transaction with its own record."""

from collections.abc import Sequence

from inventory.domain.adjustments import Adjustment, AdjustmentRequest
from inventory.domain.clock import Milliseconds
from inventory.domain.drawing import Want
from inventory.domain.ids import ADJUSTMENT
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.core import Answer, Core
from inventory.protocol.flow import emptiest, receipt, shard_writes, taken
from inventory.protocol.lookout import read_pass
from inventory.protocol.patience import Patience
from inventory.protocol.record_once import record_once
from inventory.storage.adjustment_records import adjustment_from, put_adjustment
from inventory.storage.writes import Write


def adjust(core: Core, asked: AdjustmentRequest, quantity: int) -> Answer[Adjustment]:
    """Adds units to an item in a warehouse, or (negative) takes available ones away.

    The first units of an item or warehouse make its directory entry in the same transaction. A return is an
    adjustment with ``reason=returned`` and the hold's id as its reference.

    Raises:
        InsufficientStock: More is to be taken than is available.
        InvalidRequest: The item is in too many warehouses already.
        IdempotencyKeyMismatch: The key made another adjustment.
        Conflict, Overloaded: Nothing is known to have changed; try again.
    """
    item, warehouse, by = asked.item, asked.warehouse, asked.by
    identifier = by.object_id(ADJUSTMENT, core.new_uuid)
    cause = Cause("adjustment", identifier, by.actor, asked.reason, asked.reference)
    patience = Patience(core.clock.elapsed)

    def compose(seen_at: Milliseconds) -> tuple[Adjustment, Sequence[Write]] | None:
        if quantity > 0:
            seen = read_pass(core, item, warehouse)
            at = core.clock.stamp(seen_at, seen.directory_at)
            gain = Change(ShardKey(item, warehouse, emptiest(seen, warehouse)), quantity)
            writes = receipt(core, gain, seen.directory, at, cause)
        else:
            changes = taken(core, Want(item, warehouse, -quantity), identifier, by.actor, patience)
            if changes is None:
                return None
            at = core.clock.stamp(seen_at)
            writes = shard_writes(core, changes, at, cause)
        adjustment = asked.made(identifier, quantity, at)
        return adjustment, [put_adjustment(core.tables, adjustment), *writes]

    return record_once(core, identifier, by, adjustment_from, compose)
