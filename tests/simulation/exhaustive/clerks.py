"""Clerks of a small world: they bring and take stock, move it between shards and change how many shards there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inventory.domain.errors import Conflict, InsufficientStock, InvalidRequest, Missing, Overloaded
from inventory.domain.ids import Requester, fingerprint
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.adjust import adjust
from inventory.protocol.move import shift
from inventory.protocol.split import split
from inventory.protocol.transfer import transfer
from simulation.exhaustive.actors import ITEM, TRIES_MAX, WAREHOUSE, Turn
from simulation.exhaustive.replay import Run, Stage
from simulation.exhaustive.store import Store, Stored

_FAR = "W2"


class ClerkProgress(NamedTuple):
    """How often a clerk has tried, and what it was told: the id of what was made, or that nothing was."""

    tries: int = 0
    told: str = ""


@dataclass(frozen=True)
class Clerk:
    """Asks for one thing, under a key, until it is told what became of it.

    Attributes:
        name: For traces; and its key, where no other is given.
        job: One of `JOBS`.
        key: Two clerks with one key and one job are two tries of the same request, at once.
        skew_ms: By how much the clock of its instances is ahead.
    """

    name: str
    job: str
    key: str = ""
    skew_ms: int = 0
    _runs: dict[int, Run] = field(default_factory=dict, compare=False)

    @property
    def first(self) -> ClerkProgress:
        """Nothing tried yet."""
        return ClerkProgress()

    def run(self, _store: Store, _stored: Stored, progress: ClerkProgress) -> Run | None:
        """The request."""
        if progress.told or progress.tries >= TRIES_MAX:
            return None
        return self._runs.setdefault(
            progress.tries, Run(f"{self.name}-{progress.tries}", self._ask, skew_ms=self.skew_ms)
        )

    def ended(self, _run: Run, progress: ClerkProgress, outcome: object) -> Turn:
        """Told something, or to try again."""
        if isinstance(outcome, str):
            return Turn(ClerkProgress(progress.tries, outcome))
        assert isinstance(outcome, Conflict | Overloaded), f"{self.name} was told {outcome!r}"
        return self.killed(progress)

    def killed(self, progress: ClerkProgress) -> Turn:
        """The client hears nothing, and asks again."""
        return Turn(ClerkProgress(progress.tries + 1))

    def _ask(self, stage: Stage) -> str:
        key = self.key or self.name
        by = Requester("acct", "key", key, fingerprint(self.job), path="/v1", idempotency_key=key)
        try:
            return JOBS[self.job](stage, by)
        except InsufficientStock:
            return "refused"
        except (InvalidRequest, Missing) as told:
            return type(told).__name__


def _adjust(quantity: int) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, by: Requester) -> str:
        key = by.idempotency_key
        return adjust(stage.core, ITEM, WAREHOUSE, quantity, reason="test", reference=key, metadata={}, by=by).value.id

    return job


def _transfer(source: str, destination: str) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, by: Requester) -> str:
        key = by.idempotency_key
        return transfer(stage.core, ITEM, source, destination, 1, reference=key, metadata={}, by=by).value.id

    return job


def _split(shards: int) -> Callable[[Stage, Requester], str]:
    return lambda stage, by: split(stage.core, ITEM, WAREHOUSE, shards, by=by).value.item


def _move(source: int, destination: int) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, _by: Requester) -> str:
        changes = [
            Change(ShardKey(ITEM, WAREHOUSE, source), -1),
            Change(ShardKey(ITEM, WAREHOUSE, destination), 1),
        ]
        return str(shift(stage.core, changes, Cause("move", stage.core.new_id("mov"), "test")))

    return job


JOBS: Mapping[str, Callable[[Stage, Requester], str]] = {
    "receive": _adjust(1),
    "remove": _adjust(-1),
    "send": _transfer(WAREHOUSE, _FAR),
    "move down": _move(1, 0),
    "move up": _move(0, 1),
    "split": _split(3),
    "merge": _split(1),
}


def check_recorded(told: str, key: str, job: str, stored: Stored) -> None:
    """One key made one record at most: that of which its clerk was told."""
    made = [
        record["adjustment_id"]
        for (table, _), record in stored.records.items()
        if table == stored.tables.adjustments and record.get("reference") == key
    ]
    if job in ("receive", "remove", "send") and told:
        expected = [] if told in ("refused", "InvalidRequest", "Missing") else [told]
        assert made == expected, f"stock_conserved: a clerk was told {told} of its key, which made {made}"
    assert len(made) <= 1, f"stock_conserved: one key made {made}"
