"""The archiver: every write once, whatever batches it comes in, and poison stops nothing."""

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inventory.domain.events import Source
from inventory.metric import Metric
from inventory.pipeline import archiver
from inventory.pipeline.archiver import NoSuchTable, archive_batch
from inventory.protocol.resolve import execute
from support.folding import fold, unique
from support.objects import DirectoryObjects, Killed
from support.tape import Tape
from support.trade import trade
from support.world import World

Reported = list[tuple[str, int]]


class Archive:
    """A folder as the history's bucket, with the archiver before it."""

    def __init__(self, root: Path, tape: Tape) -> None:
        self.objects = DirectoryObjects(root)
        self.sources = {table: source for source, table in tape.tables.items()}
        self.set_aside: list[Any] = []

    def take(self, records: Sequence[Any], now_ms: int = 1_900_000_000_000) -> archiver.Archived:
        return archive_batch(
            self.objects, self.sources, records, lambda record, why: self.set_aside.append((record, why)), now_ms
        )

    def events(self, source: Source) -> list[Any]:
        return [
            json.loads(line)
            for body in self.objects.contents(f"archive/{source}/").values()
            for line in gzip.decompress(body).splitlines()
        ]


@pytest.fixture(scope="module")
def tape() -> Tape:
    world = World(seed=5)
    tape = Tape(world)
    trade(world, 120, seed=5)
    world.clock.pass_s(3600)
    world.sweep()
    world.flow()
    return tape


@pytest.fixture
def archive(tmp_path: Path, tape: Tape) -> Archive:
    return Archive(tmp_path, tape)


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    told: Reported = []
    monkeypatch.setattr(archiver, "report", lambda name, value: told.append((name, value)))
    return told


def test_the_same_batch_again_makes_no_second_object_and_no_other_bytes(tape: Tape, archive: Archive) -> None:
    records = tape.of(Source.STOCK)
    first = archive.take(records)
    before = archive.objects.contents("")
    again = archive.take(records)
    assert (first.objects, again.objects) == (2, 0)  # two hours of the stream's time
    assert archive.objects.contents("") == before


