"""How long an event is on its way into the archive, as the deployed archiver itself tells."""

import json
import math
import time
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Final

import httpx
from bench.figures import Figure, Section
from bench.load import Load, run
from bench.throughput import placing, received

from stack.aws import Aws
from stack.state import Stack

_CONNECTIONS: Final = 2
_REQUESTS: Final = 600
_SETTLED_DOWN_S: Final = 5.0
_PATIENCE_S: Final = 60.0
_PERCENT: Final = 0.99


def figures(stack: Stack) -> Section:
    """The slowest event of each batch stands for all of the batch, so that the figures are no better than the truth."""
    item = received(stack)
    time.sleep(_SETTLED_DOWN_S)  # what came before is archived, and the functions have started
    began_ms = round(time.time() * 1000)
    headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}
    load = Load(f"{stack.api_url}/v1/holds", "POST", headers, placing(item), _REQUESTS, _CONNECTIONS)
    outcome = run(load)
    placed = outcome.statuses.get(httpx.codes.OK, 0)
    lags = sorted(_archived(stack, began_ms, at_least=2 * placed))
    return Section(
        "The archive's lag",
        f"{placed} holds placed, {outcome.per_second:.0f} a second, {len(lags)} events archived. From the event's "
        "instant until its object is written, by the archiver's log. On AWS a batch window comes on top.",
        (
            Figure("lag of an event, 99 of 100", lags[math.ceil(len(lags) * _PERCENT) - 1] / 1000, "s", 5, timed=True),
            Figure("half of them", lags[len(lags) // 2] / 1000, "s"),
            Figure("batch window of the archiver on AWS", _window_s(stack), "s", note="comes on top there"),
        ),
    )


def _archived(stack: Stack, began_ms: int, *, at_least: int) -> list[int]:
    """A lag for each event archived since, once there are as many as there must be."""
    deadline = time.monotonic() + _PATIENCE_S
    lags: list[int] = []
    while time.monotonic() < deadline:
        lags = list(_lags(stack, began_ms))
        if len(lags) >= at_least:
            return lags
        time.sleep(1)
    raise TimeoutError(f"{len(lags)} of {at_least} events were archived within {_PATIENCE_S:g} s")


def _lags(stack: Stack, began_ms: int) -> Iterator[int]:
    pages = Aws(stack.aws_endpoint_url).logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/inventory/{stack.stack_name}/archiver", startTime=began_ms
    )  # fmt: skip
    for event in chain.from_iterable(page["events"] for page in pages):
        if '"archived"' in event["message"]:
            told = json.loads(event["message"])
            yield from repeat(told["lag_ms"], told["events"])


def _window_s(stack: Stack) -> float:
    client = Aws(stack.aws_endpoint_url).functions
    mappings = client.list_event_source_mappings(FunctionName=stack.outputs["ArchiverFunction"])["EventSourceMappings"]
    return float(max(mapping.get("MaximumBatchingWindowInSeconds", 0) for mapping in mappings))
