"""Taking snapshots, and looking at them."""

from typing import Annotated, Any, Final

from pydantic import Field

from inventory.api.fields import InDigits, NoParameters, PageParameters, Parameters, SnapshotId
from inventory.api.operations import Call, Operation, PathParameter, Reply
from inventory.api.views import SnapshotList, SnapshotView, list_view, snapshot_view
from inventory.domain.ids import SNAPSHOT
from inventory.domain.keys import Scope
from inventory.history.layout import LAST_MS
from inventory.runs import snapshots
from inventory.runs.context import HistoryContext

_URL: Final = "/v1/snapshots"


class TakeSnapshot(Parameters):
    """Of which instant."""

    as_of: (
        Annotated[
            int,
            Field(
                ge=1,
                le=LAST_MS // 1000,
                description="Unix seconds, at least a minute or so ago. Left out: the latest possible instant.",
            ),
            InDigits,
        ]
        | None
    ) = None


class ListSnapshots(PageParameters):
    """Which part of the snapshots."""

    starting_after: Annotated[SnapshotId, Field(description="The last snapshot already seen.")] | None = None


def _take(context: HistoryContext, call: Call[TakeSnapshot]) -> Reply:
    taken = snapshots.ask_for_snapshot(context, call.parameters.as_of, by=call.by)
    return Reply(snapshot_view(taken.value), taken.replayed)


def _get(context: HistoryContext, call: Call[NoParameters]) -> Reply:
    return Reply(snapshot_view(snapshots.get_snapshot(context, call.path["id"])))


def _list(context: HistoryContext, call: Call[ListSnapshots]) -> Reply:
    asked = call.parameters
    page = snapshots.list_snapshots(context, limit=asked.limit, starting_after=asked.starting_after)
    return Reply(list_view(_URL, [snapshot_view(each) for each in page.items], has_more=page.has_more))


OPERATIONS: tuple[Operation[Any, HistoryContext], ...] = (
    Operation(
        name="take_snapshot",
        method="POST",
        path=_URL,
        scope=Scope.AUDITS_WRITE,
        summary="Begin to take the snapshot of an instant; one that is there, or under way, is the answer",
        parameters=TakeSnapshot,
        answer=SnapshotView,
        run=_take,
        errors=(409,),
    ),
    Operation(
        name="list_snapshots",
        method="GET",
        path=_URL,
        scope=Scope.AUDITS_READ,
        summary="List the complete snapshots, the latest instant first",
        parameters=ListSnapshots,
        answer=SnapshotList,
        run=_list,
    ),
    Operation(
        name="get_snapshot",
        method="GET",
        path=f"{_URL}/{{id}}",
        scope=Scope.AUDITS_READ,
        summary="Show a snapshot, also one that is under way or has failed",
        parameters=NoParameters,
        answer=SnapshotView,
        run=_get,
        path_parameter=PathParameter("id", "snapshot", SNAPSHOT),
        errors=(404,),
    ),
)
