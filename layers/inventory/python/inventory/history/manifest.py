"""Manifests: what a snapshot consists of, chained, hashed and signed, so that nothing can be changed unnoticed."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, NamedTuple, Protocol

from inventory.adapters.objects import Objects
from inventory.adapters.signing import ALGORITHM
from inventory.domain.clock import Milliseconds
from inventory.history.layout import LAST_MS, MANIFESTS, manifest_path, snapshot_id, stamp_of

VERSION: Final = 1
_TOLD_MAX: Final = 100
#: Ten files of each of at most 1,024 buckets, some 200 bytes for each, are half of it.
_BYTES_MAX: Final = 4 << 20
_NAMED: Final = re.compile(rf"{MANIFESTS}([0-9]{{8}})\.json")
#: What keeps the hash of a leaf of the Merkle tree from being that of a node.
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
#: What is read of a manifest's body, and what each must be.
_FORM: Final[Mapping[str, type | UnionType]] = {
    "number": int,
    "as_of_ms": int,
    "ledger_from_ms": int | None,
    "buckets": int,
    "snapshot": str,
    "totals": dict,
    "files": list,
}


class ManifestDamaged(Exception):
    """A file that is called a manifest is none: somebody else than the commit wrote it."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key} is no manifest: {why}")
        self.key = key


class DataFile(NamedTuple):
    """A file of a snapshot: its final place, and what is in it."""

    path: str
    bytes: int
    rows: int
    sha256: str


