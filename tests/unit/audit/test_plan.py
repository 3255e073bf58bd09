"""Where an audit begins, and up to which hour an audit of an earlier snapshot reads the archive."""

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any, TypeVar

import pytest

from inventory.audit.plan import HOUR_MS, AuditPlan, Depth, make_plan
from inventory.proof.manifest import instant_name, manifest_path
from support.objects import DirectoryObjects

HOUR = 400_000 * HOUR_MS
B = TypeVar("B", bound=DirectoryObjects)
OPENING = {"reason": "the archiver was down", "actor": "operator"}


def planned(folder: Path, depth: Depth, as_of_ms: int, *instants: int, opened: int | None = None) -> AuditPlan:
    """The audit of a snapshot, where there are snapshots of these instants; one may have opened the history."""
    return make_plan(sealed(DirectoryObjects(folder), *instants, opened=opened), "audit_x", as_of_ms, depth)


def sealed(objects: B, *instants: int, opened: int | None = None) -> B:
    """Snapshots in the order in which they were made: what is of an earlier instant adds nothing to the ledger."""
    for number, instant in enumerate(instants, 1):
        before = max(instants[: number - 1], default=0)
        told: dict[str, Any] = {
            "number": number,
            "snapshot": "snap",
            "as_of": instant_name(instant),
            "as_of_ms": instant,
            "ledger_from_ms": None if instant == opened or instant < before else before,
            "buckets": 2,
            "files": [],
            "totals": {},
        }
        after: Mapping[str, Any] | None = None
        if before:
            after = {"number": number - 1, "as_of_ms": before, "sha256": ""}
        told |= {"opening": {**OPENING, "after": after}} if instant == opened else {}
        objects.put(manifest_path(number), json.dumps({"manifest": told}).encode())
    return objects


