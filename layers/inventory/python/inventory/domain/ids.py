"""Identifiers: what a valid one looks like, how new ones are made, and how a retry finds its own."""

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from inventory.domain.canonical import canonical_json
from inventory.domain.errors import IdempotencyKeyMismatch
from inventory.domain.limits import ID_LENGTH_MAX

HOLD: Final = "hold"
ADJUSTMENT: Final = "adj"
TRANSFER: Final = "trf"
SNAPSHOT: Final = "snap"
AUDIT: Final = "audit"

#: An item or warehouse.
NAME_PATTERN: Final = rf"^[A-Za-z0-9._-]{{1,{ID_LENGTH_MAX}}}$"

NewUuid = Callable[[], uuid.UUID]


def id_pattern(prefix: str) -> str:
    """What the ids of objects with this prefix look like (``hold_`` and 32 hex digits), as a regular expression."""
    return f"^{prefix}_[0-9a-f]{{32}}$"


def is_object_id(prefix: str, text: str) -> bool:
    """Whether the text could be the id of an object with this prefix."""
    return re.fullmatch(id_pattern(prefix), text) is not None


def is_name(text: str) -> bool:
    """Whether the text is a possible id of an item or a warehouse."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def digest(*parts: str) -> bytes:
    """SHA-256 over the parts, each with its length in front, so that no two lists of parts collide."""
    joined = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))
    return hashlib.sha256(joined).digest()


def rank(*parts: str) -> int:
    """A number that depends on all the parts and nothing else."""
    return int.from_bytes(digest(*parts)[:8], "big")


def fingerprint(parameters: Any) -> str:
    """128 bits, in hex, of a validated request: equal for equal parameters in whatever order they came."""
    return hashlib.sha256(canonical_json(parameters).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks, and how the same question is recognised when it is asked again.

    Attributes:
        account: The account of the API key; it scopes idempotency keys.
        actor: The id of the API key; it stands in every record that the request changes.
        invocation_id: The id of the one invocation that carries the request out.
        fingerprint: See `fingerprint`.
        method: The HTTP method.
        path: The path below the stage, decoded, without a slash at its end: a retry may spell it otherwise.
        idempotency_key: What the caller sent, or None.
    """

    account: str
    actor: str
    invocation_id: str
    fingerprint: str
    method: str = "POST"
    path: str = ""
    idempotency_key: str | None = None

    @property
    def keyed(self) -> bool:
        """Whether the caller can ask again for the same thing."""
        return self.idempotency_key is not None

    @property
    def token(self) -> str:
        """32 hex digits, the same for every try of this request (and for no other request)."""
        if self.idempotency_key is None:
            return digest("request", self.invocation_id)[:16].hex()
        return digest("key", self.account, self.method, self.path, self.idempotency_key)[:16].hex()

    def recognise(self, known: str) -> None:
        """Compares this request with the fingerprint of an earlier one with its key.

        Raises:
            IdempotencyKeyMismatch: That asked for something else.
        """
        if known != self.fingerprint:
            raise IdempotencyKeyMismatch

    def object_id(self, prefix: str, new_uuid: NewUuid) -> str:
        """The id of the object that this request makes: derived where keyed, so that a retry finds it."""
        if self.idempotency_key is None:
            return f"{prefix}_{new_uuid().hex}"
        derived = uuid.UUID(bytes=digest(prefix, self.token)[:16], version=5)
        return f"{prefix}_{derived.hex}"
