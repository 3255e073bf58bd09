"""What callers see of holds, stock, adjustments and transfers. Times are Unix seconds."""

from collections.abc import Mapping, Sequence
from typing import Literal

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from inventory.domain.adjustments import Adjustment, Transfer
from inventory.domain.availability import ItemStock
from inventory.domain.clock import Milliseconds
from inventory.domain.holds import Hold


class LineView(TypedDict):
    """Units of one item in one warehouse, and how many of them were executed."""

    item: str
    warehouse: str
    quantity: int
    executed: int


class HoldView(TypedDict):
    """Stock reserved for a purchase. `settled`: it has ended, and the counters know."""

    id: str
    object: Literal["hold"]
    status: Literal["active", "executed", "released", "expired"]
    lines: list[LineView]
    created: int
    expires_at: int
    settled: bool
    metadata: Mapping[str, str]


class WarehouseView(TypedDict):
    """Stock of an item in one warehouse."""

    warehouse: str
    available: int
    held: int
    on_hand: int
    shards: int


class StockView(TypedDict):
    """Stock of an item, all warehouses together and each by itself."""

    id: str
    object: Literal["stock"]
    item: str
    available: int
    held: int
    on_hand: int
    in_stock: bool
    as_of: int
    warehouses: list[WarehouseView]


class AdjustmentView(TypedDict):
    """Units added to stock or taken from it. For a count: the change that it made."""

    id: str
    object: Literal["adjustment"]
    item: str
    warehouse: str
    quantity: int
    reason: str
    reference: str | None
    created: int
    metadata: Mapping[str, str]


TransferView = TypedDict(
    "TransferView",
    {
        "id": str,
        "object": Literal["transfer"],
        "item": str,
        "from": str,
        "to": str,
        "quantity": int,
        "reference": str | None,
        "created": int,
        "metadata": Mapping[str, str],
    },
)
TransferView.__doc__ = "Units moved from one warehouse to another."


class HoldList(TypedDict):
    """A part of the active holds, soonest to expire first."""

    object: Literal["list"]
    url: str
    has_more: bool
    data: list[HoldView]


class StockList(TypedDict):
    """A part of the items."""

    object: Literal["list"]
    url: str
    has_more: bool
    data: list[StockView]


def hold_view(hold: Hold, now_ms: Milliseconds) -> HoldView:
    """A hold as it is at this instant."""
    return {
        "id": hold.id,
        "object": "hold",
        "status": hold.status_at(now_ms).value,
        "lines": [
            {
                "item": line.item,
                "warehouse": line.warehouse,
                "quantity": line.quantity,
                "executed": hold.executed(line),
            }
            for line in hold.lines
        ],
        "created": _seconds(hold.created),
        "expires_at": _seconds(hold.expires_at),
        "settled": hold.settlement is not None,
        "metadata": dict(hold.metadata),
    }


def stock_view(stock: ItemStock) -> StockView:
    """The stock of an item."""
    return {
        "id": stock.item,
        "object": "stock",
        "item": stock.item,
        "available": stock.available,
        "held": stock.held,
        "on_hand": stock.available + stock.held,
        "in_stock": stock.available > 0,
        "as_of": _seconds(stock.as_of_ms),
        "warehouses": [
            {
                "warehouse": each.warehouse,
                "available": each.available,
                "held": each.held,
                "on_hand": each.available + each.held,
                "shards": each.shards,
            }
            for each in stock.warehouses
        ],
    }


def adjustment_view(adjustment: Adjustment) -> AdjustmentView:
    """An adjustment."""
    return {
        "id": adjustment.id,
        "object": "adjustment",
        "item": adjustment.item,
        "warehouse": adjustment.warehouse,
        "quantity": adjustment.quantity,
        "reason": adjustment.reason,
        "reference": adjustment.reference,
        "created": _seconds(adjustment.at),
        "metadata": dict(adjustment.metadata),
    }


def transfer_view(transfer: Transfer) -> TransferView:
    """A transfer."""
    return {
        "id": transfer.id,
        "object": "transfer",
        "item": transfer.item,
        "from": transfer.source,
        "to": transfer.destination,
        "quantity": transfer.quantity,
        "reference": transfer.reference,
        "created": _seconds(transfer.at),
        "metadata": dict(transfer.metadata),
    }


def hold_list(url: str, data: Sequence[HoldView], *, has_more: bool) -> HoldList:
    """A part of a list of holds."""
    return {"object": "list", "url": url, "has_more": has_more, "data": list(data)}


def stock_list(url: str, data: Sequence[StockView], *, has_more: bool) -> StockList:
    """A part of a list of stock."""
    return {"object": "list", "url": url, "has_more": has_more, "data": list(data)}


def _seconds(instant_ms: Milliseconds) -> int:
    return instant_ms // 1000
