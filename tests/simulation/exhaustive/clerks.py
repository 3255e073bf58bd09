"""Clerks of a small world: they bring, take and count stock, move it between shards, and change how many there are."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.availability import Availability, DirectoryCount, News, ShardCount
from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, InsufficientStock, InvalidRequest, Missing, Overloaded
from inventory.domain.ids import Requester, fingerprint
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.adjust import adjust
from inventory.protocol.count import count
from inventory.protocol.move import shift
from inventory.protocol.place import place
from inventory.protocol.project import project
from inventory.protocol.rebalance import rebalance
from inventory.protocol.split import split
from inventory.protocol.transfer import transfer
from inventory.storage.availability_records import availability_from
from simulation.exhaustive.actors import ITEM, TRIES_MAX, WAREHOUSE, Turn
from simulation.exhaustive.replay import Run, Stage
from simulation.exhaustive.store import Store, Stored

_FAR = "W2"
#: An item of which nobody has heard yet.
_NEW: Final = "N"
_REFUSED: Final = "refused"
_THEN: Final = ", then "


class ClerkProgress(NamedTuple):
    """How often a clerk has tried, and what it was told: the id of what was made, or that nothing was."""

    tries: int = 0
    told: str = ""


@dataclass(frozen=True)
class Clerk:
    """Asks for one thing (or for some, one after the other), each under a key, until it is told what became of it.

    Attributes:
        name: For traces; and its key, where no other is given.
        job: One of `JOBS`, or several, as in "move up, then move down": with time to think between.
        key: Two clerks with one key and one job are two tries of the same request, at once.
        skew_ms: By how much the clock of its instances is ahead.
        refusable: Whether it may be told that there are too few units.
        insists: Whether it must get an answer, as nothing stands in its way for long.
    """

    name: str
    job: str
    key: str = ""
    skew_ms: int = 0
    refusable: bool = True
    insists: bool = False
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
            assert self.refusable or _REFUSED not in outcome, "never_falsely_refused: it was there all the time"
            return Turn(ClerkProgress(progress.tries, outcome))
        assert isinstance(outcome, Conflict | Overloaded), f"{self.name} was told {outcome!r}"
        return self.killed(progress)

    def killed(self, progress: ClerkProgress) -> Turn:
        """The client hears nothing, and asks again."""
        return Turn(ClerkProgress(progress.tries + 1))

    def _ask(self, stage: Stage) -> str:
        told = []
        for number, job in enumerate(self.job.split(_THEN)):
            if number:
                stage.think()
            key = f"{self.key or self.name}{number or ''}"
            told.append(_told(stage, job, Requester("acct", "key", key, fingerprint(job), "POST", "/v1", key)))
        return _THEN.join(told)


def _told(stage: Stage, job: str, by: Requester) -> str:
    """What became of a job: the id of what it made, or why it made nothing."""
    try:
        return JOBS[job](stage, by)
    except InsufficientStock:
        return _REFUSED
    except (InvalidRequest, Missing) as told:
        return type(told).__name__


def _adjust(quantity: int, item: str = ITEM, warehouse: str = WAREHOUSE) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, by: Requester) -> str:
        asked = AdjustmentRequest(item, warehouse, "test", by, reference=by.idempotency_key)
        return adjust(stage.core, asked, quantity).value.id

    return job


def _count(counted: int) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, by: Requester) -> str:
        asked = AdjustmentRequest(ITEM, WAREHOUSE, "test", by, reference=by.idempotency_key)
        return count(stage.core, asked, counted).value.id

    return job


def _transfer(source: str, destination: str, quantity: int = 1) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, by: Requester) -> str:
        key = by.idempotency_key
        return transfer(stage.core, ITEM, source, destination, quantity, reference=key, metadata={}, by=by).value.id

    return job


def _split(shards: int, warehouse: str = WAREHOUSE) -> Callable[[Stage, Requester], str]:
    return lambda stage, by: split(stage.core, ITEM, warehouse, shards, by=by).value.item


def _move(source: int, destination: int) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, _by: Requester) -> str:
        changes = [
            Change(ShardKey(ITEM, WAREHOUSE, source), -1),
            Change(ShardKey(ITEM, WAREHOUSE, destination), 1),
        ]
        return str(shift(stage.core, changes, Cause("move", stage.core.new_id("mov"), "test")))

    return job


def _level(stage: Stage, _by: Requester) -> str:
    """What the projector does with an item that it finds unbalanced."""
    rebalance(stage.core, Availability(ITEM, WAREHOUSE), until_ms=stage.core.clock.now() + 1_000)
    return "levelled"


def _buy(quantity: int) -> Callable[[Stage, Requester], str]:
    def job(stage: Stage, by: Requester) -> str:
        wants = [Want(ITEM, WAREHOUSE, quantity)]
        return place(stage.core, wants, expires_in_s=600, metadata={}, by=by).value.id

    return job


#: What projectors are told, each as the job that projects it: of an item, its shard or (None) the directory.
_NEWS: Final[Mapping[str, tuple[str, int | None, ShardCount | DirectoryCount]]] = {
    "project shard 0": (ITEM, 0, ShardCount(100, 7, 0)),
    "project shard 1": (ITEM, 1, ShardCount(100, 8, 0)),
    "project new shard 0": (_NEW, 0, ShardCount(1, 7, 0)),
    "project new shard 1": (_NEW, 1, ShardCount(1, 8, 0)),
    "project directory 101": (ITEM, None, DirectoryCount(101, 5)),
    "project directory 102": (ITEM, None, DirectoryCount(102, 6)),
}


def _project(job: str) -> Callable[[Stage, Requester], str]:
    item, number, told = _NEWS[job]
    news = News()
    if isinstance(told, ShardCount) and number is not None:
        news = news.with_shard(number, told)
    elif isinstance(told, DirectoryCount):
        news = news.with_directory(told)
    return lambda stage, _by: str(project(stage.core, {(item, WAREHOUSE): news}).written)


JOBS: Mapping[str, Callable[[Stage, Requester], str]] = {
    "receive": _adjust(1),
    "receive 3": _adjust(3),
    "receive new": _adjust(1, _NEW),
    "receive new far": _adjust(1, _NEW, _FAR),
    "remove": _adjust(-1),
    "remove 3": _adjust(-3),
    "count 3": _count(3),
    "count 5": _count(5),
    "send": _transfer(WAREHOUSE, _FAR),
    "send 2": _transfer(WAREHOUSE, _FAR, 2),
    "move down": _move(1, 0),
    "move up": _move(0, 1),
    "split": _split(3),
    "split to 2": _split(2),
    "split far": _split(2, _FAR),
    "merge": _split(1),
    "level": _level,
    "buy 1": _buy(1),
    "buy 3": _buy(3),
    **{job: _project(job) for job in _NEWS},
}
_RECORDED: Final = ("receive", "remove", "count", "send")
_UNMADE: Final = {_REFUSED, "InvalidRequest", "Missing"}


def check_clerk(clerk: Clerk, progress: ClerkProgress, stored: Stored) -> None:
    """One key made one record at most: that of which its clerk was told. And what was projected is there."""
    assert progress.told or not clerk.insists, f"everything_settles: {clerk.name} was told nothing"
    told = progress.told.split(_THEN) if progress.told else []
    for number, job in enumerate(clerk.job.split(_THEN)):
        _check_recorded(told[number : number + 1], f"{clerk.key or clerk.name}{number or ''}", job, stored)
    if told:
        _check_projected(clerk.job.split(_THEN), stored)


def _check_recorded(told: list[str], key: str, job: str, stored: Stored) -> None:
    made = [
        record["adjustment_id"]
        for (table, _), record in stored.records.items()
        if table == stored.tables.adjustments and record.get("reference") == key
    ]
    if job.startswith(_RECORDED) and told:
        expected = [each for each in told if each not in _UNMADE]
        assert made == expected, f"stock_conserved: a clerk was told {told} of its key, which made {made}"
    assert len(made) <= 1, f"stock_conserved: one key made {made}"


def _check_projected(jobs: Iterable[str], stored: Stored) -> None:
    for item, number, told in (_NEWS[job] for job in jobs if job in _NEWS):
        record = stored.projection(item, WAREHOUSE)
        seen = availability_from(record) if record else Availability(item, WAREHOUSE)
        there = seen.directory if number is None else seen.shards.get(number)
        assert there is not None, f"archive_complete: {told} is not in the projection"
        assert there.rev >= told.rev, f"archive_complete: the projection has {there}, and was told {told}"
