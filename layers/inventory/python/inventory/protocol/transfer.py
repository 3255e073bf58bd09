"""Transfer: available units from one warehouse to another, in one transaction with its own record."""

from collections.abc import Mapping, Sequence

from inventory.domain.adjustments import Transfer
from inventory.domain.clock import Milliseconds
from inventory.domain.drawing import Want
from inventory.domain.ids import TRANSFER, Requester
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.core import Answer, Core
from inventory.protocol.flow import emptiest, receipt, shard_writes, taken
from inventory.protocol.lookout import read_pass
from inventory.protocol.patience import Patience
from inventory.protocol.record_once import record_once
from inventory.storage.adjustment_records import put_transfer, transfer_from
from inventory.storage.writes import Write


def transfer(
    core: Core,
    item: str,
    source: str,
    destination: str,
    quantity: int,
    *,
    reference: str | None,
    metadata: Mapping[str, str],
    by: Requester,
) -> Answer[Transfer]:
    """Moves available units between two warehouses; the destination may be new to the item.

    Raises:
        InsufficientStock: The source has fewer available.
        InvalidRequest: The item is in too many warehouses already.
        IdempotencyKeyMismatch: The key made another transfer.
        Conflict, Overloaded: Nothing is known to have changed; try again.
    """
    identifier = by.object_id(TRANSFER, core.new_uuid)
    cause = Cause("transfer", identifier, by.actor, reference=reference)
    patience = Patience(core.clock.elapsed)

    def compose(seen_at: Milliseconds) -> tuple[Transfer, Sequence[Write]] | None:
        changes = taken(core, Want(item, source, quantity), identifier, by.actor, patience)
        if changes is None:
            return None
        seen = read_pass(core, item, destination)
        at = core.clock.stamp(seen_at, seen.directory_at)
        gain = Change(ShardKey(item, destination, emptiest(seen, destination)), quantity)
        moved = Transfer(
            id=identifier,
            item=item,
            source=source,
            destination=destination,
            quantity=quantity,
            reference=reference,
            metadata=metadata,
            at=at,
            actor=by.actor,
            fingerprint=by.fingerprint,
        )
        return moved, [
            put_transfer(core.tables, moved),
            *shard_writes(core, changes, at, cause),
            *receipt(core, gain, seen.directory, at, cause),
        ]

    return record_once(core, identifier, by, transfer_from, compose)
