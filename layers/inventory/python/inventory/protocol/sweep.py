"""Sweep: everything unfinished gets finished, whatever else failed. Slice by slice over the index of open holds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from itertools import chain
from math import gcd
from typing import Final

from inventory.domain.errors import ClockSkewed, Conflict, Overloaded
from inventory.domain.holds import Hold, Status
from inventory.protocol.core import Core
from inventory.protocol.resolve import expire
from inventory.protocol.settle import Settled, settle
from inventory.storage.codec import Record
from inventory.storage.hold_records import OPEN_INDEX, sound_hold_from

UNSETTLED_AFTER_MS: Final = 60_000
#: Every slice has its turn within so many runs, however many holds are open.
ROUND_RUNS_MAX: Final = 5
_ENOUGH = 20_000  # holds that a run looks at even where a part of the slices would do: it costs a tenth of a cent
_LISTED = 1_000  # entries of the index in one query: far under the 1 MB that one may answer
_PAGE = 100  # holds looked at before the time is
_AT_ONCE = 8  # slices begun at a time: nearly all queries find little or nothing


@dataclass(slots=True)
class Swept:
    """What a run of the sweeper did.

    Attributes:
        seen: Open holds looked at.
        expired: Holds ended because their time was over.
        lag_ms: How long the longest waiting of them had been past its time when it was read.
        slices: Slices gone through to their end, for what is due or (after that) for what is not.
        finished: Whether it did all that was its turn; if not, the next run begins with other slices.
        contended: Holds left for the next run because others were faster or the database refused.
        unreadable: Ids of records that are no holds, passed over so that they stop nothing behind them.
        settling: What was settled.
    """

    seen: int = 0
    expired: int = 0
    lag_ms: int = 0
    slices: int = 0
    finished: bool = False
    contended: int = 0
    unreadable: list[str] = field(default_factory=list)
    settling: Settled = field(default_factory=Settled)


def sweep(core: Core, *, until_ms: int, swept: Swept | None = None) -> Swept:
    """Expires what is past its time, then settles what was resolved over a minute ago and is not settled yet.

    Goes through what is due in every slice first, as that gives stock back. All else has to be read to see whether it
    is settled, and nearly all of it is merely active: so that is looked through in turns, about a fifth of the slices
    in each run, or more while it is little (docs/adr/sweeping-in-turns.md). Stops at `until_ms`. A run begins with
    another slice each minute, so that one that runs out of time starves none.

    Args:
        core: What the use case works with.
        until_ms: When to stop.
        swept: Where to note what is done as it is done, so that a caller knows of it even where the run fails.

    Raises:
        ClockSkewed: This instance's clock is not to be trusted.
        Overloaded: The index could not be read.
    """
    swept = Swept() if swept is None else swept
    now_ms = core.clock.now()
    turn = turn_of(core.open_slices)
    first = now_ms // 60_000 * turn % core.open_slices
    order = order_from(first, core.open_slices)
    horizon = f"{now_ms:015d}$"  # '$' sorts after '#': all that is due up to and with this millisecond
    for low, high in ((" ", horizon), (horizon, "~")):
        swept.slices = 0
        is_due = high == horizon
        for pages in _slices(core, order, low, high):
            if not is_due and swept.slices >= turn and swept.seen >= _ENOUGH:
                break
            for hold_ids in pages:
                if core.clock.now() >= until_ms:
                    return swept
                if hold_ids:
                    _finish(core, hold_ids, swept, until_ms, consistent=is_due)
            swept.slices += 1
    swept.finished = True
    return swept


def turn_of(slices: int) -> int:
    """How many slices a run looks through at least: enough for `ROUND_RUNS_MAX` runs to see all of them.

    A fifth, and a twenty-fifth of that: so each round of five begins a fifth of a turn further, and what one turn had
    no time for at its end comes early in a later one. It has no divisor in common with the slices' number, so that each
    is the first of some run.
    """
    runs = ROUND_RUNS_MAX
    return _without_common_divisor(-(-slices * (runs * runs + 1) // runs**3), slices)


def order_from(first: int, slices: int) -> list[int]:
    """All slices from the place `first` on, with neighbours far apart.

    So each turn has its part of those that are used, which are the lowest where OpenHoldSlices is less than `slices`.
    """
    stride = _without_common_divisor(slices * 618 // 1000, slices)  # the golden section: the most even there is
    return [(first + offset) * stride % slices for offset in range(slices)]


def _without_common_divisor(least: int, slices: int) -> int:
    return next(number for number in range(least, slices + 1) if gcd(number, slices) == 1)


def _slices(core: Core, order: Sequence[int], low: str, high: str) -> Iterator[Iterator[list[str]]]:
    """Slice by slice the ids of its open holds, soonest to expire first, in pages: at least one, be it empty."""
    for start in range(0, len(order), _AT_ONCE):
        begun = core.at_once(partial(_begin, core, low, high), order[start : start + _AT_ONCE])
        for first, rest in begun:
            yield _pages(chain([first], rest))


def _begin(core: Core, low: str, high: str, number: int) -> tuple[list[Record], Iterator[list[Record]]]:
    """A slice's first answer, and those after it, which are asked for when they are wanted."""
    condition = "#open = :open AND #due BETWEEN :low AND :high"
    values = {"open": str(number), "low": low, "high": high}
    answers = core.database.index_pages(core.tables.holds, OPEN_INDEX, condition, values, size=_LISTED)
    return next(answers), answers


