"""Reading a part of a live table for an audit: all of it, consistently, each record for its bucket."""

import gzip
import json
from pathlib import Path

import pytest

from inventory.audit.layout import bucket_of, live_prefix
from inventory.audit.scan import Segment, scan_segment
from support.objects import DirectoryObjects
from support.pages import PAGE, Table

BUCKETS = 3
RUN = "partials/audit/audit_x/"


@pytest.mark.parametrize("records", [0, 1, 2 * PAGE + 5])
def test_every_page_is_read_consistently_and_every_record_is_in_the_file_of_its_bucket(
    tmp_path: Path, records: int
) -> None:
    objects, table, work = DirectoryObjects(tmp_path / "bucket"), Table(records), tmp_path / "work"
    work.mkdir()
    assert scan_segment(objects, table, "holds", RUN, Segment("holds", 1, 2), BUCKETS, work) == records
    assert len(table.requests) == records // PAGE + 1
    for request in table.requests:
        assert (request["ConsistentRead"], request["Segment"], request["TotalSegments"]) == (True, 1, 2)
    told = {
        bucket: [
            json.loads(line)["record_key"]
            for content in objects.contents(live_prefix(RUN, "live_hold", bucket)).values()
            for line in gzip.decompress(content).splitlines()
        ]
        for bucket in range(BUCKETS)
    }
    assert sum(map(len, told.values())) == records
    assert {name for names in told.values() for name in names} == {f"hold_{number}" for number in range(records)}
    assert all(bucket_of(name, BUCKETS) == bucket for bucket, names in told.items() for name in names)
