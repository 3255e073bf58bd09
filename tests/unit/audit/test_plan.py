"""Up to which hour an audit of an earlier snapshot reads the archive."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from inventory.audit.plan import HOUR_MS, AuditPlan, Depth, make_plan
from inventory.proof.manifest import instant_name, manifest_path
from support.objects import DirectoryObjects

HOUR = 400_000 * HOUR_MS
OPENING = {"reason": "the archiver was down", "actor": "operator"}


def planned(folder: Path, depth: Depth, as_of_ms: int, *instants: int, opened: int | None = None) -> AuditPlan:
    """The audit of a snapshot, where there are snapshots of these instants; one may have opened the history."""
    objects = DirectoryObjects(folder)
    for number, (before, instant) in enumerate(zip((0, *instants), instants, strict=False), 1):
        told: dict[str, Any] = {
            "number": number,
            "snapshot": "snap",
            "as_of": instant_name(instant),
            "as_of_ms": instant,
            "ledger_from_ms": None if instant == opened else before,
            "buckets": 2,
            "files": [],
            "totals": {},
        }
        after: Mapping[str, Any] = {"number": number - 1, "as_of_ms": before, "sha256": ""}
        told |= {"opening": {**OPENING, "after": after}} if instant == opened else {}
        objects.put(manifest_path(number), json.dumps({"manifest": told}).encode())
    return make_plan(objects, "audit_x", as_of_ms, depth)


@pytest.mark.parametrize(("minutes", "last"), [(5, HOUR), (40, HOUR), (59, HOUR + HOUR_MS)])
@pytest.mark.parametrize("depth", [Depth.INCREMENT, Depth.FULL])
def test_of_an_earlier_snapshot_the_next_hour_is_read_too_where_its_events_may_be_archived_there(
    tmp_path: Path, depth: Depth, minutes: int, last: int
) -> None:
    """An increment ends before a later snapshot's, an audit from the first event before a later opening's."""
    as_of_ms, later = HOUR + minutes * 60_000, HOUR + 5 * HOUR_MS
    opened = later if depth is Depth.FULL else None
    plan = planned(tmp_path, depth, as_of_ms, HOUR - HOUR_MS, as_of_ms, later, opened=opened)
    assert (plan.depth, plan.until_hour_ms, plan.live) == (depth, last, False)


@pytest.mark.parametrize("depth", [Depth.INCREMENT, Depth.FULL])
def test_of_the_newest_snapshot_all_that_is_archived_is_read(tmp_path: Path, depth: Depth) -> None:
    plan = planned(tmp_path, depth, HOUR, HOUR - HOUR_MS, HOUR)
    assert (plan.depth, plan.until_hour_ms, plan.live) == (depth, None, True)
