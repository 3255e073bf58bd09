"""Standing: how the chain of manifests stands towards an instant, told by its head and by what is listed around it."""

import json
from dataclasses import dataclass
from typing import Final, NamedTuple

from inventory.adapters.objects import NoSuchObject, Objects
from inventory.domain.clock import Milliseconds
from inventory.history.layout import LISTED, OPENED, instant_of_listed, instant_of_path, listed_before, listed_path
from inventory.history.manifest import Manifest, head_number, read_manifest

#: How many snapshots before an instant are asked whether they can be its base. They cannot where the number of buckets
#: was changed; then the first event is the start, which makes the same bytes.
_BASES_LOOKED_AT_MAX: Final = 24


class Known(NamedTuple):
    """What is kept of a manifest: a few numbers, for it names hundreds of files."""

    number: int
    as_of_ms: Milliseconds
    buckets: int
    ledger_from_ms: Milliseconds | None


class Opened(NamedTuple):
    """An opening snapshot: where the history begins anew, and since when nothing was proved before it.

    Attributes:
        since_ms: The instant of the last snapshot before it; 0 for none.
        as_of_ms: Its own.
        buckets: Into how many buckets its files are cut, and so those of all that go on from it.
    """

    since_ms: Milliseconds
    as_of_ms: Milliseconds
    buckets: int

    def lost(self, at_ms: Milliseconds) -> bool:
        """Whether an instant is of the time that was given up."""
        return self.since_ms < at_ms < self.as_of_ms


@dataclass(frozen=True, slots=True)
class Standing:
    """How the chain of manifests stands towards an instant.

    Attributes:
        as_of_ms: The instant.
        head: The number of the newest manifest; 0 for none.
        latest_ms: The latest instant that the chain has; 0 for none.
        exists: The manifest that has this very instant already, or None.
    """

    as_of_ms: Milliseconds
    head: int
    latest_ms: Milliseconds
    exists: Known | None

    @property
    def sealed(self) -> bool:
        """Whether this or a later instant is in the chain: then all events up to it were in the archive."""
        return self.latest_ms >= self.as_of_ms


def standing_of(objects: Objects, as_of_ms: Milliseconds) -> Standing:
    """Looks at the chain: lists all its manifests, a thousand in a request, and reads few of them.

    All manifests but the newest are listed: a commit publishes the one before its own first. So the newest is read
    before the list; one that comes between is listed or not, and a commit on this standing is overtaken by it.
    """
    number = head_number(objects)
    head = _known(read_manifest(objects, number)) if number else None
    first = objects.first(LISTED)
    listed_ms = 0 if first is None else instant_of_listed(first.key)
    if head is not None and head.as_of_ms == as_of_ms:
        exists: Known | None = head
    else:
        exists = _listed(objects, listed_path(as_of_ms))
    return Standing(as_of_ms, number, max(listed_ms, head.as_of_ms if head else 0), exists)


def base_before(objects: Objects, as_of_ms: Milliseconds, buckets: int) -> Milliseconds | None:
    """The instant of the nearest published snapshot before this one that is cut alike; None to begin from nothing."""
    for stored in objects.page(LISTED, after=listed_before(as_of_ms), limit=_BASES_LOOKED_AT_MAX):
        if instant_of_listed(stored.key) < as_of_ms:
            known = _listed(objects, stored.key)
            if known is not None and known.buckets == buckets:
                return known.as_of_ms
    return None


def openings(objects: Objects) -> list[Opened]:
    """All published opening snapshots, the latest last. There are few, or none."""
    found = []
    for as_of_ms in sorted({instant_of_path(stored.key) for stored in objects.list(OPENED)}):
        try:
            entry = json.loads(objects.read(listed_path(as_of_ms)))
        except NoSuchObject:  # its commit died before it was published, and whoever asks has finished it before
            continue
        manifest = read_manifest(objects, entry["manifest"]["number"])
        since = manifest.body["opening"]["after"]
        found.append(Opened(since["as_of_ms"] if since else 0, as_of_ms, manifest.buckets))
    return found


def latest_buckets(objects: Objects) -> int | None:
    """Into how many buckets the published snapshot of the latest instant is cut; None where there is none."""
    latest = objects.first(LISTED)
    known = None if latest is None else _listed(objects, latest.key)
    return None if known is None else known.buckets


def _listed(objects: Objects, path: str) -> Known | None:
    try:
        entry = json.loads(objects.read(path))
    except NoSuchObject:
        return None
    return _known(read_manifest(objects, entry["manifest"]["number"]))


def _known(manifest: Manifest) -> Known:
    return Known(manifest.number, manifest.as_of_ms, manifest.buckets, manifest.body["ledger_from_ms"])
