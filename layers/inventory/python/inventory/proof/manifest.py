"""A manifest: what one commit sealed, as its file says it, believed of nothing but its form (docs/history.md)."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from inventory.proof.names import NAMED
from inventory.proof.spans import Span

MANIFESTS: Final = "manifests/"
_NAME = re.compile(r"([0-9]{8})\.json", re.ASCII)
#: The last instant whose name has a year of four digits.
_INSTANT_MAX_MS: Final = 253_402_300_799_000
#: Whoever reckons with counts has 64 bits for one.
_COUNT_MAX: Final = (1 << 63) - 1
#: HistoryBuckets has never been allowed to be more, and each bucket is a step of an audit.
_BUCKETS_MAX: Final = 1_024

#: Ten files of each bucket, some 200 bytes for each, are half of it. Whoever may write to the bucket could make a file
#: that no memory holds: so no more is read of one than tells that it has more.
MANIFEST_BYTES_MAX: Final = 4 << 20
KEY_BYTES_MAX: Final = 1 << 16
#: What a snapshot's totals are of, and nothing else.
TOTALS: Final = {
    *("items", "available", "held", "on_hand", "adjusted", "executed", "holding", "shards", "unsettled_holds"),
    *("stock_events", "hold_events", "adjustment_events"),
}

_Count = Annotated[int, Field(ge=0, le=_COUNT_MAX)]
_Number = Annotated[int, Field(ge=1, le=_COUNT_MAX)]
_Total = Annotated[int, Field(ge=-_COUNT_MAX, le=_COUNT_MAX)]
_Instant = Annotated[int, Field(ge=0, le=_INSTANT_MAX_MS)]
_InstantName = Annotated[str, StringConstraints(pattern="^[0-9]{8}T[0-9]{6}Z$")]
_Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class NoManifest(ValueError):
    """A file that should be a manifest has not the form of one."""


class _Untrusted(BaseModel):
    """A part of a file that anyone may have written. What it says beside this is no concern of the form."""

    model_config = ConfigDict(strict=True, frozen=True)


class _File(_Untrusted):
    path: Annotated[str, StringConstraints(pattern=NAMED)]
    bytes: _Count
    rows: _Count
    sha256: _Digest


class After(_Untrusted):
    """The snapshot after which an opening comes."""

    number: _Number
    as_of_ms: _Instant


class Opening(_Untrusted):
    """What a manifest says that opens the history anew: why, who answers for it, after what, and how much is lost."""

    reason: str = ""
    actor: str = ""
    after: After | None
    lost_records: _Count = 0
    lost_revisions: _Count = 0


class _Manifest(_Untrusted):
    number: _Number
    snapshot: str
    as_of: _InstantName
    as_of_ms: _Instant
    ledger_from_ms: _Instant | None
    buckets: Annotated[int, Field(ge=1, le=_BUCKETS_MAX)]
    files: list[_File]
    totals: dict[str, _Total]
    opening: Opening | None = None


class _Content(_Untrusted):
    manifest: _Manifest


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
        return f"{self.sha256} {self.size} {self.rows} {self.path}".encode()


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
        opening: Where it opens the history anew; else None.
    """

    path: str
    number: int
    sha256: str
    snapshot: str
    as_of: str
    as_of_ms: int
    ledger_from_ms: int | None
    buckets: int
    files: Sequence[File]
    totals: Mapping[str, int]
    opening: Opening | None = None

    @property
    def in_place(self) -> bool:
        """Whether its file has its own number, and not another's."""
        return self.path == manifest_path(self.number)

    @property
    def hole(self) -> Span | None:
        """The time before an opening of which nothing is proved: after this, and up to this."""
        if self.opening is None:
            return None
        return Span(0 if self.opening.after is None else self.opening.after.as_of_ms, self.as_of_ms)

    def under(self, prefix: str) -> list[File]:
        """Its files whose path begins so."""
        return [file for file in self.files if file.path.startswith(prefix)]


def parsed(path: str, raw: bytes) -> Manifest:
    """A manifest from its file, whatever its signature is.

    Raises:
        NoManifest: It is none.
    """
    if len(raw) > MANIFEST_BYTES_MAX:
        raise NoManifest(f"It has more than {MANIFEST_BYTES_MAX:,} bytes")
    try:
        body = _Content.model_validate(content_of(raw)).manifest
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise NoManifest(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return Manifest(
        path=path,
        number=body.number,
        sha256=hashlib.sha256(raw).hexdigest(),
        snapshot=body.snapshot,
        as_of=body.as_of,
        as_of_ms=body.as_of_ms,
        ledger_from_ms=body.ledger_from_ms,
        buckets=body.buckets,
        files=tuple(File(each.path, each.bytes, each.rows, each.sha256) for each in body.files),
        totals=body.totals,
        opening=body.opening,
    )


def content_of(raw: bytes) -> Any:
    """What a manifest's file says.

    Python's own parser would take what later nobody can write: halves of surrogate pairs, which are no text, and values
    nested to just below the depth at which it fails itself. This one takes neither (it stops at a depth of 200).

    Raises:
        NoManifest: It is no such JSON.
    """
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise NoManifest(f"It is no JSON: {error}") from error


def canonical(value: object) -> bytes:
    """JSON with sorted keys, without spaces, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def instant_name(instant_ms: int) -> str:
    """An instant as names in the bucket have it: YYYYMMDDTHHMMSSZ."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def snapshot_id(as_of_ms: int) -> str:
    """The id of the one snapshot of an instant."""
    return f"snap_{as_of_ms:012x}{hashlib.sha256(f'snapshot/{as_of_ms}'.encode()).hexdigest()[:20]}"


def manifest_path(number: int) -> str:
    """Where a manifest is."""
    return f"{MANIFESTS}{number:08}.json"


def manifest_number(name: str) -> int | None:
    """The number in the name of a manifest's file, without its folder; None where no manifest is called so."""
    found = _NAME.fullmatch(name)
    return (int(found[1]) or None) if found else None


def key_path(fingerprint: str) -> str:
    """Where a public key is."""
    return f"keys/{fingerprint}.pem"
