"""What an audit looks at, settled once: each part of it can then be done by anyone, any number of times."""

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from math import gcd
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from inventory.adapters.objects import NoSuchObject, Objects
from inventory.history.layout import PARTIALS
from inventory.proof.copies import without_copies
from inventory.proof.gaps import Gap, gaps_in
from inventory.proof.manifest import (
    MANIFEST_BYTES_MAX,
    MANIFESTS,
    Manifest,
    NoManifest,
    instant_name,
    manifest_number,
    manifest_path,
    parsed,
)
from inventory.proof.spans import Span

HOUR_MS: Final = 3_600_000
#: How far an event's instant and its place in the archive can be apart: 20 s are reported, the rest is margin.
OVERLAP_MS: Final = 15 * 60_000
_READS_AT_ONCE: Final = 16
_PUBLISHED: Final = "published/"
_PUBLISHED_NAME: Final = re.compile(r"[0-9]{8}", re.ASCII)
#: An increment of the newest snapshot hardly needs more manifests.
_FEW: Final = 4


class Depth(StrEnum):
    """How far back an audit looks: to the snapshot before, or to the first event.

    An increment of an instant before all other snapshots looks at the first event, too, but only up to that instant.
    """

    INCREMENT = "increment"
    FULL = "full"


class Ledger(NamedTuple):
    """What a snapshot added to the ledger, by what names its files: its instant, and into how many they are cut."""

    as_of_ms: int
    buckets: int

    def files(self, kind: str, bucket: int, buckets: int) -> Iterator[str]:
        """Where the rows are of one of so many buckets (its own are a multiple of them): each has a file, empty or not.

        By their names, as a history has tens of thousands of manifests. Whether a file is there that no manifest names,
        or one is gone, is found where the plan's `files` are looked at: of all snapshots in an audit from the first
        event, of its own and its base in an increment, which leaves the others to their own audits.
        """
        folder = f"ledger/as_of={instant_name(self.as_of_ms)}"
        return (f"{folder}/{kind}-{number:04}.parquet" for number in range(bucket, self.buckets, buckets))


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """An audit, told whole.

    Attributes:
        audit: Its id.
        as_of_ms: The instant of the snapshot that is audited, milliseconds since 1970.
        depth: How far back it looks.
        since_ms: The instant of the snapshot that it begins with; 0 for the first event.
        until_hour_ms: Archived objects of this hour are the last that it reads; None for all there are. Live records
            are held against all there are, so with an end they are left to the audit of a later snapshot.
        buckets: Into how many parts of holds and of items it is cut.
        manifest: The number of the snapshot's manifest; None where the chain has none, which is a discrepancy.
        base: The number of the manifest that it begins with, or None.
        ledgers: Those that have the events.
        files: The manifests that are looked at each by itself, and whose files are hashed; also what is none.
        first: The manifest with which the chain is read.
        missing: Manifests that must have been there.
        holes: The time before each opening of the history, of which nothing is proved; in what is read, the events of
            these times are passed over.
    """

    audit: str
    as_of_ms: int
    depth: Depth
    since_ms: int = 0
    until_hour_ms: int | None = None
    buckets: int = 1
    manifest: int | None = None
    base: int | None = None
    ledgers: tuple[Ledger, ...] = ()
    files: tuple[int, ...] = ()
    first: int = 1
    missing: tuple[Gap, ...] = ()
    holes: tuple[Span, ...] = ()

    @property
    def run(self) -> str:
        """Where its parts hand things to each other."""
        return run_of(self.audit)

    @property
    def span(self) -> Span:
        """The events that it looks at."""
        return Span(self.since_ms, self.as_of_ms)

    @property
    def live(self) -> bool:
        """Whether it looks at the live tables."""
        return self.manifest is not None and self.until_hour_ms is None

    def to_json(self) -> bytes:
        """The plan as a file."""
        return _PLAN.dump_json(self)


_PLAN: Final = TypeAdapter(AuditPlan)


class Sealed(NamedTuple):
    """What a plan has to know of a manifest: a history has thousands, each with hundreds of files."""

    number: int
    as_of_ms: int
    ledger_from_ms: int | None
    buckets: int
    hole: Span | None = None
    in_place: bool = True


def run_of(audit: str) -> str:
    """Where the parts of an audit hand things to each other."""
    return f"{PARTIALS}audit/{audit}/"


