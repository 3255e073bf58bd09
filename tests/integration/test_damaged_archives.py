"""An archive that is incomplete, damaged or told twice: no snapshot is sealed of it, and what is wrong is named."""

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import duckdb
import pytest

from inventory.domain.events import Source, line_of
from inventory.history import map_task
from inventory.history.commit import RebuildDiffers
from inventory.history.fold import EventsDiffer
from inventory.history.map_task import ObjectDamaged, UnknownVersion
from inventory.history.plan import Mode
from inventory.pipeline.stream import StreamRecord, change_of
from support.spells import HOUR_MS, after_spell
from support.tape import Tape
from support.workflow import History, Incomplete
from support.world import START_MS


def test_what_the_archiver_has_not_brought_yet_stops_the_seal_until_it_has(tape: Tape, tmp_path: Path) -> None:
    history = History(tmp_path / "late", tape)
    last = [record for record in tape.records if record[0] is Source.STOCK][-1]
    history.archive([record for record in tape.records if record is not last])
    history.now_ms = START_MS + 4 * HOUR_MS
    with pytest.raises(Incomplete, match="are not archived"):
        history.snapshot(after_spell(3))
    assert history.visible() == {}
    history.archive([last])
    assert history.snapshot(after_spell(3))["outcome"] == "committed"


