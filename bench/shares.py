"""Where the CPU of a request goes: the emulator, the function that answers, and what comes behind the streams."""

import json
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from bench.figures import Figure, Section
from bench.load import Load, run
from bench.throughput import loads
from bench.yardstick import bare_functions

from stack.aws import Aws
from stack.state import Stack

_ROUNDS = 3
_EMULATOR = "emulator"
_QUIET_S = 3  # what a round left to the streams is done after that
_SWITCH_S = 2  # the emulator looks at its mappings once a second
_ANSWERING = {"empty": "-empty", "read": "StockFunction", "transaction": "-transaction", "place": "HoldsFunction"}
_NAMES = {
    "empty": "an empty function",
    "read": "read the stock of an item",
    "transaction": "a bare function with such a transaction",
    "place": "place a hold of one line",
}


class Shares(NamedTuple):
    """Milliseconds of CPU a request: of the emulator, of the function that answers, of all other functions."""

    emulator: float
    answering: float
    others: float
    per_second: float


def figures(stack: Stack, folder: Path) -> Section:
    """Each request with what comes behind the streams, and without; the emulator's process is in `folder`."""
    with bare_functions(stack) as bare:
        sent = loads(stack, bare)
        for load in sent.values():  # starts the functions
            run(load)
        time.sleep(_QUIET_S)
        with_streams = _measured(folder, sent)
        with _streams_off(stack):
            without = _measured(folder, sent)
    alone = {name: shares.emulator + shares.answering for name, shares in without.items()}
    return Section(
        "CPU of a request through the deployed stack",
        f"Medians of {_ROUNDS} rounds in turns, until the streams were quiet; milliseconds, by process.",
        (
            *(_shown(_NAMES[name], shares) for name, shares in with_streams.items()),
            *(
                _shown(f"… {_NAMES[name]}, nothing behind the streams", without[name])
                for name in ("transaction", "place")
            ),
            Figure(
                "place ÷ empty, nothing behind the streams", _ratio(without, "place"), "×", note="requests a second"
            ),
            Figure("transaction ÷ empty, nothing behind the streams", _ratio(without, "transaction"), "×"),
            Figure("CPU of empty ÷ place, nothing behind the streams", alone["empty"] / alone["place"], "×"),
            Figure(
                "… of the emulator alone",
                without["empty"].emulator / without["place"].emulator,
                "×",
                note="it is one process, on one core at most: no place can come nearer to an empty function",
            ),
        ),
    )


def _shown(name: str, shares: Shares) -> Figure:
    note = f"emulator {shares.emulator:.2f}, function {shares.answering:.2f}, others {shares.others:.2f}"
    return Figure(name, shares.emulator + shares.answering + shares.others, "ms", note=note)


def _ratio(shares: Mapping[str, Shares], name: str) -> float:
    return shares[name].per_second / shares["empty"].per_second


def _measured(folder: Path, sent: Mapping[str, Load]) -> dict[str, Shares]:
    taken: dict[str, list[Shares]] = {name: [] for name in sent}
    for _ in range(_ROUNDS):
        for name, load in sent.items():
            before = _seconds(folder)
            outcome = run(load)
            if outcome.succeeded < load.requests:
                raise AssertionError(f"{name}: {outcome.statuses}")
            time.sleep(_QUIET_S)
            spent_ms = {
                process: (cpu - before.get(process, 0.0)) * 1000 / load.requests
                for process, cpu in _seconds(folder).items()
            }
            emulator = spent_ms.pop(_EMULATOR)
            answering = sum(cpu for process, cpu in spent_ms.items() if _ANSWERING[name] in process)
            others = sum(spent_ms.values()) - answering
            taken[name].append(Shares(emulator, answering, others, outcome.per_second))
    return {name: Shares._make(map(statistics.median, zip(*rounds, strict=True))) for name, rounds in taken.items()}


def _seconds(folder: Path) -> dict[str, float]:
    """CPU seconds so far, of the emulator and of each process that runs a function, by the path of its code."""
    emulator = psutil.Process(json.loads((folder / "emulator.json").read_text())["pid"])
    seconds = {_EMULATOR: _spent(emulator)}
    for worker in emulator.children():
        try:
            seconds[f"{worker.cmdline()[-1]} {worker.pid}"] = _spent(worker)
        except (psutil.Error, IndexError):  # it just ended
            continue
    return seconds


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@contextmanager
def _streams_off(stack: Stack) -> Iterator[None]:
    """Nothing is told of what happens in the tables; what happened meanwhile is caught up with afterwards."""
    functions = Aws(stack.aws_endpoint_url).functions
    mappings = [each["UUID"] for each in functions.list_event_source_mappings()["EventSourceMappings"]]
    try:
        for mapping in mappings:
            functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        time.sleep(_SWITCH_S)
        yield
    finally:
        for mapping in mappings:
            functions.update_event_source_mapping(UUID=mapping, Enabled=True)
