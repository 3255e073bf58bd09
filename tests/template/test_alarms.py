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

OURS = load_template()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
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
    values += [
        entry["Value"]
        for alarm in ALARMS
        for told in summed(alarm)
        for entry in told["Dimensions"]
        if told["MetricName"] == metric and entry["Name"] == dimension
    ]
    return {value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0] for value in values}


def rings(alarm: str, **values: float) -> bool:
    """Whether one period with these values counts; what is left out has no data."""
    [told] = [entry["Expression"] for entry in properties(alarm)["Metrics"] if "Expression" in entry]
    assert properties(alarm)["Threshold"] == 1
    identifiers = {entry["Id"] for entry in properties(alarm)["Metrics"] if "MetricStat" in entry}
    assert values.keys() <= identifiers
    parsed = re.sub(r"FILL\((\w+), 0\)", lambda match: str(values.get(match[1], 0)), told)
    parsed = parsed.replace(" AND ", " and ").replace(" OR ", " or ").replace("IF(", "choose(")
    return bool(eval(parsed, {"choose": lambda condition, yes, no: yes if condition else no}))  # noqa: S307 - ours


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


def test_an_alarm_rings_though_the_newest_minute_has_no_data_yet() -> None:
    """Of a metric that comes a little late FILL makes 0: if all periods had to count, it would never ring."""
    of_a_minute = [
        name
        for name in ALARMS
        if any(entry.get("MetricStat", {}).get("Period", 300) < 300 for entry in properties(name).get("Metrics", []))
        and any("FILL" in entry.get("Expression", "") for entry in properties(name)["Metrics"])
    ]
    assert of_a_minute
    for name in of_a_minute:
        assert properties(name)["DatapointsToAlarm"] < properties(name)["EvaluationPeriods"], name


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
    """Its last point counts for some periods more than are evaluated, so these are short."""
    (alarm,) = alarms_on("Invocations").values()
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 5)


@pytest.mark.parametrize("end", ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
def test_no_execution_ends_badly_unseen(end: str) -> None:
    assert watched(end, "StateMachineArn") == set(resources("AWS::Serverless::StateMachine"))


def test_snapshots_that_do_not_even_begin_are_missed_where_they_are_scheduled() -> None:
    """Hours without a point are filled in: else the last point would count for some periods more than are evaluated."""
    alarm = properties("SnapshotMissingAlarm")
    (metric,) = summed("SnapshotMissingAlarm")
    assert metric["MetricName"] == "ExecutionsSucceeded"
    assert metric["Dimensions"][0]["Value"] == {"Ref": "SnapshotMachine"}
    assert [entry["Expression"] for entry in alarm["Metrics"] if "Expression" in entry] == ["FILL(succeeded, 0)"]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    [period] = [entry["MetricStat"]["Period"] for entry in alarm["Metrics"] if "MetricStat" in entry]
    assert period * alarm["EvaluationPeriods"] == 3 * 3600
    assert alarm["TreatMissingData"] == {"Fn::If": ["SnapshotsAreScheduled", "breaching", "notBreaching"]}


STREAM_READERS = sorted(
    name.removesuffix("Function")
    for name in resources("AWS::Serverless::Function")
    if any(event["Type"] in ("DynamoDB", "Kinesis") for event in properties(name).get("Events", {}).values())
)
#: What makes records that a function has to read, where not every write of the table does: its metrics.
MADE = {
    "Settler": {Metric.HOLDS_EXECUTED, Metric.HOLDS_RELEASED, Metric.HOLDS_EXPIRED},
    "Collector": {Metric.HOLDS_COLLECTED},
}


@pytest.mark.parametrize("name", STREAM_READERS)
def test_a_stream_that_nobody_reads_any_more_is_noticed_though_it_has_no_age(name: str) -> None:
    alarm = properties(f"{name}StoppedAlarm")
    assert alarm["EvaluationPeriods"] == 3
    metrics = summed(f"{name}StoppedAlarm")
    written = {metric["Dimensions"][0]["Value"]["Ref"] for metric in metrics if metric["Namespace"] == "AWS/DynamoDB"}
    read = {
        event["Properties"]["Stream"]["Fn::GetAtt"][0] for event in properties(f"{name}Function")["Events"].values()
    }
    assert written == (set() if name in MADE else read)
    counted = [metric for metric in metrics if metric["Namespace"] == NAMESPACE]
    assert {metric["MetricName"] for metric in counted} == MADE.get(name, set())
    assert all(metric["Dimensions"] == [{"Name": "service", "Value": OURS}] for metric in counted)
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
    for alarm, metric in (("ApiServerErrorsAlarm", "5XXError"), ("ApiLatencyAlarm", "Latency")):
        (told,) = (each for each in summed(alarm) if each["MetricName"] == metric)
        assert {entry["Name"] for entry in told["Dimensions"]} == {"ApiName", "Stage"}


PEAK_A_MINUTE = 47_000 * 60  # 35,000 reads, 6,000 places and as many executes a second
SHED = round(
    0.0086 * 6_000 * 60
)  # places that are told to come again in a rush that the model passes (docs/performance.md)


def test_server_errors_ring_for_a_share_of_a_rush_and_for_a_few_in_a_quiet_shop() -> None:
    alarm = "ApiServerErrorsAlarm"
    assert (properties(alarm)["DatapointsToAlarm"], properties(alarm)["EvaluationPeriods"]) == (3, 5)
    assert not rings(alarm, requests=PEAK_A_MINUTE, errors=4 * SHED)
    assert not rings(alarm, requests=2 * 6_000 * 60, errors=SHED), "no reads beside"
    assert rings(alarm, requests=PEAK_A_MINUTE, errors=0.021 * 12_000 * 60), "two sales' requests in a hundred"
    assert rings(alarm, requests=60, errors=5)
    assert not rings(alarm, requests=60, errors=4)
    assert not rings(alarm)


@pytest.mark.parametrize(
    ("function", "calls_a_second", "healthy", "ill"),
    [
        *(("Holds", 12_000, 0.0005, 0.002), ("Stock", 35_000, 0.0005, 0.002)),
        *((consumer, 160, 0.04, 0.06) for consumer in ("Settler", "Collector", "Projector")),
    ],
)
def test_a_function_s_errors_ring_for_a_share_of_a_rush_and_for_a_few_in_a_quiet_shop(
    function: str, calls_a_second: int, healthy: float, ill: float
) -> None:
    alarm, calls = f"{function}ErrorsAlarm", calls_a_second * 300
    assert not rings(alarm, invocations=calls, errors=calls * healthy)
    assert rings(alarm, invocations=calls, errors=calls * ill)
    assert rings(alarm, invocations=30, errors=2)
    assert not rings(alarm, invocations=30, errors=1)
    assert not rings(alarm)


def test_slow_sales_ring_at_any_hour_and_slow_questions_about_the_past_at_night_do_not() -> None:
    alarm = "ApiLatencyAlarm"
    assert rings(alarm, sales=1_001, latency=1_100, requests=60)
    assert rings(alarm, sales=40, latency=1_001, requests=PEAK_A_MINUTE)
    assert not rings(alarm, sales=40, latency=7_000, requests=60)
    assert not rings(alarm, sales=999, latency=999, requests=PEAK_A_MINUTE)
    stats = {
        entry["Id"]: entry["MetricStat"]["Stat"] for entry in properties(alarm)["Metrics"] if "MetricStat" in entry
    }
    assert stats == {"sales": "p99", "latency": "p99", "requests": "Sum"}


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