@pytest.mark.parametrize("snapshots", [0, 1])
def test_a_history_with_a_hole_ends_before_it_and_one_that_begins_in_the_middle_never_seals(
    tape: Tape, tmp_path: Path, snapshots: int
) -> None:
    """Unless somebody opens it anew (test_openings.py)."""
    history = History(tmp_path / "bucket", tape)
    history.now_ms = START_MS + 4 * HOUR_MS
    spells: dict[int, list[tuple[Source, StreamRecord]]] = {1: [], 2: [], 3: []}
    for source, record in tape.records:
        change = change_of(record)
        at = (change.after or change.before or {})["at"]
        spells[1 + (at - START_MS) // HOUR_MS].append((source, record))
    if snapshots:
        history.archive()
        history.snapshot(after_spell(1))
        shutil.rmtree(history.objects.root / "archive")
        history.archive(spells[1])
    before = history.visible()
    history.archive(spells[3])
    for mode in (Mode.INCREMENT, Mode.REBUILD):
        with pytest.raises(Incomplete):
            history.snapshot(after_spell(3), mode=mode)
    assert history.visible() == before
    assert sum(key.startswith("manifests/") for key in before) == snapshots


@pytest.mark.parametrize("source", Source)
def test_any_one_event_that_is_missing_is_found(tape: Tape, tmp_path: Path, source: Source) -> None:
    told = [record for record in tape.records if record[0] is source]
    for number, missing in enumerate(told[:: len(told) // 6]):
        history = History(tmp_path / f"{number}", tape, buckets=1)
        history.archive([record for record in tape.records if record is not missing])
        history.now_ms = START_MS + 4 * HOUR_MS
        with pytest.raises(Incomplete):
            history.snapshot(after_spell(3))


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95, "checksum", "length", "cut", "a line", "a revision"])
def test_a_damaged_object_of_the_archive_fails_its_map_task_and_is_named(history: History, place: float | str) -> None:
    objects = list(history.objects.list("archive/holds/"))
    key = objects[len(objects) // 2].key
    body = bytearray(history.objects.read(key))
    if place == "cut":
        del body[-20:]
    elif place == "a line":
        body = bytearray(gzip.compress(gzip.decompress(bytes(body)).replace(b'"at":', b'"at";', 1)))
    elif place == "a revision":
        body = bytearray(gzip.compress(re.sub(rb'(@\d+)"', rb'\1st"', gzip.decompress(bytes(body)), count=1)))
    else:
        body[{"checksum": -8, "length": -4}.get(str(place)) or int(float(place) * len(body))] ^= 0x10
    history.objects.put(key, bytes(body))
    with pytest.raises(ObjectDamaged, match=key):
        history.snapshot(after_spell(3))
    assert history.visible() == {}


def test_an_object_that_would_fill_the_disk_fails_its_map_task_and_is_named(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = next(history.objects.list("archive/holds/")).key.rsplit("/", 1)[0] + "/0123456789abcdef-0-0.jsonl.gz"
    monkeypatch.setattr(map_task, "OBJECT_BYTES_MAX", 5_000_000)
    history.objects.put(bomb, gzip.compress(b" " * 5_000_001))
    with pytest.raises(ObjectDamaged, match=f"{bomb}: more than 5,000,000 bytes"):
        history.snapshot(after_spell(3))


def test_a_full_disk_is_no_damage_of_the_archive(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def full_disk(**_: int) -> Iterator[Mock]:
        yield Mock(execute=Mock(side_effect=duckdb.IOException("No space left on device")))

    monkeypatch.setattr(map_task, "scratch_database", full_disk)
    with pytest.raises(duckdb.IOException, match="No space left"):
        history.snapshot(after_spell(3))


@pytest.mark.parametrize("ending", [pytest.param(b"", id="none"), pytest.param(b"\n\n", id="two")])
def test_objects_may_end_without_a_newline_or_with_more_than_one(
    history: History, tape: Tape, tmp_path: Path, ending: bytes
) -> None:
    history.snapshot(after_spell(3))
    again = History(tmp_path / "again", tape)
    again.archive()
    for key in again.objects.contents("archive/"):
        lines = gzip.decompress(again.objects.read(key)).rstrip(b"\n")
        again.objects.put(key, gzip.compress(lines + ending))
    again.now_ms = history.now_ms
    again.snapshot(after_spell(3))
    assert [file.sha256 for file in again.head().files] == [file.sha256 for file in history.head().files]


@pytest.mark.parametrize("source", Source)
def test_an_event_of_another_version_fails_its_map_task_and_is_named(history: History, source: Source) -> None:
    key = list(history.objects.list(f"archive/{source}/"))[-1].key
    lines = gzip.decompress(history.objects.read(key)).splitlines(keepends=True)
    told = json.loads(lines[-1])
    lines[-1] = f"{line_of({**told, 'v': 2})}\n".encode()
    history.objects.put(key, gzip.compress(b"".join(lines)))
    with pytest.raises(UnknownVersion, match=f"^event {re.escape(told['event_id'])}$"):
        history.snapshot(after_spell(3))


def test_an_event_that_is_doubled_does_not_stand_for_one_that_is_missing(tape: Tape, tmp_path: Path) -> None:
    events = tape.events(Source.STOCK)
    of_one = [index for index, event in enumerate(events) if event["event_id"].startswith(events[0]["event_id"][:-1])]
    of_stock = tape.of(Source.STOCK)
    missing, doubled = of_stock[of_one[2]], of_stock[of_one[1]]
    history = History(tmp_path / "bucket", tape)
    history.archive([record for record in tape.records if record[1] is not missing])
    history.archive([(Source.STOCK, doubled)])
    history.now_ms = START_MS + 4 * HOUR_MS
    with pytest.raises(Incomplete) as told:
        history.snapshot(after_spell(3))
    assert events[of_one[2]]["event_id"] in str(told.value)


def test_an_event_doubled_with_other_contents_is_named(history: History) -> None:
    event = history.tape.events(Source.STOCK)[30]
    forged = {**event, "after": {**event["after"], "available": 999}}
    hour = next(history.objects.list("archive/stock/")).key.rsplit("/", 1)[0]
    history.objects.put(f"{hour}/0123456789abcdef-0-0.jsonl.gz", gzip.compress(f"{line_of(forged)}\n".encode()))
    with pytest.raises(EventsDiffer, match=event["event_id"].replace("*", r"\*")):
        history.snapshot(after_spell(3))


def test_an_event_that_turns_up_in_a_sealed_hour_makes_the_rebuild_fail_loudly(tape: Tape, tmp_path: Path) -> None:
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.snapshot(after_spell(3))
    event = {**tape.events(Source.ADJUSTMENTS)[3], "event_id": "adj_" + "0" * 32 + "@1"}
    hour = next(history.objects.list("archive/adjustments/")).key.rsplit("/", 1)[0]
    history.objects.put(f"{hour}/0123456789abcdef-0-0.jsonl.gz", gzip.compress(f"{line_of(event)}\n".encode()))
    with pytest.raises(RebuildDiffers, match="snapshots/as_of"):
        history.snapshot(after_spell(3), mode=Mode.REBUILD)
