"""Whoever is woken at night reads what to do."""

import inspect
import re
from typing import Any

import pytest
from typer.main import get_command

from inventory.metric import Metric
from inventory.pipeline import settler, stream, sweeper
from inventory.telemetry import NAMESPACE
from inventory_cli.main import app
from stack.place import ROOT
from support.template import load_template, properties, resources

ALARMS = sorted(resources("AWS::CloudWatch::Alarm"))
# What happened once: an OK minutes later would say that it was repaired.
EVENTS = {
    *("InvariantBrokenAlarm", "StampsApartAlarm", "AuditDiscrepanciesAlarm"),
    *(f"{machine}{end}Alarm" for machine in ("Snapshot", "Audit") for end in ("Failed", "TimedOut", "Aborted")),
}
METRICS_IN_AN_ALARM_MAX = 10  # CloudWatch refuses an alarm with more, and only when it is deployed


def alarms_on(metric: str) -> dict[str, dict[str, Any]]:
    return {name: properties(name) for name in ALARMS if properties(name).get("MetricName") == metric}


def summed(alarm: str) -> list[dict[str, Any]]:
    """The metrics that an alarm on an expression takes together."""
    entries = properties(alarm).get("Metrics", [])
    return [entry["MetricStat"]["Metric"] for entry in entries if "MetricStat" in entry]


def watched(metric: str, dimension: str) -> set[str]:
    """The logical ids of what the alarms on a metric look at."""
    values = [
        entry["Value"]
        for alarm in alarms_on(metric).values()
        for entry in alarm["Dimensions"]
        if entry["Name"] == dimension
    ]
    return {value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0] for value in values}


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_says_what_is_wrong_and_what_to_do(alarm: str) -> None:
    problem, _, action = properties(alarm)["AlarmDescription"].partition("Do: ")
    assert len(problem.split()) >= 4
    assert len(action.split()) >= 4


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_is_found_in_the_runbooks_table(alarm: str) -> None:
    entry = (ROOT / "docs" / "runbook.md").read_text().split("\n## ")[0]
    assert f"*{alarm.removesuffix('Alarm')}*" in entry


