"""What one actor's next step does: to what is stored, and to where the actor stands. Each step is made once.

Who else is there makes no difference to it, so that a few hundred steps make up millions of transitions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from simulated_dynamodb import conflict
from simulated_dynamodb.errors import as_client_error, cancelled
from simulation.exhaustive.actors import Buyer, Refused
from simulation.exhaustive.replay import THINK, Call, Ended, Heard, Position, Replays, Reply
from simulation.exhaustive.scenarios import (
    ANSWER_LOST,
    CONFLICT,
    CONFLICT_TOO,
    CRASHES,
    FIRST_UNREAD,
    KILLED_AFTER,
    KILLED_BEFORE,
    LAST_UNREAD,
    SENT_TWICE,
    UNREACHABLE,
    Scenario,
)
from simulation.exhaustive.store import Store, Stored

_WRITES: Final = {"PutItem", "UpdateItem", "TransactWriteItems"}


@dataclass(frozen=True, eq=False, slots=True)
class Seat:
    """An actor between two steps. Equal seats are one object.

    Attributes:
        actor: Its number.
        progress: What it knows between runs.
        position: Where its run stands; None between runs.
        reply: A reply that is on its way to it.
        lowest: The fewest units that there were since a buyer began to look for some.
    """

    actor: int
    progress: Any
    position: Position | None = None
    reply: Reply | None = None
    lowest: int | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self.position is not None and not is_thinking(self.position)


class Step(NamedTuple):
    """What a step led to."""

    stored: Stored
    seat: Seat


class Steps:
    """Makes steps.

    Args:
        scenario: The world.
        store: Its tables.
        start_ms: When it begins, milliseconds since 1970.
    """

    def __init__(self, scenario: Scenario, store: Store, start_ms: int) -> None:
        self._scenario = scenario
        self._store = store
        self._start_ms = start_ms
        self._seats: dict[tuple[Any, ...], Seat] = {}
        self._standing: dict[tuple[Stored, Seat, int], Seat | None] = {}
        self._moves: dict[tuple[Stored, Seat, int], tuple[str, ...]] = {}
        self._made: dict[tuple[Stored, Seat, int, str], Step] = {}
        self.replays = Replays(store.tables, store.call_of)

    def seat(
        self,
        actor: int,
        progress: Any,
        position: Position | None = None,
        reply: Reply | None = None,
        lowest: int | None = None,
    ) -> Seat:
        """The one object for equal seats."""
        key = (actor, progress, position, reply, lowest)
        return self._seats.get(key) or self._seats.setdefault(key, Seat(*key))

    def standing(self, stored: Stored, seat: Seat, ticks: int) -> Seat | None:
        """Where the actor stands; at its next run's first question, where it is between runs. None: nothing to do."""
        if seat.position is not None:
            return seat
        key = (stored, seat, ticks)
        if key not in self._standing:
            actor = self._scenario.actors[seat.actor]
            run = actor.run(self._store, stored, seat.progress)
            lowest = stored.available if isinstance(actor, Buyer) else None
            begun = self.replays.start(run, self.now_ms(ticks)) if run else None
            self._standing[key] = self.seat(seat.actor, seat.progress, begun, lowest=lowest) if begun else None
        return self._standing[key]

    def faults(self, stored: Stored, seat: Seat, ticks: int) -> tuple[str, ...] | None:
        """What may happen to the actor's next call. None: it has nothing to do."""
        key = (stored, seat, ticks)
        if key not in self._moves:
            standing = self.standing(stored, seat, ticks)
            if standing is None or standing.position is None:
                return None
            call = standing.position.waits_for
            possible = isinstance(call, Call) and call.operation != THINK and standing.reply is None
            self._moves[key] = tuple(
                fault for fault in self._scenario.faults if possible and isinstance(call, Call) and _fits(fault, call)
            )
        return self._moves[key]

    def step(self, stored: Stored, seat: Seat, ticks: int, fault: str) -> Step:
        """The actor goes on to its next question, or meets a fault.

        Raises:
            AssertionError: An invariant does not hold.
        """
        key = (stored, seat, ticks, fault)
        made = self._made.get(key)
        if made is None:
            standing = self.standing(stored, seat, ticks)
            assert standing is not None
            made = self._disturbed(stored, standing, ticks, fault) if fault else self._gone_on(stored, standing, ticks)
            self._made[key] = made
        return made

    def late(self, stored: Stored, seat: Seat, ticks: int) -> Seat:
        """Where the actor stands once the clock has jumped, if its last reply was on its way then.

        An actor between runs has begun one before the jump. `ticks` counts the jump.
        """
        standing = self.standing(stored, seat, ticks - 1)
        assert standing is not None
        assert standing.position is not None
        earlier, (reply, _) = standing.position.before, standing.position.heard[-1]
        if earlier is None or reply is None:
            return standing
        position = self.replays.resume(earlier, Heard(reply, self.now_ms(ticks)))
        return self.seat(seat.actor, seat.progress, position, lowest=seat.lowest)

    def lowered(self, seat: Seat, stored: Stored) -> Seat:
        """The seat of one who is looking while there is only so much."""
        if seat.lowest is None or seat.lowest <= stored.available:
            return seat
        return self.seat(seat.actor, seat.progress, seat.position, seat.reply, stored.available)

    def time_matters(self, ticks: int) -> bool:
        """Whether the clock may still jump while requests are under way."""
        return any(not tick.quiet for tick in self._scenario.ticks[ticks:])

    def now_ms(self, ticks: int) -> int:
        """The time after so many jumps, milliseconds since 1970."""
        return self._start_ms + (self._scenario.ticks[ticks - 1].to_ms if ticks else 0)

    def line(self, stored: Stored, seat: Seat, ticks: int, fault: str) -> str:
        """A step in words."""
        standing = self.standing(stored, seat, ticks)
        assert standing is not None
        assert standing.position is not None
        call = standing.position.waits_for
        what = f"{call.operation} {_subjects(call.request)}".strip() if isinstance(call, Call) else "ends"
        if standing.reply is not None:
            what = f"hears of {what}"
        return f"{self._scenario.actors[seat.actor].name:8} {what}{f'  ({fault})' if fault else ''}"

    def _gone_on(self, stored: Stored, seat: Seat, ticks: int) -> Step:
        """The call has its effect, and its reply comes."""
        assert seat.position is not None
        if isinstance(seat.position.waits_for, Ended):
            return self._ended(stored, seat, seat.position.waits_for.outcome)  # there was nothing to ask
        if seat.reply is not None:
            return self._heard(stored, seat, seat.reply, ticks)
        stored, reply = self._store.ask(stored, self.now_ms(ticks), seat.position.waits_for)
        seat = self.lowered(seat, stored)
        following = self.replays.resume(seat.position, Heard(reply, self.now_ms(ticks)))  # type: ignore[arg-type]
        if self.time_matters(ticks) and isinstance(following.waits_for, Ended):
            # Once the run is over nobody can be late: so the reply is on its way for now.
            return Step(stored, self.seat(seat.actor, seat.progress, seat.position, reply, seat.lowest))
        return self._heard(stored, seat, reply, ticks)

    def _heard(self, stored: Stored, seat: Seat, reply: Reply, ticks: int) -> Step:
        """The run goes on to its next question. What it asks of records that nobody writes, it is told at once."""
        assert seat.position is not None
        position = self.replays.resume(seat.position, Heard(reply, self.now_ms(ticks)))
        lowest = None if is_thinking(position) else seat.lowest
        seat = self.seat(seat.actor, seat.progress, position, lowest=lowest)
        if isinstance(position.waits_for, Ended):
            return self._ended(stored, seat, position.waits_for.outcome)
        if self._is_constant(position.waits_for, ticks):
            return self._gone_on(stored, seat, ticks)
        return Step(stored, seat)

    def _ended(self, stored: Stored, seat: Seat, outcome: object) -> Step:
        assert seat.position is not None
        if isinstance(outcome, Refused):
            assert seat.lowest is not None
            assert seat.lowest < outcome.wanted, (
                f"never_falsely_refused: {outcome.wanted} were wanted, never fewer than {seat.lowest} there"
            )
        turn = self._scenario.actors[seat.actor].ended(seat.position.run, seat.progress, outcome)
        if turn.consumed:
            stored = self._store.without_batch(stored, turn.consumed)
        return Step(stored, self.seat(seat.actor, turn.progress))

    def _disturbed(self, stored: Stored, seat: Seat, ticks: int, fault: str) -> Step:
        assert seat.position is not None
        call = seat.position.waits_for
        assert isinstance(call, Call)
        if fault in (KILLED_AFTER, ANSWER_LOST, SENT_TWICE):
            stored, _ = self._store.ask(stored, self.now_ms(ticks), call)
            seat = self.lowered(seat, stored)
        if fault in CRASHES:
            turn = self._scenario.actors[seat.actor].killed(seat.progress)
            return Step(stored, self.seat(seat.actor, turn.progress))
        if fault == CONFLICT_TOO:
            stored, reply = self._store.ask(stored, self.now_ms(ticks), call)
            return self._heard(stored, self.lowered(seat, stored), self._store.reply_of(_mixed(reply, call)), ticks)
        if fault == SENT_TWICE:
            return self._gone_on(stored, seat, ticks)
        if fault in (FIRST_UNREAD, LAST_UNREAD):
            return self._heard(stored, seat, self._half_read(stored, call, ticks, fault), ticks)
        return self._heard(stored, seat, self._store.reply_of(_failure(fault, call)), ticks)

    def _half_read(self, stored: Stored, call: Call, ticks: int, fault: str) -> Reply:
        """What a batch of reads is answered without its first key or its last, of whatever table."""
        keys = [(table, key) for table, wanted in call.request["RequestItems"].items() for key in wanted["Keys"]]
        left, read = (keys[:1], keys[1:]) if fault == FIRST_UNREAD else (keys[-1:], keys[:-1])
        part = self._store.call_of(call.operation, {"RequestItems": _wanted(call, read)})
        _, reply = self._store.ask(stored, self.now_ms(ticks), part)
        assert isinstance(reply.content, Mapping)
        return self._store.reply_of({**reply.content, "UnprocessedKeys": _wanted(call, left)})

    def _is_constant(self, call: Call, ticks: int) -> bool:
        """Whether it makes no difference when this is asked: nobody writes what it reads, and time stands still."""
        if call.operation == THINK:
            return ticks == len(self._scenario.ticks)
        tables = set(call.request.get("RequestItems", ()))
        unwritten = tables == {self._store.tables.availability} and not self._scenario.projects
        return unwritten and not self.time_matters(ticks)


