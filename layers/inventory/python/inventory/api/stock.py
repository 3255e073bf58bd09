"""Reading stock: one item, several, or all that a warehouse has."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from inventory.api.fields import InDigits, Name, PageParameters, Parameters
from inventory.api.operations import Call, Operation, PathParameter, Reply
from inventory.api.views import StockList, StockView, list_view, stock_view
from inventory.domain.errors import InvalidRequest
from inventory.domain.keys import Scope
from inventory.domain.limits import ITEMS_PER_READ_MAX, PAST_INSTANT_MAX_S, RECORDS_PER_READ_MAX
from inventory.protocol import stock_view as reading
from inventory.protocol.core import Core

_URL = "/v1/stock"


def _split_at_commas(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [part for entry in value for part in (entry.split(",") if isinstance(entry, str) else [entry])]


def _without_repeats(items: list[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _must_be_true(value: bool) -> bool:  # noqa: FBT001 a validator takes what it validates
    if not value:
        raise ValueError("Input can only be true")
    return value


Items = Annotated[
    list[Name],
    Field(
        min_length=1,
        max_length=ITEMS_PER_READ_MAX,
        description="Repeated, or separated by commas. If they are in more than "
        f"{RECORDS_PER_READ_MAX:,} warehouses together, ask for fewer at a time.",
    ),
    AfterValidator(_without_repeats),
    BeforeValidator(_split_at_commas),
]


OnlyTrue = Annotated[bool, AfterValidator(_must_be_true), Field(json_schema_extra={"const": True})]


PastInstant = Annotated[
    int,
    Field(
        ge=0,
        le=PAST_INSTANT_MAX_S,
        description="What there was at this instant, exactly. Unix seconds, up to the latest snapshot.",
    ),
    InDigits,
]


class ReadStock(Parameters):
    """How to read."""

    consistent: Annotated[
        bool, Field(description="Read the counters themselves, rather than a projection about a second behind.")
    ] = False
    at: PastInstant | None = None

    @model_validator(mode="after")
    def _is_of_now_or_of_then(self) -> Self:
        if self.at is not None and "consistent" in self.model_fields_set:
            raise InvalidRequest("parameter_invalid", "'consistent' cannot stand beside 'at'.", param="consistent")
        return self


class ListStock(PageParameters):
    """Which items: `items`, which come all at once; or all `in_stock` in a `warehouse`, page by page."""

    items: Items | None = None
    warehouse: Name | None = None
    in_stock: OnlyTrue | None = None
    starting_after: Annotated[Name, Field(description="The last item already seen.")] | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if self.items is None and self.warehouse is None:
            raise InvalidRequest(
                "parameter_missing", "'items' is required, or 'warehouse' with 'in_stock=true'.", param="items"
            )
        if self.items is not None:
            self._has_no("warehouse", "in_stock", "starting_after", beside="items")
        elif self.in_stock is None:
            raise InvalidRequest("parameter_missing", "'warehouse' needs 'in_stock=true' beside it.", param="in_stock")
        return self

    def _has_no(self, *names: str, beside: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise InvalidRequest("parameter_invalid", f"'{name}' cannot stand beside '{beside}'.", param=name)


def _read(core: Core, call: Call[ReadStock]) -> Reply:
    item, asked = call.path["item"], call.parameters
    if asked.at is not None:
        return Reply(stock_view(core.read_past(item, asked.at * 1000)))
    return Reply(stock_view(reading.read_stock(core, item, consistent=asked.consistent)))


def _list(core: Core, call: Call[ListStock]) -> Reply:
    asked = call.parameters
    if asked.items is not None:
        found = reading.read_stocks(core, asked.items)
        return Reply(list_view(_URL, [stock_view(stock) for stock in found], has_more=False))
    page = reading.list_in_stock(core, asked.warehouse or "", limit=asked.limit, starting_after=asked.starting_after)
    return Reply(list_view(_URL, [stock_view(stock) for stock in page.items], has_more=page.has_more))


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="read_stock",
        method="GET",
        path="/v1/stock/{item}",
        scope=Scope.STOCK_READ,
        summary="Read the stock of an item",
        parameters=ReadStock,
        answer=StockView,
        run=_read,
        path_parameter=PathParameter("item", "item"),
        errors=(404,),
    ),
    Operation(
        name="list_stock",
        method="GET",
        path=_URL,
        scope=Scope.STOCK_READ,
        summary="Read the stock of several items; or of all that a warehouse has in stock, with what is there alone",
        parameters=ListStock,
        answer=StockList,
        run=_list,
        example={"items": ["espresso-cup", "saucer"]},
    ),
)
