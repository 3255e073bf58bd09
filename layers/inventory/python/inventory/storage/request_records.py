"""Records of keyed requests that make no record of their own, and of what was last made under a name."""

from collections.abc import Mapping
from typing import Any

from inventory.domain.clock import Milliseconds
from inventory.domain.ids import Requester
from inventory.domain.limits import KEPT_AFTER_SETTLEMENT_S
from inventory.storage.codec import Record
from inventory.storage.tables import Tables
from inventory.storage.writes import Write

#: What the record of a keyed request is called among the reasons of a cancelled transaction.
REQUEST = "request"


def put_request(
    tables: Tables, by: Requester, made: str, at: Milliseconds, more: Mapping[str, Any] | None = None
) -> Write:
    """The record of a keyed request that makes no record of its own. Guard: the key is new."""
    return Write(
        kind="Put",
        key=tables.request(by.token),
        condition="attribute_not_exists(#request_id)",
        about=REQUEST,
        record={
            "made": made,
            "fingerprint": by.fingerprint,
            "actor": by.actor,
            "at": at,
            "ttl": at // 1000 + KEPT_AFTER_SETTLEMENT_S,
            **(more or {}),
        },
    )


def made_before(request: Record | None, by: Requester) -> bool:
    """Whether the record that stands under a request's token is its own: then what it asks for was done.

    Raises:
        IdempotencyKeyMismatch: The key was used with other parameters.
    """
    if request is not None:
        by.recognise(request["fingerprint"])
    return request is not None


def put_latest(
    tables: Tables, name: str, made: str, at: Milliseconds, before: str | None, more: Mapping[str, Any]
) -> Write:
    """The record of what was last made under a name, in place of the one before. Guard: that still stands there."""
    return Write(
        kind="Put",
        key=tables.request(name),
        condition="attribute_not_exists(#request_id)" if before is None else "#made = :before",
        about=REQUEST,
        record={"made": made, "at": at, "ttl": at // 1000 + KEPT_AFTER_SETTLEMENT_S, **more},
        values={} if before is None else {"before": before},
    )
