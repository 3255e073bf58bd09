"""Audits: one is asked for and its execution started. Until it has written its result, that execution is asked."""

import json

from inventory.adapters.objects import NoSuchObject
from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InvalidRequest, Missing
from inventory.domain.ids import AUDIT, Requester, digest
from inventory.domain.runs import Audit, CheckResult, Failure, RunStatus, Snapshot
from inventory.history.layout import AUDITS, audit_path, instant_of_audit, snapshot_id
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Answer, Page
from inventory.runs.context import HistoryContext
from inventory.runs.listing import cursor, page_of, read_result
from inventory.runs.once import STARTING_MS, Decision, decide_once
from inventory.runs.places import take_audit_place
from inventory.runs.snapshots import UNKNOWN_S, get_snapshot, latest_snapshot
from inventory.storage.codec import Record
from inventory.storage.database import ConditionFailed
from inventory.storage.request_records import put_latest

_TAIL_DIGITS = 20


def ask_for_audit(context: HistoryContext, snapshot: str | None, *, by: Requester) -> Answer[Audit]:
    """Starts an audit of a snapshot, unless one that was asked for is still under way: then that is the answer.

    After it has ended, another request is another audit: what was sound may be so no more. But each of them reads the
    whole history, so that two of one snapshot at once would only cost twice; and all live tables, so that only a few
    of different snapshots are under way at once.

    Args:
        context: What the use case works with.
        snapshot: The snapshot's id; None for the latest.
        by: Who asks.

    Raises:
        InvalidRequest: There is no such snapshot, it is not complete (`snapshot_not_complete`), or there is none at
            all (`snapshot_required`).
        IdempotencyKeyMismatch: The key asked for an audit of another snapshot before.
        TooManyAtOnce: So many of other snapshots are under way.
        Conflict: Others asked for the same or for a place, try after try.
        Overloaded: Something did not answer in time.
    """
    asked, replayed = decide_once(context.core, by, lambda: _decide(context, snapshot, by))
    began = context.audits.start(asked.made, asked.input)
    if began is None:
        return Answer(get_audit(context, asked.made), replayed)
    return Answer(_unfinished(asked.made, int(asked.input["as_of_ms"]), RunStatus.PENDING), replayed)


def get_audit(context: HistoryContext, identifier: str) -> Audit:
    """An audit as it stands.

    Raises:
        Missing: There is none, or it failed so long ago that this is forgotten.
        Overloaded: Something did not answer in time.
    """
    if instant_of_audit(identifier) is None:
        raise Missing("audit", identifier)
    result = _result(context, identifier)
    if result is not None:
        return result
    execution = context.audits.find(identifier)
    if execution is None:
        context.core.pause(UNKNOWN_S)
        execution = context.audits.find(identifier)
    if execution is None:
        raise Missing("audit", identifier)
    as_of = int(execution.input["as_of_ms"])
    if execution.status is RunStatus.PENDING:
        return _unfinished(identifier, as_of, RunStatus.PENDING)
    result = _result(context, identifier)  # it may have been written since the look above
    if result is not None:
        return result
    failure = execution.failure or Failure("internal", "The workflow ended without a result.")
    return _unfinished(identifier, as_of, RunStatus.FAILED, failure)


def list_audits(context: HistoryContext, *, limit: int, starting_after: str | None) -> Page[Audit]:
    """A page of the audits that have a result, newest first.

    Raises:
        InvalidRequest: The cursor is no audit that has a result.
        Overloaded: The history did not answer in time.
    """
    after = ""
    if starting_after is not None:
        name = None if instant_of_audit(starting_after) is None else audit_path(starting_after)
        after = cursor(context.objects, "audit", starting_after, name)
    return page_of(context.objects, AUDITS, _audit_from, limit=limit, after=after)


def _decide(context: HistoryContext, snapshot: str | None, by: Requester) -> Decision:
    audited = _latest(context) if snapshot is None else _complete(context, snapshot)
    now_ms = context.core.clock.now()
    tail = digest(AUDIT, by.token).hex()[:_TAIL_DIGITS]  # the same token at another time is another audit
    identifier = f"{AUDIT}_{now_ms:012x}{tail}"
    return _unless_under_way(
        context, Decision(identifier, identifier, {"audit": identifier, "as_of_ms": audited.as_of})
    )


def _unless_under_way(context: HistoryContext, asked: Decision) -> Decision:
    """What was asked for, now on record as this snapshot's; or what was asked for before, while it has not ended.

    Its place is taken before: what is on record others start, too.
    """
    core, name = context.core, f"{AUDIT}#{snapshot_id(asked.input['as_of_ms'])}"
    standing = core.database.get(core.tables.request(name))
    attempts = Attempts(core.pause, asked.made)
    while True:
        attempts.begin()
        if standing is not None and _is_under_way(context, standing):
            return Decision(standing["made"], standing["made"], standing["words"])
        take_audit_place(context, asked.made)
        before = None if standing is None else standing["made"]
        at = core.clock.stamp(attempts.seen_at)
        try:
            write = put_latest(core.tables, name, asked.made, at, before, {"words": dict(asked.input)})
            if attempts.write(core.database, write) is not None:
                return asked
        except ConditionFailed as failure:
            standing = failure.record


def _is_under_way(context: HistoryContext, standing: Record) -> bool:
    try:
        return get_audit(context, standing["made"]).status is RunStatus.PENDING
    except Missing:  # whoever asked for it is about to start it, or died before
        return context.core.clock.now() - int(standing["at"]) < STARTING_MS


def _latest(context: HistoryContext) -> Snapshot:
    latest = latest_snapshot(context)
    if latest is None:
        raise InvalidRequest(
            "snapshot_required", "There is no snapshot yet that could be audited: take one first.", param="snapshot"
        )
    return latest


def _complete(context: HistoryContext, identifier: str) -> Snapshot:
    try:
        snapshot = get_snapshot(context, identifier)
    except Missing:
        raise InvalidRequest("parameter_invalid", f"No such snapshot: '{identifier}'.", param="snapshot") from None
    if snapshot.status is not RunStatus.COMPLETE:
        raise InvalidRequest(
            "snapshot_not_complete",
            f"The snapshot is {snapshot.status}; only a complete one is audited.",
            param="snapshot",
        )
    return snapshot


def _result(context: HistoryContext, identifier: str) -> Audit | None:
    try:
        return _audit_from(read_result(context.objects, audit_path(identifier)))
    except NoSuchObject:
        return None


def _audit_from(content: bytes) -> Audit:
    document = json.loads(content)
    checks = (CheckResult(each["name"], each["looked_at"], each["discrepancies"]) for each in document["checks"])
    return Audit(
        document["id"],
        RunStatus.COMPLETE,
        document["snapshot"],
        document["created"] * 1000,
        tuple(checks),
        document["discrepancies"],
    )


def _unfinished(identifier: str, as_of: Milliseconds, status: RunStatus, failure: Failure | None = None) -> Audit:
    created = instant_of_audit(identifier)
    if created is None:
        raise AssertionError(f"{identifier} is no audit's id")
    return Audit(identifier, status, snapshot_id(as_of), created, failure=failure)
