"""Every interleaving of a small world, with a fault at any call: a search over all states that it can be in.

A state is what is stored, where each actor stands, the time, and how many faults are left. Schedules that lead to one
state have one future, so it is gone into once; how many schedules there are is counted all the same.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final, NamedTuple

from inventory.telemetry import logger
from simulation.exhaustive.actors import ITEM, WAREHOUSE, Buyer, check_buyer, check_extended
from simulation.exhaustive.clerks import Clerk, check_clerk
from simulation.exhaustive.scenarios import Scenario
from simulation.exhaustive.steps import Seat, Steps
from simulation.exhaustive.store import Store, Stored
from support import invariants
from support.watched import Watched

_RECURSION_MAX: Final = 10_000
_REPORTED_EVERY: Final = 10_000
#: The clock's number among the actors.
_CLOCK: Final = -1


class State(NamedTuple):
    """Everything that the future depends on."""

    stored: Stored
    seats: tuple[Seat, ...]
    ticks: int
    faults_left: int
    running: int
    preemptions_left: int | None


class Move(NamedTuple):
    """What happens next: an actor goes on, or meets a fault; or the clock jumps.

    Where it jumps, these actors are `late`: they hear the last reply, which is on its way, only after the jump; or
    those between runs have begun one before it.
    """

    actor: int
    fault: str = ""
    late: tuple[int, ...] = ()


class Violation(Exception):
    """An invariant does not hold. `steps` says how it came to that."""

    def __init__(self, why: str, steps: Sequence[str]) -> None:
        super().__init__(why)
        self.why = why
        self.steps = list(steps)


@dataclass
class Explored:
    """What was seen of a scenario.

    Attributes:
        states: States of the whole world.
        transitions: Steps from one to another.
        schedules: Ways from the beginning to an end.
        ends: States in which nobody has anything left to do.
        stored: States of the tables and the stream.
        replays: How often real code was run, each time up to one more question.
        steps_max: The length of the longest schedule.
        seconds: The time that it took.
    """

    states: int = 0
    transitions: int = 0
    schedules: int = 0
    ends: int = 0
    stored: int = 0
    replays: int = 0
    steps_max: int = 0
    seconds: float = 0.0


@dataclass
class Search:
    """A search through one scenario.

    Args:
        scenario: The world, what may happen in it, and how often an actor that could go on may be interrupted.
        progress: Called now and then.
    """

    scenario: Scenario
    progress: Callable[[Explored], None] = lambda _so_far: None
    seen: Explored = field(default_factory=Explored)

    def __post_init__(self) -> None:
        """Brings the stock to its shards."""
        world = Watched(open_slices=1)
        world.clock.now_ms += self.scenario.ahead_ms
        world.scatter(ITEM, self.scenario.shards, WAREHOUSE)
        world.clock.now_ms += -world.clock.now_ms % 60_000  # a round time, the same whatever the preparation took
        self._store = Store(world, projected=self.scenario.projected)
        self._steps = Steps(self.scenario, self._store, world.clock.now_ms - self.scenario.ahead_ms)
        self._known: dict[State, int] = {}
        self._path: list[tuple[State, Move]] = []
        self._settled: set[Stored] = set()
        self._began = time.monotonic()

    def run(self) -> Explored:
        """Goes everywhere.

        Raises:
            Violation: An invariant does not hold.
        """
        seats = tuple(self._steps.seat(number, actor.first) for number, actor in enumerate(self.scenario.actors))
        scenario = self.scenario
        with _undisturbed():
            first = State(self._store.first, seats, 0, scenario.faults_max, _CLOCK, scenario.preemptions)
            self.seen.schedules = self._explore(first)
        self._count()
        return self.seen

    def _explore(self, state: State) -> int:
        """Goes everywhere from here, and gives the number of schedules."""
        known = self._known.get(state)
        if known is not None:
            return known
        schedules = 0
        for move in self._moves(state):
            self._path.append((state, move))
            try:
                following = self._after(state, move)
            except AssertionError as broken:
                raise Violation(str(broken), self._told()) from broken
            schedules += self._explore(following)
            self._path.pop()
            self.seen.transitions += 1
        if not schedules:
            self._end(state)
            schedules = 1
        self._known[state] = schedules
        if len(self._known) % _REPORTED_EVERY == 0:
            self._count()
            self.progress(self.seen)
        return schedules

    def _count(self) -> None:
        self.seen.states = len(self._known)
        self.seen.stored = self._store.count
        self.seen.replays = self._steps.replays.count
        self.seen.seconds = time.monotonic() - self._began

    # What can happen next.

    def _moves(self, state: State) -> Iterator[Move]:
        for seat in state.seats:
            if state.preemptions_left != 0 or not self._preempts(state, seat.actor):
                faults = self._steps.faults(state.stored, seat, state.ticks)
                if faults is not None:
                    yield Move(seat.actor)
                    if state.faults_left:
                        yield from (Move(seat.actor, fault) for fault in faults)
        if state.ticks < len(self.scenario.ticks) and (
            state.preemptions_left != 0 or not self._preempts(state, _CLOCK)
        ):
            yield from self._jumps(state)

    def _jumps(self, state: State) -> Iterator[Move]:
        if self.scenario.ticks[state.ticks].quiet:
            if not any(seat.busy for seat in state.seats):
                yield Move(_CLOCK)
            return
        perhaps = [
            seat.actor
            for seat in state.seats
            if seat.reply is None and self._steps.standing(state.stored, seat, state.ticks) is not None
        ]
        for size in range(len(perhaps) + 1):
            yield from (Move(_CLOCK, late=late) for late in combinations(perhaps, size))

    def _preempts(self, state: State, actor: int) -> bool:
        return state.running not in (_CLOCK, actor) and state.seats[state.running].busy

    # What follows from it.

    def _after(self, state: State, move: Move) -> State:
        preemptions, running = state.preemptions_left, _CLOCK
        if preemptions is not None:  # else it would only tell apart what is alike
            preemptions -= self._preempts(state, move.actor)
            running = state.running if move.actor == _CLOCK else move.actor
        if move.actor == _CLOCK:
            return self._jumped(state, move.late)._replace(running=running, preemptions_left=preemptions)
        stored, seat = self._steps.step(state.stored, state.seats[move.actor], state.ticks, move.fault)
        seats = (*state.seats[: move.actor], seat, *state.seats[move.actor + 1 :])
        if stored is not state.stored:
            seats = tuple(self._steps.lowered(each, stored) for each in seats)
        faults_left = state.faults_left - (move.fault != "")
        return State(stored, seats, state.ticks, faults_left, running, preemptions)

    def _jumped(self, state: State, late: Sequence[int]) -> State:
        ticks = state.ticks + 1
        seats = tuple(
            self._steps.late(state.stored, seat, ticks) if seat.actor in late else seat for seat in state.seats
        )
        return state._replace(seats=seats, ticks=ticks)

    # The end.

    def _end(self, state: State) -> None:
        """Nobody has anything left to do: buyers were told the truth, and the sweeper alone can finish the rest."""
        self.seen.ends += 1
        self.seen.steps_max = max(self.seen.steps_max, len(self._path))
        try:
            self._check_actors(state)
            if state.stored not in self._settled:
                self._check_settles(state)
                self._settled.add(state.stored)
        except AssertionError as broken:
            raise Violation(str(broken), self._told()) from broken

    def _check_actors(self, state: State) -> None:
        scenario = self.scenario
        for seat in state.seats:
            match scenario.actors[seat.actor]:
                case Clerk() as clerk:
                    check_clerk(clerk, seat.progress, state.stored)
                case Buyer() as buyer if scenario.answered:
                    check_buyer(buyer, seat.progress, state.stored, shared=scenario.holds_are_shared)
        check_extended((actor for actor in scenario.actors if isinstance(actor, Buyer)), state.stored)
        there, expected = state.stored.on_hand, scenario.on_hand
        assert expected in (None, there), f"stock_conserved: {there} are there, and {expected} should be"

    def _check_settles(self, state: State) -> None:
        world = self._store.world(state.stored, self._steps.now_ms(state.ticks))
        for _ in range(2):
            latest_ms = max((hold.expires_at for hold in world.holds()), default=0)
            world.clock.now_ms = max(world.clock.now_ms, latest_ms) + 61_000
            assert world.sweep().finished, "everything_settles: the sweep did not finish"
        try:
            invariants.everything_settles(world.holds(), world.records(world.tables.holds))
        except AssertionError as broken:
            raise AssertionError(f"everything_settles: {broken}") from None

    def _told(self) -> list[str]:
        return [self._line(state, move) for state, move in self._path]

    def _line(self, state: State, move: Move) -> str:
        if move.actor != _CLOCK:
            return self._steps.line(state.stored, state.seats[move.actor], state.ticks, move.fault)
        late = " and ".join(self.scenario.actors[actor].name for actor in move.late)
        return f"clock    jumps to {self.scenario.ticks[state.ticks].to_ms} ms{f'; late: {late}' if late else ''}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Nothing is logged; schedules may be long; and garbage, of which there is none, is not looked for."""
    level, limit = logger.log_level, sys.getrecursionlimit()
    logger.setLevel("CRITICAL")
    sys.setrecursionlimit(_RECURSION_MAX)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setrecursionlimit(limit)
        logger.setLevel(level)
