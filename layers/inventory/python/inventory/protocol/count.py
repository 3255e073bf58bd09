"""Count: what a person counted on the shelves, applied as the difference to what was on hand at one instant."""

from collections.abc import Sequence

from inventory.domain.adjustments import Adjustment, AdjustmentRequest
from inventory.domain.clock import Milliseconds
from inventory.domain.drawing import Want, plan, taking_changes
from inventory.domain.errors import Conflict, InvalidRequest
from inventory.domain.ids import ADJUSTMENT, Requester
from inventory.domain.limits import READ_PASSES_MAX, TRANSACTION_RECORDS_MAX
from inventory.domain.passes import Pass
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.core import Answer, Core
from inventory.protocol.flow import directory_write, emptiest, shard_writes
from inventory.protocol.lookout import read_pass
from inventory.protocol.move import gather
from inventory.protocol.patience import Patience
from inventory.protocol.record_once import record_once
from inventory.storage.adjustment_records import adjustment_from, put_adjustment
from inventory.storage.stock_records import apply_count
from inventory.storage.writes import Write

_DRAWS_MAX = TRANSACTION_RECORDS_MAX - 2  # beside the adjustment and the directory


def count(core: Core, asked: AdjustmentRequest, counted: int) -> Answer[Adjustment]:
    """Sets what is on hand (available and held together) to what was counted.

    The difference is taken at one instant and applied unless another count was applied since; sales meanwhile are
    no error, as they change what is on hand for both sides of the difference.

    Raises:
        InvalidRequest: Fewer were counted than are held (``count_below_held``).
        IdempotencyKeyMismatch: The key made another adjustment.
        Conflict, Overloaded: Nothing is known to have changed; try again.
    """
    item, warehouse, by = asked.item, asked.warehouse, asked.by
    identifier = by.object_id(ADJUSTMENT, core.new_uuid)
    cause = Cause("count", identifier, by.actor, asked.reason, asked.reference)
    patience = Patience(core.clock.elapsed)

    def compose(seen_at: Milliseconds) -> tuple[Adjustment, Sequence[Write]] | None:
        earlier, seen = _on_hand_at_an_instant(core, item, warehouse, patience)
        quantity = counted - sum(shard.on_hand for shard in seen.shards.values())
        if seen.available < -quantity:
            _refuse_below_held(earlier, -quantity)
            return None
        changes = _changes(core, seen, ShardKey(item, warehouse, emptiest(seen, warehouse)), quantity, identifier, by)
        if changes is None:
            return None
        at = core.clock.stamp(seen_at)
        adjustment = asked.made(identifier, quantity, at, counted)
        return adjustment, [
            put_adjustment(core.tables, adjustment),
            _counted_write(core, seen, changes, item, warehouse, at, cause),
            *shard_writes(core, changes, at, cause),
        ]

    return record_once(core, identifier, by, adjustment_from, compose)


def _on_hand_at_an_instant(core: Core, item: str, warehouse: str, patience: Patience) -> tuple[Pass, Pass]:
    """Two readings between which no shard gained, and what is on hand stayed: so it was at an instant between them."""
    earlier = read_pass(core, item, warehouse)
    for _ in range(READ_PASSES_MAX):
        patience.check(warehouse)
        current = read_pass(core, item, warehouse)
        if earlier.same_on_hand_as(current):
            return earlier, current
        earlier = current
    raise Conflict("Stock of this item changes too quickly to compare it with a count. Try again.")


def _refuse_below_held(earlier: Pass, excess: int) -> None:
    """Refuses a count where fewer were available than would have to go, at the instant of which it is told.

    Between two readings available units only fell: the later one alone, read shard by shard, may miss some that were
    given back on a shard it had read, and taken from one that it had not.
    """
    if earlier.available < excess:
        held = sum(shard.held for shard in earlier.shards.values())
        raise InvalidRequest(
            "count_below_held",
            f"{held} units are held, more than were counted. Those of holds that were executed just now are among them "
            "until these are settled: then count again, or release holds first.",
            param="count",
        )


def _changes(
    core: Core, seen: Pass, gains: ShardKey, quantity: int, identifier: str, by: Requester
) -> list[Change] | None:
    """The changes to the shards that the count asks for; None where stock had to be gathered first."""
    if quantity == 0:
        return []
    if quantity > 0:
        return [Change(gains, quantity)]
    lines = plan([Want(gains.item, gains.warehouse, -quantity)], {gains.item: seen.view}, seed=identifier)
    if len(lines[0].drawn) > _DRAWS_MAX:
        gather(core, lines[0], by.actor)
        return None
    return taking_changes(lines)


def _counted_write(
    core: Core, seen: Pass, changes: Sequence[Change], item: str, warehouse: str, at: Milliseconds, cause: Cause
) -> Write:
    directory = seen.directory
    if directory is None or warehouse not in directory.warehouses:
        return directory_write(core, item, warehouse, directory, 1, at, cause)
    highest = max((change.key.number for change in changes if change.available > 0), default=0)
    return apply_count(core.tables, item, warehouse, directory.warehouses[warehouse].counts, highest, at, cause)
