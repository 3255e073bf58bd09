"""Place: the hold and its draws in one transaction, all lines or none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory.domain.clock import Milliseconds
from inventory.domain.drawing import ItemView, Want, drawing_changes, merged, plan, shortage
from inventory.domain.errors import (
    ClocksApart,
    Conflict,
    InsufficientStock,
    InvalidRequest,
    Overloaded,
)
from inventory.domain.holds import Hold, Line, Status
from inventory.domain.ids import HOLD, Requester
from inventory.domain.limits import DRAWS_MAX
from inventory.domain.stock import Cause, Change
from inventory.metric import Metric
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Answer, Core
from inventory.protocol.lookout import hinted_views, read_pass
from inventory.protocol.move import gather
from inventory.protocol.refuse import refuse_from_memory, refuse_or_find, stands
from inventory.storage.codec import Record
from inventory.storage.hold_records import hold_from, put_hold
from inventory.storage.stock_records import change_shard


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked, with the id that the hold will have."""

    hold_id: str
    wants: Sequence[Want]
    expires_in_s: int
    metadata: Mapping[str, str]
    by: Requester


def place(
    core: Core, wants: Sequence[Want], *, expires_in_s: int, metadata: Mapping[str, str], by: Requester
) -> Answer[Hold]:
    """Holds stock for all the wants, or for none.

    A keyed request derives the hold's id from its key, so a retry runs into its own hold. In the usual case this
    takes one transaction and at most one read.

    Raises:
        InsufficientStock: Some want cannot be met.
        InvalidRequest: Stock lies so that one transaction cannot take it.
        IdempotencyKeyMismatch: The key made another hold.
        Conflict: Others were faster, try after try.
        Overloaded: The database refused or did not answer, or refused others of this instance a moment ago.
    """
    _check_shed(core, wants)
    order = _Order(by.object_id(HOLD, core.new_uuid), merged(wants), expires_in_s, metadata, by)
    attempts = Attempts(core.pause, order.hold_id, gives_way=True)
    try:
        return _placed(core, order, attempts)
    except (InvalidRequest, Conflict, ClocksApart) as gave_up:
        placed = _own(core, order, attempts)
        if placed is not None:
            return _recognised(placed, by)
        if attempts.unknown:
            raise attempts.exhausted() from gave_up
        raise


def _placed(core: Core, order: _Order, attempts: Attempts) -> Answer[Hold]:
    views = hinted_views(core, order.wants)
    while True:
        attempts.begin()
        placed = _look_again(core, order, views, attempts)
        if placed is not None:
            return _recognised(placed, order.by)
        if shortage(order.wants, views) is not None:
            continue  # stock went while others of the items were looked at
        seed = f"{order.hold_id}/{attempts.hops}"  # another one for each try: all shards may have been contended
        lines = plan(order.wants, views, seed=seed, avoid=attempts.avoid, usual=core.hints.usual)
        if sum(len(line.drawn) for line in lines) > DRAWS_MAX:
            _draw_less(core, order, lines, views)
            continue
        answer = _try(core, order, lines, views, attempts)
        if answer is not None:
            core.report(Metric.HOPS, attempts.hops)
            core.report(Metric.SHARD_CONFLICTS, attempts.conflicts)
            return answer
        if attempts.was_throttled:  # no second try: what buyers hold has still to be executed and settled
            core.shed.remember(attempts.throttled_for)
            core.report(Metric.HOLDS_SHED, 1)
            raise attempts.exhausted()
        # What all shards have is read before another one is guessed at.
        for item, warehouse in sorted(attempts.missed):
            _look(core, views, item, warehouse)
        attempts.missed.clear()


def _own(core: Core, order: _Order, attempts: Attempts) -> Record | None:
    """The hold, where it stands already: by an earlier request with its key, or a try whose outcome nobody learnt."""
    return core.database.get(core.tables.hold(order.hold_id)) if order.by.keyed or attempts.unknown else None


def _check_shed(core: Core, wants: Sequence[Want]) -> None:
    try:
        core.shed.check(want.item for want in wants)
    except Overloaded:
        core.report(Metric.HOLDS_SHED, 1)
        raise


