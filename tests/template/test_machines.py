"""The state machines: what they may use everywhere, and that every failure ends somewhere with a name."""

from typing import Any

import pytest

from stack.place import ROOT
from support.machines import State, definition, next_states, tasks

MACHINES = {"Snapshot": definition("SnapshotMachine"), "Audit": definition("AuditMachine")}
STATES = [(machine, name, state) for machine, told in MACHINES.items() for name, state in told["States"].items()]
LAMBDA_FAILS = ("ServiceException", "AWSLambdaException", "SdkClientException")
#: What one task of the machines may take.
FUNCTION_SECONDS_MAX = 900
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
    *_, retry = task["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    assert 1 <= retry["MaxAttempts"] <= 5


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_task_waits_for_lambda_where_that_fails(name: str, task: State) -> None:
    _, failed, _ = task["Retry"]
    assert failed["ErrorEquals"] == [f"Lambda.{each}" for each in LAMBDA_FAILS]
    assert 10 <= failed["MaxAttempts"] <= 20
    assert failed["JitterStrategy"] == "FULL"
    assert failed["MaxDelaySeconds"] <= 60


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_task_waits_for_an_instance_as_long_as_the_others_may_take(name: str, task: State) -> None:
    """Maps begin dozens of them at once; the machines may ask for 400 of 150 instances, and a new account has ten."""
    refused, *_ = task["Retry"]
    assert refused["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
    assert refused["JitterStrategy"] == "FULL"
    waits = [
        min(refused["IntervalSeconds"] * refused["BackoffRate"] ** attempt, refused["MaxDelaySeconds"])
        for attempt in range(refused["MaxAttempts"])
    ]
    assert sum(waits) / 2 > FUNCTION_SECONDS_MAX, "on average; one that loses fails its whole map"
    assert sum(waits) < min(told["TimeoutSeconds"] for told in MACHINES.values())
    assert max(waits) <= 60


@pytest.mark.parametrize(("machine", "state"), of_type("Task", "Map"))
def test_what_still_fails_ends_in_a_failure_with_a_name(machine: str, state: State) -> None:
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    for catch in state["Catch"]:
        failure = MACHINES[machine]["States"][catch["Next"]]
        assert failure["Type"] == "Fail"
        assert failure["Error"].startswith(machine)


@pytest.mark.parametrize(("machine", "state"), of_type("Fail"))
def test_a_failure_says_what_is_wrong_and_what_to_do(machine: str, state: State) -> None:
    problem, _, action = state["Cause"].partition(" Do: ")
    assert len(problem.split()) > 5
    assert len(action.split()) > 3
    assert "again" in action


@pytest.mark.parametrize(
    ("machine", "count", "map_"),
    [
        ("Snapshot", "$.tasks", "Map"),
        ("Audit", "$.folders.folders", "List"),
        ("Audit", "$.list.tasks", "Read"),
        ("Audit", "$.manifests", "Files"),
    ],
)
def test_a_map_is_never_given_an_empty_list(machine: str, count: str, map_: str) -> None:
    """What AWS does then is written nowhere. The other lists have a part for each bucket or segment at least."""
    choices = [state for state in MACHINES[machine]["States"].values() if state["Type"] == "Choice"]
    assert any(count in str(state) and map_ in next_states(state) for state in choices)


@pytest.mark.parametrize(("machine", "state"), of_type("Map"))
def test_maps_are_distributed_and_use_nothing_that_only_one_of_the_platforms_has(machine: str, state: State) -> None:
    assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert not state.keys() & {"ItemBatcher", "ToleratedFailurePercentage", "ResultWriter"}
    assert state["MaxConcurrency"] > 0


def test_no_machine_names_a_partition_of_aws() -> None:
    """Or it could not run in others: what it calls belongs to the partition in which it runs."""
    for file in (ROOT / "statemachines").iterdir():
        assert "arn:aws" not in file.read_text(), file.name
