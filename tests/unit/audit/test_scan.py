"""Reading a part of a live table for an audit: all of it, consistently, each record for its bucket."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

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


class Records:
    """A client that scans these records."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self._records = records
        self.asked: dict[str, Any] = {}

    def get_paginator(self, operation: str) -> Self:
        assert operation == "scan"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked = request
        yield {"Items": list(self._records)}


def scanned(tmp_path: Path, kind: str, *records: dict[str, Any]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """The rows that a segment with these records gives, by what is live in them, and bucket."""
    objects, work = DirectoryObjects(tmp_path / "bucket"), tmp_path / "work"
    work.mkdir()
    assert scan_segment(objects, Records(*records), kind, RUN, Segment(kind, 0, 1), BUCKETS, work) == len(records)
    rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for key, content in objects.contents(f"{RUN}live/").items():
        live, bucket = key.removeprefix(f"{RUN}live/").split("-")[:2]
        rows[live, int(bucket)] = [json.loads(line) for line in gzip.decompress(content).splitlines()]
    return rows


def test_a_table_of_stock_has_counters_and_directories_in_the_bucket_of_their_item(tmp_path: Path) -> None:
    rows = scanned(tmp_path, "stock", {"stock_id": {"S": "cup#berlin#0"}}, {"stock_id": {"S": "cup#*"}})
    bucket = bucket_of("cup", BUCKETS)
    assert {place: [row["record_key"] for row in told] for place, told in rows.items()} == {
        ("live_shard", bucket): ["cup#berlin#0"],
        ("live_directory", bucket): ["cup#*"],
    }


def test_an_adjustment_is_in_the_bucket_of_its_item_and_one_without_an_item_in_its_own(tmp_path: Path) -> None:
    made, lost = "adj_" + "1" * 32, "adj_" + "2" * 32
    of_item = {"adjustment_id": {"S": made}, "item": {"S": "cup"}, "from": {"S": "berlin"}, "count": {"N": "0"}}
    rows = scanned(tmp_path, "adjustments", of_item, {"adjustment_id": {"S": lost}})
    told = {row["record_key"]: (place, row) for place, each in rows.items() for row in each}
    assert {key: place for key, (place, _) in told.items()} == {
        made: ("live_adjustment", bucket_of("cup", BUCKETS)),
        lost: ("live_adjustment", bucket_of(lost, BUCKETS)),
    }
    row = told[made][1]
    assert (row["item"], row["source"], row["destination"], row["counted"]) == ("cup", "berlin", None, "0")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"S": "text"}, "text"),
        ({"S": ""}, ""),
        ({"N": "-7"}, "-7"),
        ({"N": "1.50"}, "1.50"),
        ({"NULL": True}, None),
        ({"BOOL": False}, "False"),
        ({"B": b"x"}, "b'x'"),
        ({"SS": ["a"]}, "['a']"),
        ({"M": {"b": {"N": "-1"}, "a": {"L": [{"NULL": True}, {"S": "ü"}]}}}, '{"a":[null,"ü"],"b":-1}'),
        ({"M": {"a": {"BOOL": True}, "b": {"N": "1.5"}}}, '{"a":true,"b":"1.5"}'),
        ({"L": []}, "[]"),
    ],
    ids=str,
)
def test_whatever_a_record_has_is_told_as_text(tmp_path: Path, value: dict[str, Any], told: str | None) -> None:
    """One edited by hand may have anything; a map or a list is spelled as the archive spells it."""
    [[row]] = scanned(tmp_path, "holds", {"hold_id": {"S": "hold_1"}, "lines": value}).values()
    assert (row["record_key"], row["lines"]) == ("hold_1", told)
