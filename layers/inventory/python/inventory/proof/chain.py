"""The chain of manifests: each held against the one before it, its Merkle root and its signature."""

import base64
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, overload

from inventory.proof.copies import without_copies
from inventory.proof.findings import Check, Finding
from inventory.proof.gaps import Gap
from inventory.proof.layout import unlike_a_snapshot
from inventory.proof.ledger_parts import Ledger, LedgerPart
from inventory.proof.listed import ENTRY_BYTES_MAX, LISTED, listed_path, strange_entries, unlisted, wrong_entry
from inventory.proof.manifest import (
    KEY_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    MANIFESTS,
    TOTALS,
    File,
    Manifest,
    NoManifest,
    Opening,
    canonical,
    content_of,
    instant_name,
    key_path,
    manifest_number,
    manifest_path,
    parsed,
    snapshot_id,
)
from inventory.proof.merkle import merkle_root

ALGORITHM: Final = "RSASSA_PKCS1_V1_5_SHA_256"
_NAMES_TOLD_MAX: Final = 10
_NAME_TOLD_MAX: Final = 100

#: Gives the PEM of the key of a fingerprint; None where the bucket has none.
KeyOf = Callable[[str], bytes | None]
#: Gives what is listed at a path; None where nothing is.
EntryOf = Callable[[str], bytes | None]


class Verifier(Protocol):
    """Knows which keys may have signed, and tells whose a signature is."""

    @property
    def fingerprints(self) -> Collection[str]:
        """Of each key that may have signed, the SHA-256 of its public half's DER, in hex."""
        ...

    def signer_of(self, pem: bytes, signature: bytes, message: bytes) -> str | None:
        """The fingerprint of the PEM's key where the signature over the message is its own, else None."""
        ...