def test_every_entry_of_the_runbook_leads_somewhere() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text()
    headings = {
        re.sub("[^a-z0-9 ]", "", line[3:].lower()).replace(" ", "-")
        for line in re.findall("^## .*", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_reaches_somebody_and_so_does_its_end_where_it_has_one(alarm: str) -> None:
    assert properties(alarm)["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    ends = [] if alarm in EVENTS else [{"Ref": "AlarmTopic"}]
    assert properties(alarm).get("OKActions", []) == ends


def test_every_function_is_watched_for_errors_and_for_throttles() -> None:
    functions = set(resources("AWS::Serverless::Function"))
    assert watched("Errors", "FunctionName") == functions
    metrics = [metric for alarm in ALARMS for metric in summed(alarm)]
    throttled = [metric for metric in metrics if metric["MetricName"] == "Throttles"]
    assert sorted(metric["Dimensions"][0]["Value"]["Ref"] for metric in throttled) == sorted(functions)


@pytest.mark.parametrize("alarm", [name for name in ALARMS if "Metrics" in properties(name)])
def test_an_alarm_on_a_sum_has_as_many_metrics_as_cloudwatch_takes_with_an_identifier_each(alarm: str) -> None:
    assert 1 <= len(summed(alarm)) <= METRICS_IN_AN_ALARM_MAX
    identifiers = [metric["Id"] for metric in properties(alarm)["Metrics"]]
    assert len(set(identifiers)) == len(identifiers)


def test_every_failure_queue_is_watched_from_the_first_message_on() -> None:
    queues = alarms_on("ApproximateNumberOfMessagesVisible")
    assert watched("ApproximateNumberOfMessagesVisible", "QueueName") == set(resources("AWS::SQS::Queue"))
    assert {alarm["Threshold"] for alarm in queues.values()} == {1}


def test_a_lagging_stream_is_reported_long_before_its_records_are_lost() -> None:
    assert watched("IteratorAge", "FunctionName") == {
        *("SettlerFunction", "CollectorFunction", "ProjectorFunction", "ArchiverFunction"),
    }
    for alarm in alarms_on("IteratorAge").values():
        assert alarm["Threshold"] <= 10 * 60 * 1000


def test_a_sweeper_that_does_not_run_is_noticed_though_it_says_nothing() -> None:
    (alarm,) = alarms_on("Invocations").values()
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


@pytest.mark.parametrize("end", ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
def test_no_execution_ends_badly_unseen(end: str) -> None:
    assert watched(end, "StateMachineArn") == set(resources("AWS::Serverless::StateMachine"))


def test_snapshots_that_do_not_even_begin_are_missed_where_they_are_scheduled() -> None:
    (alarm,) = alarms_on("ExecutionsSucceeded").values()
    assert alarm["Dimensions"][0]["Value"] == {"Ref": "SnapshotMachine"}
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 3 * 3600
    assert alarm["TreatMissingData"] == {"Fn::If": ["SnapshotsAreScheduled", "breaching", "notBreaching"]}


@pytest.mark.parametrize("name", ["Projector", "Archiver"])
def test_a_stream_that_nobody_reads_any_more_is_noticed_though_it_has_no_age(name: str) -> None:
    alarm = properties(f"{name}StoppedAlarm")
    metrics = summed(f"{name}StoppedAlarm")
    written = {metric["Dimensions"][0]["Value"]["Ref"] for metric in metrics if metric["Namespace"] == "AWS/DynamoDB"}
    read = properties(f"{name}Function")["Events"].values()
    assert written == {event["Properties"]["Stream"]["Fn::GetAtt"][0] for event in read}
    assert [metric["Dimensions"][0]["Value"]["Ref"] for metric in metrics if metric["Namespace"] == "AWS/Lambda"] == [
        f"{name}Function"
    ]
    [told] = [entry["Expression"] for entry in alarm["Metrics"] if "Expression" in entry]
    filled = set(re.findall(r"FILL\((\w+), 0\)", told))
    assert filled == {entry["Id"] for entry in alarm["Metrics"] if "MetricStat" in entry}, "no data is zero"


@pytest.mark.parametrize(
    "metric",
    [
        *(Metric.CLOCK_SKEW, Metric.INVARIANT_BROKEN, Metric.UNVERIFIED_KEYS, Metric.STAMPS_APART),
        *(Metric.AUDIT_DISCREPANCIES, Metric.COLLECTING_REFUSED),
    ],
)
def test_what_the_service_itself_finds_wrong_raises_an_alarm_under_the_name_that_it_writes(metric: Metric) -> None:
    (alarm,) = alarms_on(metric.value).values()
    variables = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    assert alarm["Namespace"] == NAMESPACE == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]


def test_server_errors_and_slow_answers_of_the_api_are_reported() -> None:
    for metric in ("5XXError", "Latency"):
        (alarm,) = alarms_on(metric).values()
        assert {entry["Name"] for entry in alarm["Dimensions"]} == {"ApiName", "Stage"}


def test_a_named_command_in_an_alarm_is_one_that_exists() -> None:
    text = " ".join(properties(alarm)["AlarmDescription"] for alarm in ALARMS)
    named = re.findall(r"`inventory ([^`]+)`", " ".join(text.split()))
    assert len(named) >= len(resources("AWS::SQS::Queue"))
    for command in named:
        group: Any = get_command(app)
        for word in command.split():
            assert not word.startswith("-"), f"`inventory {command}` needs no option to be run as it stands"
            if not hasattr(group, "commands"):
                break  # an argument
            assert word in group.commands, f"there is no `inventory {command}`"
            group = group.commands[word]
        assert not hasattr(group, "commands"), f"`inventory {command}` alone only shows its help"


def test_what_an_alarm_says_to_look_for_in_the_logs_is_written_there() -> None:
    text = " ".join(" ".join(properties(alarm)["AlarmDescription"].split()) for alarm in ALARMS)
    looked_for = re.findall(r'"([^"]+)" in the (\w+)\'s(?: log)?', text)
    written = {  # the settler sets aside as every consumer does
        ("hold cannot be settled", "sweeper"): sweeper,
        ("record set aside", "settler"): stream,
        ("not passed on", "settler"): settler,
    }
    assert set(looked_for) == set(written)
    for (message, _), module in written.items():
        assert re.search(f'logger.(error|warning)\\("{message}"', inspect.getsource(module))
