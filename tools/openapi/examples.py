"""Examples of answers, made by the code that makes the real ones, so that they cannot drift from it."""

from typing import Any, Final

from inventory.api.views import adjustment_view, audit_view, hold_view, snapshot_view, stock_view, transfer_view
from inventory.domain.adjustments import Adjustment, Transfer
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.holds import Draw, Hold, Line, Status
from inventory.domain.runs import Audit, CheckResult, ManifestName, RunStatus, Snapshot
from inventory.history.layout import snapshot_id

_CREATED_MS: Final = 1_800_000_000_000
_HEX: Final = "3f1c2b9a7d5e4c60a1b2c3d4e5f60718"
_ACTOR: Final = "key_1"
_FINGERPRINT: Final = "0" * 32

EXAMPLES: Final[dict[str, Any]] = {
    "HoldView": hold_view(
        Hold(
            id=f"hold_{_HEX}",
            status=Status.ACTIVE,
            lines=(Line("espresso-cup", "berlin", 2, (Draw(0, 2),)), Line("saucer", "berlin", 2, (Draw(0, 2),))),
            created=_CREATED_MS,
            expires_at=_CREATED_MS + 600_000,
            rev=1,
            at=_CREATED_MS,
            metadata={"cart": "c_1042"},
            actor=_ACTOR,
            fingerprint=_FINGERPRINT,
        ),
        _CREATED_MS,
    ),
    "StockView": stock_view(ItemStock("espresso-cup", (WarehouseStock("berlin", 96, 4, 1),), _CREATED_MS)),
    "AdjustmentView": adjustment_view(
        Adjustment(f"adj_{_HEX}", "espresso-cup", "berlin", 100, "received", _CREATED_MS, _ACTOR, _FINGERPRINT)
    ),
    "TransferView": transfer_view(
        Transfer(f"trf_{_HEX}", "espresso-cup", "berlin", "lyon", 20, _CREATED_MS, _ACTOR, _FINGERPRINT, "truck 7")
    ),
    "SnapshotView": snapshot_view(
        Snapshot(
            snapshot_id(_CREATED_MS),
            RunStatus.COMPLETE,
            _CREATED_MS,
            _CREATED_MS + 200_000,
            {"items": 2, "available": 96, "held": 4, "on_hand": 100},
            ManifestName(17, _HEX * 2),
        )
    ),
    "AuditView": audit_view(
        Audit(
            f"audit_{_CREATED_MS + 300_000:012x}{_HEX[:20]}",
            RunStatus.COMPLETE,
            snapshot_id(_CREATED_MS),
            _CREATED_MS + 300_000,
            (CheckResult("stock_conserved", 2, 0), CheckResult("settlements_match", 1234, 0)),
            0,
        )
    ),
}
