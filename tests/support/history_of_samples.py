"""The small history that the sample events of the state machines tell of: its ids and runs are those in the events."""

import json
from collections.abc import Callable
from typing import Any, Final

from support.functions import SAMPLES, Functions
from support.played import PlayedMachine

#: Midnight of 2026-01-01. From then on time passes only where it is let, so that all names come out the same.
BEGAN_S: Final = 1_767_225_600
AS_OF_MS: Final = (BEGAN_S + 120) * 1000
GRACE_S: Final = 60


def sell(functions: Functions) -> None:
    """10 cups are received; a hold of 2 is executed, another of 2 stays. Then the instant passes, and the grace.

    The streams have not told of it yet.
    """
    functions.stop_clock(BEGAN_S)
    functions.prepare("apigateway/execute-hold")
    functions.pass_s(5)
    for event in ("execute-hold", "place-hold-by-form"):
        assert functions.request(event).status == 200
    functions.pass_s(AS_OF_MS / 1000 - BEGAN_S - 5 + GRACE_S)


def take_snapshot(
    functions: Functions, mode: str = "increment", *, waits: Callable[[str], None] = lambda _state: None
) -> PlayedMachine:
    """The snapshot of the instant."""
    machine = PlayedMachine(functions, "SnapshotMachine", waits)
    machine.run({"as_of_ms": AS_OF_MS, "align_ms": 1000, "mode": mode})
    return machine


def audits_started(functions: Functions) -> dict[str, dict[str, Any]]:
    """What audits were started with, by how far they look back."""
    told = [json.loads(each["input"]) for each in functions.states.executions.values()]
    return {each["depth"]: each for each in told}


def answer_to(machine: PlayedMachine, event: str) -> dict[str, Any]:
    """What the function that a sample event is for answered to it, where the machine told it just that."""
    sample = SAMPLES[event]
    function, told = sample.function, sample.load()
    (done,) = [each for each in machine.tasks if (each.function, each.told) == (function, told)]
    return done.answer
