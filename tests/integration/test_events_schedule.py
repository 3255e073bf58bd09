"""The schedule's sample event, played to the sweeper's own module."""

import json

import pytest

from inventory.storage.codec import encode
from inventory.telemetry import metrics
from support.functions import Functions


def test_a_sweep_expires_what_is_past_its_time(functions: Functions) -> None:
    functions.prepare("schedule/sweep")
    assert functions.play("schedule/sweep") == {"expired": 0, "settled": 0, "merged": 0, "finished": True}
    functions.pass_s(601)

    assert functions.play("schedule/sweep") == {"expired": 1, "settled": 0, "merged": 0, "finished": True}

    functions.flow()
    assert functions.counters() == (10, 0)


def test_a_sweep_settles_what_the_settler_left_for_a_minute(functions: Functions) -> None:
    functions.prepare("schedule/sweep")
    functions.request("execute-hold")
    functions.database.stream("HoldsTable").drain()  # lost: the settler never hears of it

    functions.pass_s(59)
    assert functions.play("schedule/sweep")["settled"] == 0, "the settler may still come"
    functions.pass_s(2)
    assert functions.play("schedule/sweep")["settled"] == 1
    assert functions.counters() == (8, 0)
    assert functions.play("schedule/sweep")["settled"] == 0


def test_poison_among_the_open_holds_is_counted_and_stops_nothing_behind_it(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.prepare("schedule/sweep")
    (hold,) = functions.records("HoldsTable")
    poison = {
        "hold_id": "hold_poison",
        "status": "evaporated",
        "open": hold["open"],
        "due": "000000000000001#hold_poison",
    }
    functions.database.client.put_item(TableName="HoldsTable", Item=encode(poison))
    functions.pass_s(601)
    metrics.provider.clear_metrics()
    capsys.readouterr()

    assert functions.play("schedule/sweep") == {"expired": 1, "settled": 0, "merged": 0, "finished": True}

    (counted,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (counted["PoisonRecords"], counted["HoldsExpired"]) == ([1.0], [1.0])
