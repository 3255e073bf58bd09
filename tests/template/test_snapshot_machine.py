"""The snapshot's state machine: the order of its steps, which the seal relies on, and who may start what."""

import json

from inventory.history.audits import AuditNotStarted
from support.machines import State, definition, next_states
from support.template import load_template, properties
from support.workflow import ATTEMPTS_MAX

MACHINE = definition("SnapshotMachine")
STATES: dict[str, State] = MACHINE["States"]


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
    assert events["Hourly"]["ScheduleExpression"] == "cron(3 * * * ? *)"
    assert events["Daily"]["ScheduleExpression"] == {
        "Fn::If": ["RebuildWeekly", "cron(33 0 ? * MON *)", "cron(33 0 * * ? *)"],
    }
    assert events["Hourly"]["State"] == {"Ref": "SnapshotSchedule"}
    assert events["Daily"]["State"] == {"Fn::If": ["NeverRebuild", "DISABLED", {"Ref": "SnapshotSchedule"}]}
    for event in events.values():
        assert event["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["SnapshotScheduleQueue", "Arn"]}}
        assert event["RetryPolicy"]["MaximumEventAgeInSeconds"] < 3600
    parameters = load_template()["Parameters"]
    assert (parameters["SnapshotSchedule"]["Default"], parameters["RebuildSchedule"]["Default"]) == ("ENABLED", "DAILY")


def test_no_grace_makes_the_hourly_snapshot_miss_its_hour() -> None:
    """It takes the latest hour that is a grace ago: with a longer one it would be an hour old, and nobody told."""
    hourly = properties("SnapshotMachine")["Events"]["Hourly"]["Properties"]["ScheduleExpression"]
    minute = int(hourly.removeprefix("cron(").split()[0])
    assert load_template()["Parameters"]["SnapshotGraceSeconds"]["MaxValue"] <= minute * 60 - 30


def test_the_live_tables_are_read_once_and_before_the_archive_is_listed() -> None:
    """The seal relies on it (docs/history.md): no way leads to Plan but past the reading, and none leads back to it."""
    assert MACHINE["StartAt"] == "Finish"
    assert {name for name in STATES if "Begin" in next_states(STATES[name])} == {"NotOpening", "WaitAfterReading"}
    assert STATES["Begin"]["Next"] == "WhatIsKnown"
    assert next_states(STATES["WhatIsKnown"]) == {"Audit", "Scan", "Plan"}
    assert STATES["WhatIsKnown"]["Choices"][1] == {"Variable": "$.scan", "BooleanEquals": True, "Next": "Scan"}
    assert {name for name in STATES if "Scan" in next_states(STATES[name])} == {"WhatIsKnown"}
    assert {name for name in STATES if "WhatIsKnown" in next_states(STATES[name])} == {"Begin"}
    assert STATES["Scan"]["Next"] == "WaitForArchive"
    assert STATES["WaitForArchive"]["Next"] == "Plan"


def test_every_bucket_is_compared_with_the_live_records_before_the_seal_is_asked() -> None:
    assert {name for name in STATES if "SealBuckets" in next_states(STATES[name])} == {"ReduceItems"}
    assert {name for name in STATES if "Seal" in next_states(STATES[name])} == {"SealBuckets"}
    assert STATES["SealBuckets"]["ItemReader"]["Parameters"]["Key.$"] == "$.lists.seal"
    assert STATES["SealBuckets"]["MaxConcurrency"] == STATES["ReduceItems"]["MaxConcurrency"]
    told = STATES["SealBuckets"]["ItemProcessor"]["States"]["SealBucket"]["Parameters"]["Payload"]
    assert told == {"step": "seal_bucket", "run.$": "$.run", "live.$": "$.live", "bucket.$": "$.bucket"}


def test_a_history_is_opened_by_nobody_but_who_says_why() -> None:
    """Neither of the schedules has the mode, the reason or the actor; what is asked for over HTTP has them neither."""
    assert STATES["Finish"]["Next"] == "IsOpening"
    choice = {"Variable": "$.mode", "StringEquals": "opening", "Next": "Open"}
    assert (STATES["IsOpening"]["Choices"], STATES["IsOpening"]["Default"]) == ([choice], "NotOpening")
    assert STATES["NotOpening"] == {"Type": "Pass", "Result": {}, "ResultPath": "$.opening", "Next": "Begin"}
    payload = STATES["Open"]["Parameters"]["Payload"]
    assert payload == {"step": "open", "reason.$": "$.reason", "actor.$": "$.actor"}
    for event in properties("SnapshotMachine")["Events"].values():
        assert json.loads(event["Properties"]["Input"]).keys() == {"as_of_ms", "align_ms", "mode"}


def test_an_opening_reads_the_tables_whole_and_waits_until_its_instant_is_later_than_all_that_it_read() -> None:
    assert STATES["Open"]["Next"] == "Read"
    assert STATES["Read"]["ItemReader"]["Parameters"]["Key.$"] == "$.opening.list"
    segment, whole = (STATES[name]["ItemProcessor"]["States"] for name in ("Scan", "Read"))
    said = segment["ScanSegment"]["Parameters"]["Payload"] | {"whole": True}
    assert whole["ReadSegment"]["Parameters"]["Payload"] == said
    assert STATES["Read"]["Next"] == "WaitAfterReading"
    assert STATES["WaitAfterReading"]["SecondsPath"] == "$.opening.wait_s"
    assert STATES["WaitAfterReading"]["Next"] == "Begin"


def test_a_snapshot_that_is_there_is_audited_whoever_made_it() -> None:
    """A run that died before it could start the audit is started again, and finds the snapshot done."""
    assert {name for name in STATES if "Audit" in next_states(STATES[name])} == {
        "WhatIsKnown",
        "IsThere",
        "IsCommitted",
    }
    assert {name for name in STATES if "Done" in next_states(STATES[name])} == {"Audit"}


def test_an_audit_that_could_not_be_started_has_a_failure_of_its_own_wherever_a_snapshot_is_published() -> None:
    """A function's errors are called by the names of their classes."""
    named = {
        name
        for name, state in STATES.items()
        for catch in state.get("Catch", ())
        if catch["ErrorEquals"] == [AuditNotStarted.__name__]
    }
    assert named == {"Finish", "Commit"}
    assert {name for name in STATES if "NotAudited" in next_states(STATES[name])} == named | {"Audit"}
