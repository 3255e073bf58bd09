"""What stands in the way of the seal, on records made by hand: as a fold has them, and as they were read live."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inventory.adapters.objects import NoSuchObject
from inventory.adapters.scratch import scratch_database
from inventory.domain.events import Source
from inventory.history.columnar import HEADS, LIVE, MEMORY_MB, Columns, save
from inventory.history.map_task import kind_of
from inventory.history.plan import Mode, Plan
from inventory.history.reduced import Reduced, heads_path, result_path
from inventory.history.scan import Reading, Segment, segments_path
from inventory.history.seal import compare_bucket, find_incomplete
from support.objects import DirectoryObjects

#: The snapshot before, an instant between, that of the snapshot, and one after it.
BASE_MS, THEN_MS, AS_OF_MS, SINCE_MS = 1_764_000_000_000, 1_764_000_004_000, 1_764_000_009_000, 1_764_000_009_001
LIVE_FOLDER = "partials/live/20251124T160009Z-1764000069000/"
PLAN = Plan(
    run="partials/run/one/",
    as_of_ms=AS_OF_MS,
    mode=Mode.INCREMENT,
    head=1,
    exists=None,
    base_ms=BASE_MS,
    fold_from_ms=BASE_MS,
    ledger_from_ms=BASE_MS,
    sealed=False,
    buckets=1,
    tasks=(),
)
SHARD = "cup#berlin#0"
HOLD = "hold_1"
GONE = "the live record is gone, and its removal is not archived"
ANOTHER = "another hold of this id is live, and what ended this one is not archived; or the table was restored"
OLDER = "the live record is older than the archive"
BETWEEN = "events between are not archived"


class Head(NamedTuple):
    """A record as the fold has it; `rev` 0 for one of which only later events are archived."""

    rev: int
    at_ms: int | None = THEN_MS
    final: bool = False
    later: int | None = None


class Live(NamedTuple):
    """A record as it was read."""

    rev: int
    at_ms: int = THEN_MS
    settled: bool = False


ONE_AHEAD = Live(4, SINCE_MS)


class Bench:
    """A bucket of each kind, reduced and read; nothing is in either but what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.objects = DirectoryObjects(root / "bucket")
        self._root = root

    def compared(
        self, heads: Mapping[str, Head | None], lives: Mapping[str, Live | None], *, plan: Plan = PLAN, bucket: int = 0
    ) -> list[tuple[str, str]]:
        """What stands in the way, each with the reason, as it is returned and as it is written down."""
        segments = [{"buckets": 1, "source": source, "number": 0, "of": 1} for source in Source]
        self.objects.put(segments_path(LIVE_FOLDER), json.dumps(segments).encode())
        for source in Source:
            path = Reading(LIVE_FOLDER, 1, Segment(source, 0, 1)).path(bucket)
            read = {key: live for key, live in lives.items() if live and _source_of(key) is source}
            self._put(path, LIVE, [{"record_key": key} | live._asdict() for key, live in read.items()])
        for kind in ("holds", "items"):
            folded = {key: head for key, head in heads.items() if head and kind_of(_source_of(key)) == kind}
            rows = [{"record_key": key} | head._asdict() for key, head in folded.items()]
            self._put(heads_path(plan, kind, bucket), HEADS, rows)
        found = compare_bucket(self.objects, plan, LIVE_FOLDER, bucket, self._root / f"work-{bucket}")
        return [(each.record_key, each.why) for each in found]

    def reduced(self, gaps: Mapping[str, Sequence[str]], *, plan: Plan = PLAN) -> None:
        """The results of all reduce tasks; `gaps` of the first bucket of a kind."""
        for kind in ("holds", "items"):
            for bucket in range(plan.buckets):
                result = Reduced([], gaps.get(kind, []) if bucket == 0 else [])
                self.objects.put(result_path(plan, kind, bucket), result.to_json())

    def _put(self, path: str, columns: Columns, rows: Sequence[Mapping[str, Any]]) -> None:
        spelled = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        file = self._root / "one.parquet"
        with scratch_database(memory_mb=MEMORY_MB) as sql:
            sql.execute(f"CREATE TABLE made ({spelled})")
            for row in rows:
                sql.execute(f"INSERT INTO made VALUES ({', '.join('?' for _ in columns)})", [row[n] for n in columns])
            save(sql, "FROM made", columns, "record_key", file, "")
        self.objects.upload(file, path)


