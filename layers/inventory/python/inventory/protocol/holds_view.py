"""Looking at holds: one by its id, or the active ones, soonest to expire first."""

from collections.abc import Iterator
from heapq import merge
from itertools import islice

from inventory.domain.errors import InvalidRequest, Missing, Overloaded
from inventory.domain.holds import Hold, Status, due
from inventory.domain.ids import HOLD, is_object_id
from inventory.protocol.core import Core, Page
from inventory.storage.codec import Record
from inventory.storage.hold_records import OPEN_INDEX, hold_from

_CANDIDATES_MAX = 2_000
_SPARE = 4  # entries of a slice beyond its part


def get_hold(core: Core, hold_id: str) -> Hold:
    """The hold as it is now, read strongly.

    Raises:
        Missing: No such hold.
        Overloaded: The database did not answer.
    """
    record = core.database.get(core.tables.hold(hold_id)) if is_object_id(HOLD, hold_id) else None
    if record is None:
        raise Missing("hold", hold_id)
    return hold_from(record)


def list_holds(core: Core, *, limit: int, starting_after: str | None) -> Page[Hold]:
    """A page of the active holds, by a query of each slice, several at a time.

    The next page begins where the cursor's hold stands by then: if that is extended meanwhile, the page skips the holds
    that expire between its old time and its new one.

    Args:
        core: What the use case works with.
        limit: How many at most, 1 to 100.
        starting_after: The id of the last hold of the page before.

    Raises:
        InvalidRequest: The cursor is no hold (any more).
        Overloaded: The database did not answer, or there is too much unsettled to find the active ones.
    """
    after = f"{core.clock.now():015d}$"  # '$' sorts after '#': past all that is due up to this millisecond
    if starting_after is not None:
        after = max(after, _cursor(core, starting_after))
    size = _page_size(limit + 1, core.open_slices)
    firsts = core.at_once(lambda number: _page(core, str(number), after, size), range(core.open_slices))
    candidates = merge(*(_slice(core, str(number), first, size) for number, first in enumerate(firsts)))
    active: list[Hold] = []
    looked_at = 0
    while len(active) <= limit:
        wanted = [hold_id for _, hold_id in islice(candidates, limit + 1 - len(active))]
        if not wanted:
            return Page(active, has_more=False)
        looked_at += len(wanted)
        if looked_at > _CANDIDATES_MAX:
            raise Overloaded("Too many holds are being settled to list the active ones. Try again in a moment.")
        seen = {hold.id for hold in active}  # one that is extended meanwhile turns up again, later
        active += [hold for hold in _active(core, wanted) if hold.id not in seen]
    return Page(active[:limit], has_more=True)


def _cursor(core: Core, hold_id: str) -> str:
    try:
        return due(hold_id, get_hold(core, hold_id).expires_at)
    except Missing:
        raise InvalidRequest("parameter_invalid", f"No such hold: '{hold_id}'.", param="starting_after") from None


def _page_size(wanted: int, slices: int) -> int:
    """How many entries of a slice to read at a time: twice what is likely to be its part, as ids spread evenly."""
    return min(wanted, -(-2 * wanted // slices) + _SPARE)


def _page(core: Core, open_slice: str, after: str, size: int) -> tuple[list[Record], bool]:
    return core.database.query_index(
        core.tables.holds,
        OPEN_INDEX,
        "#open = :open AND #due > :after",
        {"open": open_slice, "after": after},
        limit=size,
    )


def _slice(core: Core, open_slice: str, first: tuple[list[Record], bool], size: int) -> Iterator[tuple[str, str]]:
    """A slice's entries from its first page on; the next is read when somebody wants what comes after the last."""
    found, more = first
    yield from _entries(found)
    while more and found:  # each page moves on, so this ends
        found, more = _page(core, open_slice, found[-1]["due"], size)
        yield from _entries(found)


def _entries(records: list[Record]) -> Iterator[tuple[str, str]]:
    return ((record["due"], record["hold_id"]) for record in records)


def _active(core: Core, hold_ids: list[str]) -> list[Hold]:
    asked = list(dict.fromkeys(hold_ids))
    records = core.database.batch_get([core.tables.hold(hold_id) for hold_id in asked])
    found = {hold.id: hold for hold in map(hold_from, records)}
    now_ms = core.clock.now()
    listed = [found[hold_id] for hold_id in asked if hold_id in found]
    return [hold for hold in listed if hold.status_at(now_ms) is Status.ACTIVE]
