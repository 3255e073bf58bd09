"""Plan: what a snapshot starts from, which archived objects it reads, and how they are cut into tasks."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

from inventory.domain.clock import Milliseconds
from inventory.domain.events import Source
from inventory.history.layout import PARTIALS, archive_hour, archive_prefix, hour_of, stamp_of
from inventory.history.manifest import Manifest, newest_first
from inventory.storage.objects import Objects, Stored

#: How long before the base the archive is read again: an event's hour is that of the stream, 20 s off at most.
OVERLAP_MS: Final = 15 * 60_000
TASK_BYTES: Final = 32 * 1024 * 1024
TASK_OBJECTS_MAX: Final = 500


class InstantTooRecent(Exception):
    """Writes of this instant may still be under way."""


class Mode(StrEnum):
    """From the latest snapshot, or from the first event."""

    INCREMENT = "increment"
    REBUILD = "rebuild"


@dataclass(frozen=True, slots=True)
class MapTask:
    """Archived objects of one table that are read together."""

    source: Source
    keys: tuple[str, ...]

    def partials(self, plan: "Plan") -> str:
        """Where its output lies: the same task of any run reads the same and so writes the same."""
        told = json.dumps([self.source, self.keys, plan.as_of_ms, plan.fold_from_ms, plan.buckets])
        return f"{PARTIALS}map/{hashlib.sha256(told.encode()).hexdigest()[:32]}/"


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, told whole: whoever has it can do any part of the work, any number of times.

    Attributes:
        as_of_ms: The snapshot's instant.
        mode: How it begins.
        head: The number of the chain's newest manifest when this was planned; 0 for none.
        exists: The number of the manifest that already has this instant, or None.
        base_ms: The instant of the snapshot whose state is the start, or None.
        fold_from_ms: Events with `at` after this are folded: the base's instant, or 0.
        ledger_from_ms: Events with `at` after this go into the ledger; None where it has them already.
        sealed: Whether a later snapshot has proved already that all is there.
        buckets: Into how many buckets files are cut.
        tasks: What is mapped.
    """

    as_of_ms: Milliseconds
    mode: Mode
    head: int
    exists: int | None
    base_ms: Milliseconds | None
    fold_from_ms: Milliseconds
    ledger_from_ms: Milliseconds | None
    sealed: bool
    buckets: int
    tasks: tuple[MapTask, ...]

    @property
    def run(self) -> str:
        """The run's folder: equal plans share it."""
        digest = hashlib.sha256(self.to_json()).hexdigest()[:16]
        return f"{PARTIALS}run/{stamp_of(self.as_of_ms)}-{self.mode}-{digest}/"

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.exists is not None and self.mode is Mode.INCREMENT

    def to_json(self) -> bytes:
        """The plan as a file."""
        return json.dumps(asdict(self), sort_keys=True).encode()


def plan_from(content: bytes) -> Plan:
    """A plan from its file."""
    told = json.loads(content)
    tasks = tuple(MapTask(Source(task["source"]), tuple(task["keys"])) for task in told.pop("tasks"))
    return Plan(**{**told, "mode": Mode(told["mode"]), "tasks": tasks})


@dataclass(frozen=True, slots=True)
class Standing:
    """How the chain of manifests stands towards an instant.

    Attributes:
        as_of_ms: The instant.
        known: The chain from its newest manifest back to where nothing older can be nearer to the instant.
    """

    as_of_ms: Milliseconds
    known: tuple[Manifest, ...]

    @property
    def head(self) -> int:
        """The number of the newest manifest; 0 for none."""
        return self.known[0].number if self.known else 0

    @property
    def latest_ms(self) -> Milliseconds:
        """The latest instant that the chain has; 0 for none."""
        return max((manifest.as_of_ms for manifest in self.known), default=0)

    @property
    def exists(self) -> Manifest | None:
        """The manifest that has this very instant already."""
        return next((manifest for manifest in self.known if manifest.as_of_ms == self.as_of_ms), None)

    @property
    def sealed(self) -> bool:
        """Whether this or a later instant is in the chain: then all events up to it were in the archive."""
        return self.latest_ms >= self.as_of_ms

    def done(self, mode: Mode) -> bool:
        """Whether there is nothing left to do."""
        return self.exists is not None and mode is Mode.INCREMENT


def standing_of(objects: Objects, as_of_ms: Milliseconds) -> Standing:
    """Looks at the chain."""
    return Standing(as_of_ms, tuple(_back_to(objects, as_of_ms)))


def check_instant(as_of_ms: Milliseconds, now_ms: Milliseconds, grace_ms: Milliseconds) -> None:
    """Passes instants that a snapshot can have.

    Raises:
        InstantTooRecent: It is less than the grace ago.
        ValueError: It is no whole second.
    """
    if as_of_ms % 1000:
        raise ValueError("a snapshot's instant is a whole second")
    if as_of_ms > now_ms - grace_ms:
        raise InstantTooRecent(f"{stamp_of(as_of_ms)} is less than {grace_ms // 1000} s ago")


def make_plan(objects: Objects, *, as_of_ms: Milliseconds, mode: Mode, now_ms: Milliseconds, buckets: int) -> Plan:
    """Looks at the chain and the archive, and decides."""
    standing = standing_of(objects, as_of_ms)
    exists = standing.exists
    if exists is not None:
        buckets = exists.buckets
        ledger_from_ms = exists.body["ledger_from_ms"]
    else:
        ledger_from_ms = None if standing.sealed else standing.latest_ms
    usable = [each.as_of_ms for each in standing.known if each.as_of_ms < as_of_ms and each.buckets == buckets]
    base_ms = max(usable) if usable and mode is Mode.INCREMENT else None
    until_ms = as_of_ms + OVERLAP_MS if standing.sealed else now_ms
    return Plan(
        as_of_ms=as_of_ms,
        mode=mode,
        head=standing.head,
        exists=None if exists is None else exists.number,
        base_ms=base_ms,
        fold_from_ms=base_ms or 0,
        ledger_from_ms=ledger_from_ms,
        sealed=standing.sealed,
        buckets=buckets,
        tasks=() if standing.done(mode) else tuple(_tasks(objects, base_ms, until_ms)),
    )


def _back_to(objects: Objects, as_of_ms: Milliseconds) -> Iterator[Manifest]:
    """The chain from its head back to where nothing older can be nearer to the instant.

    Before a manifest that added to the ledger, the chain knows of nothing later than it.
    """
    for manifest in newest_first(objects):
        yield manifest
        if manifest.body["ledger_from_ms"] is not None and manifest.as_of_ms < as_of_ms:
            return


def _tasks(objects: Objects, base_ms: Milliseconds | None, until_ms: Milliseconds) -> Iterator[MapTask]:
    for source in Source:
        after = "" if base_ms is None else archive_hour(source, base_ms - OVERLAP_MS)
        found = objects.list(archive_prefix(source), after=after)
        for keys in _cut(takewhile(lambda stored: hour_of(stored.key) <= until_ms, found)):
            yield MapTask(source, tuple(keys))


def _cut(found: Iterable[Stored]) -> Iterator[Sequence[str]]:
    keys: list[str] = []
    size = 0
    for stored in found:
        if keys and (size + stored.size > TASK_BYTES or len(keys) == TASK_OBJECTS_MAX):
            yield keys
            keys, size = [], 0
        keys.append(stored.key)
        size += stored.size
    if keys:
        yield keys
