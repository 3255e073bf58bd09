"""Whoever watches the service sees all of it: nothing is counted, alarmed or queued that no dashboard shows."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from inventory.metric import Metric
from inventory.telemetry import NAMESPACE
from support.template import load_template, properties, resources

DASHBOARDS = sorted(resources("AWS::CloudWatch::Dashboard"))
COLUMNS = 24  # of CloudWatch's grid
METRICS_IN_A_WIDGET_MAX = 500  # as CloudWatch takes
_PARAMETERS = {"AWS::Region": "us-east-1", "Environment": "prod"}


def body(dashboard: str) -> dict[str, Any]:
    """What CloudWatch gets, with ``${X}`` where CloudFormation puts a name."""
    text: str = properties(dashboard)["DashboardBody"]["Fn::Sub"]
    for name, value in _PARAMETERS.items():
        text = text.replace(f"${{{name}}}", value)
    told: dict[str, Any] = json.loads(text)
    return told


def widgets() -> Iterator[dict[str, Any]]:
    for dashboard in DASHBOARDS:
        yield from body(dashboard)["widgets"]


def shown() -> list[list[str]]:
    """Every metric of every widget: its namespace, name and dimensions."""
    rows = [row for widget in widgets() for row in widget["properties"].get("metrics", [])]
    return [[each for each in row if isinstance(each, str)] for row in rows]


def shown_of(namespace: str, metric: str) -> set[str]:
    """The logical ids of what a metric is shown for."""
    return {row[3].strip("${}").split(".")[0] for row in shown() if row[:2] == [namespace, metric]}


def test_all_that_is_counted_is_shown() -> None:
    ours = {row[1] for row in shown() if row[0] == NAMESPACE}
    assert ours == {metric.value for metric in Metric}
    assert {tuple(row[2:]) for row in shown() if row[0] == NAMESPACE} == {("service", "inventory-prod")}


def test_all_alarms_are_shown() -> None:
    [alarms] = [widget["properties"]["alarms"] for widget in widgets() if widget["type"] == "alarm"]
    assert sorted(alarms) == sorted(f"${{{name}.Arn}}" for name in resources("AWS::CloudWatch::Alarm"))


@pytest.mark.parametrize("metric", ["Errors", "Throttles", "ConcurrentExecutions", "Duration"])
def test_all_functions_are_shown(metric: str) -> None:
    assert shown_of("AWS/Lambda", metric) == set(resources("AWS::Serverless::Function"))


@pytest.mark.parametrize("metric", ["ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits", "WriteThrottleEvents"])
def test_all_tables_are_shown(metric: str) -> None:
    assert shown_of("AWS/DynamoDB", metric) == set(resources("AWS::DynamoDB::Table"))


def test_all_queues_machines_and_streams_are_shown() -> None:
    assert shown_of("AWS/SQS", "ApproximateNumberOfMessagesVisible") == set(resources("AWS::SQS::Queue"))
    assert shown_of("AWS/States", "ExecutionsFailed") == set(resources("AWS::Serverless::StateMachine"))
    read_from_streams = {
        name
        for name in resources("AWS::Serverless::Function")
        if any(event["Type"] in ("DynamoDB", "Kinesis") for event in properties(name).get("Events", {}).values())
    }
    assert shown_of("AWS/Lambda", "IteratorAge") == read_from_streams


def test_what_is_named_is_in_the_template() -> None:
    named = {
        name.split(".")[0]
        for dashboard in DASHBOARDS
        for name in re.findall(r"\$\{([^}]+)\}", properties(dashboard)["DashboardBody"]["Fn::Sub"])
    }
    assert named <= set(load_template()["Resources"]) | set(load_template()["Parameters"]) | {"AWS::Region"}


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_each_region_has_its_own(dashboard: str) -> None:
    """An account has one dashboard of a name, in all regions together."""
    name = properties(dashboard)["DashboardName"]["Fn::Sub"]
    assert {"${Environment}", "${AWS::Region}"} <= set(re.findall(r"\$\{[^}]+\}", name))


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_widgets_lie_side_by_side_on_the_grid(dashboard: str) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body(dashboard)["widgets"]:
        cells = {
            (column, row)
            for column in range(widget["x"], widget["x"] + widget["width"])
            for row in range(widget["y"], widget["y"] + widget["height"])
        }
        assert widget["x"] + widget["width"] <= COLUMNS
        assert not taken & cells
        assert 1 <= len(widget["properties"].get("metrics", [1])) <= METRICS_IN_A_WIDGET_MAX
        taken |= cells
