"""The state machines' definitions, as the template deploys them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.template import properties

State = dict[str, Any]

_ROOT = Path(__file__).parents[2]


def definition(machine: str) -> dict[str, Any]:
    """A state machine by its name in the template."""
    told: dict[str, Any] = json.loads((_ROOT / properties(machine)["DefinitionUri"]).read_text())
    return told


def tasks(states: dict[str, State]) -> Iterator[tuple[str, State]]:
    """All tasks, those of maps among them."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        elif state["Type"] == "Map":
            yield from state["ItemProcessor"]["States"].items()


def next_states(state: State) -> set[str]:
    """What may come after a state."""
    told = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return {each[key] for each in told for key in ("Next", "Default") if key in each}