class Counting(DirectoryObjects):
    """A bucket that counts how many manifests are read, and at once."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.lock, self.reads, self.now, self.most = Lock(), 0, 0, 0

    def read(self, key: str) -> bytes:
        with self.lock:
            self.reads += 1
            self.now += 1
            self.most = max(self.most, self.now)
        sleep(0.002)
        with self.lock:
            self.now -= 1
        return super().read(key)


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


def test_a_snapshot_of_before_the_first_one_is_an_increment_from_the_first_event_and_leaves_the_rest_alone(
    tmp_path: Path,
) -> None:
    """A hundred of them would else be a hundred audits of all that there is."""
    early, later = HOUR - 5 * HOUR_MS, HOUR + HOUR_MS
    plan = planned(tmp_path, Depth.INCREMENT, early, HOUR, later, early)
    assert (plan.depth, plan.since_ms, plan.base, plan.manifest) == (Depth.INCREMENT, 0, None, 3)
    assert (plan.until_hour_ms, plan.live) == (early, False)
    assert plan.ledgers == ((HOUR, 2),), "all that there is of its time"
    assert (plan.files, plan.first) == ((3,), 2), "it is held against the manifest before it"


def test_nor_is_one_between_it_and_the_first_one_more(tmp_path: Path) -> None:
    early = HOUR - 5 * HOUR_MS
    plan = planned(tmp_path, Depth.INCREMENT, early + HOUR_MS, HOUR, early, early + HOUR_MS)
    assert (plan.depth, plan.since_ms, plan.base) == (Depth.INCREMENT, early, 2)


@pytest.mark.parametrize("damaged", [b"{}", None])
def test_one_between_snapshots_is_not_of_before_all_others_because_its_base_is_gone_or_overwritten(
    tmp_path: Path, damaged: bytes | None
) -> None:
    """What follows from the damage would be told by the hundred, and the damage itself not."""
    asked = HOUR + HOUR_MS
    objects = sealed(DirectoryObjects(tmp_path), HOUR, HOUR + 2 * HOUR_MS, HOUR + 3 * HOUR_MS, asked)
    (tmp_path / manifest_path(1)).unlink()
    if damaged is not None:
        objects.put(manifest_path(1), damaged)
    plan = make_plan(objects, "audit_x", asked, Depth.INCREMENT)
    assert (plan.depth, plan.first) == (Depth.FULL, 1)


@pytest.mark.parametrize("later", [(), (HOUR + HOUR_MS,), (HOUR - HOUR_MS,)])
def test_the_first_snapshot_there_ever_was_is_audited_in_full(tmp_path: Path, later: tuple[int, ...]) -> None:
    plan = planned(tmp_path, Depth.INCREMENT, HOUR, HOUR, *later)
    if later == (HOUR - HOUR_MS,):
        assert plan.base is None
    assert (plan.depth, plan.live) == (Depth.FULL, True)


def test_an_early_snapshot_whose_own_ledger_is_of_before_others_is_audited_in_full_where_its_base_is_gone(
    tmp_path: Path,
) -> None:
    objects = sealed(DirectoryObjects(tmp_path), HOUR, HOUR + HOUR_MS, HOUR + 2 * HOUR_MS)
    (tmp_path / manifest_path(1)).unlink()
    assert make_plan(objects, "audit_x", HOUR + HOUR_MS, Depth.INCREMENT).depth is Depth.FULL


def test_an_increment_reads_few_manifests_where_it_is_of_late_and_many_at_once_where_it_is_not(tmp_path: Path) -> None:
    instants = [HOUR + hours * HOUR_MS for hours in range(100)]
    for instant, most, reads in ((instants[-1], 1, range(1, 6)), (instants[5], 16, range(90, 101))):
        objects = sealed(Counting(tmp_path), *instants)
        assert make_plan(objects, "audit_x", instant, Depth.INCREMENT).depth is Depth.INCREMENT
        assert most / 2 <= objects.most <= most
        assert objects.reads in reads


def test_an_increment_asked_for_later_begins_with_the_snapshot_just_before_it(tmp_path: Path) -> None:
    first, second, third, asked = (HOUR + hours * HOUR_MS for hours in (0, 1, 3, 2))
    plan = planned(tmp_path, Depth.INCREMENT, asked, first, second, third, asked)
    assert (plan.depth, plan.since_ms, plan.base) == (Depth.INCREMENT, second, 2)


def test_an_increment_reads_the_ledgers_of_its_own_time_only(tmp_path: Path) -> None:
    instants = [HOUR + hours * HOUR_MS for hours in range(9)]
    plan = planned(tmp_path, Depth.INCREMENT, instants[5], *instants)
    assert {ledger.as_of_ms for ledger in plan.ledgers} == set(instants[3:6])


def test_the_ledger_of_the_margin_before_the_first_hour_is_read(tmp_path: Path) -> None:
    base = HOUR + 20 * 60_000
    instants = [HOUR - 3 * HOUR_MS, HOUR - 10 * 60_000, base, base + HOUR_MS]
    plan = planned(tmp_path, Depth.INCREMENT, instants[-1], *instants)
    assert instants[1] in {ledger.as_of_ms for ledger in plan.ledgers}


def test_a_snapshot_that_opened_the_history_is_no_increment_of_the_one_before_it(tmp_path: Path) -> None:
    """Between them lies what was given up: whoever compared them would tell of all of it."""
    opened = HOUR + 2 * HOUR_MS
    plan = planned(tmp_path, Depth.INCREMENT, opened, HOUR, HOUR + HOUR_MS, opened, opened=opened)
    assert (plan.depth, plan.since_ms, plan.base, plan.manifest) == (Depth.FULL, opened, 3, 3)


def test_one_that_opened_the_history_before_all_others_is_audited_in_full(tmp_path: Path) -> None:
    plan = planned(tmp_path, Depth.INCREMENT, HOUR, HOUR, HOUR + HOUR_MS, opened=HOUR)
    assert (plan.depth, plan.since_ms, plan.base, plan.manifest) == (Depth.FULL, HOUR, 1, 1)


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize(("copied", "number"), [(1, 5), (2, 99_999_999), (3, 4), (4, 7)])
def test_a_copy_of_a_manifest_under_another_number_changes_nothing_of_what_is_read(
    tmp_path: Path, depth: Depth, copied: int, number: int
) -> None:
    """Else each file of its ledger would be read twice, and all events in it found twice."""
    instants = [HOUR, HOUR + 2 * HOUR_MS, HOUR + 4 * HOUR_MS, HOUR + 3 * HOUR_MS]
    objects = sealed(DirectoryObjects(tmp_path), *instants)
    before = make_plan(objects, "audit_x", instants[2], depth)
    objects.put(manifest_path(number), objects.read(manifest_path(copied)))
    after = make_plan(objects, "audit_x", instants[2], depth)
    assert (after.depth, after.base, after.manifest) == (before.depth, before.base, before.manifest)
    assert sorted(after.ledgers) == sorted(before.ledgers)


def test_a_manifest_that_is_under_another_number_alone_is_still_the_one_of_its_instant(tmp_path: Path) -> None:
    objects = sealed(DirectoryObjects(tmp_path), HOUR, HOUR + HOUR_MS)
    for number in (6, 7):
        objects.put(manifest_path(number), objects.read(manifest_path(2)))
    (tmp_path / manifest_path(2)).unlink()
    plan = make_plan(objects, "audit_x", HOUR + HOUR_MS, Depth.FULL)
    assert plan.manifest == 7
    assert [each.as_of_ms for each in sorted(plan.ledgers)] == [HOUR, HOUR + HOUR_MS]