def read_plan(objects: Objects, run: str) -> AuditPlan:
    """The plan of a run.

    Raises:
        NoSuchObject: There is no such run.
    """
    return _PLAN.validate_json(objects.read(f"{run}plan.json"))


def make_plan(objects: Objects, audit: str, as_of_ms: int, depth: Depth) -> AuditPlan:
    """Looks at the chain, and decides.

    An increment whose snapshot has none before it is a full audit. Only a snapshot asked for later, of an instant
    before all others, is audited from the first event up to that instant; if a manifest cannot be read, it might be
    the base, so that audit is a full one.
    """
    names = (stored.key.removeprefix(MANIFESTS) for stored in objects.list(MANIFESTS))
    numbers = {number for name in names if (number := manifest_number(name)) is not None}
    announced = numbers.union(_published(objects))
    missing = tuple(gaps_in(numbers, max(announced, default=0)))
    plan = AuditPlan(audit, as_of_ms, Depth.FULL, missing=missing)
    manifests: list[Sealed] = []
    if depth is Depth.INCREMENT:
        for some in _newest_first(objects, numbers, alone=_FEW):
            manifests += some
            # What one under another's number is a copy of may not be read yet.
            if increment := _increment(plan, [each for each in manifests if each.in_place]):
                return increment
        # One that cannot be read might be the base: a full audit tells what is wrong with it.
        whole = not missing and len(manifests) == len(numbers)
        if whole and (early := _early(plan, without_copies(manifests))):
            return early
    else:
        manifests += chain.from_iterable(_newest_first(objects, numbers))
    return _full(plan, without_copies(manifests), numbers)


def _increment(plan: AuditPlan, manifests: Sequence[Sealed]) -> AuditPlan | None:
    """The plan, where the manifests that are known reach back far enough; the newest comes first."""
    target = _of_instant(manifests, plan.as_of_ms)
    base = None if target is None or target.hole else _base_of(target, manifests)
    if target is None or base is None:
        return None
    floor_ms = first_hour(base.as_of_ms) - OVERLAP_MS
    if not any(each.ledger_from_ms is not None and each.ledger_from_ms <= floor_ms for each in manifests):
        return None
    ledgers = [each for each in manifests if _tells(each, floor_ms, plan.as_of_ms)]
    is_newest = all(each.as_of_ms <= target.as_of_ms for each in manifests)
    return AuditPlan(
        audit=plan.audit,
        as_of_ms=plan.as_of_ms,
        depth=Depth.INCREMENT,
        since_ms=base.as_of_ms,
        until_hour_ms=None if is_newest else _hour_after(plan.as_of_ms),
        buckets=_common({target.buckets, base.buckets, *(each.buckets for each in ledgers)}),
        manifest=target.number,
        base=base.number,
        ledgers=_named(ledgers),
        files=tuple(sorted({base.number, target.number})),
        first=min(base.number, target.number),
        missing=plan.missing,
        holes=_holes(manifests),
    )


def _early(plan: AuditPlan, manifests: Sequence[Sealed]) -> AuditPlan | None:
    """The plan of a snapshot that was asked for later, of before all others: from the first event to its instant.

    The ledger has its events already, and whatever came after them is proved by the others' audits. None where it is
    the first that there ever was.
    """
    target = _of_instant(manifests, plan.as_of_ms)
    if target is None or target.hole or target.ledger_from_ms is not None:
        return None
    if _base_of(target, manifests) or all(each.as_of_ms <= target.as_of_ms for each in manifests):
        return None
    ledgers = [each for each in manifests if _tells(each, 0, plan.as_of_ms)]
    return replace(
        plan,
        depth=Depth.INCREMENT,
        until_hour_ms=_hour_after(plan.as_of_ms),
        buckets=_common({target.buckets, *(each.buckets for each in ledgers)}),
        manifest=target.number,
        ledgers=_named(ledgers),
        files=(target.number,),
        first=max(1, target.number - 1),
        holes=_holes(manifests),
    )


