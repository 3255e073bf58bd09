"""Standing: how the chain of manifests stands towards an instant, told by its head and by what is listed around it."""

from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from inventory.adapters.objects import NoSuchObject, Objects
from inventory.domain.clock import Milliseconds
from inventory.history.layout import LISTED, OPENED, instant_of_path, listed_path
from inventory.history.listed import listed_manifest
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

    Raises:
        EntryDamaged: What is listed first, or of this instant, is of no manifest.
        ManifestDamaged: The newest manifest, or one that is listed so, is none.
    """
    number = head_number(objects)
    head = _known(read_manifest(objects, number)) if number else None
    first = objects.first(LISTED)
    if first is None or (head is not None and first.key == listed_path(head.as_of_ms)):
        latest = head
    else:  # a name alone would have events left out of the ledger, and nothing held against the tables
        latest = _listed(objects, first.key)
    if head is not None and head.as_of_ms == as_of_ms:
        exists: Known | None = head
    else:
        exists = _listed(objects, listed_path(as_of_ms))
    latest_ms = max((each.as_of_ms for each in (head, latest) if each is not None), default=0)
    return Standing(as_of_ms, number, latest_ms, exists)


def base_before(objects: Objects, as_of_ms: Milliseconds, buckets: int) -> Milliseconds | None:
    """The instant of the nearest published snapshot before this one that is cut alike; None to begin from nothing."""
    for stored in objects.page(LISTED, after=listed_path(as_of_ms), limit=_BASES_LOOKED_AT_MAX):
        known = _listed(objects, stored.key)
        if known is not None and known.buckets == buckets:
            return known.as_of_ms
    return None


def openings(objects: Objects) -> list[Opened]:
    """All published opening snapshots, the latest last. There are few, or none."""
    found = []
    for as_of_ms in sorted({instant_of_path(stored.key) for stored in objects.list(OPENED)}):
        manifest = _listed_manifest(objects, listed_path(as_of_ms))
        if manifest is None:  # its commit died before it was published, and whoever asks has finished it before
            continue
        since = manifest.body["opening"]["after"]
        found.append(Opened(since["as_of_ms"] if since else 0, as_of_ms, manifest.buckets))
    return found


def latest_buckets(objects: Objects) -> int | None:
    """Into how many buckets the published snapshot of the latest instant is cut; None where there is none."""
    latest = objects.first(LISTED)
    known = None if latest is None else _listed(objects, latest.key)
    return None if known is None else known.buckets


def _listed(objects: Objects, path: str) -> Known | None:
    manifest = _listed_manifest(objects, path)
    return None if manifest is None else _known(manifest)


def _listed_manifest(objects: Objects, path: str) -> Manifest | None:
    try:
        return listed_manifest(objects, path, partial(read_manifest, objects))
    except NoSuchObject as error:
        if error.key == path:
            return None
        raise


def _known(manifest: Manifest) -> Known:
    return Known(manifest.number, manifest.as_of_ms, manifest.buckets, manifest.body["ledger_from_ms"])
