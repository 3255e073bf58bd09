"""The model behind `make bench-hot`: its limits bite where DynamoDB's do, and its judge sees what is wrong."""

import random
from contextlib import suppress
from typing import Any

import pytest
from bench.hot.dynamodb import BusyDynamoDB, Record, Warmth
from bench.hot.functions import Fleet, TooManyRequests
from bench.hot.judge import Judge, Lowest
from bench.hot.partitions import Bucket, Partitions
from bench.hot.published import INSTANCES_STARTED_AT_ONCE, PARTITION_WRITE_UNITS
from bench.hot.service import START_US, all_tables
from botocore.exceptions import ClientError

from inventory.domain.errors import InsufficientStock
from simulated_dynamodb import SimulatedDynamoDB
from simulation.kernel import Kernel
from support.template import table_definitions

KEPT_S = 0.008


def _busy(write_units: int = 40_000) -> tuple[Kernel, SimulatedDynamoDB, BusyDynamoDB]:
    kernel = Kernel(START_US)
    database = SimulatedDynamoDB(table_definitions().values(), now=lambda: kernel.now_us / 1e6)
    draw = random.Random(1)  # noqa: S311 - repeatable, not secret
    busy = BusyDynamoDB(kernel, database, kept_s=KEPT_S, warmth=Warmth(rest=write_units), draw=draw, slices=4)
    return kernel, database, busy


def _update(number: int = 0) -> dict[str, Any]:
    return {
        "TableName": "StockTable",
        "Key": {"stock_id": {"S": f"cup#berlin#{number}"}},
        "UpdateExpression": "ADD available :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }


class TestTransactions:
    def test_while_one_keeps_an_item_all_other_writes_of_it_are_refused(self) -> None:
        kernel, database, busy = _busy()
        met: list[str] = []

        def write(call: Any, **request: Any) -> None:
            try:
                call(**request)
            except ClientError as error:
                met.append(error.response["Error"]["Code"])

        def keep() -> None:
            busy.transact_write_items(TransactItems=[{"Update": _update()}])

        kernel.spawn("first", keep)
        kernel.spawn("transaction", lambda: write(busy.transact_write_items, TransactItems=[{"Update": _update()}]),
                     after_s=0.005)  # fmt: skip
        kernel.spawn("single", lambda: write(busy.update_item, **_update()), after_s=0.005)
        kernel.spawn("other item", lambda: write(busy.update_item, **_update(1)), after_s=0.005)
        kernel.spawn("afterwards", lambda: write(busy.update_item, **_update()), after_s=0.1)
        kernel.run()
        assert sorted(met) == ["TransactionCanceledException", "TransactionConflictException"]
        assert database.item("StockTable", "cup#berlin#0") == {
            "stock_id": {"S": "cup#berlin#0"},
            "available": {"N": "2"},
        }


class TestPartitions:
    def test_a_partition_gives_a_thousand_write_units_a_second_and_no_more(self) -> None:
        bucket = Bucket(PARTITION_WRITE_UNITS)
        second_us, given = 1_000_000, 0
        for now_us in range(second_us, 3 * second_us, 100):
            if bucket.gives(now_us):
                bucket.take(1, now_us)
                given += 1
        assert 2_990 <= given <= 3_010  # what the second before left over, and two more
        assert bucket.refused > 0

    def test_keys_that_sustained_traffic_isolated_share_none(self) -> None:
        keys = [f"cup#berlin#{number}" for number in range(64)]
        cold, heated = Partitions(4_000), Partitions(4_000, keys)
        assert len({id(cold.of(key)) for key in keys}) == 4
        assert len({id(heated.of(key)) for key in keys}) == 64

    def test_a_new_table_throttles_what_a_warmed_one_takes(self) -> None:
        throttled = []
        for write_units in (4_000, 80_000):
            kernel, _, busy = _busy(write_units)
            for number in range(4_000):
                write = {"TransactItems": [{"Update": _update(number)}]}
                kernel.spawn("write", lambda write=write, busy=busy: _tried(busy, write), after_s=number / 10_000)  # type: ignore[misc]
            kernel.run()
            throttled.append(busy.counted["throttled"])
        assert throttled[0] > 1_000
        assert throttled[1] == 0


class TestFleet:
    def test_an_instance_serves_one_request_at_a_time_and_only_so_many_start(self) -> None:
        kernel = Kernel(START_US)
        fleet = Fleet(kernel, object, warm=2)
        refused: list[str] = []

        def ask() -> None:
            try:
                fleet.serve(lambda _: kernel.wait(10))
            except TooManyRequests:
                refused.append("429")

        for _ in range(INSTANCES_STARTED_AT_ONCE + 5):
            kernel.spawn("request", ask)
        kernel.run()
        assert fleet.instances == INSTANCES_STARTED_AT_ONCE + 2
        assert refused == ["429"] * 3


class TestJudge:
    def test_an_oversell_is_seen(self) -> None:
        kernel, database, _ = _busy()
        judge = Judge(kernel, database, all_tables())
        _put(database, -1)
        judge.written(Record("StockTable", ("cup#berlin#0",)))
        assert judge.oversells == 1

    def test_a_refusal_is_false_where_there_was_enough_all_the_last_second(self) -> None:
        kernel, database, _ = _busy()
        judge = Judge(kernel, database, all_tables())
        for available in (0, 5):
            _put(database, available)
            judge.written(Record("StockTable", ("cup#berlin#0",)))
        kernel.now_us += 900_000
        judge.refused(InsufficientStock("cup", "berlin", 1, 0))
        assert judge.false_refusals == 0
        kernel.now_us += 200_000
        judge.refused(InsufficientStock("cup", "berlin", 1, 0))
        assert judge.false_refusals == 1

    @pytest.mark.parametrize("seed", range(20))
    def test_the_lowest_is_what_a_plain_search_finds(self, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
        lowest, values = Lowest(), list[tuple[int, int]]()
        now = 0
        for _ in range(200):
            now += draw.randint(1, 30)
            values.append((now, draw.randint(0, 50)))
            lowest.put(values[-1][1], now)
            start = max(0, now - 100)
            ends = [when for when, _ in values[1:]] + [now + 1]
            assert lowest.since(start) == min(v for (_, v), end in zip(values, ends, strict=True) if end >= start)


def _put(database: SimulatedDynamoDB, available: int) -> None:
    item = {"stock_id": "cup#berlin#0", "item_id": "cup", "warehouse_id": "berlin"}
    record = {name: {"S": text} for name, text in item.items()}
    counts = {"available": {"N": str(available)}, "held": {"N": "0"}}
    database.client.put_item(TableName="StockTable", Item={**record, **counts})


def _tried(busy: BusyDynamoDB, write: dict[str, Any]) -> None:
    with suppress(ClientError):
        busy.transact_write_items(**write)
