"""One suite over Step Functions as moto has it, and over what other tests use in its place."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from inventory.adapters.executions import StepFunctionsMachine
from inventory.domain.runs import RunStatus
from support.states import States

DEFINITION = '{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": true}}}'
ROLE = "arn:aws:iam::123456789012:role/machine"
WORDS = {"as_of_ms": 1000, "mode": "increment"}


@pytest.fixture(params=["moto", "states"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "states":
        yield States(lambda: round(time.time() * 1000))
        return
    with mock_aws():
        yield boto3.client("stepfunctions")


@pytest.fixture
def machine(client: Any) -> StepFunctionsMachine:
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:test"
    if not isinstance(client, States):
        made = client.create_state_machine(name="test", definition=DEFINITION, roleArn=ROLE)
        arn = made["stateMachineArn"]
    return StepFunctionsMachine(client, arn)


def test_what_was_started_is_found_with_its_input(machine: StepFunctionsMachine) -> None:
    before_ms = time.time() * 1000
    began = machine.start("run-1", WORDS)
    assert began is not None
    assert abs(began - before_ms) < 60_000
    found = machine.find("run-1")
    assert found is not None
    assert (found.status, found.began, found.input, found.failure) == (RunStatus.PENDING, began, WORDS, None)


def test_the_same_start_again_is_the_same_run(machine: StepFunctionsMachine) -> None:
    began = machine.start("run-1", WORDS)
    assert machine.start("run-1", WORDS) == began


def test_a_name_is_used_once(machine: StepFunctionsMachine) -> None:
    assert machine.start("run-1", WORDS) is not None
    assert machine.start("run-1", {"as_of_ms": 2000}) is None
    found = machine.find("run-1")
    assert found is not None
    assert found.input == WORDS


def test_what_was_never_started_is_not_found(machine: StepFunctionsMachine) -> None:
    assert machine.find("run-1") is None


def test_a_run_that_was_stopped_has_failed_and_its_name_stays_used(client: Any, machine: StepFunctionsMachine) -> None:
    machine.start("run-1", WORDS)
    if isinstance(client, States):
        client.end("run-1", "ABORTED")
    else:
        client.stop_execution(executionArn=machine.arn_of("run-1"))
    found = machine.find("run-1")
    assert found is not None
    assert found.failure is not None
    assert (found.status, found.failure.code) == (RunStatus.FAILED, "aborted")
    assert machine.start("run-1", {"as_of_ms": 2000}) is None


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("RUNNING", RunStatus.PENDING),
        ("PENDING_REDRIVE", RunStatus.PENDING),
        ("SUCCEEDED", RunStatus.COMPLETE),
        ("FAILED", RunStatus.FAILED),
        ("TIMED_OUT", RunStatus.FAILED),
        ("ABORTED", RunStatus.FAILED),
    ],
)
def test_a_run_has_ended_only_where_nobody_goes_on_with_it(told: str, status: RunStatus) -> None:
    states = States(lambda: 0)
    machine = StepFunctionsMachine(states, "arn:aws:states:us-east-1:123456789012:stateMachine:test")
    machine.start("run-1", WORDS)
    states.end("run-1", told)
    found = machine.find("run-1")
    assert found is not None
    assert found.status is status