@pytest.mark.parametrize("seed", range(5))
def test_whatever_batches_are_cut_and_cut_again_every_write_is_there_once(
    tape: Tape, archive: Archive, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for source in Source:
        records = tape.of(source)
        while records:
            batch = records[: draw.randint(1, 60)]
            if draw.random() < 0.4:  # it failed half way, and is halved when it is tried again
                archive.take(batch[: len(batch) // 2 + 1])
            archive.take(batch)
            records = records[len(batch) :]
        assert fold(unique(archive.events(source))) == fold(tape.events(source))
        assert len(unique(archive.events(source))) == len(tape.of(source))


def test_an_object_has_one_hour_of_the_streams_time_and_names_its_batch(tape: Tape, archive: Archive) -> None:
    records = tape.of(Source.HOLDS)
    archive.take(records)
    names = sorted(archive.objects.contents("archive/holds/"))
    hours = sorted({record["dynamodb"]["ApproximateCreationDateTime"] // 3600 for record in records})
    assert len(names) == len(hours) == 2
    assert names[0].startswith("archive/holds/dt=2027-01-15/hour=08/")
    assert names[0].split("-")[-2] == records[0]["dynamodb"]["SequenceNumber"]
    assert names[1].endswith(f"-{records[-1]['dynamodb']['SequenceNumber']}.jsonl.gz")


def test_poison_is_set_aside_and_stops_nothing(tape: Tape, archive: Archive) -> None:
    records = tape.of(Source.ADJUSTMENTS)[:4]
    odd = {**records[1], "dynamodb": {**records[1]["dynamodb"], "NewImage": {"adjustment_id": {"S": "adj_1"}}}}
    nowhere = {**records[0], "eventSourceARN": "arn:aws:dynamodb:us-east-1:0:stream/x"}
    unnamed = {**records[0], "eventSourceARN": None}
    done = archive.take([nowhere, records[2], unnamed, odd, {}, records[3]])
    assert done.events == 2
    assert [record for record, _ in archive.set_aside] == [nowhere, unnamed, odd, {}]
    assert len(archive.events(Source.ADJUSTMENTS)) == 2


def test_a_stream_that_the_function_was_not_told_of_waits_and_is_no_poison(tape: Tape, archive: Archive) -> None:
    records = tape.of(Source.ADJUSTMENTS)[:2]
    foreign = {**records[0], "eventSourceARN": "arn:aws:dynamodb:us-east-1:0:table/Other/stream/x"}
    with pytest.raises(NoSuchTable, match="Other"):
        archive.take([records[1], foreign])
    assert archive.set_aside == []


def test_the_lag_is_reported(tape: Tape, archive: Archive, reported: Reported) -> None:
    record = tape.of(Source.STOCK)[0]
    archive.take([record], now_ms=int(record["dynamodb"]["NewImage"]["at"]["N"]) + 1234)
    assert reported == [(Metric.EVENTS_ARCHIVED, 1), (Metric.ARCHIVE_LAG, 1234)]


def _told_later(record: Any, by_ms: int) -> Any:
    """The record, told by the stream so long after its own instant."""
    told_s = (int(record["dynamodb"]["NewImage"]["at"]["N"]) + by_ms) / 1000
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": told_s}}


@pytest.mark.parametrize(
    ("by_ms", "apart"), [(20_000, False), (20_001, True), (-20_000, False), (-20_001, True), (0, False)]
)
def test_an_instant_more_than_twenty_seconds_from_the_streams_time_is_reported(
    tape: Tape, archive: Archive, reported: Reported, by_ms: int, *, apart: bool
) -> None:
    archive.take([_told_later(tape.of(Source.STOCK)[0], by_ms)])
    assert ((Metric.STAMPS_APART, 1) in reported) is apart


def test_no_lag_is_less_than_none(tape: Tape, archive: Archive, reported: Reported) -> None:
    record = tape.of(Source.STOCK)[0]
    done = archive.take([record], now_ms=int(record["dynamodb"]["NewImage"]["at"]["N"]) - 80)
    assert (Metric.ARCHIVE_LAG, 0) in reported
    assert done.lag_ms == 0


def test_a_removal_by_the_table_itself_is_told_apart_from_one_by_someone(tape: Tape, archive: Archive) -> None:
    settled = tape.of(Source.HOLDS)[-1]
    told = {"Keys": settled["dynamodb"]["Keys"], "OldImage": settled["dynamodb"]["NewImage"]}
    removed = {**settled, "eventName": "REMOVE", "dynamodb": {**settled["dynamodb"], **told}}
    del removed["dynamodb"]["NewImage"]
    ttl = {**removed, "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    archive.take([removed])
    archive.take([{**ttl, "eventID": "other"}])
    assert sorted(event["by"] for event in archive.events(Source.HOLDS)) == ["someone", "ttl"]


def test_no_part_of_the_archive_is_lost_when_the_bucket_refuses(tape: Tape, archive: Archive) -> None:
    archive.objects.writes_left = 1
    records = tape.of(Source.HOLDS)
    with pytest.raises(Killed):
        archive.take(records)
    archive.objects.writes_left = None
    archive.take(records)
    assert fold(archive.events(Source.HOLDS)) == fold(tape.events(Source.HOLDS))


def test_an_event_takes_at_most_64_bytes_of_the_archive(archive: Archive) -> None:
    """One-line sales of random UUIDs in batches of 100: place, execute, settle."""
    world = World(seed=1)
    sales = Tape(world)
    draw = random.Random(1)  # noqa: S311 - repeatable, not secret
    for item in range(20):
        world.receive(f"sku-{item:05d}", 1000)
    for _ in range(10):
        for hold in [world.place(f"sku-{draw.randrange(20):05d}", draw.randint(1, 3)).value for _ in range(25)]:
            execute(world.core, hold.id, None, by=world.by())
        world.flow()
    for source in (Source.STOCK, Source.HOLDS):
        records = sales.of(source)
        for start in range(0, len(records), 100):
            archive.take(records[start : start + 100])
    events = len(archive.events(Source.STOCK)) + len(archive.events(Source.HOLDS))
    assert events > 1000
    assert sum(map(len, archive.objects.contents("archive/").values())) / events <= 64


@pytest.mark.parametrize(
    ("source", "edited"),
    [
        (Source.ADJUSTMENTS, {"quantity": {"N": "2.5"}}),
        (Source.ADJUSTMENTS, {"quantity": {"S": "2"}}),
        (Source.STOCK, {"rev": {"S": "1"}}),
        (Source.STOCK, {"stock_id": {"S": "A"}}),
        (Source.HOLDS, {"status": {"S": "lost"}}),
    ],
)
def test_a_record_that_was_edited_into_nonsense_is_set_aside_and_stops_nothing(
    tape: Tape, archive: Archive, source: Source, edited: dict[str, Any]
) -> None:
    first, other = tape.of(source)[:2]
    odd = {**first, "dynamodb": {**first["dynamodb"], "NewImage": {**first["dynamodb"]["NewImage"], **edited}}}
    assert archive.take([odd, other]).events == 1
    assert [record for record, _ in archive.set_aside] == [odd]
