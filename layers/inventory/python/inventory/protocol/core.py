"""What every use case works with, and the shapes that they answer in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from inventory.domain.availability import ItemStock
from inventory.domain.clock import HybridClock, Milliseconds
from inventory.domain.errors import InstantNotSealed
from inventory.domain.heat import Thresholds
from inventory.domain.ids import NewUuid
from inventory.domain.passes import Pass
from inventory.metric import Metric
from inventory.protocol.hints import Hints, Refusals
from inventory.protocol.shedding import Shed
from inventory.protocol.ttl_cache import TtlCache
from inventory.storage.at_once import AtOnce, one_by_one
from inventory.storage.database import Database
from inventory.storage.tables import Tables

T = TypeVar("T")

#: Tells others what happened: the event's name, and what there is to say of it. It never fails.
Announce = Callable[[str, Mapping[str, Any]], None]
#: Counts something for the operators.
Report = Callable[[Metric, int], None]
#: What there was of an item at an instant, a whole second in milliseconds since 1970. Raises: InstantNotSealed,
#: Missing, SnapshotNeeded, Overloaded.
ReadPast = Callable[[str, Milliseconds], ItemStock]

_ON_AWS: Final = Thresholds()


def unannounced(_name: str, _detail: Mapping[str, Any]) -> None:
    """Tells nobody."""


def no_past(_item: str, _at_ms: Milliseconds) -> ItemStock:
    """A history in which nothing is sealed.

    Raises:
        InstantNotSealed: Always.
    """
    raise InstantNotSealed(None)


@dataclass(frozen=True, slots=True)
class Core:
    """One instance of the service: its database, its clock, and what it remembers for a while, each with its own limit.

    Attributes:
        database: The port to DynamoDB.
        clock: Stamps this instance's writes.
        tables: The tables' names.
        open_slices: Into how many slices the index of unfinished holds is cut.
        hints: Where stock was seen lately.
        refusals: What was found to be too little lately.
        stocks: What readers were told of items lately.
        shed: For what it was refused for load lately.
        passes: The latest strong reading of an item, in a warehouse or in all.
        new_uuid: Makes random UUIDs.
        pause: Waits for some seconds.
        report: Counts something for the operators.
        announce: Tells others what happened, as far as they can be reached at once.
        at_once: Makes several calls at a time, each of them on its own: readings, or writes of different records.
        thresholds: When stock is counted on more shards.
        read_past: Tells stock at an instant of the past.
    """

    database: Database
    clock: HybridClock
    tables: Tables
    open_slices: int
    hints: Hints
    refusals: Refusals
    shed: Shed
    stocks: TtlCache[str, ItemStock]
    passes: TtlCache[tuple[str, str | None], Pass]
    new_uuid: NewUuid
    pause: Callable[[float], None]
    report: Report
    announce: Announce = unannounced
    at_once: AtOnce = one_by_one
    thresholds: Thresholds = _ON_AWS
    read_past: ReadPast = no_past

    def new_id(self, prefix: str) -> str:
        """A random id with this prefix."""
        return f"{prefix}_{self.new_uuid().hex}"


class Answer(NamedTuple, Generic[T]):
    """What a request led to; `replayed` where an earlier request with the same key had done it already."""

    value: T
    replayed: bool


class Page(NamedTuple, Generic[T]):
    """A part of a list."""

    items: list[T]
    has_more: bool
