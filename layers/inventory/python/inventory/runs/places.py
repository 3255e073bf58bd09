"""Places: only so many snapshots that were asked for are made at once, as each reads whole tables."""

from typing import Final

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import TooManyAtOnce
from inventory.domain.ids import SNAPSHOT
from inventory.domain.limits import SNAPSHOTS_AT_ONCE_MAX
from inventory.domain.runs import RunStatus
from inventory.protocol.attempts import Attempts
from inventory.runs.context import HistoryContext
from inventory.runs.once import STARTING_MS
from inventory.storage.database import ConditionFailed
from inventory.storage.request_records import put_latest

_NAME: Final = f"{SNAPSHOT}#under_way"


def take_place(context: HistoryContext, execution: str) -> None:
    """Takes a place for a run that is about to start. Only where none is left it is asked which runs have ended.

    Raises:
        TooManyAtOnce: None has.
        Conflict: Others took places, try after try.
        Overloaded: Something did not answer in time.
    """
    core = context.core
    standing = core.database.get(core.tables.request(_NAME))
    attempts = Attempts(core.pause, execution)
    while True:
        attempts.begin()
        before = None if standing is None else standing["made"]
        places: dict[str, Milliseconds] = {} if standing is None else standing["places"]
        if execution in places:  # a request that died took it, or this one, and the answer was lost
            return
        if len(places) >= SNAPSHOTS_AT_ONCE_MAX:
            places = {name: taken for name, taken in places.items() if _is_under_way(context, name, taken)}
        if len(places) >= SNAPSHOTS_AT_ONCE_MAX:
            raise TooManyAtOnce(
                f"{SNAPSHOTS_AT_ONCE_MAX} snapshots that were asked for are under way, and no more are made at once. "
                "Ask again when one of them has ended."
            )
        at = core.clock.stamp(attempts.seen_at)
        try:
            write = put_latest(core.tables, _NAME, execution, at, before, {"places": {**places, execution: at}})
            if attempts.write(core.database, write) is not None:
                return
        except ConditionFailed as failure:
            standing = failure.record


def _is_under_way(context: HistoryContext, execution: str, taken: Milliseconds) -> bool:
    found = context.snapshots.find(execution)
    if found is None:  # whoever took its place is about to start it, or died before
        return context.core.clock.now() - taken < STARTING_MS
    return found.status is RunStatus.PENDING
