"""The state machines: what they may use everywhere, and that every failure ends somewhere with a name."""

from typing import Any

import pytest

from support.machines import State, definition, next_states, tasks

MACHINES = {"Snapshot": definition("SnapshotMachine"), "Audit": definition("AuditMachine")}
STATES = [(machine, name, state) for machine, told in MACHINES.items() for name, state in told["States"].items()]
TASKS = [task for told in MACHINES.values() for task in tasks(told["States"])]


def of_type(*types: str) -> list[Any]:
    return [
        pytest.param(machine, state, id=f"{machine}-{name}")
        for machine, name, state in STATES
        if state["Type"] in types
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_is_reached_and_every_name_is_a_state(machine: str) -> None:
    told = MACHINES[machine]
    reached = {told["StartAt"]}.union(*(next_states(state) for state in told["States"].values()))
    assert reached == set(told["States"])


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_task_is_tried_a_few_times_and_no_more(name: str, task: State) -> None:
    (retry,) = task["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    assert 1 <= retry["MaxAttempts"] <= 5


@pytest.mark.parametrize(("machine", "state"), of_type("Task", "Map"))
def test_what_still_fails_ends_in_a_failure_with_a_name(machine: str, state: State) -> None:
    (catch,) = state["Catch"]
    failure = MACHINES[machine]["States"][catch["Next"]]
    assert failure["Type"] == "Fail"
    assert failure["Error"].startswith(machine)


@pytest.mark.parametrize(("machine", "state"), of_type("Fail"))
def test_a_failure_says_what_is_wrong_and_what_to_do(machine: str, state: State) -> None:
    problem, _, action = state["Cause"].partition(" Do: ")
    assert len(problem.split()) > 5
    assert len(action.split()) > 3
    assert "again" in action


@pytest.mark.parametrize(("machine", "state"), of_type("Map"))
def test_maps_are_distributed_and_use_nothing_that_only_one_of_the_platforms_has(machine: str, state: State) -> None:
    assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert not state.keys() & {"ItemBatcher", "ToleratedFailurePercentage", "ResultWriter"}
    assert state["MaxConcurrency"] > 0
