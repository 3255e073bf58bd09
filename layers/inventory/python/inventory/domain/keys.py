"""API keys: how a new one is made, what is kept of it, and what it may do."""

import base64
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inventory.domain.clock import Milliseconds

#: What the ids of keys begin with.
KEY: Final = "key"

RANDOM_BYTES: Final = 32
_KEY_TEXT = re.compile(r"inv_[A-Za-z0-9_-]{43}", re.ASCII)


class Scope(StrEnum):
    """What a key may be allowed to do."""

    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    HOLDS_READ = "holds:read"
    HOLDS_WRITE = "holds:write"
    AUDITS_READ = "audits:read"
    AUDITS_WRITE = "audits:write"


ALL_SCOPES: Final = tuple(Scope)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key. The key's own text is shown once, when it is made, and kept nowhere.

    Attributes:
        key_hash: See `key_hash`.
        id: ``key_…``; it stands as the actor in every record that the key's requests change.
        account: Idempotency keys are scoped to it.
        scopes: What the key may do.
        name: What a person calls it.
        created: When it was made, in milliseconds since 1970.
        revoked: When it was revoked, in milliseconds since 1970, or None.
    """

    key_hash: str
    id: str
    account: str
    scopes: tuple[Scope, ...]
    name: str
    created: Milliseconds
    revoked: Milliseconds | None = None


def key_text(random: bytes) -> str:
    """The text of a new key: ``inv_`` and 43 characters that stand for 32 random bytes.

    Raises:
        ValueError: There are not 32 of them.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"A key is made of {RANDOM_BYTES} random bytes, not {len(random)}.")
    return "inv_" + base64.urlsafe_b64encode(random).decode().rstrip("=")


def is_key_text(text: str) -> bool:
    """Whether the text could be a key."""
    return _KEY_TEXT.fullmatch(text) is not None


def key_hash(text: str) -> str:
    """What is stored instead of the key: its SHA-256, in hex.

    No salt and no slow hash: a key has 256 random bits, which no dictionary holds and no one can search.
    """
    return hashlib.sha256(text.encode()).hexdigest()
