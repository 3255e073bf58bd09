"""Who acts in a small world: buyers, the settler behind its stream, the sweeper. Who is killed comes back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, InsufficientStock, InvalidRequest, Missing, Overloaded
from inventory.domain.holds import Hold, Status
from inventory.domain.ids import HOLD, Requester, fingerprint
from inventory.pipeline.settler import settle_batch
from inventory.pipeline.stream import StreamRecord
from inventory.pipeline.sweeper import run_sweep
from inventory.protocol.extend import extend
from inventory.protocol.place import place
from inventory.protocol.resolve import execute, release
from simulation.exhaustive.replay import Run, Stage
from simulation.exhaustive.store import Store, Stored

ITEM, WAREHOUSE = "A", "W1"
EXPIRES_IN_S = 1
TRIES_MAX = 3
_SETTLED_WITHIN_MS = 50_000  # as the settler's function has it


class Refused(NamedTuple):
    """A buyer was told that there are too few units."""

    wanted: int


class Bought(NamedTuple):
    """A buyer's last answer: the hold that the key stands for, and what became of it (a status, or an error's code)."""

    hold_id: str
    told: str


class Turn(NamedTuple):
    """What an actor is after a run: where it stands, and how many records of the stream are done with."""

    progress: Any
    consumed: int = 0


class Actor(Protocol):
    """Somebody who runs code, again and again. All it knows between runs is its progress, which can be hashed."""

    @property
    def name(self) -> str:
        """For traces."""

    @property
    def first(self) -> Any:
        """The progress it begins with."""

    def run(self, store: Store, stored: Stored, progress: Any) -> Run | None:
        """What it may run now; None where there is nothing to do. Equal runs are one object."""

    def ended(self, run: Run, progress: Any, outcome: object) -> Turn:
        """What follows from a run's end.

        Raises:
            AssertionError: It may not end so.
        """

    def killed(self, progress: Any) -> Turn:
        """What follows where a run was killed."""


class BuyerProgress(NamedTuple):
    """How often a buyer has tried, and what it was told in the end."""

    tries: int = 0
    told: Refused | Bought | None = None


@dataclass(frozen=True)
class Buyer:
    """Places a hold under a key and then, after a thought, does something with it; tries again under the same keys.

    Attributes:
        name: Whose keys these are. Two buyers with one `key` are two tries of the same request, at once.
        quantity: Units wanted.
        then: What is done with the hold: execute, release, extend, or label (with its key).
        key: The key, where it is not the name.
        others_hold: Does it with the hold of the buyer of this name, and places none itself.
        skew_ms: By how much the clock of its instances is ahead.
        refusable: Whether it may be refused at all.
    """

    name: str
    quantity: int
    then: str
    key: str = ""
    others_hold: str = ""
    skew_ms: int = 0
    refusable: bool = True
    _runs: dict[int, Run] = field(default_factory=dict, compare=False)

    @property
    def first(self) -> BuyerProgress:
        """Nothing tried yet."""
        return BuyerProgress()

    def run(self, _store: Store, _stored: Stored, progress: BuyerProgress) -> Run | None:
        """The conversation from its beginning."""
        if progress.told is not None or progress.tries >= TRIES_MAX:
            return None
        return self._runs.setdefault(
            progress.tries, Run(f"{self.name}-{progress.tries}", self._converse, skew_ms=self.skew_ms)
        )

    def ended(self, _run: Run, progress: BuyerProgress, outcome: object) -> Turn:
        """Told something, or to try again."""
        if isinstance(outcome, Refused | Bought):
            assert self.refusable or not isinstance(outcome, Refused), (
                "never_falsely_refused: it was there all the time"
            )
            return Turn(BuyerProgress(progress.tries, outcome))
        assert isinstance(outcome, Conflict | Overloaded), f"{self.name} was told {outcome!r}"
        return Turn(BuyerProgress(progress.tries + 1))

    def killed(self, progress: BuyerProgress) -> Turn:
        """The client hears nothing, and asks again."""
        return Turn(BuyerProgress(progress.tries + 1))

    def _converse(self, stage: Stage) -> Refused | Bought:
        if self.others_hold:
            hold_id = _requester(self.others_hold, "place", self.quantity).object_id(HOLD, stage.core.new_uuid)
        else:
            by = _requester(self.key or self.name, "place", self.quantity)
            wants = [Want(ITEM, WAREHOUSE, self.quantity)]
            try:
                hold_id = place(stage.core, wants, expires_in_s=EXPIRES_IN_S, metadata={}, by=by).value.id
            except InsufficientStock as refusal:
                return Refused(refusal.wanted)
        stage.think()
        by = _requester(self.key or self.name, f"{hold_id}/{self.then}", self.quantity)
        try:
            hold = _FURTHER[self.then](stage, hold_id, by)
        except InvalidRequest as told:
            return Bought(hold_id, told.code)
        except Missing:
            return Bought(hold_id, "missing")
        assert hold.status.value in {_STATUS.get(self.then), *_LATER.get(self.then, ())}, (
            f"resolved_once: who asked to {self.then} was told {hold.status}"
        )
        assert self.then != "label" or hold.metadata.get(self.label), "resolved_once: told of a hold as it was before"
        return Bought(hold_id, hold.status.value)

    @property
    def label(self) -> str:
        """What it writes on a hold, once."""
        return self.key or self.name


#: What a hold is for who was told that the request was done; and what it may be by then, where that is told again.
_STATUS: Final[Mapping[str, str]] = {
    "execute": "executed",
    "release": "released",
    "extend": "active",
    "label": "active",
}
_LATER: Final = dict.fromkeys(("extend", "label"), ("executed", "released", "expired"))
_FURTHER: Mapping[str, Callable[[Stage, str, Requester], Hold]] = {
    "execute": lambda stage, hold_id, by: execute(stage.core, hold_id, None, by=by).value,
    "release": lambda stage, hold_id, by: release(stage.core, hold_id, by=by).value,
    "extend": lambda stage, hold_id, by: (
        extend(stage.core, hold_id, expires_in_s=EXPIRES_IN_S, metadata=None, by=by).value
    ),
    "label": lambda stage, hold_id, by: (
        extend(stage.core, hold_id, expires_in_s=None, metadata={_owner(by): "1"}, by=by).value
    ),
}


def _owner(by: Requester) -> str:
    """Whose request it is."""
    return str(by.idempotency_key).split("-")[0]


def _requester(key: str, path: str, quantity: int) -> Requester:
    return Requester("acct", "key", f"{key}-{path}", fingerprint(quantity), path=f"/v1/{path}", idempotency_key=key)


_ENDED_AS: Final[Mapping[str, set[str]]] = {
    "executed": {"executed"},
    "hold_already_executed": {"executed"},
    "released": {"released"},
    "hold_already_released": {"released"},
}


def check_buyer(buyer: Buyer, progress: BuyerProgress, stored: Stored, *, shared: bool) -> None:
    """A buyer gets an answer, and what it was told in the end is what stands there in the end.

    Who wanted to execute or release, and was told that the time is over, was told so for good.
    """
    told = progress.told
    assert told is not None, f"everything_settles: {buyer.name} was told nothing"
    if not isinstance(told, Bought) or told.told == "missing":
        return  # the latter asked for another's hold, too soon
    record = stored.holds().get(told.hold_id)
    assert record is not None, f"resolved_once: a buyer was told {told}, but there is no such hold"
    if told.told == "hold_expired" and buyer.then in {"execute", "release"}:
        allowed = {"expired"}
    elif told.told == "hold_expired" and not shared:
        allowed = {"active", "expired"}  # it may not be swept yet
    else:
        allowed = _ENDED_AS.get(told.told, set(Status))
    assert record["status"] in allowed, f"resolved_once: a buyer was told {told}, but it is {record['status']}"
    labelled = buyer.then == "label" and told.told == "active"
    assert not labelled or buyer.label in record["metadata"], f"resolved_once: {buyer.name}'s label is lost"


def check_extended(buyers: Iterable[Buyer], stored: Stored) -> None:
    """One request extends a hold once at most."""
    keys = {buyer.key or buyer.name for buyer in buyers if buyer.then in {"extend", "label"}}
    for record in stored.holds().values():
        others = 1 + (record["status"] != Status.ACTIVE) + ("settlement" in record)
        assert record["rev"] - others <= len(keys), f"resolved_once: extended more often than asked for: {record}"


class SettlerProgress(NamedTuple):
    """How many records of the stream are done with, and how often those after them were given in vain."""

    consumed: int = 0
    again: int = 0


@dataclass(frozen=True)
class Settler:
    """Is given whatever waits in the stream of holds; and again, where it was killed or failed."""

    name: str = "settler"
    skew_ms: int = 0
    _runs: dict[tuple[Stored, SettlerProgress], Run] = field(default_factory=dict, compare=False)
    _by_batch: dict[tuple[SettlerProgress, str], Run] = field(default_factory=dict, compare=False)

    @property
    def first(self) -> SettlerProgress:
        """Nothing given yet."""
        return SettlerProgress()

    def run(self, store: Store, stored: Stored, progress: SettlerProgress) -> Run | None:
        """The batch that waits."""
        if not stored.waiting:
            return None
        if (stored, progress) not in self._runs:
            batch = store.batch(stored)
            told = repr([[record["dynamodb"].get(image) for image in ("OldImage", "NewImage")] for record in batch])
            run = Run(f"{self.name}-{progress.consumed}-{progress.again}", _settle, self.skew_ms, batch)
            self._runs[stored, progress] = self._by_batch.setdefault((progress, told), run)
        return self._runs[stored, progress]

    def ended(self, run: Run, progress: SettlerProgress, outcome: object) -> Turn:
        """The batch is done with, or is given again."""
        if isinstance(outcome, Conflict | Overloaded):
            return self.killed(progress)
        assert isinstance(outcome, int), f"{self.name} failed: {outcome!r}"
        return Turn(SettlerProgress(progress.consumed + len(run.records)), len(run.records))

    def killed(self, progress: SettlerProgress) -> Turn:
        """The batch is given again."""
        return Turn(progress._replace(again=progress.again + 1))


def _settle(stage: Stage) -> int:
    def aside(_record: StreamRecord, why: str) -> None:
        raise AssertionError(f"settled_once: set aside, as {why}")

    return settle_batch(stage.core, stage.records, aside, until_ms=stage.core.clock.now() + _SETTLED_WITHIN_MS)


@dataclass(frozen=True)
class Sweeper:
    """Runs so often, whenever it likes."""

    runs: int
    name: str = "sweeper"
    skew_ms: int = 0
    _runs: dict[int, Run] = field(default_factory=dict, compare=False)

    @property
    def first(self) -> int:
        """No run yet."""
        return 0

    def run(self, _store: Store, _stored: Stored, progress: int) -> Run | None:
        """The next run."""
        if progress >= self.runs:
            return None
        return self._runs.setdefault(progress, Run(f"{self.name}-{progress}", _sweep, self.skew_ms))

    def ended(self, _run: Run, progress: int, outcome: object) -> Turn:
        """One run less."""
        assert not isinstance(outcome, Exception) or isinstance(outcome, Overloaded), f"the sweep failed: {outcome!r}"
        return Turn(progress + 1)

    def killed(self, progress: int) -> Turn:
        """The next minute's run goes on."""
        return Turn(progress + 1)


def _sweep(stage: Stage) -> None:
    swept = run_sweep(stage.core, until_ms=stage.core.clock.now() + 60_000)
    assert not swept.settling.broken, f"settled_once: called broken, {swept.settling.broken}"
