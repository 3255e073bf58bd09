"""docs/api.md says of every call which scope it needs."""

import re
from pathlib import Path
from typing import Any

from inventory.api import adjustments, audits, holds, snapshots, stock
from inventory.api.operations import Operation

PAGE = Path(__file__).parents[3] / "docs/api.md"
OPERATIONS: list[Operation[Any, Any]] = [
    *holds.OPERATIONS,
    *adjustments.OPERATIONS,
    *stock.OPERATIONS,
    *snapshots.OPERATIONS,
    *audits.OPERATIONS,
]


def test_every_call_stands_beside_its_scope() -> None:
    rows = re.findall(r"^\| `([a-z]+:[a-z]+)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {(scope, call) for scope, calls in rows for call in re.findall(r"`([A-Z]+ [^`]+)`", calls)}
    assert told == {(operation.scope.value, f"{operation.method} {operation.path}") for operation in OPERATIONS}
