"""Split and merge: more shards for a hot item, fewer for a cold one. Sales go on meanwhile; it can stop anywhere."""

from enum import Enum, auto

from inventory.domain.availability import ItemStock
from inventory.domain.errors import Conflict, InvalidRequest
from inventory.domain.ids import Requester
from inventory.domain.limits import SPLIT_SHARDS_PER_ITEM_MAX, TRANSACTION_RECORDS_MAX
from inventory.domain.stock import Cause, Directory, ShardKey
from inventory.protocol.attempts import Attempts, failed_for_good
from inventory.protocol.core import Answer, Core
from inventory.protocol.lookout import entry, read_pass
from inventory.protocol.move import spread
from inventory.protocol.patience import Patience
from inventory.protocol.stock_view import read_strongly
from inventory.storage.database import Reason
from inventory.storage.request_records import REQUEST, made_before, put_request
from inventory.storage.stock_records import give_up_shard, set_shards

_GIVEN_UP_AT_ONCE = TRANSACTION_RECORDS_MAX - 2  # beside the directory and the request's record


def split(core: Core, item: str, warehouse: str, shards: int, *, by: Requester) -> Answer[ItemStock]:
    """Counts a warehouse's stock of an item on so many shards, and levels the stock over them.

    First the directory covers the new shards, then stock moves onto them; or, for fewer, first stock moves down,
    then the directory gives up shards that hold nothing. A request that stopped half way is finished by the next.

    Raises:
        Missing: The item is unknown, or not in this warehouse.
        InvalidRequest: All its warehouses together would have more shards than can be read in time.
        IdempotencyKeyMismatch: The key split with other parameters.
        Conflict: Shards to be given up still carry holds, or others were faster; what was done so far stands.
        Overloaded: The database refused or did not answer.
    """
    patience = Patience(core.clock.elapsed)
    replayed = by.keyed and made_before(core.database.get(core.tables.request(by.token)), by)
    if not replayed:
        replayed = reshape(core, item, warehouse, shards, by.actor, by if by.keyed else None)
    if entry(read_pass(core, item, warehouse), item, warehouse).shards == shards:
        spread(core, item, warehouse, by.actor, shards)
    return Answer(read_strongly(core, item, patience), replayed)


def reshape(core: Core, item: str, warehouse: str, shards: int, actor: str, request: Requester | None = None) -> bool:
    """Changes the directory to so many shards, in as many steps as it takes; for fewer, stock moves down before.

    A keyed request leaves its record in the transaction that reaches the number.

    Returns:
        Whether a twin of the request, at the same time, has done it.

    Raises:
        As `split`.
    """
    step = _Step.ON_THE_WAY
    while step is _Step.ON_THE_WAY:
        step = _one_step(core, item, warehouse, shards, actor, request)
    return step is _Step.DONE_BY_TWIN  # each step but the last lowers the number of shards, so this ends


class _Step(Enum):
    """How far a change of the directory is."""

    ON_THE_WAY = auto()
    DONE = auto()
    DONE_BY_TWIN = auto()


def _one_step(core: Core, item: str, warehouse: str, shards: int, actor: str, request: Requester | None) -> _Step:
    """One change of the directory; as many shards are given up at once as a transaction can check."""
    cause_id = core.new_id("spl")
    attempts = Attempts(core.pause, cause_id)
    while True:
        attempts.begin()
        seen = read_pass(core, item, warehouse)
        current = entry(seen, item, warehouse).shards
        rev = _check_total(seen.directory, warehouse, shards) if shards > current else None
        if shards < current:
            spread(core, item, warehouse, actor, shards)
        reached = max(shards, current - _GIVEN_UP_AT_ONCE)
        at = core.clock.stamp(attempts.seen_at)
        cause = Cause("merge" if shards < current else "split", cause_id, actor, hops=attempts.hops)
        given_up = [ShardKey(item, warehouse, number) for number in range(reached, current)]
        writes = [give_up_shard(core.tables, key, at) for key in given_up]
        if reached != current:
            writes.append(set_shards(core.tables, item, warehouse, current, reached, at, cause, rev=rev))
        if request is not None and reached == shards:
            writes.append(put_request(core.tables, request, f"{item}#{warehouse}", at))
        if not writes:
            return _Step.DONE
        failed = attempts.transact(core.database, writes)
        if failed is None:
            return _Step.DONE if reached == shards else _Step.ON_THE_WAY
        if _stopped_by(failed_for_good(failed, at), request):
            return _Step.DONE_BY_TWIN


def _check_total(directory: Directory | None, warehouse: str, shards: int) -> int | None:
    """Whether so many shards are not too many beside those of the other warehouses.

    Returns:
        The directory's revision of which that is true.

    Raises:
        InvalidRequest: They are.
    """
    others = [] if directory is None else [each for name, each in directory.warehouses.items() if name != warehouse]
    total = shards + sum(each.shards for each in others)
    if total > SPLIT_SHARDS_PER_ITEM_MAX:
        raise InvalidRequest(
            "parameter_invalid",
            f"The item would be counted on {total} shards in its {len(others) + 1} warehouses together; a split may "
            f"lead to {SPLIT_SHARDS_PER_ITEM_MAX} at most. Ask for fewer, or for fewer in another warehouse first.",
            param="shards",
        )
    return None if directory is None else directory.rev


def _stopped_by(failed: list[Reason], request: Requester | None) -> bool:
    """Whether a twin of this request has done it already.

    Raises:
        IdempotencyKeyMismatch: It was no twin: it had the key, but other parameters.
        Conflict: A shard that was to be given up carries holds.
    """
    for reason in failed:
        if isinstance(reason.write.about, ShardKey) and reason.record is not None and reason.record["held"] > 0:
            raise Conflict(
                f"Shard {reason.write.about.number} still carries holds and cannot be given up before they end. Stock "
                "was moved off it, so that no more are placed there: ask again when they have ended."
            )
    return request is not None and any(
        reason.write.about == REQUEST and made_before(reason.record, request) for reason in failed
    )