def is_thinking(position: Position) -> bool:
    """Whether no request is under way, but the next one will come."""
    return isinstance(position.waits_for, Call) and position.waits_for.operation == THINK


def _fits(fault: str, call: Call) -> bool:
    """A read has no effect to be killed after, meets no transaction, and may be sent as often as one likes."""
    if fault == CONFLICT_TOO:
        return call.operation == "TransactWriteItems"
    if fault == SENT_TWICE:
        return call.operation in {"PutItem", "UpdateItem"}  # a transaction has a token
    if fault in (FIRST_UNREAD, LAST_UNREAD):
        return sum(len(wanted["Keys"]) for wanted in call.request.get("RequestItems", {}).values()) > 1
    return call.operation in _WRITES or fault in (KILLED_BEFORE, UNREACHABLE)


def _wanted(call: Call, keys: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Some keys of a batch of reads, as the batch asks for them."""
    wanted: dict[str, Any] = {}
    for table, key in keys:
        of_table = wanted.setdefault(table, {**call.request["RequestItems"][table], "Keys": []})
        of_table["Keys"].append(key)
    return wanted


def _failure(fault: str, call: Call) -> Exception:
    if fault == CONFLICT:
        return conflict(call.operation, dict(call.request))
    timeout = ConnectTimeoutError if fault == UNREACHABLE else ReadTimeoutError
    return timeout(endpoint_url="https://dynamodb.test")


def _mixed(reply: Reply, call: Call) -> Mapping[str, Any] | Exception:
    """A cancelled transaction's reply, where another one is on its first record; any other reply as it is."""
    content = reply.content
    if not isinstance(content, ClientError) or "CancellationReasons" not in content.response:
        return content
    response: dict[str, Any] = {**content.response}
    met: dict[str, Any] = {**conflict(call.operation, dict(call.request)).response}
    reasons = [met["CancellationReasons"][0], *response["CancellationReasons"][1:]]
    return as_client_error(cancelled(reasons), call.operation, response["ResponseMetadata"])


def _subjects(request: Mapping[str, Any]) -> str:
    """The keys that a request is about."""
    writes: Sequence[Any] = [write for entry in request.get("TransactItems", ()) for write in entry.values()]
    found: list[str] = []
    for write in writes or [request]:
        attributes = write.get("Key") or write.get("Item") or {}
        found += [attributes[name]["S"] for name in ("stock_id", "hold_id", "request_id") if name in attributes]
    for table in request.get("RequestItems", {}).values():
        found += [value["S"] for key in table["Keys"] for value in key.values()]
    return " ".join(text[:13] for text in found)
