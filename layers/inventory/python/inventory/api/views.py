"""What callers see of holds, stock, adjustments, transfers, snapshots and audits. Times are Unix seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from inventory.domain.adjustments import Adjustment, Transfer
from inventory.domain.availability import ItemStock
from inventory.domain.clock import Milliseconds
from inventory.domain.holds import Hold
from inventory.domain.runs import Audit, Failure, Snapshot


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


class ManifestView(TypedDict):
    """Which manifest seals a snapshot: its place in the chain, and the SHA-256 of its file in hex."""

    number: int
    sha256: str


class FailureView(TypedDict):
    """Why it failed."""

    code: str
    message: str


class SnapshotView(TypedDict):
    """What was where at an instant. `created`: when its making began; once complete, when it was published."""

    id: str
    object: Literal["snapshot"]
    status: Literal["pending", "complete", "failed"]
    as_of: int
    created: int
    totals: Mapping[str, int] | None
    manifest: ManifestView | None
    error: FailureView | None


class CheckView(TypedDict):
    """One check: how many records it looked at, and how many discrepancies it found."""

    name: str
    looked_at: int
    discrepancies: int


class AuditView(TypedDict):
    """An audit of a snapshot. `discrepancies`: how many its checks found; null before it is complete."""

    id: str
    object: Literal["audit"]
    status: Literal["pending", "complete", "failed"]
    snapshot: str
    created: int
    checks: list[CheckView]
    discrepancies: int | None
    error: FailureView | None


class SnapshotList(TypedDict):
    """A part of the complete snapshots, the latest instant first."""

    object: Literal["list"]
    url: str
    has_more: bool
    data: list[SnapshotView]


class AuditList(TypedDict):
    """A part of the complete audits, newest first."""

    object: Literal["list"]
    url: str
    has_more: bool
    data: list[AuditView]


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


def snapshot_view(snapshot: Snapshot) -> SnapshotView:
    """A snapshot."""
    manifest = snapshot.manifest
    return {
        "id": snapshot.id,
        "object": "snapshot",
        "status": snapshot.status.value,
        "as_of": _seconds(snapshot.as_of),
        "created": _seconds(snapshot.created),
        "totals": None if snapshot.totals is None else dict(snapshot.totals),
        "manifest": None if manifest is None else {"number": manifest.number, "sha256": manifest.sha256},
        "error": _failure_view(snapshot.failure),
    }


def audit_view(audit: Audit) -> AuditView:
    """An audit."""
    return {
        "id": audit.id,
        "object": "audit",
        "status": audit.status.value,
        "snapshot": audit.snapshot,
        "created": _seconds(audit.created),
        "checks": [
            {"name": check.name, "looked_at": check.looked_at, "discrepancies": check.discrepancies}
            for check in audit.checks
        ],
        "discrepancies": audit.discrepancies,
        "error": _failure_view(audit.failure),
    }


def list_view(url: str, data: Sequence[Mapping[str, Any]], *, has_more: bool) -> Mapping[str, Any]:
    """A part of a list."""
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


def _failure_view(failure: Failure | None) -> FailureView | None:
    return None if failure is None else {"code": failure.code, "message": failure.message}


def _seconds(instant_ms: Milliseconds) -> int:
    return instant_ms // 1000