def _source_of(key: str) -> Source:
    if "#" in key:
        return Source.STOCK
    return Source.HOLDS if key.startswith("hold_") else Source.ADJUSTMENTS


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("key", "head", "live"),
    [
        pytest.param(SHARD, Head(3), Live(3), id="the live record is what the fold says"),
        pytest.param(SHARD, Head(3), ONE_AHEAD, id="it is one write ahead, of after the instant"),
        pytest.param(SHARD, Head(3, later=4), Live(9, SINCE_MS), id="what comes next is archived"),
        pytest.param(SHARD, Head(3, later=4), None, id="and was its removal"),
        pytest.param(SHARD, None, Live(1, SINCE_MS), id="it began after the instant"),
        pytest.param(SHARD, Head(0, None, later=1), Live(7, SINCE_MS), id="and its beginning is archived"),
        pytest.param(HOLD, None, Live(3, BASE_MS, settled=True), id="it was settled by the base's time"),
        pytest.param("adj_1", None, Live(1, BASE_MS), id="it is an adjustment of the base's time"),
        pytest.param("trf_1", None, Live(1, BASE_MS), id="it is a transfer of the base's time"),
        pytest.param(HOLD, Head(3, final=True), None, id="it was settled, and has expired"),
        pytest.param(HOLD, Head(3, final=True), Live(3, settled=True), id="it was settled, and is still there"),
        pytest.param(HOLD, Head(3, final=True), Live(1, SINCE_MS), id="its id was used again after the instant"),
        pytest.param(HOLD, Head(3, final=True, later=1), Live(3, SINCE_MS), id="and that is archived"),
    ],
)
def test_archive_complete_where_the_live_record_or_what_comes_next_proves_it(
    bench: Bench, key: str, head: Head | None, live: Live | None
) -> None:
    assert bench.compared({key: head}, {key: live}) == []


@pytest.mark.parametrize(
    ("key", "head", "live", "why"),
    [
        pytest.param(SHARD, Head(3), Live(4, AS_OF_MS), BETWEEN, id="the write ahead is of the very instant"),
        pytest.param(SHARD, Head(3), Live(5, SINCE_MS), BETWEEN, id="it is two writes ahead"),
        pytest.param(SHARD, Head(3, later=5), Live(5, SINCE_MS), BETWEEN, id="what is archived next is not the next"),
        pytest.param(SHARD, Head(3, later=5), ONE_AHEAD, BETWEEN, id="whatever is live"),
        pytest.param(SHARD, Head(0, None, later=2), Live(2, SINCE_MS), BETWEEN, id="nor is its second the first"),
        pytest.param(SHARD, Head(3), Live(2), OLDER, id="the table was restored"),
        pytest.param(SHARD, Head(3), Live(2, SINCE_MS), OLDER, id="and written to since"),
        pytest.param(SHARD, Head(3), Live(3, AS_OF_MS), BETWEEN, id="a revision was given again"),
        pytest.param(SHARD, Head(3), None, GONE, id="it is gone"),
        pytest.param(SHARD, None, Live(1, AS_OF_MS), BETWEEN, id="it began at the very instant"),
        pytest.param(SHARD, None, Live(1, BASE_MS), BETWEEN, id="the base does not know it"),
        pytest.param("adj_cup#berlin#0", None, Live(1, BASE_MS), BETWEEN, id="whatever its item is called"),
        pytest.param(HOLD, None, Live(1, BASE_MS), BETWEEN, id="nor an unsettled hold"),
        pytest.param(HOLD, None, Live(3, BASE_MS + 1, settled=True), BETWEEN, id="it was settled after the base"),
        pytest.param("adj_1", None, Live(1, BASE_MS + 1), BETWEEN, id="the adjustment was made after the base"),
        pytest.param(HOLD, Head(2, BASE_MS), Live(4, BASE_MS, settled=True), BETWEEN, id="the fold has it unsettled"),
        pytest.param(HOLD, Head(3), Live(3, SINCE_MS), ANOTHER, id="another hold has come to the same revision"),
        pytest.param(HOLD, Head(3), Live(1, SINCE_MS), ANOTHER, id="or will"),
        pytest.param(HOLD, Head(3), Live(1, AS_OF_MS), OLDER, id="but began before the instant"),
        pytest.param(
            HOLD, Head(3, final=True), Live(2, SINCE_MS), BETWEEN, id="its id was used again, and how is lost"
        ),
        pytest.param(HOLD, Head(3, final=True), Live(1, AS_OF_MS), BETWEEN, id="and that by the instant"),
        pytest.param(HOLD, Head(3, final=True, later=2), Live(2, SINCE_MS), BETWEEN, id="or is archived but in part"),
    ],
)
def test_archive_complete_is_not_taken_for_granted_where_neither_does(
    bench: Bench, key: str, head: Head | None, live: Live | None, why: str
) -> None:
    told = f"{why} (folded revision {head and head.rev}, live {live and live.rev})"
    assert bench.compared({key: head}, {key: live}) == [(key, told)]


