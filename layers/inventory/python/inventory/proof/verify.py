"""The whole proof, from the newest manifest's signature down to the first archived event."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory.proof.archive import archived_objects, missing_revisions, read_archive, unequal_twins
from inventory.proof.base import begin_from
from inventory.proof.chain import Verifier, read_chain
from inventory.proof.checks import check_events
from inventory.proof.files import check_files
from inventory.proof.findings import Check, Finding, Progress, joined
from inventory.proof.manifest import Manifest
from inventory.proof.names import NOT_PLAIN
from inventory.proof.openings import check_openings
from inventory.proof.rebuild import compare_ledger, compare_rows, compare_totals, fold_archive, rebuilt_totals
from inventory.proof.spans import Span

#: Called as a step begins, with its name and its size (of whatever it counts); gives what is told of its progress.
Begin = Callable[[str, int], Progress]


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it.

    Attributes:
        manifests: The chain.
        rebuilt: The snapshots that were made again from the archive.
        checks: What was looked at, and what was wrong.
    """

    manifests: Sequence[Manifest]
    rebuilt: Sequence[Manifest]
    checks: Sequence[Check]

    @property
    def openings(self) -> Sequence[Manifest]:
        """The manifests that open the history anew: before each, there is a time of which nothing is proved."""
        return [manifest for manifest in self.manifests if manifest.opening is not None]

    @property
    def head(self) -> Manifest | None:
        """The newest manifest: of those under their own numbers, and not what somebody put behind them."""
        return next((manifest for manifest in reversed(self.manifests) if manifest.in_place), None)

    @property
    def discrepancies(self) -> int:
        """How many things are wrong."""
        return sum(check.discrepancies for check in self.checks)


class NoSuchSnapshot(Exception):
    """No manifest has the snapshot that was asked for."""


def verify(
    folder: Path,
    verifier: Verifier,
    *,
    wanted: str | None = None,
    every: bool = False,
    head: str | None = None,
    left_out: Sequence[str] = (),
    begin: Begin = lambda _name, _size: lambda _done: None,
) -> Proof:
    """Verifies a copy of the bucket: `manifests`, `keys`, `archive` and the sealed files.

    Args:
        folder: The copy.
        verifier: Knows who may have signed, from somewhere else than the bucket, and who did.
        wanted: Which snapshot to rebuild, by its id or its instant; None: the one of the latest instant.
        every: Rebuild each of them.
        head: A manifest's SHA-256 that was seen before: the chain must still have it.
        left_out: Objects of the bucket that are not in the copy, because their names are not plain (`is_plain`).
        begin: Is told of the progress.

    Raises:
        NoSuchSnapshot: There is a chain, but `wanted` is not in it.
        CopyChanged: Somebody changed the copy meanwhile.
    """
    manifests, chain = read_chain(folder, verifier, head=head, left_out=left_out)
    chosen = _chosen(manifests, wanted, every=every)
    sealed = check_files(folder, manifests, left_out, begin("files", sum(_bytes(each) for each in manifests)))
    with tempfile.TemporaryDirectory(prefix="inventory-verify-") as scratch:
        checks = _check_contents(folder, Path(scratch), manifests, chosen, begin)
    strange = Check("archive_readable")
    for path in left_out:
        if path.startswith("archive/"):
            strange.looked_at += 1
            strange.add(Finding(NOT_PLAIN, path))
    return Proof(manifests, chosen, joined([chain, sealed, *checks, strange]))


def _check_contents(
    folder: Path, scratch: Path, manifests: Sequence[Manifest], chosen: Sequence[Manifest], begin: Begin
) -> list[Check]:
    import duckdb

    objects = archived_objects(folder)
    holes = [hole for manifest in manifests if (hole := manifest.hole)]
    sealed_until_ms = max((manifest.as_of_ms for manifest in manifests), default=0)
    with duckdb.connect(str(scratch / "events.duckdb")) as database:  # a file, so that no archive is too large
        database.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        size = sum(path.stat().st_size for path in objects)
        checks = [read_archive(database, folder, objects, begin("archive", size), holes)]
        advance = begin("rebuild", 3 + len(chosen))
        checks.append(unequal_twins(database))
        advance(1)
        checks += check_openings(database, folder, manifests)
        for base, span in _stretches(manifests, sealed_until_ms):
            begin_from(database, folder, base)
            checks.append(missing_revisions(database, span))
        advance(1)
        ledgers = sorted({file.path for manifest in manifests for file in manifest.under("ledger/")})
        checks += compare_ledger(database, folder, ledgers, Span(0, sealed_until_ms))
        advance(1)
        for manifest in chosen:
            begin_from(database, folder, _base_of(manifest, manifests))
            fold_archive(database, manifest.as_of_ms)
            checks += compare_rows(database, folder, manifest)
            checks.append(compare_totals(rebuilt_totals(database, manifest), manifest))
            checks += check_events(database)
            advance(1)
    return joined(checks)


def _stretches(manifests: Sequence[Manifest], until_ms: int) -> Iterator[tuple[Manifest | None, Span]]:
    """What a history is proved from, and of which time: from the first event, and from each opening."""
    base, since_ms = None, 0
    for manifest in manifests:
        if hole := manifest.hole:
            yield base, Span(since_ms, hole.since_ms)
            base, since_ms = manifest, hole.until_ms
    yield base, Span(since_ms, until_ms)


def _base_of(manifest: Manifest, manifests: Sequence[Manifest]) -> Manifest | None:
    """The opening that a snapshot goes on from, which may be itself; None for the first event."""
    opened = [each for each in manifests if each.opening is not None and each.as_of_ms <= manifest.as_of_ms]
    return max(opened, key=lambda each: each.as_of_ms, default=None)


def _chosen(manifests: Sequence[Manifest], wanted: str | None, *, every: bool) -> list[Manifest]:
    if every:
        return list(manifests)
    if wanted is None:  # an earlier instant may have been sealed later
        return sorted(manifests, key=lambda each: (each.as_of_ms, each.number))[-1:]
    found = [manifest for manifest in manifests if wanted in (manifest.snapshot, manifest.as_of)]
    if not found:
        raise NoSuchSnapshot(wanted)
    return found[-1:]


def _bytes(manifest: Manifest) -> int:
    return sum(file.size for file in manifest.files)
