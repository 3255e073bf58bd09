"""Holds: what was reserved, from which shards, how it ended, and what that does to the counters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InvalidRequest
from inventory.domain.stock import Change, ShardKey, summed


class Status(StrEnum):
    """The life of a hold: active, then once one of the others."""

    ACTIVE = "active"
    EXECUTED = "executed"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Draw:
    """Units of a line that one shard gave."""

    shard: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one item held in one warehouse. `executed` is None where all of it is meant."""

    item: str
    warehouse: str
    quantity: int
    drawn: tuple[Draw, ...]
    executed: int | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """What an execution takes of one line."""

    item: str
    warehouse: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """The request that ended a hold: its token, its fingerprint, and who made it."""

    key: str
    fingerprint: str
    actor: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold record. `created`, `expires_at` and `at` are milliseconds since 1970."""

    id: str
    status: Status
    lines: tuple[Line, ...]
    created: Milliseconds
    expires_at: Milliseconds
    rev: int
    at: Milliseconds
    actor: str
    fingerprint: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    resolution: Resolution | None = None
    settlement: str | None = None

    def status_at(self, now_ms: Milliseconds) -> Status:
        """The status a caller sees: an active hold past its time counts as expired before it is swept."""
        if self.status is Status.ACTIVE and self.expires_at <= now_ms:
            return Status.EXPIRED
        return self.status

    def executed(self, line: Line) -> int:
        """Units of the line that left the warehouse."""
        if self.status is not Status.EXECUTED:
            return 0
        return line.quantity if line.executed is None else line.executed

    def shard_keys(self) -> set[ShardKey]:
        """The shards that the hold was drawn from."""
        return {ShardKey(line.item, line.warehouse, draw.shard) for line in self.lines for draw in line.drawn}


def due(hold_id: str, expires_at: Milliseconds) -> str:
    """Where a hold stands among unfinished ones: by the time it expires, then by its id."""
    return f"{expires_at:015d}#{hold_id}"


def settling_changes(hold: Hold) -> list[Change]:
    """What settling a resolved hold does to each of its shards.

    All of it stops being held, and what was not executed becomes available again. The units executed are taken from
    a line's draws in their order.
    """
    changes = []
    for line in hold.lines:
        left = hold.executed(line)
        for draw in line.drawn:
            gone = min(left, draw.quantity)
            left -= gone
            key = ShardKey(line.item, line.warehouse, draw.shard)
            changes.append(Change(key, draw.quantity - gone, -draw.quantity))
    return summed(changes)


def executed_by_line(hold: Hold, takes: Sequence[Take]) -> list[int]:
    """How much of each of the hold's lines is executed, in their order; a line left out takes nothing.

    Raises:
        InvalidRequest: A take names a line that the hold lacks, or more than was held.
    """
    wanted: dict[tuple[str, str], int] = {}
    held = {(line.item, line.warehouse): line.quantity for line in hold.lines}
    for index, take in enumerate(takes):
        key = (take.item, take.warehouse)
        if key not in held:
            raise InvalidRequest(
                "parameter_invalid",
                f"The hold has no line for item '{take.item}' in warehouse '{take.warehouse}'.",
                param=f"lines[{index}]",
            )
        wanted[key] = wanted.get(key, 0) + take.quantity
        if wanted[key] > held[key]:
            raise InvalidRequest(
                "parameter_invalid",
                f"The hold has {held[key]} of item '{take.item}' in warehouse '{take.warehouse}', "
                f"fewer than the {wanted[key]} to execute.",
                param=f"lines[{index}][quantity]",
            )
    return [wanted.get((line.item, line.warehouse), 0) for line in hold.lines]