def _look_again(core: Core, order: _Order, views: dict[str, ItemView], attempts: Attempts) -> Record | None:
    """Refuses, or corrects the view of each item that seems short: all in one try, as a cart may be all news.

    What is missing may have gone to an earlier try of the same request, so before a keyed one is refused (and not
    sooner: an earlier look could come before that try) its own hold is looked for, and given where it is there. Where
    that took so long that the proof is over a second old, the next try looks again.
    """
    try:
        for _ in order.wants:
            short = shortage(order.wants, views)
            if short is None:
                break
            refuse_from_memory(core, short)
            _remember(core, views, short.item, short.warehouse, refuse_or_find(core, short))
    except InsufficientStock as refusal:
        placed = _own(core, order, attempts)
        if placed is None and stands(core, refusal):
            raise
        return placed
    return None


def _draw_less(core: Core, order: _Order, lines: Sequence[Line], views: dict[str, ItemView]) -> None:
    """Moves stock together, the most scattered lines first, until their draws should fit into one transaction.

    Raises:
        InvalidRequest: There are too many lines, of one draw each at least, wherever stock really lies.
    """
    if len(lines) > DRAWS_MAX:
        for want in order.wants:
            _look(core, views, want.item, want.warehouse)
        if shortage(order.wants, views) is None:
            _refuse_wide(plan(order.wants, views, seed=order.hold_id))
        return
    too_many = sum(len(line.drawn) for line in lines) - DRAWS_MAX
    for line in sorted(lines, key=lambda line: -len(line.drawn)):
        if too_many > 0 and len(line.drawn) > 1:
            too_many -= gather(core, line, order.by.actor)
            _look(core, views, line.item, line.warehouse)


def _refuse_wide(lines: Sequence[Line]) -> None:
    if len(lines) > DRAWS_MAX:
        raise InvalidRequest(
            "parameter_invalid",
            f"No warehouse has all of some items: this hold would be drawn from {len(lines)} places, and one is drawn "
            f"from {DRAWS_MAX} at most. Name warehouses, or hold fewer items at a time.",
            param="lines",
        )


def _look(core: Core, views: dict[str, ItemView], item: str, warehouse: str | None) -> None:
    _remember(core, views, item, warehouse, read_pass(core, item, warehouse).view)


def _remember(core: Core, views: dict[str, ItemView], item: str, warehouse: str | None, view: ItemView) -> None:
    core.hints.remember(item, warehouse, view)
    views.setdefault(item, {}).update(view)


def _try(
    core: Core, order: _Order, lines: Sequence[Line], views: dict[str, ItemView], attempts: Attempts
) -> Answer[Hold] | None:
    """One transaction: the new hold, or what it ran into, or None where another try may do better."""
    at = core.clock.stamp(attempts.seen_at)
    hold = _new_hold(order, lines, at)
    cause = Cause("hold", hold.id, order.by.actor, hops=attempts.hops)
    changes = drawing_changes(lines)
    writes = [
        put_hold(core.tables, hold, core.open_slices),
        *(change_shard(core.tables, change, at, cause) for change in changes),
    ]
    failed = attempts.transact(core.database, writes, views)
    if failed is not None:
        met = [reason.record for reason in failed if reason.write.about == hold.id and reason.record]
        return _recognised(met[0], order.by) if met else None
    _deduct(views, changes)
    core.hints.drew(lines, met_others=attempts.conflicts > 0)
    return Answer(hold, replayed=False)


def _deduct(views: Mapping[str, ItemView], changes: Iterable[Change]) -> None:
    """Notes in the views what this instance itself just took from the shards."""
    for change in changes:
        item, warehouse, number = change.key
        if number in views.get(item, {}).get(warehouse, {}):
            views[item][warehouse][number] += change.available


def _new_hold(order: _Order, lines: Sequence[Line], at: Milliseconds) -> Hold:
    return Hold(
        id=order.hold_id,
        status=Status.ACTIVE,
        lines=tuple(lines),
        created=at,
        expires_at=at + order.expires_in_s * 1000,
        rev=1,
        at=at,
        actor=order.by.actor,
        fingerprint=order.by.fingerprint,
        metadata=order.metadata,
    )


def _recognised(placed: Record, by: Requester) -> Answer[Hold]:
    """The hold that stands under this id already: an earlier try's of the same request."""
    hold = hold_from(placed)
    by.recognise(hold.fingerprint)
    # Without a key the id is random: only a lost answer to this very request can have made the hold.
    return Answer(hold, replayed=by.keyed)
