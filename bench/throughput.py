"""Requests a second through the deployed stack, next to bare functions behind an API like it, in one run."""

import json
import statistics
import time
from collections.abc import Mapping
from functools import partial

import httpx
from bench.figures import Figure, KnownMiss, Section
from bench.load import Load, Outcome, run
from bench.yardstick import bare_functions

from stack.state import Stack

_CONNECTIONS = 16
_REQUESTS = 240
_ROUNDS = 7
_WAREHOUSE = "berlin"
_STOCK = 1_000_000
_CALM_S = 0.5  # what a round left to the streams is done before the next begins


def figures(stack: Stack) -> Section:
    """Rounds in turns, so that whatever else the machine does meets all alike; medians of each round's ratios."""
    with bare_functions(stack) as bare:
        rounds = _rounds(loads(stack, bare))
    ratio = partial(_ratio, rounds)
    return Section(
        f"Requests a second through the deployed stack, {_CONNECTIONS} at a time",
        f"Medians of {_ROUNDS} rounds of {_REQUESTS} requests, in turns, from a client in a process of its own.",
        (
            _rate("an empty function", rounds["empty"]),
            _rate("read the stock of an item", rounds["read"]),
            _rate("place a hold of one line", rounds["place"]),
            _rate("a bare function with such a transaction", rounds["transaction"]),
            Figure("read ÷ empty", ratio("read", "empty"), "×", 0.7, at_least=True, timed=True),
            Figure(
                "place ÷ empty",
                ratio("place", "empty"),
                "×",
                0.4,
                at_least=True,
                timed=True,
                known=KnownMiss("the emulator, one process, serves one more request for it", worst=0.2),
            ),
            Figure("bare transaction ÷ empty", ratio("transaction", "empty"), "×", note="all that the emulator allows"),
            Figure("place ÷ bare transaction", ratio("place", "transaction"), "×"),
        ),
    )


def loads(stack: Stack, bare: Mapping[str, str]) -> dict[str, Load]:
    """What is sent, each with items of its own; `bare` has the yardsticks' URLs."""
    read, placed, taken = received(stack), received(stack), received(stack)
    return {
        "empty": _load(stack, bare["empty"], "{}"),
        "read": _load(stack, f"{stack.api_url}/v1/stock/{read}"),
        "place": _load(stack, f"{stack.api_url}/v1/holds", placing(placed)),
        "transaction": _load(stack, bare["transaction"], placing(taken)),
    }


def received(stack: Stack) -> str:
    """A new item with plenty of stock, which readers know of."""
    item = f"bench-{time.time_ns()}"
    body = {"item": item, "warehouse": _WAREHOUSE, "quantity": _STOCK, "reason": "received"}
    with httpx.Client(base_url=stack.api_url, headers=_headers(stack), timeout=60) as client:
        client.post("/v1/adjustments", json=body).raise_for_status()
    return item


def placing(item: str) -> str:
    """The body of a request for one unit."""
    return json.dumps({"lines": [{"item": item, "warehouse": _WAREHOUSE, "quantity": 1}]})


def _load(stack: Stack, url: str, body: str = "") -> Load:
    return Load(url, "POST" if body else "GET", _headers(stack), body, _REQUESTS, _CONNECTIONS)


def _headers(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}


def _rounds(loads: Mapping[str, Load]) -> dict[str, list[Outcome]]:
    rounds: dict[str, list[Outcome]] = {name: [] for name in loads}
    for number in range(_ROUNDS + 1):
        for name, load in loads.items():
            outcome = run(load)
            if outcome.succeeded < load.requests:
                raise AssertionError(f"{name}: {outcome.statuses}")
            if number:  # the first round starts the functions
                rounds[name].append(outcome)
            time.sleep(_CALM_S)
    return rounds


def _ratio(rounds: Mapping[str, list[Outcome]], name: str, yardstick: str) -> float:
    pairs = zip(rounds[name], rounds[yardstick], strict=True)
    return statistics.median(outcome.per_second / bare.per_second for outcome, bare in pairs)


def _rate(name: str, outcomes: list[Outcome]) -> Figure:
    rates = [outcome.per_second for outcome in outcomes]
    p50 = statistics.median(outcome.p50_ms for outcome in outcomes)
    note = f"{min(rates):.0f}–{max(rates):.0f}; half within {p50:.0f} ms"
    return Figure(name, statistics.median(rates), "/s", note=note)
