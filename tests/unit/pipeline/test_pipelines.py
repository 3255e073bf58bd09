"""What runs behind the streams: a poison record is set aside and stops nothing else; all else is given again."""

import copy
from typing import Any

import pytest

from inventory.domain.errors import Conflict, Overloaded
from inventory.domain.holds import Hold
from inventory.pipeline.projector import project_batch
from inventory.pipeline.settler import settle_batch
from inventory.pipeline.stream import change_of
from inventory.protocol.settle import SETTLING_ROUNDS_MAX
from inventory.telemetry import metrics
from support.watched import Watched
from support.wire import TRANSACTIONS, conflicting, unreachable

StreamRecord = dict[str, Any]


def _ended(world: Watched, number: int) -> list[Hold]:
    world.receive("A", number)
    holds = [world.place("A").value for _ in range(number)]
    for index, hold in enumerate(holds):
        (world.release if index % 2 else world.execute)(hold)
    return holds


def _holds_stream(world: Watched) -> list[StreamRecord]:
    return world.database.stream(world.tables.holds).drain()


def _stock_stream(world: Watched) -> list[StreamRecord]:
    return world.database.stream(world.tables.stock).drain()


def _without(record: StreamRecord, name: str) -> StreamRecord:
    poison = copy.deepcopy(record)
    del poison["dynamodb"]["NewImage"][name]
    return poison


def _with(record: StreamRecord, name: str, value: object) -> StreamRecord:
    poison = copy.deepcopy(record)
    poison["dynamodb"]["NewImage"][name] = value
    return poison


def _poisons(record: StreamRecord, *names: str) -> list[StreamRecord]:
    """The record without each of these attributes, and other records that no stream should have."""
    return [
        *(_without(record, name) for name in names),
        _with(record, names[-1], {"M": {}}),
        {},
        {"dynamodb": {}},
        {"dynamodb": {"Keys": {"hold_id": {"S": "x"}}}},
        {"dynamodb": None},
    ]


def _settle(world: Watched, records: list[StreamRecord]) -> int:
    """Plays the records to the settler, with most of its minute to spend."""
    return settle_batch(world.core, records, world._set_aside, until_ms=world.clock.now_ms + 50_000)


class TestSettler:
    def test_it_settles_what_has_ended_and_passes_over_the_rest(self, world: Watched) -> None:
        world.receive("B", 1)
        active = world.place("B").value
        _ended(world, 6)
        assert _settle(world, _holds_stream(world)) == 6
        assert world.hold(active.id) == active
        assert _settle(world, _holds_stream(world)) == 0

    @pytest.mark.parametrize("poison", range(10))
    def test_a_poison_record_is_set_aside_and_stops_no_other(self, world: Watched, poison: int) -> None:
        _ended(world, 4)
        records = _holds_stream(world)
        bad = [
            *_poisons(records[-1], "status", "lines", "expires_at", "rev", "at"),
            _with(records[-1], "lines", {"L": [{"M": {"item": {"S": "A"}}}]}),
            _with(records[-1], "lines", _lines("2")),
        ][poison]
        assert _settle(world, [records[0], bad, *records[1:]]) == 4
        assert [record for record, _ in world.set_aside] == [bad]

    def test_a_hold_that_cannot_be_settled_is_set_aside_with_the_reason(self, world: Watched) -> None:
        [ended, *_] = _ended(world, 3)
        records = _holds_stream(world)
        impossible = _with(
            next(record for record in reversed(records) if record["dynamodb"]["Keys"]["hold_id"]["S"] == ended.id),
            "hold_id",
            {"S": "hold_" + "0" * 32},
        )
        assert _settle(world, [*records, impossible]) == 3
        assert world.set_aside == [(impossible, "the hold is gone before it was settled")]

    def test_what_is_removed_long_after_is_passed_over(self, world: Watched) -> None:
        _ended(world, 1)
        removed = copy.deepcopy(_holds_stream(world)[-1])
        removed["dynamodb"]["OldImage"] = removed["dynamodb"].pop("NewImage")
        assert _settle(world, [removed]) == 0
        assert world.set_aside == []

    @pytest.mark.parametrize(("fault", "error"), [(conflicting(0), Conflict), (unreachable, Overloaded)])
    def test_a_batch_that_fails_for_a_passing_reason_is_raised_and_given_again(
        self, world: Watched, fault: Any, error: type[Exception]
    ) -> None:
        _ended(world, 4)
        records = _holds_stream(world)
        world.wire.refuse(fault, TRANSACTIONS, times=SETTLING_ROUNDS_MAX)
        with pytest.raises(error):
            _settle(world, records)
        world.wire.calm()
        assert _settle(world, records) == 4

    def test_pieces_of_a_batch_in_any_order_settle_each_hold_once(self, world: Watched) -> None:
        _ended(world, 6)
        records = _holds_stream(world)
        pieces = [records[9:], records[3:10], records, records[:4], records[::-1]]
        assert sum(_settle(world, piece) for piece in pieces) == 6

    def test_what_is_done_is_counted_and_what_never_can_be_is_set_aside_though_others_are_left(
        self, world: Watched
    ) -> None:
        for item in "ABC":
            world.receive(item, 1)
        for item in "ABC":
            world.release(world.place(item).value)
        records = [record for record in _holds_stream(world) if record["dynamodb"]["NewImage"]["rev"]["N"] == "2"]
        records[2] = _with(records[2], "hold_id", {"S": "hold_" + "0" * 32})
        world.wire.refuse(conflicting(1), nth=2)
        world.wire.refuse(conflicting(1), nth=4, times=SETTLING_ROUNDS_MAX)
        with pytest.raises(Conflict):
            _settle(world, records)
        assert world.set_aside == [(records[2], "the hold is gone before it was settled")]
        assert (world.counted["HoldsSettled"], world.counted["InvariantBroken"]) == (1, 1)


