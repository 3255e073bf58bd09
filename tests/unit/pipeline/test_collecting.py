"""From the settler to the collector: what is passed on, what becomes of it, and that nothing waits for it in vain."""

import base64
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from inventory.adapters.collecting import (
    UNREACHABLE_FOR_MS,
    CollectingStream,
    StreamFull,
    StreamRefused,
    StreamUnreachable,
)
from inventory.domain.errors import Conflict
from inventory.domain.holds import Hold
from inventory.domain.stock import ShardKey
from inventory.pipeline.collector import settle_collected
from inventory.pipeline.settler import settle_batch
from inventory.protocol.settle import SETTLING_ROUNDS_MAX
from support.kinesis import CollectedHolds
from support.watched import Watched
from support.wire import TRANSACTIONS, conflicting

StreamRecord = dict[str, Any]


def _sold_of_hot_item(world: Watched, number: int) -> None:
    world.scatter("A", [number] * 4)
    for _ in range(number):
        world.execute(world.place("A").value)


def _stream(world: Watched) -> list[StreamRecord]:
    return world.database.stream(world.tables.holds).drain()


def _settle(world: Watched, records: list[StreamRecord], stream: CollectedHolds) -> int:
    pass_on = CollectingStream(stream, "collecting", lambda: world.clock.now_ms).pass_on
    return settle_batch(world.core, records, world._set_aside, until_ms=world.clock.now_ms + 50_000, pass_on=pass_on)


def _collect(world: Watched, records: list[StreamRecord]) -> int:
    return settle_collected(world.core, records, world._set_aside, until_ms=world.clock.now_ms + 50_000)


class TestPassingOn:
    def test_a_hot_item_s_holds_are_passed_on_and_settled_shard_by_shard(self, world: Watched) -> None:
        stream = CollectedHolds()
        _sold_of_hot_item(world, 20)
        records = _stream(world)
        batches = [records[start : start + 6] for start in range(0, len(records), 6)]
        assert sum(_settle(world, batch, stream) for batch in batches) == 0
        assert len(stream.records[0]) > 4, "each batch has some for each shard"
        world.wire.calls.clear()
        assert _collect(world, stream.drain()) == 20
        assert len([call for call in world.wire.calls if call in TRANSACTIONS]) == 4, "one transaction for each shard"
        assert (world.available("A"), world.held("A")) == (60, 0)

    def test_an_ordinary_item_s_holds_are_settled_at_once_whatever_else_is_in_the_batch(self, world: Watched) -> None:
        stream = CollectedHolds()
        _sold_of_hot_item(world, 4)
        world.receive("B", 3)
        for _ in range(3):
            world.release(world.place("B").value)
        assert _settle(world, _stream(world), stream) == 3
        assert world.held("B") == 0

    def test_what_is_told_twice_in_a_batch_is_passed_on_once(self, world: Watched) -> None:
        stream = CollectedHolds()
        _sold_of_hot_item(world, 1)
        records = _stream(world)
        _settle(world, [*records, *records], stream)
        [record] = stream.drain()
        assert base64.b64decode(record["kinesis"]["data"]).count(b"hold_id") == 1

    def test_passed_on_twice_each_hold_settles_once(self, world: Watched) -> None:
        stream = CollectedHolds()
        _sold_of_hot_item(world, 6)
        records = _stream(world)
        for _ in range(2):
            _settle(world, records, stream)
        collected = stream.drain()
        assert _collect(world, collected) == 6
        assert _collect(world, collected) == 0
        assert (world.available("A"), world.held("A")) == (18, 0)

    def test_what_never_arrives_the_sweeper_settles(self, world: Watched) -> None:
        stream = CollectedHolds()
        _sold_of_hot_item(world, 6)
        assert _settle(world, _stream(world), stream) == 0
        stream.drain()
        world.clock.pass_s(61)
        assert world.sweep().settling.settled == 6
        assert world.held("A") == 0


class TestRefusals:
    @pytest.mark.parametrize("error", [StreamFull, StreamRefused, StreamUnreachable])
    def test_what_cannot_be_passed_on_is_settled_at_once(self, world: Watched, error: Any) -> None:
        def refuse(groups: Mapping[ShardKey, Sequence[Hold]]) -> None:
            raise error("why", list(groups))

        _sold_of_hot_item(world, 8)
        until_ms = world.clock.now_ms + 50_000
        assert settle_batch(world.core, _stream(world), world._set_aside, until_ms=until_ms, pass_on=refuse) == 8
        assert world.held("A") == 0

    def test_of_a_request_taken_in_part_the_rest_is_settled_at_once_and_counted(self, world: Watched) -> None:
        stream = CollectedHolds()
        stream.full = lambda key: key.endswith("#1")
        _sold_of_hot_item(world, 12)
        on_the_full_shard = sum(hold.shard_keys() == {ShardKey("A", "W1", 1)} for hold in world.holds())
        assert 0 < on_the_full_shard < 12
        assert _settle(world, _stream(world), stream) == on_the_full_shard
        assert world.counted["CollectingRefused"] == on_the_full_shard
        assert world.counted["HoldsCollected"] == 12 - on_the_full_shard
        assert _collect(world, stream.drain()) == 12 - on_the_full_shard

    def test_a_stream_that_does_not_answer_is_not_waited_for_again_by_the_next_batches(self, world: Watched) -> None:
        failed_ms: list[int] = []

        def down(**_: Any) -> None:
            world.clock.pass_s(4)
            failed_ms.append(world.clock.now_ms)
            raise ConnectTimeoutError(endpoint_url="https://kinesis.test")

        pass_on = CollectingStream(SimpleNamespace(put_records=down), "collecting", lambda: world.clock.now_ms).pass_on
        world.scatter("A", [18] * 4)
        for after_ms, calls in ((0, 1), (UNREACHABLE_FOR_MS - 1, 1), (UNREACHABLE_FOR_MS, 2)):
            for _ in range(6):
                world.execute(world.place("A").value)
            world.clock.now_ms = max([world.clock.now_ms, *(each + after_ms for each in failed_ms)])
            until_ms = world.clock.now_ms + 50_000
            settled = settle_batch(world.core, _stream(world), world._set_aside, until_ms=until_ms, pass_on=pass_on)
            assert (settled, len(failed_ms)) == (6, calls)
        assert world.counted["CollectingRefused"] == 18


class TestCollecting:
    def test_a_batch_that_fails_for_a_passing_reason_is_raised_and_given_again(self, world: Watched) -> None:
        stream = CollectedHolds()
        _sold_of_hot_item(world, 4)
        _settle(world, _stream(world), stream)
        records = stream.drain()
        world.wire.refuse(conflicting(0), TRANSACTIONS, times=4 * SETTLING_ROUNDS_MAX)
        with pytest.raises(Conflict):
            _collect(world, records)
        world.wire.calm()
        assert _collect(world, records) == 4

    @pytest.mark.parametrize(
        "poison",
        [{}, {"kinesis": None}, {"kinesis": {"data": "?"}}, {"kinesis": {"data": base64.b64encode(b"{}").decode()}}],
    )
    def test_poison_is_set_aside_and_stops_no_other(self, world: Watched, poison: StreamRecord) -> None:
        stream = CollectedHolds()
        _sold_of_hot_item(world, 3)
        _settle(world, _stream(world), stream)
        assert _collect(world, [poison, *stream.drain()]) == 3
        assert [record for record, _ in world.set_aside] == [poison]
