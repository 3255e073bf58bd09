"""Events say all that a write did: nothing is lost, nothing is told twice, and the published schema describes them."""

import json
import random
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from inventory.domain.events import Source, event_of, line_of, record_key
from inventory.domain.stock import is_directory_key
from inventory.history.fold import EventsDiffer
from support.folding import EventMissing, applied, fold, revision
from support.tape import Tape, images
from support.trade import trade
from support.world import World

ROOT = Path(__file__).parents[3]
HOLD_ID = "hold_" + "0" * 32
SHARD = {
    "stock_id": "cup#berlin#0",
    "item_id": "cup",
    "warehouse_id": "berlin",
    "shard": 0,
    "available": 5,
    "held": 0,
    "inflow": 1,
    "rev": 1,
    "at": 1_800_000_000_000,
    "cause": {"type": "adjustment", "id": "adj_1", "actor": "key_1"},
}


@pytest.fixture(scope="module")
def tape() -> Tape:
    world = World(seed=11)
    tape = Tape(world)
    trade(world, 400, seed=11)
    world.clock.pass_s(1000)
    world.sweep()
    world.flow()
    return tape


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "docs/events.schema.json").read_text()))


@pytest.mark.parametrize("source", Source)
def test_folding_up_to_a_revision_gives_exactly_the_record_at_that_revision(tape: Tape, source: Source) -> None:
    seen: dict[str, object] = {}
    for record in tape.of(source):
        before, after = images(record)
        event = json.loads(line_of(event_of(source, before, after)))
        assert applied(before, event) == after
        seen[record_key(event)] = after
    assert fold(tape.events(source)) == seen
    assert len(seen) > 5


@pytest.mark.parametrize("source", Source)
def test_the_order_and_the_number_of_tellings_do_not_matter(tape: Tape, source: Source) -> None:
    events = tape.events(source)
    told = events + events[:50]
    random.Random(3).shuffle(told)  # noqa: S311 - repeatable, not secret
    assert fold(told) == fold(events)


def test_a_fold_over_any_base_is_the_fold_from_the_start(tape: Tape) -> None:
    events = tape.events(Source.HOLDS)
    instants = tape.instants()
    for instant in instants[:: len(instants) // 7]:
        assert fold(events, base=fold(events, until=instant)) == fold(events)


def test_every_kind_of_event_of_a_day_fits_the_published_schema(tape: Tape, schema: Draft202012Validator) -> None:
    kinds = set()
    for source in Source:
        for event in tape.events(source):
            schema.validate(event)
            kinds.add(event["type"])
            assert "other" not in event
    assert kinds == {
        *("shard_changed", "directory_changed", "adjustment_made", "transfer_made"),
        *("hold_placed", "hold_extended", "hold_executed", "hold_released", "hold_expired", "hold_settled"),
    }


def test_each_example_fits_the_published_schema_and_every_type_has_one(schema: Draft202012Validator) -> None:
    examples = {path.stem: json.loads(path.read_text()) for path in (ROOT / "events/archive").glob("*.json")}
    for name, example in examples.items():
        schema.validate(example)
        assert example["type"].replace("_", "-") == name
    assert len(examples) == len(json.loads((ROOT / "docs/events.schema.json").read_text())["oneOf"])


def test_one_gap_is_named(tape: Tape) -> None:
    events = tape.events(Source.STOCK)
    missing = next(event for event in events if revision(event) == 3)
    with pytest.raises(EventMissing, match=missing["event_id"].replace("*", r"\*")):
        fold([event for event in events if event is not missing])


def test_equal_ids_with_other_contents_are_named(tape: Tape) -> None:
    events = tape.events(Source.STOCK)
    with pytest.raises(EventsDiffer, match=events[5]["event_id"].replace("*", r"\*")):
        fold([*events, {**events[5], "at": events[5]["at"] + 100}])


def test_a_removal_takes_the_next_revision_and_the_time_of_the_stream(schema: Draft202012Validator) -> None:
    hold = {"hold_id": HOLD_ID, "rev": 3, "at": 1_800_000_000_000, "settlement": "stl_1"}
    by_ttl = event_of(Source.HOLDS, hold, None, stream_ms=1_800_003_024_001, by_ttl=True)
    assert by_ttl == {
        "v": 1,
        "event_id": f"{HOLD_ID}@4",
        "type": "hold_removed",
        "at": 1_800_003_024_100,
        "by": "ttl",
        "settled": True,
    }
    shard = event_of(Source.STOCK, SHARD, None, stream_ms=1)
    assert (shard["at"], shard["by"], shard["before"]) == (SHARD["at"], "someone", {"available": 5, "held": 0})
    directory = {"stock_id": "cup#*", "warehouses": {"berlin": {"shards": 1, "counts": 0}}, "rev": 1, "at": 100}
    for event in (by_ttl, shard, event_of(Source.STOCK, directory, None)):
        schema.validate(event)
    assert is_directory_key("cup#*")
    assert fold([event_of(Source.STOCK, None, SHARD), shard]) == {}


@pytest.mark.parametrize(
    ("source", "before", "edit"),
    [
        (Source.STOCK, SHARD, {"note": "recounted by hand", "item_id": "pot"}),
        (Source.STOCK, {**SHARD, "note": 1}, {"note": None}),
        (Source.STOCK, SHARD, {"item_id": None}),
        (Source.ADJUSTMENTS, {"adjustment_id": "adj_1", "rev": 1, "at": 100, "quantity": 1, "x": 1}, {"quantity": 2}),
    ],
)
def test_an_edit_by_hand_is_told_whole(source: Source, before: dict[str, object], edit: dict[str, object]) -> None:
    edited = {**before, **edit, "rev": 2}
    after = {name: value for name, value in edited.items() if value is not None}
    assert applied(before, event_of(source, before, after)) == after


@pytest.mark.parametrize(
    "edit",
    [
        {"due": "elsewhere"},
        {"due": None},
        {"expires_at": 999, "due": "elsewhere"},
        {"status": "active", "settlement": "stl_1"},
        {"status": "released", "open": None, "vip": True},
    ],
)
def test_a_hold_changed_as_no_part_of_the_service_would_is_altered(tape: Tape, edit: dict[str, object]) -> None:
    before = next(images(record)[1] for record in tape.of(Source.HOLDS))
    after = {name: value for name, value in {**before, **edit, "rev": 2}.items() if value is not None}
    event = event_of(Source.HOLDS, before, after)
    assert applied(before, event) == after
    assert event["type"] == "hold_altered" or "other" in event


@pytest.mark.parametrize(
    "broken",
    [
        {**SHARD, "available": True},
        {**SHARD, "stock_id": "cup"},
        {**SHARD, "cause": {"type": "hold"}},
        {name: value for name, value in SHARD.items() if name != "rev"},
    ],
)
def test_what_is_no_record_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        event_of(Source.STOCK, None, broken)
