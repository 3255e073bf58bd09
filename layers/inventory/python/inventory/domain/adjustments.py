"""Adjustments and transfers: the record of why stock changed other than by a sale."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.domain.clock import Milliseconds
from inventory.domain.ids import Requester


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Units added to (or, negative, taken from) an item in a warehouse. `at` is in milliseconds since 1970.

    `count` is what was counted, where the adjustment came from a count; `quantity` is then the change it made.
    """

    id: str
    item: str
    warehouse: str
    quantity: int
    reason: str
    at: Milliseconds
    actor: str
    fingerprint: str
    count: int | None = None
    reference: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdjustmentRequest:
    """Who wants an item's stock in a warehouse to be adjusted, and why. By how much, or to which count, is no part."""

    item: str
    warehouse: str
    reason: str
    by: Requester
    reference: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def made(self, identifier: str, quantity: int, at: Milliseconds, count: int | None = None) -> Adjustment:
        """The record of it, made at an instant."""
        return Adjustment(
            id=identifier,
            item=self.item,
            warehouse=self.warehouse,
            quantity=quantity,
            count=count,
            reason=self.reason,
            reference=self.reference,
            metadata=self.metadata,
            at=at,
            actor=self.by.actor,
            fingerprint=self.by.fingerprint,
        )


@dataclass(frozen=True, slots=True)
class Transfer:
    """Units moved from one warehouse to another. `at` is in milliseconds since 1970."""

    id: str
    item: str
    source: str
    destination: str
    quantity: int
    at: Milliseconds
    actor: str
    fingerprint: str
    reference: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
