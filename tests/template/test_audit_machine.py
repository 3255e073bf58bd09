"""The audit's state machine: what it may use everywhere, and that every failure ends somewhere with a name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.template import properties

ROOT = Path(__file__).parents[2]
MACHINE = json.loads((ROOT / properties("AuditMachine")["DefinitionUri"]).read_text())
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
READ = ("Folders", "List", "Tasks", "Read")
MAPS = sorted(name for name, state in STATES.items() if state["Type"] == "Map")


def tasks() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in STATES.items():
        if state["Type"] == "Task":
            yield name, state
        elif state["Type"] == "Map":
            yield from state["ItemProcessor"]["States"].items()


def next_states(state: dict[str, Any]) -> set[str]:
    told = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return {each[key] for each in told for key in ("Next", "Default") if key in each}


def test_every_state_is_reached_and_every_name_is_a_state() -> None:
    reached = {MACHINE["StartAt"]}.union(*(next_states(state) for state in STATES.values()))
    assert reached == set(STATES)


@pytest.mark.parametrize(("name", "task"), list(tasks()))
def test_a_task_is_tried_a_few_times_and_no_more(name: str, task: dict[str, Any]) -> None:
    (retry,) = task["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    assert 1 <= retry["MaxAttempts"] <= 5


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] in ("Task", "Map")])
def test_what_still_fails_ends_in_a_failure_with_a_name(name: str) -> None:
    (catch,) = STATES[name]["Catch"]
    failure = STATES[catch["Next"]]
    assert failure["Type"] == "Fail"
    assert failure["Error"].startswith("Audit")
    problem, _, action = failure["Cause"].partition(" Do: ")
    assert len(problem.split()) > 5
    assert "again" in action


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_distributed_and_use_nothing_that_only_one_of_the_platforms_has(name: str) -> None:
    state = STATES[name]
    assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert not state.keys() & {"ItemBatcher", "ToleratedFailurePercentage", "ResultWriter"}
    assert state["MaxConcurrency"] > 0


def test_the_live_tables_are_read_before_the_archive_is_listed_and_holds_before_items() -> None:
    """A record that is ahead of the archive is no discrepancy; a shard's events are held against what holds claim."""
    way, state = [], MACHINE["StartAt"]
    while "Next" in STATES[state] or "Choices" in STATES[state]:
        way.append(state)
        state = "Scan" if state == "IsThere" else STATES[state]["Next"]
    assert way == ["Begin", "IsThere", "Scan", *READ, "Holds", "Items", "Files", "Chain", "Report"]
    assert next_states(STATES["IsThere"]) == {"Scan", "Folders", "Files"}


def test_an_audit_ends() -> None:
    assert MACHINE["TimeoutSeconds"] <= 4 * 3600
