"""Auditing snapshots, and looking at audits."""

from typing import Annotated, Any, Final

from pydantic import Field

from inventory.api.fields import AuditId, NoParameters, PageParameters, Parameters, SnapshotId
from inventory.api.operations import Call, Operation, PathParameter, Reply
from inventory.api.views import AuditList, AuditView, audit_view, list_view
from inventory.domain.ids import AUDIT
from inventory.domain.keys import Scope
from inventory.runs import audits
from inventory.runs.context import HistoryContext

_URL: Final = "/v1/audits"


class RunAudit(Parameters):
    """Of which snapshot."""

    snapshot: Annotated[SnapshotId, Field(description="A complete one. Left out: the latest.")] | None = None


class ListAudits(PageParameters):
    """Which part of the audits."""

    starting_after: Annotated[AuditId, Field(description="The last audit already seen.")] | None = None


def _run(context: HistoryContext, call: Call[RunAudit]) -> Reply:
    begun = audits.ask_for_audit(context, call.parameters.snapshot, by=call.by)
    return Reply(audit_view(begun.value), begun.replayed)


def _get(context: HistoryContext, call: Call[NoParameters]) -> Reply:
    return Reply(audit_view(audits.get_audit(context, call.path["id"])))


def _list(context: HistoryContext, call: Call[ListAudits]) -> Reply:
    asked = call.parameters
    page = audits.list_audits(context, limit=asked.limit, starting_after=asked.starting_after)
    return Reply(list_view(_URL, [audit_view(each) for each in page.items], has_more=page.has_more))


OPERATIONS: tuple[Operation[Any, HistoryContext], ...] = (
    Operation(
        name="run_audit",
        method="POST",
        path=_URL,
        scope=Scope.AUDITS_WRITE,
        summary="Begin an audit of a snapshot",
        parameters=RunAudit,
        answer=AuditView,
        run=_run,
        errors=(409,),
    ),
    Operation(
        name="list_audits",
        method="GET",
        path=_URL,
        scope=Scope.AUDITS_READ,
        summary="List the complete audits, newest first",
        parameters=ListAudits,
        answer=AuditList,
        run=_list,
    ),
    Operation(
        name="get_audit",
        method="GET",
        path=f"{_URL}/{{id}}",
        scope=Scope.AUDITS_READ,
        summary="Show an audit, also one that is under way or has failed",
        parameters=NoParameters,
        answer=AuditView,
        run=_get,
        path_parameter=PathParameter("id", "audit", AUDIT),
        errors=(404,),
    ),
)
