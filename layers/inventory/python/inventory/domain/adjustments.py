"""Adjustments and transfers: the record of why stock changed other than by a sale."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.domain.clock import Milliseconds


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
