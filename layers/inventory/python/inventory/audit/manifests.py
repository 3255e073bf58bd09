"""The chain of manifests: numbers, hashes, Merkle roots and signatures (docs/history.md)."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from inventory.audit.findings import Check, Finding
from inventory.audit.merkle import merkle_root

ALGORITHM: Final = "RSASSA_PKCS1_V1_5_SHA_256"
_NAME = re.compile(r"([0-9]{8})\.json", re.ASCII)

#: Takes a public key's PEM, a signature and a message; gives the key's fingerprint (the SHA-256 of its DER, in hex)
#: where the signature over the message is its own, else None.
SignatureCheck = Callable[[bytes, bytes, bytes], str | None]


@dataclass(frozen=True, slots=True)
class File:
    """A file as a manifest names it."""

    path: str
    size: int
    rows: int
    sha256: str

    @property
    def leaf(self) -> bytes:
        """What stands for it in the Merkle tree."""
        return f"{self.sha256} {self.size} {self.rows} {self.path}".encode("ascii")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one commit sealed.

    Attributes:
        path: Where it is in the bucket.
        number: Its place in the chain, from 1.
        sha256: Of the whole file.
        snapshot: The snapshot's id.
        as_of: The instant, as names have it.
        as_of_ms: The same in milliseconds since 1970.
        ledger_from_ms: Its ledger has the events after this instant; None where it adds none.
        buckets: Into how many buckets files are cut.
        files: All that it sealed, by path.
        totals: Sums over its rows.
    """

    path: str
    number: int
    sha256: str
    snapshot: str
    as_of: str
    as_of_ms: int
    ledger_from_ms: int | None
    buckets: int
    files: tuple[File, ...]
    totals: Mapping[str, int]

    def under(self, prefix: str) -> list[File]:
        """Its files whose path begins so."""
        return [file for file in self.files if file.path.startswith(prefix)]


def canonical(value: object) -> bytes:
    """JSON with sorted keys, without spaces, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def instant_name(instant_ms: int) -> str:
    """An instant as names in the bucket have it: YYYYMMDDTHHMMSSZ."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def manifest_path(number: int) -> str:
    """Where a manifest is."""
    return f"manifests/{number:08}.json"


def parsed(path: str, raw: bytes) -> Manifest:
    """A manifest from its file, whatever its signature is.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: It is none.
    """
    told = json.loads(raw)["manifest"]
    return Manifest(
        path=path,
        number=told["number"],
        sha256=hashlib.sha256(raw).hexdigest(),
        snapshot=told["snapshot"],
        as_of=told["as_of"],
        as_of_ms=told["as_of_ms"],
        ledger_from_ms=told["ledger_from_ms"],
        buckets=told["buckets"],
        files=tuple(File(each["path"], each["bytes"], each["rows"], each["sha256"]) for each in told["files"]),
        totals=told["totals"],
    )


