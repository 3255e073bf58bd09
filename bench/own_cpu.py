"""The CPU that placing a hold takes without AWS, next to a handler that does one PutItem.

Both handlers run in this one process, in turns, on botocore clients whose requests are answered before they are sent.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.figures import Figure, Section
from bench.in_process import Context, Handler, event, function, lambda_environment, load, silent
from bench.place import ROOT

_ROUNDS, _REQUESTS = 12, 150
_BODY = {"lines": [{"item": "espresso-cup", "quantity": 1, "warehouse": "berlin"}]}
_COUNT: dict[str, Any] = {"L": [{"N": "5"}, {"N": "1000000000"}, {"N": "0"}]}
_AVAILABILITY: dict[str, Any] = {
    "item_id": {"S": "espresso-cup"},
    "warehouse_id": {"S": "berlin"},
    "shards": {"M": {"0": _COUNT}},
    "directory": {"L": [{"N": "1"}, {"N": "1"}]},
    "available": {"N": "1000000000"},
    "held": {"N": "0"},
    "version": {"N": "6"},
}
_ANSWERS = {"BatchGetItem": {"Responses": {"AvailabilityTable": [_AVAILABILITY]}, "UnprocessedKeys": {}}}


def figures() -> Section:
    """Measures in a process of its own, which has imported nothing but the two handlers."""
    measuring = subprocess.run(
        [sys.executable, "-m", "bench.own_cpu"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = json.loads(measuring.stdout)
    place_ms, put_ms, calls = told["place_ms"], told["put_ms"], told["calls"]
    return Section(
        "CPU of one place, without AWS",
        f"Medians of {_ROUNDS * _REQUESTS} requests each, in turns; botocore included, the network not.",
        (
            Figure(
                "place one line",
                place_ms,
                "ms",
                3,
                timed=True,
                note=f"{calls} calls: a transaction each, and a read a second",
            ),
            Figure("the yardstick: one PutItem", put_ms, "ms", note="the same Logger and Metrics, no checks"),
            Figure("place ÷ yardstick", place_ms / put_ms, "×", 3, timed=True),
        ),
    )


def _measured() -> dict[str, float]:
    with lambda_environment(), silent():
        place, canned = load(function("holds"), _ANSWERS)
        put, _ = load(Path(__file__).with_name("one_put.py"), {})
        _cpu_ms(place)
        _cpu_ms(put)
        canned.calls.clear()
        placing: list[float] = []
        putting: list[float] = []
        for _ in range(_ROUNDS):
            placing += _cpu_ms(place)
            putting += _cpu_ms(put)
    return {
        "place_ms": statistics.median(placing),
        "put_ms": statistics.median(putting),
        "calls": sum(canned.calls.values()),
    }


def _cpu_ms(handler: Handler) -> list[float]:
    took = []
    for _ in range(_REQUESTS):
        request, context = event("POST", "/v1/holds", _BODY), Context()
        started = time.process_time_ns()
        answer = handler(request, context)
        took.append((time.process_time_ns() - started) / 1e6)
        if answer["statusCode"] != 200:  # noqa: PLR2004 - what is measured must have worked
            raise AssertionError(answer)
    return took


if __name__ == "__main__":
    print(json.dumps(_measured()))