class TestProjector:
    def test_it_folds_what_changed(self, world: Watched) -> None:
        world.adjust("A", 5)
        assert project_batch(world.core, _stock_stream(world), world._set_aside) == 1
        assert project_batch(world.core, [], world._set_aside) == 0

    @pytest.mark.parametrize("poison", range(11))
    def test_a_poison_record_is_set_aside_and_stops_no_other(self, world: Watched, poison: int) -> None:
        world.adjust("A", 5)
        records = _stock_stream(world)
        [shard] = [record for record in records if "shard" in record["dynamodb"]["NewImage"]]
        [directory] = [record for record in records if "warehouses" in record["dynamodb"]["NewImage"]]
        bad = [
            *_poisons(shard, "item_id", "available", "at"),
            _with(shard, "available", {"S": "5"}),
            _with(shard, "rev", {"S": "5"}),
            _without(directory, "warehouses"),
        ][poison]
        assert project_batch(world.core, [bad, *records], world._set_aside) == 1
        assert [record for record, _ in world.set_aside] == [bad]

    def test_a_removed_record_is_left_to_the_audit(self, world: Watched) -> None:
        world.adjust("A", 5)
        records = _stock_stream(world)
        removed = copy.deepcopy(records[0])
        removed["dynamodb"]["OldImage"] = removed["dynamodb"].pop("NewImage")
        assert project_batch(world.core, [removed, *records], world._set_aside) == 1
        assert world.set_aside == []

    def test_the_lag_is_that_of_the_oldest_change(self, world: Watched) -> None:
        world.adjust("A", 5)
        world.clock.pass_s(3)
        world.adjust("A", 5)
        records = _stock_stream(world)
        told = [int(record["dynamodb"]["NewImage"]["at"]["N"]) for record in records]
        assert max(told) - min(told) >= 3_000
        project_batch(world.core, records, world._set_aside)
        assert world.counted["ProjectionLag"] == world.clock.now_ms - min(told)

    def test_pieces_in_any_order_fold_to_the_same(self, world: Watched) -> None:
        world.scatter("A", [3, 3])
        for _ in range(5):
            world.place("A")
        world.count("A", 9)
        records = _stock_stream(world)
        for piece in (records[4:], records[::-1], records[:3], records):
            project_batch(world.core, piece, world._set_aside)
        world.check_the_projection()


def test_every_set_aside_record_is_counted(world: Watched) -> None:
    metrics.clear_metrics()
    _settle(world, [{}, {}])
    assert metrics.metric_set["PoisonRecords"]["Value"] == [1.0, 1.0]
    metrics.clear_metrics()


def test_a_change_has_what_was_before_and_after(world: Watched) -> None:
    world.adjust("A", 5)
    world.adjust("A", 5)
    records = _stock_stream(world)
    project_batch(world.core, records, world._set_aside)
    changes = [change_of(record) for record in records]
    made, _, changed = changes
    assert made.before is None
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["available"], changed.after["available"]) == (5, 10)


def _lines(quantity: str) -> dict[str, Any]:
    draw = {"M": {"shard": {"N": "0"}, "quantity": {"S": quantity}}}
    line = {
        "item": {"S": "A"},
        "warehouse": {"S": "W1"},
        "quantity": {"N": quantity},
        "drawn": {"L": [draw]},
    }
    return {"L": [{"M": line}]}
