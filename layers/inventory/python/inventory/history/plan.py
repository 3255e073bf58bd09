"""Plan: what a snapshot starts from, which archived objects it reads, and how they are cut into tasks."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice, takewhile
from typing import Final

from pydantic import TypeAdapter

from inventory.adapters.objects import Objects, Stored
from inventory.domain.clock import Milliseconds
from inventory.domain.events import Source
from inventory.history.layout import PARTIALS, archive_hour, archive_prefix, hour_of, stamp_of
from inventory.history.standing import base_before, openings, standing_of

#: How long before the base the archive is read again: an event's hour is that of the stream, 20 s off at most.
OVERLAP_MS: Final = 15 * 60_000
TASK_BYTES: Final = 32 * 1024 * 1024
TASK_OBJECTS_MAX: Final = 500
_WRITTEN_AT_ONCE: Final = 16
#: Raised whenever a map task's output for equal input changes, so that none of another form is taken for it.
_FORM: Final = 3


class InstantTooRecent(Exception):
    """Writes of this instant may still be under way."""


class InstantLost(Exception):
    """Nothing is proved at this instant: an opening snapshot tells that the history before it has a hole here."""


class NotAnOpening(Exception):
    """A history cannot be opened so: nobody says why, or a snapshot of the instant or of a later one is there."""


class Mode(StrEnum):
    """From the latest snapshot, from the first event (or the latest opening), or from the live tables alone."""

    INCREMENT = "increment"
    REBUILD = "rebuild"
    OPENING = "opening"


@dataclass(frozen=True, slots=True)
class Opening:
    """What an opening snapshot starts from, and who answers for it.

    Attributes:
        reason: Why the history cannot go on from its last snapshot.
        actor: Who says so.
        read: The folder of what was read of the live tables, whole.
        read_from_ms: No write that came after the reading has an `at` before this.
    """

    reason: str
    actor: str
    read: str
    read_from_ms: Milliseconds


@dataclass(frozen=True, slots=True)
class MapTask:
    """Archived objects of one table that are read together.

    Attributes:
        source: The table.
        folder: Where their list lies, and what is made of them: the same task of any run reads and writes the same.
    """

    source: Source
    folder: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, told whole: whoever has it can do any part of the work, any number of times.

    Attributes:
        run: Its folder; equal plans share it.
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
        opening: How it begins where nothing sealed is its start; None for all but opening snapshots. What came before
            it is then only looked at to tell what was lost since `base_ms`.
    """

    run: str
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
    opening: Opening | None = None

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.exists is not None and self.mode is Mode.INCREMENT

    def to_json(self) -> bytes:
        """The plan as a file."""
        return _PLAN.dump_json(self)


_PLAN: Final = TypeAdapter(Plan)


def plan_from(content: bytes) -> Plan:
    """A plan from its file."""
    return _PLAN.validate_json(content)


def read_plan(objects: Objects, run: str) -> Plan:
    """The plan of a run.

    Raises:
        NoSuchObject: There is no such run.
    """
    return plan_from(objects.read(f"{run}plan.json"))


def check_instant(as_of_ms: Milliseconds, now_ms: Milliseconds, grace_ms: Milliseconds) -> None:
    """Passes instants that a snapshot can have.

    Raises:
        InstantTooRecent: It is less than the grace ago.
    """
    if as_of_ms > now_ms - grace_ms:
        raise InstantTooRecent(f"{stamp_of(as_of_ms)} is less than {grace_ms // 1000} s ago")