@pytest.mark.parametrize("first", [1, 25])
def test_the_first_twenty_records_by_their_keys_are_told_of_each_bucket_and_of_all(bench: Bench, first: int) -> None:
    plan = replace(PLAN, buckets=2)
    keys = [
        [f"item-{bucket}-{number:02d}#berlin#0" for number in range(many)] for bucket, many in enumerate([first, 25])
    ]
    for bucket, of_bucket in enumerate(keys):
        found = bench.compared(dict.fromkeys(reversed(of_bucket), Head(3)), {}, plan=plan, bucket=bucket)
        assert [key for key, _ in found] == of_bucket[:20]
    bench.reduced({}, plan=plan)
    told = [each.record_key for each in find_incomplete(bench.objects, plan, LIVE_FOLDER)]
    assert told == [*keys[0], *keys[1]][:20]


def test_holds_are_told_before_items_and_no_more_than_twenty_of_both(bench: Bench) -> None:
    holds = [f"hold_{number:02d}" for number in range(15)]
    items = [f"item-{number:02d}#berlin#0" for number in range(15)]
    told = [key for key, _ in bench.compared(dict.fromkeys([*items, *holds], Head(3)), {})]
    assert told == [*holds, *items[:5]]
    bench.reduced({})
    assert [each.record_key for each in find_incomplete(bench.objects, PLAN, LIVE_FOLDER)] == told


@pytest.mark.parametrize(
    ("gap", "base_ms", "of_the_base"),
    [
        ("hold_1@1", BASE_MS, True),
        ("hold_1@1", None, False),
        ("hold_1@11", BASE_MS, False),
        ("hold_1@2", BASE_MS, False),
        ("cup#berlin#0@1", BASE_MS, False),
    ],
)
def test_gapless_a_gap_stops_the_seal_whatever_is_live_and_says_whether_the_base_may_be_the_cause(
    bench: Bench, gap: str, base_ms: int | None, *, of_the_base: bool
) -> None:
    plan = replace(PLAN, base_ms=base_ms)
    bench.reduced({"holds": [gap]}, plan=plan)
    [found] = find_incomplete(bench.objects, plan, LIVE_FOLDER)
    assert found.record_key == gap
    assert found.why.startswith("the base does not have this hold") == of_the_base
    assert (found.why == "this event is not archived") != of_the_base


def test_gapless_no_more_than_twenty_gaps_are_told(bench: Bench) -> None:
    gaps = {kind: [f"{kind}-{number:02d}@2" for number in range(15)] for kind in ("holds", "items")}
    bench.reduced(gaps)
    found = find_incomplete(bench.objects, PLAN, LIVE_FOLDER)
    assert [each.record_key for each in found] == [*gaps["holds"], *gaps["items"][:5]]


def test_an_instant_before_one_that_is_sealed_needs_no_live_records_but_all_events(bench: Bench) -> None:
    plan = replace(PLAN, sealed=True)
    assert compare_bucket(bench.objects, plan, LIVE_FOLDER, 0, Path("nowhere")) == []
    bench.reduced({}, plan=plan)
    assert find_incomplete(bench.objects, plan, LIVE_FOLDER) == []
    bench.reduced({"items": ["cup#berlin#0@4"]}, plan=plan)
    assert [each.record_key for each in find_incomplete(bench.objects, plan, LIVE_FOLDER)] == ["cup#berlin#0@4"]


def test_a_bucket_that_was_not_reduced_is_not_passed_over(bench: Bench) -> None:
    bench.reduced({})
    (bench.objects.root / result_path(PLAN, "items", 0)).unlink()
    with pytest.raises(NoSuchObject, match="results/items-0000"):
        find_incomplete(bench.objects, PLAN, LIVE_FOLDER)
