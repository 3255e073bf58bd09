"""What is listed of snapshots, which the API shows and nobody signed: each entry is held against its manifest."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from inventory.proof.findings import Finding
from inventory.proof.manifest import Manifest, NoManifest, canonical, content_of, instant_name, snapshot_id

LISTED: Final = "listed/"
#: An entry has less than 1 KB. Whoever may write to the bucket could make one that no memory holds.
ENTRY_BYTES_MAX: Final = 1 << 16
_LAST_MS: Final = 9_999_999_999_999
_DIGITS: Final = len(str(_LAST_MS))
_SHOWN_MAX: Final = 1_000


def listed_path(as_of_ms: int) -> str:
    """Where the entry of a snapshot is."""
    return f"{LISTED}{_LAST_MS - as_of_ms:0{_DIGITS}}-{snapshot_id(as_of_ms)}.json"


def wrong_entry(manifest: Manifest, raw: bytes) -> Iterator[Finding]:
    """What is wrong with the entry of a manifest, if anything.

    When it was published nobody can prove: only that it was no earlier than its instant.
    """
    path = listed_path(manifest.as_of_ms)
    expected: dict[str, Any] = {
        "id": manifest.snapshot,
        "as_of_ms": manifest.as_of_ms,
        "totals": dict(manifest.totals),
        "manifest": {"number": manifest.number, "sha256": manifest.sha256},
    }
    try:
        found = content_of(raw)
    except NoManifest:
        found = None
    created_ms = found.pop("created_ms", None) if isinstance(found, dict) else None
    is_instant = type(created_ms) is int and manifest.as_of_ms <= created_ms <= _LAST_MS
    if not is_instant or canonical(found) != canonical(expected):
        evidence = {"found": raw[:_SHOWN_MAX].decode(errors="backslashreplace"), "expected": expected}
        yield Finding(f"What is listed is not what manifest {manifest.number} says.", path, evidence=evidence)


def unlisted(as_of_ms: int) -> Finding:
    """The discrepancy that a published snapshot has no entry."""
    return Finding("The snapshot is not listed, although a later manifest is there.", listed_path(as_of_ms))


def strange_entries(paths: Iterable[str], instants: Collection[str]) -> Iterator[Finding]:
    """Entries that no manifest of these instants has."""
    for path in paths:
        digits = path.removeprefix(LISTED)[:_DIGITS]
        as_of_ms = _LAST_MS - int(digits) if digits.isascii() and digits.isdigit() else -1
        if as_of_ms < 0 or path != listed_path(as_of_ms) or instant_name(as_of_ms) not in instants:
            yield Finding("No manifest has the snapshot that this lists.", path)
