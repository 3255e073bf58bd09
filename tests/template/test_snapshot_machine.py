"""The snapshot's state machine: what it may use everywhere, and that every failure ends somewhere with a name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.template import load_template, properties
from support.workflow import ATTEMPTS_MAX

ROOT = Path(__file__).parents[2]
MACHINE = json.loads((ROOT / properties("SnapshotMachine")["DefinitionUri"]).read_text())
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
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
    assert failure["Error"].startswith("Snapshot")


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Fail"])
def test_a_failure_says_what_is_wrong_and_what_to_do(name: str) -> None:
    problem, _, action = STATES[name]["Cause"].partition(" Do: ")
    assert len(problem.split()) > 5
    assert len(action.split()) > 3
    assert "again" in action


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_distributed_and_use_nothing_that_only_one_of_the_platforms_has(name: str) -> None:
    state = STATES[name]
    assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert not state.keys() & {"ItemBatcher", "ToleratedFailurePercentage", "ResultWriter"}
    assert state["MaxConcurrency"] > 0


def test_waiting_for_the_archive_and_for_others_ends() -> None:
    assert STATES["IsSealed"]["Choices"][1]["NumericLessThan"] == ATTEMPTS_MAX
    for name in ("IsSealed", "IsCommitted"):
        again = [choice for choice in STATES[name]["Choices"] if choice.get("Variable") == "$.attempt"]
        assert len(again) == 1
        assert again[0]["NumericLessThan"] <= ATTEMPTS_MAX
        assert STATES[STATES[name]["Default"]]["Type"] == "Fail"
    assert MACHINE["TimeoutSeconds"] <= 7200


def test_it_runs_on_the_hour_and_from_the_first_event_every_day() -> None:
    events = {name: event["Properties"] for name, event in properties("SnapshotMachine")["Events"].items()}
    inputs = {name: json.loads(event["Input"]) for name, event in events.items()}
    assert (inputs["Hourly"]["mode"], inputs["Hourly"]["align_ms"]) == ("increment", 3_600_000)
    assert (inputs["Daily"]["mode"], inputs["Daily"]["align_ms"]) == ("rebuild", 86_400_000)
    assert {event["ScheduleExpression"] for event in events.values()} == {"cron(3 * * * ? *)", "cron(33 0 * * ? *)"}
    assert {event["State"]["Ref"] for event in events.values()} == {"SnapshotSchedule"}
    for event in events.values():
        assert event["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["SnapshotScheduleQueue", "Arn"]}}
        assert event["RetryPolicy"]["MaximumEventAgeInSeconds"] < 3600
    assert load_template()["Parameters"]["SnapshotSchedule"]["Default"] == "ENABLED"


def test_the_live_tables_are_read_once_and_before_the_archive_is_listed() -> None:
    """The seal relies on it (docs/history.md): no way leads to Plan but past the reading, and none leads back to it."""
    assert MACHINE["StartAt"] == "Finish"
    assert STATES["Finish"]["Next"] == "Begin"
    assert STATES["Begin"]["Next"] == "WhatIsKnown"
    assert next_states(STATES["WhatIsKnown"]) == {"Audit", "Scan", "Plan"}
    assert STATES["WhatIsKnown"]["Choices"][1] == {"Variable": "$.scan", "BooleanEquals": True, "Next": "Scan"}
    assert {name for name in STATES if "Scan" in next_states(STATES[name])} == {"WhatIsKnown"}
    assert {name for name in STATES if "WhatIsKnown" in next_states(STATES[name])} == {"Begin"}
    assert STATES["Scan"]["Next"] == "WaitForArchive"
    assert STATES["WaitForArchive"]["Next"] == "Plan"


def test_a_snapshot_that_is_there_is_audited_whoever_made_it() -> None:
    """A run that died before it could start the audit is started again, and finds the snapshot done."""
    assert {name for name in STATES if "Audit" in next_states(STATES[name])} == {
        "WhatIsKnown",
        "IsThere",
        "IsCommitted",
    }
    assert {name for name in STATES if "Done" in next_states(STATES[name])} == {"Audit"}
