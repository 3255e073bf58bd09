"""Calls on holds: place, show, list, change, execute, release."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from inventory.api.fields import (
    HoldId,
    InDigits,
    Metadata,
    MetadataChange,
    Name,
    NoParameters,
    PageParameters,
    Parameters,
    Quantity,
)
from inventory.api.operations import Call, Operation, PathParameter, Reply
from inventory.api.views import HoldList, HoldView, hold_view, list_view
from inventory.domain.drawing import Want
from inventory.domain.errors import InsufficientStock, InvalidRequest
from inventory.domain.holds import Hold, Take
from inventory.domain.ids import HOLD
from inventory.domain.keys import Scope
from inventory.domain.limits import DRAWS_MAX, EXPIRES_IN_DEFAULT_S, EXPIRES_IN_MAX_S, LINE_QUANTITY_MAX, LINES_MAX
from inventory.metric import Metric
from inventory.protocol import extend, holds_view, place, resolve
from inventory.protocol.core import Answer, Core

ExpiresIn = Annotated[int, Field(ge=1, le=EXPIRES_IN_MAX_S, description="Seconds from now."), InDigits]


class WantedLine(Parameters):
    """Units of one item, from a warehouse or (without one) from any."""

    item: Name
    quantity: Quantity
    warehouse: Name | None = None


class PlaceHold(Parameters):
    """What to hold. All lines are held, or none."""

    lines: Annotated[list[WantedLine], Field(min_length=1, max_length=LINES_MAX)]
    expires_in: Annotated[ExpiresIn, Field(description=f"Seconds from now. Left out: {EXPIRES_IN_DEFAULT_S}.")] = (
        EXPIRES_IN_DEFAULT_S
    )
    metadata: Metadata = Field(default_factory=dict)


class ListHolds(PageParameters):
    """Which part of the active holds."""

    starting_after: (
        Annotated[
            HoldId,
            Field(
                description="The last hold already seen. The next page begins "
                "where it stands now: do not extend holds while you turn pages, but collect their ids first.",
            ),
        ]
        | None
    ) = None


class ChangeHold(Parameters):
    """What to change of an active hold: at least one of the two."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    expires_in: ExpiresIn | None = None
    metadata: MetadataChange | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.expires_in is None and self.metadata is None:
            raise InvalidRequest(
                "parameter_missing", "One of 'expires_in' and 'metadata' is required.", param="expires_in"
            )
        return self


class TakenLine(Parameters):
    """Units to take of one of the hold's lines."""

    item: Name
    warehouse: Name
    quantity: Annotated[int, Field(ge=1, le=LINE_QUANTITY_MAX), InDigits]


class ExecuteHold(Parameters):
    """What to take of the hold: a line left out takes nothing. Without `lines`: all of it."""

    # A hold has more lines than were asked for where one of them came from several warehouses.
    lines: Annotated[list[TakenLine], Field(min_length=1, max_length=DRAWS_MAX)] | None = None


def _place(core: Core, call: Call[PlaceHold]) -> Reply:
    wanted = call.parameters
    try:
        answer = place.place(
            core,
            [Want(line.item, line.warehouse, line.quantity) for line in wanted.lines],
            expires_in_s=wanted.expires_in,
            metadata=wanted.metadata,
            by=call.by,
        )
    except InsufficientStock as shortage:
        core.report(Metric.HOLDS_REFUSED, 1)
        shortage.param = _param_of(shortage, wanted.lines)
        raise
    return _counted(core, answer, Metric.HOLDS_PLACED)


def _get(core: Core, call: Call[NoParameters]) -> Reply:
    return Reply(_view(core, holds_view.get_hold(core, call.path["id"])))


def _list(core: Core, call: Call[ListHolds]) -> Reply:
    page = holds_view.list_holds(core, limit=call.parameters.limit, starting_after=call.parameters.starting_after)
    return Reply(list_view("/v1/holds", [_view(core, hold) for hold in page.items], has_more=page.has_more))