def make_plan(
    objects: Objects,
    *,
    as_of_ms: Milliseconds,
    mode: Mode,
    now_ms: Milliseconds,
    buckets: int,
    opening: Opening | None = None,
) -> Plan:
    """Looks at the chain and the archive, decides, and leaves the list of each task's objects in its folder.

    Raises:
        NotAnOpening: A snapshot of the instant or of a later one is there.
    """
    standing = standing_of(objects, as_of_ms)
    if opening is not None and standing.sealed:
        raise NotAnOpening(f"a snapshot of {stamp_of(standing.latest_ms)} is there: nothing needs to be opened")
    exists = standing.exists
    if exists is not None:
        buckets, ledger_from_ms = exists.buckets, exists.ledger_from_ms
    else:
        ledger_from_ms = None if standing.sealed or opening else standing.latest_ms
    base_ms = _base(objects, as_of_ms, mode, buckets)
    plan = Plan(
        run="",
        as_of_ms=as_of_ms,
        mode=mode,
        head=standing.head,
        exists=None if exists is None else exists.number,
        base_ms=base_ms,
        fold_from_ms=base_ms or 0,
        ledger_from_ms=ledger_from_ms,
        sealed=standing.sealed,
        buckets=buckets,
        tasks=(),
        opening=opening,
    )
    if not plan.done:
        until_ms = as_of_ms + OVERLAP_MS if standing.sealed else now_ms
        plan = replace(plan, tasks=tuple(_tasks(objects, plan, until_ms)))
    digest = hashlib.sha256(plan.to_json()).hexdigest()[:16]
    return replace(plan, run=f"{PARTIALS}run/{stamp_of(as_of_ms)}-{mode}-{digest}/")


def _base(objects: Objects, as_of_ms: Milliseconds, mode: Mode, buckets: int) -> Milliseconds | None:
    if mode is Mode.REBUILD:
        return max((each.as_of_ms for each in openings(objects) if each.as_of_ms < as_of_ms), default=None)
    return base_before(objects, as_of_ms, buckets)


def read_task(objects: Objects, task: MapTask) -> list[Stored]:
    """The archived objects that a task reads, as they were listed.

    Raises:
        NoSuchObject: No plan has this task.
    """
    return [Stored(*each) for each in json.loads(objects.read(_task_path(task.folder)))]


def _task_path(folder: str) -> str:
    return f"{folder}objects.json"


def _tasks(objects: Objects, plan: Plan, until_ms: Milliseconds) -> Iterator[MapTask]:
    """The tasks, their objects written. Only a few tasks' are in memory at once: an archive has millions.

    A task is of the versions that were listed, and reads no others: so what was made of an object that was overwritten
    then is another task's, and not taken once the object is as it was.
    """

    def written(cut: tuple[Source, Sequence[Stored]]) -> MapTask:
        source, stored = cut
        keys = [each.key for each in stored]
        tags = [each.tag for each in stored]
        identity = json.dumps([_FORM, source, keys, tags, plan.as_of_ms, plan.fold_from_ms, plan.buckets])
        task = MapTask(source, f"{PARTIALS}map/{hashlib.sha256(identity.encode()).hexdigest()[:32]}/")
        objects.put(_task_path(task.folder), json.dumps(stored).encode())
        return task

    cuts = _cut_archive(objects, plan.base_ms, until_ms)
    with ThreadPoolExecutor(_WRITTEN_AT_ONCE) as pool:
        while some := list(islice(cuts, _WRITTEN_AT_ONCE)):
            yield from pool.map(written, some)


def _cut_archive(
    objects: Objects, base_ms: Milliseconds | None, until_ms: Milliseconds
) -> Iterator[tuple[Source, Sequence[Stored]]]:
    """What the archiver would not call so is passed over: audits tell of it."""
    for source in Source:
        after = "" if base_ms is None else archive_hour(source, first_read_ms(base_ms))
        listed = objects.list(archive_prefix(source), after=after)
        archived = ((hour, stored) for stored in listed if (hour := hour_of(stored.key)) is not None)
        for some in _cut(stored for _, stored in takewhile(lambda each: each[0] <= until_ms, archived)):
            yield source, some


def first_read_ms(base_ms: Milliseconds) -> Milliseconds:
    """An instant of the first hour of the archive that a snapshot on this base reads; it reads the hour whole."""
    return base_ms - OVERLAP_MS


def _cut(found: Iterable[Stored]) -> Iterator[Sequence[Stored]]:
    some: list[Stored] = []
    size = 0
    for stored in found:
        if some and (size + stored.size > TASK_BYTES or len(some) == TASK_OBJECTS_MAX):
            yield some
            some, size = [], 0
        some.append(stored)
        size += stored.size
    if some:
        yield some
