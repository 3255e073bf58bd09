"""All buyers want one item: holds placed a second with its stock on one counter shard, and on sixteen."""

import statistics
import time
from collections import Counter

import httpx
from bench.figures import Figure, Section
from bench.load import Load, Outcome, run
from bench.throughput import placing, received

from stack.state import Stack

_CONNECTIONS = 16
_REQUESTS = 240
_ROUNDS = 3
_SHARDS = 16


def figures(stack: Stack) -> Section:
    """For information: the emulator makes transactions one after another, so that none can be in another's way."""
    hot, spread = received(stack), received(stack)
    headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=60) as client:
        body = {"warehouse": "berlin", "shards": _SHARDS}
        client.post(f"/v1/stock/{spread}/split", json=body).raise_for_status()
    time.sleep(2)  # the projection and the memories of a second follow
    loads = {
        item: Load(f"{stack.api_url}/v1/holds", "POST", headers, placing(item), _REQUESTS, _CONNECTIONS)
        for item in (hot, spread)
    }
    rounds: dict[str, list[Outcome]] = {item: [] for item in loads}
    for _ in range(_ROUNDS):
        for item, load in loads.items():
            rounds[item].append(run(load))
    return Section(
        "A hot item on the emulator",
        f"Medians of {_ROUNDS} rounds of {_REQUESTS} holds, {_CONNECTIONS} at a time, in turn. Nothing conflicts here; "
        "on AWS a record takes at most 500 transactional writes a second, so that shards add up.",
        (_figure("1 shard", rounds[hot]), _figure(f"{_SHARDS} shards", rounds[spread])),
    )


def _figure(name: str, outcomes: list[Outcome]) -> Figure:
    statuses = dict(sum((Counter(outcome.statuses) for outcome in outcomes), Counter()))
    median = statistics.median(outcome.per_second for outcome in outcomes)
    return Figure(f"holds placed, {name}", median, "/s", note=f"answers by status: {statuses}")
