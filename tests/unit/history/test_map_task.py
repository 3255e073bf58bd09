"""What is made of archived lines that are no service's, or have less than most: each is in one bucket, or named."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.domain.events import Source
from inventory.history.map_task import ObjectDamaged, UnknownVersion, read_parts
from support.archived import AS_OF_MS, archive, mapped
from support.objects import DirectoryObjects

BUCKETS = 3
LINE: dict[str, Any] = {"v": 1, "event_id": "adj_1@1", "type": "adjustment_made", "at": AS_OF_MS}


@pytest.fixture
def objects(tmp_path: Path) -> DirectoryObjects:
    return DirectoryObjects(tmp_path / "bucket")


def test_a_record_without_an_item_is_in_the_bucket_of_its_own_name(objects: DirectoryObjects, tmp_path: Path) -> None:
    """An adjustment that somebody removed has nothing but that."""
    lines = [LINE | {"event_id": f"adj_{number}@2", "type": "adjustment_removed"} for number in range(9)]
    archive(objects, Source.ADJUSTMENTS, lines)
    [task] = mapped(objects, tmp_path, buckets=BUCKETS).tasks
    told = []
    for bucket in range(BUCKETS):
        for part in read_parts(objects, task, bucket):
            told += duckdb.execute(f"SELECT record_key FROM read_parquet('{objects.root / part}')").fetchall()
    assert sorted(told) == [(f"adj_{number}",) for number in range(9)]


@pytest.mark.parametrize("version", [0, 2, None])
def test_a_line_of_another_version_or_of_none_is_named(
    objects: DirectoryObjects, tmp_path: Path, version: int | None
) -> None:
    archive(objects, Source.ADJUSTMENTS, [LINE, LINE | {"event_id": "adj_2@1", "v": version}])
    with pytest.raises(UnknownVersion, match=r"^event adj_2@1$"):
        mapped(objects, tmp_path, buckets=BUCKETS)


def test_of_many_objects_the_one_with_a_line_that_is_no_event_is_named(
    objects: DirectoryObjects, tmp_path: Path
) -> None:
    ids = ("adj_1@1", "adj_2@first", "adj_3@1")
    keys = archive(objects, Source.ADJUSTMENTS, *([LINE | {"event_id": event_id}] for event_id in ids))
    with pytest.raises(ObjectDamaged, match=keys[1]):
        mapped(objects, tmp_path, buckets=BUCKETS)