class CopyChanged(Exception):
    """A file of the copy is not what it was when it was looked at: prove a copy that stands still."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} was changed while it was verified")


class FilesOnDisk(Sequence[File]):
    """The files of a manifest, read again each time: those of a year of hourly snapshots are millions.

    Args:
        manifest: Where the manifest is.
        sha256: What was proved of it. Whoever asks for the files gets `CopyChanged` where that is not so any more.
    """

    def __init__(self, manifest: Path, sha256: str) -> None:
        self._manifest = manifest
        self._sha256 = sha256

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[File]:
        return iter(self._read())

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[File]: ...
    def __getitem__(self, index: int | slice) -> File | Sequence[File]:
        return self._read()[index]

    def _read(self) -> Sequence[File]:
        raw = _start(self._manifest, MANIFEST_BYTES_MAX + 1)
        if hashlib.sha256(raw).hexdigest() != self._sha256:
            raise CopyChanged(self._manifest)
        return parsed(self._manifest.name, raw).files


class Link(NamedTuple):
    """A manifest by itself: what is wrong inside of it, and what the next one has to say of it.

    Attributes:
        number: Its place in the chain, by its name.
        sha256: Of the whole file.
        as_of: The instant that it says it is of, as names have it; None where it is no manifest.
        previous: What it says of the one before it.
        inside: What is wrong with what it says.
        signature: What is wrong with who signed it.
        part: What it adds to the ledger; None where it is no manifest, or another's file.
        unlisted: Whether nothing is listed of it, as until it is published. What is listed wrongly is `inside`.
    """

    number: int
    sha256: str
    as_of: str | None
    previous: Any
    inside: Sequence[Finding]
    signature: Sequence[Finding]
    part: LedgerPart | None = None
    unlisted: bool = False


def link_of(
    number: int, raw: bytes, key_of: KeyOf, verifier: Verifier, entry_of: EntryOf | None = None
) -> tuple[Link, Manifest | None]:
    """Looks at one manifest, whatever the others are; gives it too, unless it is none.

    Args:
        number: Its place in the chain, by its name.
        raw: Its file.
        key_of: Gives the PEM of the key of a fingerprint; None where there is none.
        verifier: Knows who may have signed, and who did.
        entry_of: Gives what is listed of snapshots; None where that is not known.
    """
    try:
        manifest = parsed(manifest_path(number), raw)
    except NoManifest as error:
        wrong = Finding(f"It is no manifest: {error}.", manifest_path(number))
        return Link(number, hashlib.sha256(raw).hexdigest(), None, None, [wrong], []), None
    content = content_of(raw)
    inside = list(_wrong_inside(manifest, raw, content, number))
    signature = list(_wrong_signature(key_of, manifest, content, verifier))
    previous = content["manifest"].get("previous")
    adds = LedgerPart(manifest.as_of_ms, manifest.ledger_from_ms, manifest.opening is not None)
    part = adds if manifest.in_place else None
    is_unlisted = False
    if entry_of is not None and manifest.in_place and not inside and not signature:  # else it may be what is wrong
        entry = entry_of(listed_path(manifest.as_of_ms))
        is_unlisted = entry is None
        inside += [] if entry is None else wrong_entry(manifest, entry)
    return Link(number, manifest.sha256, manifest.as_of, previous, inside, signature, part, is_unlisted), manifest


def follow(links: Iterable[Link], check: Check, *, head: str | None = None, first: int = 1) -> set[str]:
    """The instants of all manifests that can be read; what is wrong with the chain is added to the check.

    It keeps no link but the last, so that a chain may be as long as it likes.

    Args:
        links: By number, rising.
        check: Told what is wrong.
        head: The SHA-256 of a manifest seen before: the chain must still have it. Without it, nothing inside the
            bucket can tell that its newest manifests are gone together with all their files.
        first: The number to begin with; what its manifest says of the one before it is then not looked at.
    """
    instants: set[str] = set()
    ledger = Ledger(first)
    expected, last_hash, head_seen = first, None, False
    unlisted_ms = None
    for link in links:
        check.looked_at += 1
        if unlisted_ms is not None:  # whoever commits publishes the manifest before its own first
            check.add(unlisted(unlisted_ms))
        unlisted_ms = link.part.as_of_ms if link.part and link.unlisted else None
        if link.number > expected:
            check.add(Gap(expected, link.number - 1).finding)
        check.extend(link.inside)
        check.extend(ledger.wrong_part(link.number, link.part))
        if link.as_of is not None:
            if link.number == expected and (last_hash or link.number == 1):  # else what it should name is not here
                check.extend(_wrong_link(link, last_hash))
            check.extend(link.signature)
            head_seen = head_seen or link.sha256 == head
            instants.add(link.as_of)
        expected, last_hash = link.number + 1, link.sha256
    if expected == first:
        check.add(Finding("There is no manifest.", manifest_path(first)))
    if head is not None and not head_seen:
        check.add(Finding(f"The manifest with SHA-256 {head} is not in the chain any more.", manifest_path(expected)))
    return instants


def read_chain(
    folder: Path, verifier: Verifier, *, head: str | None = None, left_out: Sequence[str] = ()
) -> tuple[list[Manifest], Check]:
    """Every manifest of a copy of the bucket that can be read, in the chain's order, and what is wrong with the chain.

    Their files stay on disk until they are asked for. Copies under another's number are found, and left out.

    Args:
        folder: The copy.
        verifier: Knows who may have signed, and who did.
        head: See `follow`.
        left_out: Objects of the bucket that are not in the copy.
    """

    def key_of(fingerprint: str) -> bytes | None:
        path = folder / key_path(fingerprint)
        return _start(path, KEY_BYTES_MAX) if path.is_file() else None

    def entry_of(path: str) -> bytes | None:
        return _start(folder / path, ENTRY_BYTES_MAX) if (folder / path).is_file() else None

    chain, check = [], Check("manifest_chain")
    has_list = (folder / LISTED).is_dir()  # a copy of what proves the history may lack it

    def links() -> Iterator[Link]:
        for number, path in _numbered(folder):
            start = _start(path, MANIFEST_BYTES_MAX + 1)
            link, manifest = link_of(number, start, key_of, verifier, entry_of if has_list else None)
            if manifest is not None:
                chain.append(replace(manifest, files=FilesOnDisk(path, manifest.sha256)))
            yield link

    instants = follow(links(), check, head=head)
    check.extend(strange_names([*_paths_under(folder, MANIFESTS), *left_out]))
    listed = [*_paths_under(folder, LISTED), *(path for path in left_out if path.startswith(LISTED))]
    check.extend(strange_entries(listed, instants))
    return without_copies(chain), check


def strange_names(paths: Iterable[str]) -> Iterator[Finding]:
    """Objects where only manifests may be that are not called so; paths of any others are passed over."""
    for path in paths:
        if path.startswith(MANIFESTS) and manifest_number(path.removeprefix(MANIFESTS)) is None:
            yield Finding("No manifest is called so.", path)


def _start(path: Path, count: int) -> bytes:
    with path.open("rb") as content:
        return content.read(count)


def _paths_under(folder: Path, prefix: str) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in sorted((folder / prefix).rglob("*")) if path.is_file())


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    found = ((manifest_number(path.name), path) for path in (folder / MANIFESTS).glob("*") if path.is_file())
    return iter(sorted((number, path) for number, path in found if number is not None))


def _wrong_inside(manifest: Manifest, raw: bytes, content: Mapping[str, Any], number: int) -> Iterator[Finding]:
    yield from _wrong_spelling(manifest.path, raw, content)
    body = content["manifest"]
    where = manifest.path
    if body.get("version") != 1:
        yield Finding("Its version is not 1.", where, evidence={"found": body.get("version")})
    if manifest.number != number:
        yield Finding("It has another number than its name.", where, evidence={"found": manifest.number})
    if manifest.as_of != instant_name(manifest.as_of_ms):
        yield Finding("Its two ways to say its instant differ.", where, evidence={"as_of": manifest.as_of})
    if manifest.snapshot != snapshot_id(manifest.as_of_ms):
        yield Finding("Its snapshot's id is not that of its instant.", where, manifest.snapshot)
    yield from _wrong_files(manifest)
    if manifest.opening is not None and not _says_why(manifest, manifest.opening, body.get("previous")):
        what = "It opens the history anew, and does not say why, who, or after what."
        yield Finding(what, where, evidence=body["opening"])
    if manifest.totals.keys() != TOTALS:
        unknown, missing = sorted(manifest.totals.keys() - TOTALS), sorted(TOTALS - manifest.totals.keys())
        evidence = {"unknown": _told(unknown), "missing": missing}
        yield Finding("It has other totals than a snapshot has.", where, evidence=evidence)
    root = merkle_root([file.leaf for file in manifest.files]).hex()
    if body.get("merkle_root") != root:
        found = {"found": body.get("merkle_root"), "expected": root}
        yield Finding("Its Merkle root is not that of its files.", where, evidence=found)


def _wrong_spelling(where: str, raw: bytes, content: Mapping[str, Any]) -> Iterator[Finding]:
    """The signature covers the manifest alone: of one that is signed there is one file."""
    if raw != canonical(content) + b"\n":
        yield Finding("It is not written as canonical JSON.", where)
    if unsigned := _unsigned(content):
        yield Finding("It says something that nobody signed.", where, evidence={"fields": unsigned})


def _unsigned(content: Mapping[str, Any]) -> list[str]:
    """The first fields beside the manifest, its signature and the three parts of that: the next would seal them."""
    signature = content.get("signature")
    more = sorted(content.keys() - {"manifest", "signature"})
    if isinstance(signature, Mapping):
        more += [f"signature.{name}" for name in sorted(signature.keys() - {"algorithm", "key", "value"})]
    return _told(more)


def _told(names: Sequence[str]) -> list[str]:
    return [name[:_NAME_TOLD_MAX] for name in names[:_NAMES_TOLD_MAX]]


def _wrong_files(manifest: Manifest) -> Iterator[Finding]:
    paths = [file.path for file in manifest.files]
    if paths != sorted(set(paths)):
        yield Finding("Its files are not sorted, or one is named twice.", manifest.path)
    if unlike := unlike_a_snapshot(manifest):
        yield Finding("It does not name exactly the files that a snapshot has.", manifest.path, evidence=unlike)


def _says_why(manifest: Manifest, opening: Opening, previous: Any) -> bool:
    after = opening.after
    is_later = after is None or (after.number < manifest.number and after.as_of_ms < manifest.as_of_ms)
    begins_anew = (after is None) == (previous is None) and manifest.ledger_from_ms is None
    return bool(opening.reason) and bool(opening.actor) and is_later and begins_anew


def _wrong_link(link: Link, last_hash: str | None) -> Iterator[Finding]:
    expected = None if last_hash is None else {"number": link.number - 1, "sha256": last_hash}
    if link.previous != expected:
        evidence = {"found": link.previous, "expected": expected}
        what = "It does not name the manifest before it by its hash."
        yield Finding(what, manifest_path(link.number), evidence=evidence)


def _wrong_signature(
    key_of: KeyOf, manifest: Manifest, content: Mapping[str, Any], verifier: Verifier
) -> Iterator[Finding]:
    value = content.get("signature")
    signature: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    fingerprint = signature.get("key")
    if not isinstance(fingerprint, str) or fingerprint not in verifier.fingerprints:
        found = {"key": str(fingerprint)}
        yield Finding("It is signed with a key that is not trusted.", manifest.path, evidence=found)
        return
    pem = key_of(fingerprint)
    if pem is None:
        yield Finding("The key that signed it is missing.", key_path(fingerprint))
        return
    try:
        value = base64.b64decode(signature["value"], validate=True)
    except (KeyError, TypeError, ValueError):
        yield Finding("It has no signature that can be read.", manifest.path)
        return
    if base64.b64encode(value).decode() != signature["value"]:  # bits that stand for nothing are not all 0
        yield Finding("Its signature is spelled otherwise than base64 spells it.", manifest.path)
    signer = verifier.signer_of(pem, value, canonical(content["manifest"]))
    if signature.get("algorithm") != ALGORITHM or signer is None:
        yield Finding("Its signature is wrong.", manifest.path, evidence={"key": fingerprint})
    elif signer != fingerprint:
        what = "The key that signed it is another than its name says."
        yield Finding(what, key_path(fingerprint), evidence={"found": signer})
