"""`consistent_cut`: an instance whose clock went wrong while it was frozen writes nothing, though it had measured."""

import pytest

from inventory.domain.errors import ClockSkewed
from support.functions import Functions

FROZEN_S = 100
OFF_S = [-50, 60]


@pytest.mark.parametrize("off_s", OFF_S)
def test_a_hold_is_not_executed(functions: Functions, off_s: float) -> None:
    functions.prepare("apigateway/execute-hold")
    functions.freeze("holds", FROZEN_S, off_s=off_s)
    answer = functions.request("execute-hold")
    assert (answer.status, answer.code) == (503, "overloaded")
    assert [hold["status"] for hold in functions.records("HoldsTable")] == ["active"]
    functions.off_s = 0
    assert functions.request("execute-hold").status == 200


@pytest.mark.parametrize("off_s", OFF_S)
def test_stock_is_not_adjusted(functions: Functions, off_s: float) -> None:
    assert functions.request("receive-stock").status == 200
    before = functions.records("StockTable")
    functions.freeze("adjustments", FROZEN_S, off_s=off_s)
    assert functions.request("receive-stock-elsewhere").status == 503
    assert functions.records("StockTable") == before


@pytest.mark.parametrize("off_s", OFF_S)
def test_nothing_is_settled(functions: Functions, off_s: float) -> None:
    functions.prepare("dynamodb-stream/hold-executed")
    functions.freeze("settler", FROZEN_S, off_s=off_s)
    with pytest.raises(ClockSkewed):
        functions.play("dynamodb-stream/hold-executed")
    assert functions.counters() == (8, 2)
    functions.off_s = 0
    assert functions.play("dynamodb-stream/hold-executed") == {"settled": 1}


@pytest.mark.parametrize("off_s", OFF_S)
def test_nothing_collected_is_settled(functions: Functions, off_s: float) -> None:
    functions.prepare("dynamodb-stream/hold-of-hot-item")
    functions.play("dynamodb-stream/hold-of-hot-item")
    functions.freeze("collector", FROZEN_S, off_s=off_s)
    with pytest.raises(ClockSkewed):
        functions.invoke("collector", {"Records": functions.collected.drain()})
    assert functions.counters() == (8, 2)


def test_nothing_expires_before_its_time(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-expired")
    functions.freeze("sweeper", 590, off_s=60)
    with pytest.raises(ClockSkewed):
        functions.play("schedule/sweep")
    assert {hold["status"] for hold in functions.records("HoldsTable")} == {"active"}


def test_no_snapshot_is_asked_for(functions: Functions) -> None:
    functions.prepare("apigateway/take-snapshot")
    functions.freeze("history", FROZEN_S, off_s=60)
    assert functions.request("take-snapshot").status == 503
    assert functions.records("RequestsTable") == []
