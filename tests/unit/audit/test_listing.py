"""Which folders of the archive an audit looks through: all that can have its events, and never more than there are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory.audit import listing
from inventory.audit.listing import HOURS_MAX, SOURCES, archive_folders, cut_folder
from inventory.audit.plan import AuditPlan, Depth
from support.objects import DirectoryObjects

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


@pytest.fixture
def bucket(tmp_path: Path) -> DirectoryObjects:
    bucket = DirectoryObjects(tmp_path)
    for source in SOURCES:
        for hour in (0, 1, 48, 72):
            before = NOW - timedelta(hours=hour)
            bucket.put(f"archive/{source}/{before:dt=%Y-%m-%d/hour=%H}/x.jsonl.gz", b"12345")
    return bucket


def folders(bucket: DirectoryObjects, since: datetime, until: datetime | None = None) -> list[str]:
    found = list(archive_folders(bucket, _plan(since, until), _ms(NOW)))
    of_stock = [folder.removeprefix("archive/stock/") for folder in found if folder.startswith("archive/stock/")]
    assert found == [f"archive/{source}/{folder}" for source in SOURCES for folder in of_stock]
    return of_stock


def _plan(since: datetime, until: datetime | None = None) -> AuditPlan:
    return AuditPlan(
        "audit_x",
        _ms(NOW),
        Depth.INCREMENT,
        since_ms=_ms(since),
        until_hour_ms=None if until is None else _ms(until),
        manifest=2,
        base=1,
    )


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def test_after_a_base_of_lately_they_are_hours_a_quarter_before_it_included(bucket: DirectoryObjects) -> None:
    found = folders(bucket, NOW.replace(hour=11, minute=10))
    assert found == [f"dt=2026-11-22/hour={hour}/" for hour in (10, 11, 12)]


def test_after_a_base_of_long_before_the_first_event_they_are_the_days_that_there_are(bucket: DirectoryObjects) -> None:
    long_ago = datetime(2001, 9, 9, tzinfo=UTC)
    assert folders(bucket, long_ago) == ["dt=2026-11-19/", "dt=2026-11-20/", "dt=2026-11-22/"]


def test_of_days_too_those_before_the_base_and_after_the_end_are_left_out(bucket: DirectoryObjects) -> None:
    for day in ("2026-11-10", "2026-11-24"):
        bucket.put(f"archive/stock/dt={day}/hour=00/x.jsonl.gz", b"")
    bucket.put("archive/stock/planted.jsonl.gz", b"")
    since, until = datetime(2026, 11, 19, 5, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
    assert folders(bucket, since, until) == ["dt=2026-11-19/hour=12/", "dt=2026-11-20/", "dt=2026-11-22/"]


@pytest.mark.parametrize(("minute", "first"), [(10, 11), (20, 12)])
def test_of_the_base_s_own_day_they_are_hours_a_quarter_before_it_included(
    bucket: DirectoryObjects, minute: int, first: int
) -> None:
    for hour in (9, 11, 23):
        bucket.put(f"archive/stock/dt=2026-11-19/hour={hour:02}/x.jsonl.gz", b"")
    found = list(archive_folders(bucket, _plan(datetime(2026, 11, 19, 12, minute, tzinfo=UTC)), _ms(NOW)))
    hours = [f"archive/stock/dt=2026-11-19/hour={hour}/" for hour in (11, 12, 23) if hour >= first]
    days = [f"archive/stock/dt=2026-11-{day}/" for day in (20, 22)]
    assert [folder for folder in found if folder.startswith("archive/stock/")] == [*hours, *days]


def test_what_hours_miss_days_do_not(bucket: DirectoryObjects) -> None:
    edge = NOW.replace(minute=0) - timedelta(hours=HOURS_MAX - 2)
    by_hours, by_days = folders(bucket, edge), folders(bucket, edge - timedelta(hours=3))
    assert len(by_hours) == HOURS_MAX
    assert {folder.partition("/")[0] for folder in by_hours} & {"dt=2026-11-20", "dt=2026-11-22"} <= {
        folder.partition("/")[0] for folder in by_days
    }


@pytest.mark.parametrize(("day", "last"), [(20, "dt=2026-11-20/"), (19, "dt=2026-11-19/"), (18, None)])
def test_an_increment_from_the_first_event_ends_with_its_hour_too(
    bucket: DirectoryObjects, day: int, last: str | None
) -> None:
    until = _ms(datetime(2026, 11, day, 15, tzinfo=UTC))
    plan = AuditPlan("audit_x", until, Depth.INCREMENT, until_hour_ms=until, manifest=2)
    days = ["dt=2026-11-19/", "dt=2026-11-20/"]
    expected = days[: days.index(last) + 1] if last else []
    assert list(archive_folders(bucket, plan, _ms(NOW))) == [f"archive/{s}/{d}" for s in SOURCES for d in expected]


def test_an_object_beside_the_folders_is_looked_at_once(bucket: DirectoryObjects) -> None:
    for key in ("x", "xy", "x-folder/y"):
        bucket.put(f"archive/stock/{key}", b"")
    found = archive_folders(bucket, AuditPlan("audit_x", _ms(NOW), Depth.FULL, since_ms=0, manifest=1), _ms(NOW))
    cut = [key for folder in found for keys in cut_folder(bucket, folder) for key in keys]
    assert sorted(cut) == sorted(stored.key for stored in bucket.list("archive/"))


@pytest.mark.parametrize(
    ("sizes", "tasks"),
    [
        ([5, 5, 1], [[0, 1], [2]]),
        ([4, 7, 2], [[0], [1, 2]]),
        ([11, 1], [[0], [1]]),
        ([1, 11, 1], [[0], [1], [2]]),
        ([3, 3, 3, 1], [[0, 1, 2, 3]]),
    ],
)
def test_a_task_gets_as_many_bytes_as_it_may_read_or_one_object_that_has_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int], tasks: list[list[int]]
) -> None:
    monkeypatch.setattr(listing, "TASK_BYTES", 10)
    bucket, folder = DirectoryObjects(tmp_path), "archive/stock/dt=2026-11-22/"
    for number, size in enumerate(sizes):
        bucket.put(f"{folder}{number}", bytes(size))
    assert list(cut_folder(bucket, folder)) == [[f"{folder}{number}" for number in task] for task in tasks]
