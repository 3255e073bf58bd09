"""Place: the hold and its draws in one transaction, all lines or none."""

from collections.abc import Iterable, Mapping, Sequence

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
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.metric import Metric
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Answer, Core
from inventory.protocol.lookout import hinted_views, read_pass
from inventory.protocol.move import gather
from inventory.protocol.patience import Patience
from inventory.protocol.refuse import refuse_from_memory, refuse_or_find, stands
from inventory.protocol.shedding import EVERYTHING
from inventory.storage.codec import Record
from inventory.storage.database import Reason
from inventory.storage.hold_records import hold_from, put_hold
from inventory.storage.stock_records import change_shard


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
    placing = _Placing(core, wants, expires_in_s, metadata, by)
    try:
        return placing.placed()
    except (InvalidRequest, Conflict, ClocksApart):
        placed = placing.own()
        if placed is None:
            raise
        return _recognised(placed, by)


def _check_shed(core: Core, wants: Sequence[Want]) -> None:
    try:
        core.shed.check(want.item for want in wants)
    except Overloaded:
        core.report(Metric.HOLDS_SHED, 1)
        raise


class _Placing:
    """One request under way: what was asked, and what its tries have learnt.

    What is learnt of the views is learnt of the instance's hints, too: they share their innermost maps.
    """

    def __init__(
        self, core: Core, wants: Sequence[Want], expires_in_s: int, metadata: Mapping[str, str], by: Requester
    ) -> None:
        self.hold_id = by.object_id(HOLD, core.new_uuid)
        self.attempts = Attempts(core.pause, self.hold_id, gives_way=True)
        self._core = core
        self._patience = Patience(core.clock.elapsed)
        self._wants = merged(wants)
        self._expires_in_s = expires_in_s
        self._metadata = metadata
        self._by = by
        self._views: dict[str, ItemView] = {}
        self._avoid: set[ShardKey] = set()  # they were contended a moment ago

    def placed(self) -> Answer[Hold]:
        """The hold, after as many tries as it takes."""
        core, attempts = self._core, self.attempts
        self._views = hinted_views(core, self._wants, self._patience)
        while True:
            attempts.begin()
            placed = self._look_again()
            if placed is not None:
                return _recognised(placed, self._by)
            if shortage(self._wants, self._views) is not None:
                continue  # stock went while others of the items were looked at
            seed = f"{self.hold_id}/{attempts.hops}"  # another one for each try: all shards may have been contended
            lines = plan(self._wants, self._views, seed=seed, avoid=self._avoid, usual=core.hints.usual)
            if sum(len(line.drawn) for line in lines) > DRAWS_MAX:
                self._draw_less(lines)
                continue
            answer = self._try(lines)
            if answer is not None:
                core.report(Metric.HOPS, attempts.hops)
                core.report(Metric.SHARD_CONFLICTS, attempts.conflicts)
                return answer

    def own(self) -> Record | None:
        """The hold, where it stands already: by an earlier request with its key, or a try of unknown outcome.

        Raises:
            Overloaded: It does not, but may yet: nobody is to be told that nothing was held.
        """
        asks_again = self._by.keyed or self.attempts.unknown
        placed = self._core.database.get(self._core.tables.hold(self.hold_id)) if asks_again else None
        if placed is None and self.attempts.unknown:
            raise self.attempts.failure()
        return placed

    def _look_again(self) -> Record | None:
        """Refuses, or corrects the view of each item that seems short: all in one try, as all of a cart may be unknown.

        What is missing may have gone to an earlier try of the same request. So just before a keyed request is refused,
        its own hold is looked for, and given where it is there (looked for sooner, it might be placed after the look).
        Where that took so long that the proof is over a second old, the next try looks again.
        """
        try:
            for _ in self._wants:
                short = shortage(self._wants, self._views)
                if short is None:
                    break
                refuse_from_memory(self._core, short)
                found = refuse_or_find(self._core, short, self._patience)
                self._remember(short.item, short.warehouse, found)
        except InsufficientStock as refusal:
            placed = self.own()
            if placed is None and stands(self._core, refusal):
                raise
            return placed
        return None

    def _draw_less(self, lines: Sequence[Line]) -> None:
        """Moves stock together, the most scattered lines first, until their draws should fit into one transaction.

        Raises:
            InvalidRequest: There are too many lines, of one draw each at least, wherever stock really lies.
        """
        if len(lines) > DRAWS_MAX:
            for want in self._wants:
                self._look(want.item, want.warehouse)
            if shortage(self._wants, self._views) is None:
                _refuse_wide(plan(self._wants, self._views, seed=self.hold_id))
            return
        too_many = sum(len(line.drawn) for line in lines) - DRAWS_MAX
        for line in sorted(lines, key=lambda line: -len(line.drawn)):
            if too_many > 0 and len(line.drawn) > 1:
                too_many -= gather(self._core, line, self._by.actor)
                self._look(line.item, line.warehouse)

    def _look(self, item: str, warehouse: str | None) -> None:
        self._patience.check(warehouse)
        self._remember(item, warehouse, read_pass(self._core, item, warehouse).view)

    def _remember(self, item: str, warehouse: str | None, view: ItemView) -> None:
        self._core.hints.remember(item, warehouse, view)
        self._views.setdefault(item, {}).update(view)

    def _try(self, lines: Sequence[Line]) -> Answer[Hold] | None:
        """One transaction: the new hold, or what it ran into, or None where another try may do better.

        Raises:
            Overloaded: It was refused for load. There is no second try: what buyers hold has still to be executed and
                settled.
        """
        core, attempts = self._core, self.attempts
        hold = self._new_hold(lines, core.clock.stamp(attempts.seen_at))
        cause = Cause("hold", hold.id, hold.actor, hops=attempts.hops)
        changes = drawing_changes(lines)
        writes = [
            put_hold(core.tables, hold, core.open_slices),
            *(change_shard(core.tables, change, hold.at, cause) for change in changes),
        ]
        failed = attempts.transact(core.database, writes)
        if failed is None:
            self._deduct(changes)
            core.hints.drew(lines, met_others=attempts.conflicts > 0)
            return Answer(hold, replayed=False)
        missed = self._learn(failed)
        for reason in failed:
            if reason.write.about == hold.id and reason.record:
                return _recognised(reason.record, self._by)
        if attempts.was_throttled:
            self._shed(failed)
            raise attempts.failure()
        for item, warehouse in sorted(missed):  # what all shards have is read before another one is guessed at
            self._look(item, warehouse)
        return None

    def _new_hold(self, lines: Sequence[Line], at: Milliseconds) -> Hold:
        return Hold(
            id=self.hold_id,
            status=Status.ACTIVE,
            lines=tuple(lines),
            created=at,
            expires_at=at + self._expires_in_s * 1000,
            rev=1,
            at=at,
            actor=self._by.actor,
            fingerprint=self._by.fingerprint,
            metadata=self._metadata,
        )

    def _deduct(self, changes: Iterable[Change]) -> None:
        """Notes in the views what this instance itself just took from the shards."""
        for change in changes:
            item, warehouse, number = change.key
            if number in self._views.get(item, {}).get(warehouse, {}):
                self._views[item][warehouse][number] += change.available

    def _learn(self, failed: Sequence[Reason]) -> set[tuple[str, str]]:
        """Avoids the shards that were contended from now on, and notes what those have that had too little.

        Returns:
            The items and warehouses of the latter.
        """
        missed: set[tuple[str, str]] = set()
        for reason in failed:
            about = reason.write.about
            if not isinstance(about, ShardKey):
                continue
            if reason.contended or reason.throttled:
                self._avoid.add(about)
            else:
                shards = self._views[about.item].setdefault(about.warehouse, {})
                shards[about.number] = reason.record["available"] if reason.record else 0
                missed.add((about.item, about.warehouse))
        return missed

    def _shed(self, failed: Sequence[Reason]) -> None:
        """Notes for what this instance was refused: items, of which it was a shard, or everything."""
        refused = [reason.write.about for reason in failed if reason.throttled] or [EVERYTHING]
        self._core.shed.remember(about.item if isinstance(about, ShardKey) else EVERYTHING for about in refused)
        self._core.report(Metric.HOLDS_SHED, 1)


def _refuse_wide(lines: Sequence[Line]) -> None:
    if len(lines) > DRAWS_MAX:
        raise InvalidRequest(
            "parameter_invalid",
            f"No warehouse has all of some items: this hold would be drawn from {len(lines)} places, and one is drawn "
            f"from {DRAWS_MAX} at most. Name warehouses, or hold fewer items at a time.",
            param="lines",
        )


def _recognised(placed: Record, by: Requester) -> Answer[Hold]:
    """The hold that stands under this id already: an earlier try's of the same request."""
    hold = hold_from(placed)
    by.recognise(hold.fingerprint)
    # Without a key the id is random: only a lost answer to this very request can have made the hold.
    return Answer(hold, replayed=by.keyed)