def leaf_of(file: DataFile) -> bytes:
    """A file as a leaf of the Merkle tree."""
    return f"{file.sha256} {file.bytes} {file.rows} {file.path}".encode()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The hash of the Merkle tree over the leaves, in their order (RFC 6962); for none, the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(_LEAF + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1  # the largest power of two below the size
    return hashlib.sha256(_NODE + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


class Signer(Protocol):
    """Holds a private key that it never gives away."""

    @property
    def public_key_der(self) -> bytes:
        """The public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The message's signature (RSASSA-PKCS1-v1_5 over SHA-256): the same whenever it is made."""
        ...


class Verifier(Protocol):
    """Knows which keys may have signed manifests: the one that signs now, and those that did before."""

    def has_signed(self, fingerprint: str, signature: bytes, message: bytes) -> bool:
        """Whether one of the keys has this fingerprint, and the signature over the message is its own."""
        ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it lies in the bucket. `body` is what was signed, `content` the whole file's bytes."""

    body: Mapping[str, Any]
    signature: Mapping[str, str]
    content: bytes

    @property
    def number(self) -> int:
        """Its place in the chain, from 1."""
        return int(self.body["number"])

    @property
    def as_of_ms(self) -> Milliseconds:
        """The snapshot's instant, milliseconds since 1970."""
        return int(self.body["as_of_ms"])

    @property
    def buckets(self) -> int:
        """Into how many buckets its files are cut."""
        return int(self.body["buckets"])

    @property
    def sha256(self) -> str:
        """The hash by which the next manifest names this one."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def files(self) -> list[DataFile]:
        """The snapshot's files."""
        return [DataFile(**each) for each in self.body["files"]]


def body_of(
    *,
    previous: Manifest | None,
    as_of_ms: Milliseconds,
    ledger_from_ms: Milliseconds | None,
    buckets: int,
    writer: str,
    files: Iterable[DataFile],
    totals: Mapping[str, int],
    opening: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a manifest says; nothing in it depends on when or how it was made, unless it opens the history anew."""
    listed = sorted(files)
    optional = {} if opening is None else {"opening": dict(opening)}
    return optional | {
        "version": VERSION,
        "number": 1 if previous is None else previous.number + 1,
        "previous": None if previous is None else {"number": previous.number, "sha256": previous.sha256},
        "snapshot": snapshot_id(as_of_ms),
        "as_of": stamp_of(as_of_ms),
        "as_of_ms": as_of_ms,
        "ledger_from_ms": ledger_from_ms,
        "buckets": buckets,
        "writer": writer,
        "files": [file._asdict() for file in listed],
        "totals": dict(totals),
        "merkle_root": merkle_root([leaf_of(file) for file in listed]).hex(),
    }


def signed(body: Mapping[str, Any], signer: Signer) -> bytes:
    """The file of a manifest."""
    return _file(body, fingerprint_of(signer.public_key_der), signer.sign(canonical(body)))


def _file(body: Mapping[str, Any], fingerprint: str, signature: bytes) -> bytes:
    """The one spelling of a manifest: of its body, whoever signed it, there are no other bytes."""
    value = base64.b64encode(signature).decode()
    told = {"manifest": body, "signature": {"algorithm": ALGORITHM, "key": fingerprint, "value": value}}
    return canonical(told) + b"\n"


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON in the one form that is signed: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def fingerprint_of(public_key_der: bytes) -> str:
    """The name of a public key: SHA-256 of its DER, in hex."""
    return hashlib.sha256(public_key_der).hexdigest()


def parsed(content: bytes) -> Manifest:
    """A manifest from its file.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    whole = json.loads(content)
    return Manifest(whole["manifest"], whole["signature"], content)


def read_manifest(objects: Objects, number: int) -> Manifest:
    """A manifest of the chain.

    Whoever may write to the bucket can put a file of any name there: it is looked at before anything relies on it. Who
    signed it is not: `read_signed` does that, audits and verifications do.

    Raises:
        NoSuchObject: There is none of this number.
        ManifestDamaged: What is called so is none.
    """
    path = manifest_path(number)
    content = objects.read_start(path, _BYTES_MAX + 1)
    if len(content) > _BYTES_MAX:
        raise ManifestDamaged(path, f"it has more than {_BYTES_MAX:,} bytes")
    try:
        manifest = parsed(content)
        _check_form(manifest, number)
        _check_spelling(manifest)
    except KeyError as error:
        raise ManifestDamaged(path, f"it has no {error}") from error
    except (TypeError, ValueError, RecursionError) as error:  # deeply nested JSON is the last
        raise ManifestDamaged(path, ascii(str(error))[1 : _TOLD_MAX + 1]) from error
    return manifest


def read_signed(objects: Objects, number: int, verifier: Verifier, trusted: str = "") -> Manifest:
    """A manifest of the chain that one of the service's keys signed: nothing that another wrote is sealed by the next.

    Args:
        objects: The history's bucket.
        number: Its place in the chain.
        verifier: Knows the keys.
        trusted: The SHA-256 of a manifest that somebody vouches for, because its key is gone.

    Raises:
        NoSuchObject: There is none of this number.
        ManifestDamaged: What is called so is none, or nobody signed it who may.
    """
    manifest = read_manifest(objects, number)
    signature = base64.b64decode(manifest.signature["value"])
    if manifest.sha256 == trusted:
        return manifest
    if not verifier.has_signed(manifest.signature["key"], signature, canonical(manifest.body)):
        raise ManifestDamaged(manifest_path(number), "no key that may sign manifests has signed it")
    return manifest


def _check_spelling(manifest: Manifest) -> None:
    """The signature covers the body alone: whatever else the file could say, or how, would be sealed unsigned.

    Raises:
        KeyError, TypeError, ValueError: It has other bytes than the commit would write.
    """
    signature = base64.b64decode(manifest.signature["value"], validate=True)
    if manifest.content != _file(manifest.body, manifest.signature["key"], signature):
        raise ValueError("it is not written as the commit writes it")


def _check_form(manifest: Manifest, number: int) -> None:
    """Looks at what is read of a manifest.

    Raises:
        KeyError, TypeError, ValueError: It is not there, or is something else.
    """
    body = manifest.body
    for name, form in _FORM.items():
        if not isinstance(body[name], form) or isinstance(body[name], bool):
            raise TypeError(f"its {name} is {str(body[name])[:_TOLD_MAX]!r}")
    if manifest.number != number:
        raise ValueError(f"its number is {manifest.number}")
    if not (0 < manifest.as_of_ms <= LAST_MS and manifest.buckets > 0):
        raise ValueError(f"its instant is {manifest.as_of_ms}, and its buckets are {manifest.buckets}")
    for file in manifest.files:
        if [type(each) for each in file] != [str, int, int, str]:
            raise TypeError(f"one of its files is {str(file)[:_TOLD_MAX]}")
    if "opening" in body:
        after = body["opening"]["after"]
        if after is not None and not isinstance(after["as_of_ms"], int):
            raise TypeError("what its opening comes after has no instant")


def head_number(objects: Objects) -> int:
    """The number of the newest manifest; 0 where there is none. What is not called so is passed over."""
    named = (_NAMED.fullmatch(stored.key) for stored in objects.list(MANIFESTS))
    return max((int(name[1]) for name in named if name), default=0)
