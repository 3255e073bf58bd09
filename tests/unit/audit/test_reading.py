"""What reading the archive hands on to the buckets of an audit: each event once, to the bucket of its record."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from inventory.audit.buckets import read_objects
from inventory.audit.layout import bucket_of, lines_prefix
from inventory.audit.parts import Part
from inventory.audit.plan import AuditPlan, Depth
from inventory.domain.events import Event, Source
from inventory.proof.spans import Span
from support.objects import DirectoryObjects
from support.parquet import rows_of
from support.sealed import Sealer

BUCKETS = 64
HOLD, ADJUSTMENT, OTHER = "hold_" + "a" * 32, "adj_" + "b" * 32, "adj_" + "c" * 32
COUNTS = {"available": 1, "held": 0, "inflow": 1}
CAUSE = {"type": "adjustment", "id": ADJUSTMENT, "actor": "somebody"}

SHARD = {"event_id": "cup#berlin#0@1", "type": "shard_changed", "before": None, "after": COUNTS, "cause": CAUSE}
DIRECTORY = {"event_id": "mug#*@1", "type": "directory_changed", "before": {}, "after": {}, "cause": CAUSE}
PLACED = {"event_id": f"{HOLD}@1", "type": "hold_placed", "set": {"status": "active"}}
MADE = {"event_id": f"{ADJUSTMENT}@1", "type": "adjustment_made", "set": {"item": "pot", "quantity": 1}}
REMOVED = {"event_id": f"{OTHER}@2", "type": "adjustment_removed", "by": "someone"}

#: Of each event: the table that tells it, and the kind of bucket and the name by which it is looked at.
WHERE: list[tuple[Source, Event, str, str]] = [
    (Source.STOCK, SHARD, "items", "cup"),
    (Source.STOCK, DIRECTORY, "items", "mug"),
    (Source.HOLDS, PLACED, "holds", HOLD),
    (Source.ADJUSTMENTS, MADE, "items", "pot"),
    (Source.ADJUSTMENTS, REMOVED, "items", OTHER),
]
PLAN = AuditPlan("audit_x", 2_000, Depth.FULL, buckets=BUCKETS, manifest=1)


@pytest.fixture
def bucket(tmp_path: Path) -> DirectoryObjects:
    return DirectoryObjects(tmp_path / "bucket")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def archive(bucket: DirectoryObjects, source: Source, *events: Event) -> str:
    """Puts an object of the archive into the bucket; gives its name."""
    told = [{"v": 1, "at": 1_000, **event} for event in events]
    path = Sealer(bucket.root, {}).archive_object(source, f"{'0' * 16}-1-2", told)
    return path.relative_to(bucket.root).as_posix()


def read(bucket: DirectoryObjects, work: Path, keys: Sequence[str], plan: AuditPlan = PLAN) -> Part:
    return read_objects(bucket, plan, 7, keys, work)


def handed_on(bucket: DirectoryObjects) -> list[tuple[str, str]]:
    """The files of lines, each with the id of an event that it has."""
    files = [stored.key for stored in bucket.list(f"{PLAN.run}lines/")]
    return sorted((key, row["event_id"]) for key in files for row in rows_of(bucket.root / key))


@pytest.mark.parametrize(("source", "event", "kind", "name"), WHERE, ids=[event["type"] for _, event, *_ in WHERE])
def test_an_event_goes_to_the_bucket_of_its_record(
    bucket: DirectoryObjects, work: Path, source: Source, event: Event, kind: str, name: str
) -> None:
    part = read(bucket, work, [archive(bucket, source, event)])
    assert [(check.name, check.looked_at, check.findings) for check in part.checks] == [("archive_readable", 1, [])]
    [(key, event_id)] = handed_on(bucket)
    assert event_id == event["event_id"]
    assert key.startswith(f"{lines_prefix(PLAN.run, kind, bucket_of(name, BUCKETS))}00007-")


def test_a_line_that_is_no_event_is_named_and_goes_nowhere(bucket: DirectoryObjects, work: Path) -> None:
    """It has perhaps not even a name by which it could fall into a bucket."""
    path = archive(bucket, Source.STOCK, SHARD, {}, {**SHARD, "event_id": "mug#berlin#0@0"})
    [check] = read(bucket, work, [path]).checks
    assert [(each.what, each.path, each.record) for each in check.findings] == [
        ("A line is no event.", path, "mug#berlin#0@0"),
        ("A line is no event.", path, None),
    ]
    assert [event_id for _, event_id in handed_on(bucket)] == [SHARD["event_id"]]


def test_an_object_that_is_gone_since_it_was_listed_is_passed_over(bucket: DirectoryObjects, work: Path) -> None:
    """Its events are missed where their records are followed."""
    path = archive(bucket, Source.STOCK, SHARD)
    [check] = read(bucket, work, [path.replace("stock", "holds"), path]).checks
    assert (check.looked_at, check.findings) == (1, [])
    assert [event_id for _, event_id in handed_on(bucket)] == [SHARD["event_id"]]


@pytest.mark.parametrize(("at_ms", "is_handed_on"), [(500, True), (600, False), (1_500, False), (1_600, True)])
def test_of_what_happened_before_an_opening_nothing_is_handed_on(
    bucket: DirectoryObjects, work: Path, at_ms: int, *, is_handed_on: bool
) -> None:
    plan = AuditPlan("audit_x", 2_000, Depth.FULL, buckets=BUCKETS, manifest=1, holes=(Span(500, 1_500),))
    read(bucket, work, [archive(bucket, Source.STOCK, {**SHARD, "at": at_ms})], plan)
    assert bool(handed_on(bucket)) == is_handed_on
