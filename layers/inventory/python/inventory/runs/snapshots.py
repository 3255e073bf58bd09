"""Snapshots: one is asked for and its run started; what is published is complete, for the rest its run is asked."""

import json
from typing import Final

from inventory.adapters.executions import Execution
from inventory.adapters.objects import NoSuchObject
from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InvalidRequest, Missing
from inventory.domain.ids import Requester
from inventory.domain.runs import TRIES_MAX, Failure, ManifestName, RunStatus, Snapshot
from inventory.history.layout import LISTED, instant_of_snapshot, latest_possible, listed_path, snapshot_id
from inventory.protocol.core import Answer, Page
from inventory.runs.context import HistoryContext
from inventory.runs.listing import cursor, page_of, read_result
from inventory.runs.once import Decision, decide_once
from inventory.runs.places import take_snapshot_place

#: How long a run that was started just now may be unknown to those who ask for it.
UNKNOWN_S: Final = 0.5


def ask_for_snapshot(context: HistoryContext, as_of_s: int | None, *, by: Requester) -> Answer[Snapshot]:
    """Starts making the snapshot of an instant, unless it is there or under way; one that failed begins anew.

    After `TRIES_MAX` failures it does not: the answer is the failed snapshot, until somebody has looked.

    Args:
        context: What the use case works with.
        as_of_s: The instant in Unix seconds; None for the latest possible.
        by: Who asks.

    Raises:
        InvalidRequest: `instant_too_recent`.
        IdempotencyKeyMismatch: The key asked for another instant before.
        TooManyAtOnce: So many others are under way.
        Conflict: Others asked with the same key or for a place, try after try.
        Overloaded: Something did not answer in time.
    """
    asked, replayed = decide_once(context.core, by, lambda: _decide(context, as_of_s))
    began = None if asked.execution is None else context.snapshots.start(asked.execution, asked.input)
    if began is None:
        return Answer(get_snapshot(context, asked.made), replayed)
    return Answer(_pending(asked.made, began), replayed)


def get_snapshot(context: HistoryContext, identifier: str) -> Snapshot:
    """A snapshot as it stands.

    Raises:
        Missing: Nobody asked for it, or it was asked for so long ago that its failure is forgotten.
        Overloaded: Something did not answer in time.
    """
    as_of = instant_of_snapshot(identifier)
    if as_of is None:
        raise Missing("snapshot", identifier)
    published = _published(context, as_of)
    if published is not None:
        return published
    execution = _last_run(context, identifier)
    if execution is None:
        context.core.pause(UNKNOWN_S)
        execution = _last_run(context, identifier)
    if execution is None:
        raise Missing("snapshot", identifier)
    if execution.status is RunStatus.PENDING:
        return _pending(identifier, execution.began)
    published = _published(context, as_of)  # it may have become so since the look above
    if published is not None:
        return published
    failure = execution.failure or Failure("internal", "The workflow ended, and the snapshot was not published.")
    return Snapshot(identifier, RunStatus.FAILED, as_of, execution.began, failure=failure)


def list_snapshots(context: HistoryContext, *, limit: int, starting_after: str | None) -> Page[Snapshot]:
    """A page of the published snapshots, the latest instant first.

    Raises:
        InvalidRequest: The cursor is no published snapshot.
        Overloaded: The history did not answer in time.
    """
    after = ""
    if starting_after is not None:
        as_of = instant_of_snapshot(starting_after)
        after = cursor(context.objects, "snapshot", starting_after, None if as_of is None else listed_path(as_of))
    return page_of(context.objects, LISTED, _snapshot_from, limit=limit, after=after)


def latest_snapshot(context: HistoryContext) -> Snapshot | None:
    """The published snapshot of the latest instant, or None.

    Raises:
        Overloaded: The history did not answer in time.
    """
    return next(iter(list_snapshots(context, limit=1, starting_after=None).items), None)


def _decide(context: HistoryContext, as_of_s: int | None) -> Decision:
    latest = latest_possible(context.core.clock.now(), context.grace_ms)
    as_of = latest if as_of_s is None else as_of_s * 1000
    if as_of > latest:
        raise InvalidRequest(
            "instant_too_recent",
            f"Writes of this instant may still be under way. The latest possible 'as_of' is {latest // 1000} now.",
            param="as_of",
        )
    identifier = snapshot_id(as_of)
    execution_input = {"as_of_ms": as_of, "align_ms": 1000, "mode": "increment"}
    return Decision(identifier, None if _published(context, as_of) else _next_run(context, identifier), execution_input)


def _next_run(context: HistoryContext, identifier: str) -> str:
    """The run that is under way, or the one to start, with a place; the last one, where all tries are used up."""
    for number in range(TRIES_MAX):
        execution = context.snapshots.find(_run(identifier, number))
        if execution is None:
            take_snapshot_place(context, _run(identifier, number))
            break
        if execution.status is RunStatus.PENDING:
            break
    return _run(identifier, number)


def _last_run(context: HistoryContext, identifier: str) -> Execution | None:
    last = None
    for number in range(TRIES_MAX):  # a run has a next one only where it failed
        execution = context.snapshots.find(_run(identifier, number))
        if execution is None:
            return last
        if execution.status is RunStatus.PENDING:
            return execution
        last = execution
    return last


def _run(identifier: str, number: int) -> str:
    """Equal for all that ask for one instant, so that however many ask, one run is made."""
    return f"{identifier}-{number}"


def _published(context: HistoryContext, as_of: Milliseconds) -> Snapshot | None:
    try:
        return _snapshot_from(read_result(context.objects, listed_path(as_of)))
    except NoSuchObject:
        return None


def _snapshot_from(content: bytes) -> Snapshot:
    entry = json.loads(content)
    manifest = ManifestName(entry["manifest"]["number"], entry["manifest"]["sha256"])
    return Snapshot(entry["id"], RunStatus.COMPLETE, entry["as_of_ms"], entry["created_ms"], entry["totals"], manifest)


def _pending(identifier: str, began: Milliseconds) -> Snapshot:
    as_of = instant_of_snapshot(identifier)
    if as_of is None:
        raise AssertionError(f"{identifier} is no snapshot's id")
    return Snapshot(identifier, RunStatus.PENDING, as_of, began)
