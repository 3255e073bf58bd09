"""Changing stock other than by a sale: adjustments, counts, transfers, and splitting an item's counters."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from inventory.api.fields import InDigits, Metadata, Name, NoParameters, Parameters, Quantity, Text
from inventory.api.operations import Call, Operation, PathParameter, Reply
from inventory.api.views import (
    AdjustmentView,
    StockView,
    TransferView,
    adjustment_view,
    stock_view,
    transfer_view,
)
from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.errors import InsufficientStock, InvalidRequest
from inventory.domain.ids import ADJUSTMENT, TRANSFER
from inventory.domain.keys import Scope
from inventory.domain.limits import QUANTITY_MAX, SHARDS_MAX, SPLIT_SHARDS_PER_ITEM_MAX
from inventory.protocol import adjust, adjustments_view, count, split, transfer
from inventory.protocol.core import Core


def _not_zero(quantity: int) -> int:
    if quantity == 0:
        raise ValueError("Input should not be 0")
    return quantity


Difference = Annotated[
    int,
    Field(
        ge=-QUANTITY_MAX,
        le=QUANTITY_MAX,
        description="Units to add, or (negative) to take away.",
        json_schema_extra={"not": {"const": 0}},
    ),
    AfterValidator(_not_zero),
    InDigits,
]
Counted = Annotated[
    int,
    Field(
        ge=0,
        le=QUANTITY_MAX,
        description="Units counted on the shelf, held ones included. Those of an executed hold count as on the shelf "
        "until it says `settled`: count when all is settled.",
    ),
    InDigits,
]


class Adjust(Parameters):
    """Either a `quantity` or a `count`, never both. A return: `reason` "returned", the hold's id as `reference`."""

    item: Name
    warehouse: Name
    quantity: Difference | None = None
    count: Counted | None = None
    reason: Text
    reference: Text | None = None
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.quantity is None and self.count is None:
            raise InvalidRequest("parameter_missing", "One of 'quantity' and 'count' is required.", param="quantity")
        if self.quantity is not None and self.count is not None:
            raise InvalidRequest("parameter_invalid", "'count' cannot stand beside 'quantity'.", param="count")
        return self


class TransferStock(Parameters):
    """Units to move from one warehouse to another."""

    item: Name
    source: Annotated[Name, Field(alias="from")]
    destination: Annotated[Name, Field(alias="to")]
    quantity: Quantity
    reference: Text | None = None
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _goes_elsewhere(self) -> Self:
        if self.source == self.destination:
            raise InvalidRequest("parameter_invalid", "'to' must be another warehouse than 'from'.", param="to")
        return self


class SplitStock(Parameters):
    """Over how many shards to spread an item's counters in a warehouse, so that more buyers can hold at once."""

    warehouse: Name
    shards: Annotated[
        int,
        Field(
            ge=1,
            le=SHARDS_MAX,
            description="If the item would have more than "
            f"{SPLIT_SHARDS_PER_ITEM_MAX:,} in all its warehouses together, ask for fewer.",
        ),
        InDigits,
    ]


@contextmanager
def _blaming_quantity() -> Iterator[None]:
    try:
        yield
    except InsufficientStock as shortage:
        shortage.param = "quantity"
        raise


def _adjust(core: Core, call: Call[Adjust]) -> Reply:
    said = call.parameters
    asked = AdjustmentRequest(said.item, said.warehouse, said.reason, call.by, said.reference, said.metadata)
    if said.count is not None:
        answer = count.count(core, asked, said.count)
    else:
        with _blaming_quantity():
            answer = adjust.adjust(core, asked, said.quantity or 0)
    return Reply(adjustment_view(answer.value), answer.replayed)


def _transfer(core: Core, call: Call[TransferStock]) -> Reply:
    asked = call.parameters
    with _blaming_quantity():
        answer = transfer.transfer(
            core,
            asked.item,
            asked.source,
            asked.destination,
            asked.quantity,
            reference=asked.reference,
            metadata=asked.metadata,
            by=call.by,
        )
    return Reply(transfer_view(answer.value), answer.replayed)


def _get_adjustment(core: Core, call: Call[NoParameters]) -> Reply:
    return Reply(adjustment_view(adjustments_view.get_adjustment(core, call.path["id"])))


def _get_transfer(core: Core, call: Call[NoParameters]) -> Reply:
    return Reply(transfer_view(adjustments_view.get_transfer(core, call.path["id"])))


def _split(core: Core, call: Call[SplitStock]) -> Reply:
    answer = split.split(core, call.path["item"], call.parameters.warehouse, call.parameters.shards, by=call.by)
    return Reply(stock_view(answer.value), answer.replayed)


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="adjust_stock",
        method="POST",
        path="/v1/adjustments",
        scope=Scope.STOCK_WRITE,
        summary="Add units, take them away, or correct them by a count",
        parameters=Adjust,
        answer=AdjustmentView,
        run=_adjust,
        errors=(402, 409),
        example={"item": "espresso-cup", "warehouse": "berlin", "quantity": 100, "reason": "received"},
    ),
    Operation(
        name="get_adjustment",
        method="GET",
        path="/v1/adjustments/{id}",
        scope=Scope.STOCK_READ,
        summary="Show an adjustment",
        parameters=NoParameters,
        answer=AdjustmentView,
        run=_get_adjustment,
        path_parameter=PathParameter("id", "adjustment", ADJUSTMENT),
        errors=(404,),
    ),
    Operation(
        name="transfer_stock",
        method="POST",
        path="/v1/transfers",
        scope=Scope.STOCK_WRITE,
        summary="Move units from one warehouse to another",
        parameters=TransferStock,
        answer=TransferView,
        run=_transfer,
        errors=(402, 409),
        example={"item": "espresso-cup", "from": "berlin", "to": "lyon", "quantity": 20},
    ),
    Operation(
        name="get_transfer",
        method="GET",
        path="/v1/transfers/{id}",
        scope=Scope.STOCK_READ,
        summary="Show a transfer",
        parameters=NoParameters,
        answer=TransferView,
        run=_get_transfer,
        path_parameter=PathParameter("id", "transfer", TRANSFER),
        errors=(404,),
    ),
    Operation(
        name="split_stock",
        method="POST",
        path="/v1/stock/{item}/split",
        scope=Scope.STOCK_WRITE,
        summary="Spread an item's counters in a warehouse over more shards, or fewer",
        parameters=SplitStock,
        answer=StockView,
        run=_split,
        path_parameter=PathParameter("item", "item"),
        errors=(404, 409),
        example={"warehouse": "berlin", "shards": 16},
    ),
)
