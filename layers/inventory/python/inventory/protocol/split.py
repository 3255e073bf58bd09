"""Split and merge: more shards for a hot item, fewer for a cold one. Sales go on meanwhile; it can stop anywhere."""

from inventory.domain.availability import ItemStock
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, Missing
from inventory.domain.ids import Requester
from inventory.domain.limits import TRANSACTION_RECORDS_MAX
from inventory.domain.stock import Cause, ShardKey, Warehouse
from inventory.protocol.attempts import Attempts, failed_for_good
from inventory.protocol.core import Answer, Core
from inventory.protocol.lookout import Pass, read_pass
from inventory.protocol.move import spread
from inventory.protocol.stock_view import read_stock
from inventory.storage.adjustment_records import REQUEST, put_request
from inventory.storage.codec import Record
from inventory.storage.database import Reason
from inventory.storage.stock_records import give_up_shard, set_shards

_GIVEN_UP_AT_ONCE = TRANSACTION_RECORDS_MAX - 2  # beside the directory and the request's record


def split(core: Core, item: str, warehouse: str, shards: int, *, by: Requester) -> Answer[ItemStock]:
    """Counts a warehouse's stock of an item on so many shards, and levels the stock over them.

    First the directory covers the new shards, then stock moves onto them; or, for fewer, first stock moves down,
    then the directory gives up shards that hold nothing. A request that stopped half way is finished by the next.

    Raises:
        Missing: The item is unknown, or not in this warehouse.
        IdempotencyKeyMismatch: The key split with other parameters.
        Conflict: Shards to be given up still carry holds, or others were faster; what was done so far stands.
        Overloaded: The database refused or did not answer.
    """
    replayed = by.keyed and _made_before(core, by)
    if not replayed:
        while not _step(core, item, warehouse, shards, by):
            pass  # each step but the last lowers the number of shards, so this ends
    if _entry(read_pass(core, item, warehouse), item, warehouse).shards == shards:
        spread(core, item, warehouse, by.actor, shards)
    return Answer(read_stock(core, item, consistent=True), replayed)


def _step(core: Core, item: str, warehouse: str, shards: int, by: Requester) -> bool:
    """One change of the directory; as many shards are given up at once as a transaction can check.

    Returns:
        Whether the directory now says what was asked for.
    """
    cause_id = core.new_id("spl")
    attempts = Attempts(core.pause, cause_id)
    for _ in attempts:
        current = _entry(read_pass(core, item, warehouse), item, warehouse).shards
        if shards < current:
            spread(core, item, warehouse, by.actor, shards)
        reached = max(shards, current - _GIVEN_UP_AT_ONCE)
        at = core.clock.stamp(attempts.seen_at)
        cause = Cause("merge" if shards < current else "split", cause_id, by.actor, hops=attempts.hops)
        given_up = [ShardKey(item, warehouse, number) for number in range(reached, current)]
        writes = [give_up_shard(core.tables, key, at) for key in given_up]
        if reached != current:
            writes.append(set_shards(core.tables, item, warehouse, current, reached, at, cause))
        if by.keyed and reached == shards:
            writes.append(put_request(core.tables, by, f"{item}#{warehouse}", at))
        if not writes:
            return True
        failed = attempts.transact(core.database, writes)
        if failed is None:
            return reached == shards
        if _stopped_by(failed_for_good(failed, at), by):
            return True
    raise AssertionError("the tries end by an error of their own")


def _stopped_by(failed: list[Reason], by: Requester) -> bool:
    """Whether a twin of this request has done it already.

    Raises:
        IdempotencyKeyMismatch: It was no twin: it had the key, but other parameters.
        Conflict: A shard that was to be given up carries holds.
    """
    for reason in failed:
        if isinstance(reason.write.about, ShardKey) and reason.record is not None and reason.record["held"] > 0:
            raise Conflict(
                f"Shard {reason.write.about.number} still carries holds and cannot be given up before they end. "
                "Stock was moved off it; try again later."
            )
    return any(reason.write.about == REQUEST and _is_own(reason.record, by) for reason in failed)


def _made_before(core: Core, by: Requester) -> bool:
    return _is_own(core.database.get(core.tables.request(by.token)), by)


def _is_own(made: Record | None, by: Requester) -> bool:
    if made is not None and made["fingerprint"] != by.fingerprint:
        raise IdempotencyKeyMismatch
    return made is not None


def _entry(seen: Pass, item: str, warehouse: str) -> Warehouse:
    if seen.directory is None:
        raise Missing("item", item, param="item")
    if warehouse not in seen.directory.warehouses:
        raise Missing("warehouse", warehouse, param="warehouse")
    return seen.directory.warehouses[warehouse]