def read_chain(
    folder: Path, trusted: Collection[str], signer_of: SignatureCheck, *, head: str | None = None, first: int = 1
) -> tuple[list[Manifest], Check]:
    """Every manifest that can be read, in the chain's order, and what is wrong with the chain.

    Args:
        folder: A copy of the bucket.
        trusted: Fingerprints of the keys that may have signed.
        signer_of: Tells who made a signature.
        head: The SHA-256 of a manifest seen before: the chain must still have it. Without it, nothing inside the
            bucket can tell that its newest manifests are gone together with all their files.
        first: The number to begin with; what its manifest says of the one before it is then not looked at.
    """
    check = Check("manifest_chain")
    manifests: list[Manifest] = []
    expected, last_hash = first, None
    for number, path in _numbered(folder):
        check.looked_at += 1
        for missing in range(expected, number):
            check.add(Finding(f"Manifest {missing} is missing.", manifest_path(missing)))
        raw = path.read_bytes()
        try:
            content = json.loads(raw)
            manifest = parsed(manifest_path(number), raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            check.add(Finding(f"It is no manifest: {type(error).__name__}: {error}.", manifest_path(number)))
        else:
            check.extend(_wrong_inside(manifest, raw, content, number))
            if number == expected and (last_hash or number == 1):  # else what it should name is not here
                check.extend(_wrong_link(manifest.path, content["manifest"], number, last_hash))
            check.extend(_wrong_signature(folder, manifest, content, trusted, signer_of))
            manifests.append(manifest)
        expected, last_hash = number + 1, hashlib.sha256(raw).hexdigest()
    if expected == first:
        check.add(Finding("There is no manifest.", manifest_path(first)))
    if head is not None and head not in {manifest.sha256 for manifest in manifests}:
        check.add(Finding(f"The manifest with SHA-256 {head} is not in the chain any more.", manifest_path(expected)))
    return manifests, check


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    found = ((_NAME.fullmatch(path.name), path) for path in (folder / "manifests").glob("*"))
    return iter(sorted((int(match[1]), path) for match, path in found if match))


def _wrong_inside(manifest: Manifest, raw: bytes, content: Mapping[str, Any], number: int) -> Iterator[Finding]:
    told = content["manifest"]
    where = manifest.path
    if raw != canonical(content) + b"\n":
        yield Finding("It is not written as canonical JSON.", where)
    if told.get("version") != 1:
        yield Finding("Its version is not 1.", where, evidence={"found": told.get("version")})
    if manifest.number != number:
        yield Finding("It has another number than its name.", where, evidence={"found": manifest.number})
    if manifest.as_of != instant_name(manifest.as_of_ms):
        yield Finding("Its two ways to say its instant differ.", where, evidence={"as_of": manifest.as_of})
    seed = hashlib.sha256(f"snapshot/{manifest.as_of_ms}".encode()).hexdigest()[:20]
    if manifest.snapshot != f"snap_{manifest.as_of_ms:012x}{seed}":
        yield Finding("Its snapshot's id is not that of its instant.", where, manifest.snapshot)
    paths = [file.path for file in manifest.files]
    if paths != sorted(set(paths)):
        yield Finding("Its files are not sorted, or one is named twice.", where)
    root = merkle_root([file.leaf for file in manifest.files]).hex()
    if told.get("merkle_root") != root:
        found = {"found": told.get("merkle_root"), "expected": root}
        yield Finding("Its Merkle root is not that of its files.", where, evidence=found)


def _wrong_link(path: str, told: Mapping[str, Any], number: int, last_hash: str | None) -> Iterator[Finding]:
    expected = None if last_hash is None else {"number": number - 1, "sha256": last_hash}
    if (previous := told.get("previous")) != expected:
        evidence = {"found": previous, "expected": expected}
        yield Finding("It does not name the manifest before it by its hash.", path, evidence=evidence)


def _wrong_signature(
    folder: Path, manifest: Manifest, content: Mapping[str, Any], trusted: Collection[str], signer_of: SignatureCheck
) -> Iterator[Finding]:
    signature = content.get("signature") or {}
    fingerprint = str(signature.get("key"))
    if fingerprint not in trusted:
        yield Finding("It is signed with a key that is not trusted.", manifest.path, evidence={"key": fingerprint})
        return
    key = folder / "keys" / f"{fingerprint}.pem"
    if not key.is_file():
        yield Finding("The key that signed it is missing.", f"keys/{fingerprint}.pem")
        return
    try:
        value = base64.b64decode(signature["value"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        yield Finding("It has no signature that can be read.", manifest.path)
        return
    signer = signer_of(key.read_bytes(), value, canonical(content["manifest"]))
    if signature.get("algorithm") != ALGORITHM or signer is None:
        yield Finding("Its signature is wrong.", manifest.path, evidence={"key": fingerprint})
    elif signer != fingerprint:
        what = "The key that signed it is another than its name says."
        yield Finding(what, f"keys/{fingerprint}.pem", evidence={"found": signer})
