"""Places: only so many snapshots, and so many audits, that were asked for run at once, as each reads whole tables."""

from typing import Final

from inventory.adapters.executions import Machine
from inventory.domain.clock import Milliseconds
from inventory.domain.errors import TooManyAtOnce
from inventory.domain.ids import AUDIT, SNAPSHOT
from inventory.domain.limits import AUDITS_AT_ONCE_MAX, SNAPSHOTS_AT_ONCE_MAX
from inventory.domain.runs import RunStatus
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Core
from inventory.runs.context import HistoryContext
from inventory.runs.once import STARTING_MS
from inventory.storage.database import ConditionFailed
from inventory.storage.request_records import put_latest

_SNAPSHOTS: Final = f"{SNAPSHOT}#under_way"
_AUDITS: Final = f"{AUDIT}#under_way"


def take_snapshot_place(context: HistoryContext, execution: str) -> None:
    """Takes a place for a snapshot's run that is about to start. One that has a place keeps it.

    Raises:
        TooManyAtOnce: There is none left.
        Conflict: Others took places, try after try.
        Overloaded: Something did not answer in time.
    """
    _take(context.core, context.snapshots, _SNAPSHOTS, SNAPSHOTS_AT_ONCE_MAX, "snapshots", execution)


def take_audit_place(context: HistoryContext, execution: str) -> None:
    """Takes a place for an audit that is about to start. One that has a place keeps it.

    Raises:
        TooManyAtOnce: There is none left.
        Conflict: Others took places, try after try.
        Overloaded: Something did not answer in time.
    """
    _take(context.core, context.audits, _AUDITS, AUDITS_AT_ONCE_MAX, "audits", execution)


def _take(core: Core, machine: Machine, name: str, at_once_max: int, kind: str, execution: str) -> None:
    """Takes one of the places on a record. Only where none is left it is asked which runs have ended.

    Raises:
        TooManyAtOnce: None has.
        Conflict: Others took places, try after try.
        Overloaded: Something did not answer in time.
    """
    standing = core.database.get(core.tables.request(name))
    attempts = Attempts(core.pause, execution)
    while True:
        attempts.begin()
        before = None if standing is None else standing["made"]
        places: dict[str, Milliseconds] = {} if standing is None else standing["places"]
        if execution in places:  # a request that died took it, or this one, and the answer was lost
            return
        if len(places) >= at_once_max:
            places = {each: taken for each, taken in places.items() if _is_under_way(core, machine, each, taken)}
        if len(places) >= at_once_max:
            raise TooManyAtOnce(
                f"{at_once_max} {kind} that were asked for are under way, and no more are made at once. "
                "Ask again when one of them has ended."
            )
        at = core.clock.stamp(attempts.seen_at)
        try:
            write = put_latest(core.tables, name, execution, at, before, {"places": {**places, execution: at}})
            if attempts.write(core.database, write) is not None:
                return
        except ConditionFailed as failure:
            standing = failure.record


def _is_under_way(core: Core, machine: Machine, execution: str, taken: Milliseconds) -> bool:
    found = machine.find(execution)
    if found is None:  # whoever took its place is about to start it, or died before
        return core.clock.now() - taken < STARTING_MS
    return found.status is RunStatus.PENDING