def _pages(answers: Iterable[list[Record]]) -> Iterator[list[str]]:
    for listed in answers:
        for start in range(0, len(listed) or 1, _PAGE):
            # One that moves within the index meanwhile is listed twice; no batch reads a key twice.
            yield list(dict.fromkeys(record["hold_id"] for record in listed[start : start + _PAGE]))


def _finish(core: Core, hold_ids: Sequence[str], swept: Swept, until_ms: int, *, consistent: bool) -> None:
    # What was left for over a minute is seen by the cheaper reading, too; what it sees too late, the next turn sees.
    holds = list(_readable(_read(core, hold_ids, swept, consistent=consistent), swept))
    now_ms = core.clock.now()
    swept.seen += len(holds)
    due = [hold for hold in holds if hold.status is Status.ACTIVE and hold.expires_at <= now_ms]
    swept.lag_ms = max(swept.lag_ms, *(now_ms - hold.expires_at for hold in due), 0)
    skewed: ClockSkewed | None = None
    for outcome in core.at_once(partial(_expire, core, until_ms), due):
        swept.expired += outcome is _Expiry.ENDED
        swept.contended += outcome is _Expiry.CONTENDED
        if isinstance(outcome, ClockSkewed):
            skewed = outcome
    if skewed is not None:
        raise skewed
    late = [hold for hold in holds if _is_late(hold, now_ms)]
    settled = settle(core, late, until_ms=until_ms)
    swept.contended += len(settled.left)
    swept.settling.settled += settled.settled
    swept.settling.lag_ms = max(swept.settling.lag_ms, settled.lag_ms)
    swept.settling.broken += settled.broken


class _Expiry(Enum):
    ENDED = auto()
    OTHERWISE = auto()
    CONTENDED = auto()


def _expire(core: Core, until_ms: int, hold: Hold) -> _Expiry | ClockSkewed:
    if core.clock.now() >= until_ms:
        return _Expiry.OTHERWISE
    try:
        return _Expiry.OTHERWISE if expire(core, hold.id) is None else _Expiry.ENDED
    except ClockSkewed as skewed:  # not raised yet: what ended beside it is counted first
        return skewed
    except (Conflict, Overloaded):  # the next run tries again; what else is due need not wait for it
        return _Expiry.CONTENDED


def _read(core: Core, hold_ids: Sequence[str], swept: Swept, *, consistent: bool) -> list[Record]:
    """The records, as far as they can be read: each by itself where together they cannot."""
    try:
        return core.database.batch_get([core.tables.hold(each) for each in hold_ids], consistent=consistent)
    except ValueError:
        records = []
    for hold_id in hold_ids:
        try:
            record = core.database.get(core.tables.hold(hold_id))
        except ValueError:
            swept.unreadable.append(hold_id)
            continue
        if record is not None:
            records.append(record)
    return records


def _readable(records: Iterable[Record], swept: Swept) -> Iterator[Hold]:
    for record in records:
        try:
            yield sound_hold_from(record)
        except (KeyError, TypeError, ValueError):
            swept.unreadable.append(str(record["hold_id"]))


def _is_late(hold: Hold, now_ms: int) -> bool:
    resolved = hold.status is not Status.ACTIVE and hold.settlement is None
    return resolved and now_ms - hold.at > UNSETTLED_AFTER_MS