def _change(core: Core, call: Call[ChangeHold]) -> Reply:
    changes = call.parameters
    answer = extend.extend(
        core, call.path["id"], expires_in_s=changes.expires_in, metadata=changes.metadata, by=call.by
    )
    return _counted(core, answer, None)


def _execute(core: Core, call: Call[ExecuteHold]) -> Reply:
    lines = call.parameters.lines
    takes = None if lines is None else [Take(line.item, line.warehouse, line.quantity) for line in lines]
    return _counted(core, resolve.execute(core, call.path["id"], takes, by=call.by), Metric.HOLDS_EXECUTED)


def _release(core: Core, call: Call[NoParameters]) -> Reply:
    return _counted(core, resolve.release(core, call.path["id"], by=call.by), Metric.HOLDS_RELEASED)


def _counted(core: Core, answer: Answer[Hold], metric: Metric | None) -> Reply:
    counted = Metric.HOLDS_REPLAYED if answer.replayed else metric
    if counted is not None:
        core.report(counted, 1)
    return Reply(_view(core, answer.value), answer.replayed)


def _view(core: Core, hold: Hold) -> HoldView:
    return hold_view(hold, core.clock.now())


def _param_of(shortage: InsufficientStock, lines: Sequence[WantedLine]) -> str | None:
    """The first line that asks for what is short."""
    for index, line in enumerate(lines):
        if line.item == shortage.item and line.warehouse == shortage.warehouse:
            return f"lines[{index}][quantity]"
    return None


_ID = PathParameter("id", "hold", HOLD)

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="place_hold",
        method="POST",
        path="/v1/holds",
        scope=Scope.HOLDS_WRITE,
        summary="Place a hold: all lines, or none",
        parameters=PlaceHold,
        answer=HoldView,
        run=_place,
        errors=(402, 409),
        example={
            "lines": [
                {"item": "espresso-cup", "quantity": 2},
                {"item": "saucer", "quantity": 2, "warehouse": "berlin"},
            ],
            "expires_in": 600,
            "metadata": {"cart": "c_1042"},
        },
    ),
    Operation(
        name="list_holds",
        method="GET",
        path="/v1/holds",
        scope=Scope.HOLDS_READ,
        summary="List the active holds, soonest to expire first",
        parameters=ListHolds,
        answer=HoldList,
        run=_list,
    ),
    Operation(
        name="get_hold",
        method="GET",
        path="/v1/holds/{id}",
        scope=Scope.HOLDS_READ,
        summary="Show a hold",
        parameters=NoParameters,
        answer=HoldView,
        run=_get,
        path_parameter=_ID,
        errors=(404,),
    ),
    Operation(
        name="change_hold",
        method="POST",
        path="/v1/holds/{id}",
        scope=Scope.HOLDS_WRITE,
        summary="Give an active hold more time, or other metadata",
        parameters=ChangeHold,
        answer=HoldView,
        run=_change,
        path_parameter=_ID,
        errors=(404, 409),
        example={"expires_in": 900, "metadata": {"step": "payment"}},
    ),
    Operation(
        name="execute_hold",
        method="POST",
        path="/v1/holds/{id}/execute",
        scope=Scope.HOLDS_WRITE,
        summary="Take what a hold reserved: all of it, or less",
        parameters=ExecuteHold,
        answer=HoldView,
        run=_execute,
        path_parameter=_ID,
        errors=(404, 409),
        example={"lines": [{"item": "espresso-cup", "warehouse": "berlin", "quantity": 1}]},
    ),
    Operation(
        name="release_hold",
        method="POST",
        path="/v1/holds/{id}/release",
        scope=Scope.HOLDS_WRITE,
        summary="Give back what a hold reserved",
        parameters=NoParameters,
        answer=HoldView,
        run=_release,
        path_parameter=_ID,
        errors=(404, 409),
    ),
)