def _full(plan: AuditPlan, manifests: Sequence[Sealed], numbers: Iterable[int]) -> AuditPlan:
    """From the first event; where the history was opened anew, from the opening, which may be the snapshot itself."""
    target = _of_instant(manifests, plan.as_of_ms)
    opened = [each for each in manifests if each.hole and each.as_of_ms <= plan.as_of_ms]
    base = max(opened, key=lambda each: each.as_of_ms, default=None)
    since_ms = base.as_of_ms if base else 0
    floor_ms = first_hour(since_ms) - OVERLAP_MS if base else 0
    ledgers = [each for each in manifests if _tells(each, floor_ms, plan.as_of_ms)]
    return AuditPlan(
        audit=plan.audit,
        as_of_ms=plan.as_of_ms,
        depth=Depth.FULL,
        since_ms=since_ms,
        until_hour_ms=_until_hour(plan.as_of_ms, manifests),
        buckets=_common({each.buckets for each in (manifests if base is None else [base, *ledgers])}),
        manifest=None if target is None else target.number,
        base=None if base is None else base.number,
        ledgers=_named(ledgers),
        files=tuple(sorted(numbers)),
        missing=plan.missing,
        holes=_holes(manifests),
    )


def _until_hour(as_of_ms: int, manifests: Iterable[Sealed]) -> int | None:
    """Live records have nothing to do with an instant that another opening came after."""
    if any(each.hole and each.as_of_ms > as_of_ms for each in manifests):
        return _hour_after(as_of_ms)
    return None


def _hour_after(as_of_ms: int) -> int:
    """The last hour of the archive that may have events up to an instant."""
    return (as_of_ms + OVERLAP_MS) // HOUR_MS * HOUR_MS


def _named(ledgers: Iterable[Sealed]) -> tuple[Ledger, ...]:
    return tuple(Ledger(each.as_of_ms, each.buckets) for each in ledgers)


def _holes(manifests: Iterable[Sealed]) -> tuple[Span, ...]:
    return tuple(sorted(each.hole for each in manifests if each.hole))


def _base_of(target: Sealed, manifests: Iterable[Sealed]) -> Sealed | None:
    """The snapshot before: where the target's ledger begins, so that it has all events since."""
    if target.ledger_from_ms is not None:
        return _of_instant(manifests, target.ledger_from_ms)
    return max(
        (each for each in manifests if each.as_of_ms < target.as_of_ms), key=lambda each: each.as_of_ms, default=None
    )


def _of_instant(manifests: Iterable[Sealed], as_of_ms: int) -> Sealed | None:
    return next((each for each in manifests if each.as_of_ms == as_of_ms), None)


def _tells(manifest: Sealed, since_ms: int, until_ms: int) -> bool:
    return manifest.ledger_from_ms is not None and manifest.ledger_from_ms < until_ms and manifest.as_of_ms > since_ms


def _common(buckets: set[int]) -> int:
    """Into how many buckets all files can be cut: names in different ones are in different files of every manifest."""
    return gcd(*buckets) or 1


def _published(objects: Objects) -> Iterator[int]:
    """The numbers of manifests that were published. What is called otherwise says nothing of any."""
    for stored in objects.list(_PUBLISHED):
        if named := _PUBLISHED_NAME.fullmatch(stored.key.removeprefix(_PUBLISHED)):
            yield int(named[0])


def _newest_first(objects: Objects, numbers: Iterable[int], *, alone: int = 0) -> Iterator[list[Sealed]]:
    """What the manifests say that can be read; the others are found when the chain is looked at.

    The first of them, so many, are told one by one.
    """

    def sealed(number: int) -> Sealed | None:
        each = read_manifest(objects, number)
        if each is None:
            return None
        return Sealed(number, each.as_of_ms, each.ledger_from_ms, each.buckets, each.hole, each.in_place)

    falling = sorted(numbers, reverse=True)
    first = 0
    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        while some := falling[first : first + (1 if first < alone else _READS_AT_ONCE)]:
            yield [found for found in pool.map(sealed, some) if found is not None]
            first += len(some)


def read_manifest(objects: Objects, number: int) -> Manifest | None:
    """A manifest; None where it is gone or is none."""
    try:
        path = manifest_path(number)
        return parsed(path, objects.read_start(path, MANIFEST_BYTES_MAX + 1))
    except (NoSuchObject, NoManifest):
        return None


def first_hour(base_ms: int) -> int:
    """The hour with which the archive is read, for events after an instant."""
    return (base_ms - OVERLAP_MS) // HOUR_MS * HOUR_MS
