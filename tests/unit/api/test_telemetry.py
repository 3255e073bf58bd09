import json
from collections.abc import Callable

from inventory.metric import Metric
from inventory.telemetry import flush, report, report_check


def test_what_was_counted_is_written_once(output: Callable[[], str]) -> None:
    report(Metric.HOLDS_PLACED, 1)
    report(Metric.HOLDS_PLACED, 2)
    report(Metric.SETTLEMENT_LAG, 250)
    flush()
    flush()
    (line,) = output().splitlines()
    written = json.loads(line)
    assert (written["HoldsPlaced"], written["SettlementLag"]) == ([1.0, 2.0], [250.0])
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Inventory"
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {"HoldsPlaced": "Count", "SettlementLag": "Milliseconds"}


def test_a_check_of_an_audit_is_counted_by_its_name_and_with_all_others(output: Callable[[], str]) -> None:
    report_check("gapless", 40, 0)
    report_check("live_stock", 7, 2)
    flush()
    written = [json.loads(line) for line in output().splitlines()]
    by_check = {
        each["check"]: each["AuditDiscrepancies"]
        for each in written
        if "AuditDiscrepancies" in each and "check" in each
    }
    assert by_check == {"gapless": [0.0], "live_stock": [2.0]}
    assert written[-1]["AuditDiscrepancies"] == [0.0, 2.0]
    assert written[-1]["AuditedRecords"] == [40.0, 7.0]
    assert "check" not in written[-1]


def test_the_vocabulary_is_that_of_the_contract() -> None:
    assert {metric.value for metric in Metric} >= {
        *("HoldsPlaced", "HoldsRefused", "HoldsReplayed", "HoldsExecuted", "HoldsReleased", "HoldsExpired"),
        *("HoldsSettled", "SettlementLag", "ShardConflicts", "Hops", "ProjectionLag", "PoisonRecords", "ClockSkew"),
        "InvariantBroken",
    }
