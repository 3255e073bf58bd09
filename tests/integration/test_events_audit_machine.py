"""The events of the audit's state machine: what it passes to the functions' own modules after a small snapshot."""

import json
from typing import Any

import pytest

from inventory.history.layout import audit_path, stamp_of
from support.functions import SAMPLES, Functions
from support.history_of_samples import AS_OF_MS, answer_to, audits_started, sell, take_snapshot
from support.played import PlayedMachine


@pytest.fixture(autouse=True)
def snapshot(functions: Functions) -> None:
    """A published snapshot, whose end has started an audit."""
    sell(functions)
    functions.flow(archived=True)
    take_snapshot(functions)


def audited(functions: Functions, asked: dict[str, Any]) -> PlayedMachine:
    machine = PlayedMachine(functions, "AuditMachine")
    machine.run(asked)
    return machine


def answer(machine: PlayedMachine, event: str) -> dict[str, Any]:
    return answer_to(machine, f"audit-machine/{event}")


def result(functions: Functions, audit: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(functions.shelf.objects[audit_path(audit)])
    return told


def test_a_sound_history_is_read_and_nothing_is_found(functions: Functions) -> None:
    machine = audited(functions, audits_started(functions)["increment"])

    began = answer(machine, "begin")
    assert (began["found"], began["live"], began["manifests"]) == (True, True, 1)
    assert answer(machine, "scan-segment") == {"records": 2}
    assert answer(machine, "folders") == {"folders": 3}
    assert answer(machine, "list") == {}
    assert answer(machine, "tasks") == {"tasks": 3}
    for event in ("read", "holds", "items", "files", "chain"):
        assert answer(machine, event) == {}
    assert answer(machine, "report") == {"audit": began["audit"], "discrepancies": 0}
    told = result(functions, began["audit"])
    looked_at = {each["name"]: each["looked_at"] for each in told["checks"]}
    assert told["discrepancies"] == 0
    assert (looked_at["manifest_chain"], looked_at["live_holds"], looked_at["live_stock"]) == (1, 2, 1)
    assert functions.bus.entries == []


def test_a_counter_that_was_edited_is_found_and_announced(functions: Functions) -> None:
    functions.database.client.update_item(
        TableName="StockTable",
        Key={"stock_id": {"S": "espresso-cup#berlin#0"}},
        UpdateExpression="SET available = :more",
        ExpressionAttributeValues={":more": {"N": "7"}},
    )
    machine = audited(functions, audits_started(functions)["increment"])

    audit = answer(machine, "report")["audit"]
    found = {each["name"]: each["discrepancies"] for each in result(functions, audit)["checks"]}
    assert found["live_stock"] == 1
    (announced,) = functions.bus.entries
    assert json.loads(announced["Detail"])["id"] == audit
    assert ("audit_findings", stamp_of(AS_OF_MS)) in functions.glue.partitions


def test_each_step_may_be_done_again(functions: Functions) -> None:
    machine = audited(functions, audits_started(functions)["increment"])
    before = dict(functions.shelf.objects)
    for event in ("begin", "scan-segment", "folders", "list", "tasks", "read", "holds", "items", "files", "chain"):
        assert functions.play(f"audit-machine/{event}") == answer(machine, event)
    assert functions.play("audit-machine/report") == answer(machine, "report")
    results = {key: content for key, content in functions.shelf.objects.items() if key.startswith("audits/")}
    assert results.items() <= before.items()
    assert functions.shelf.objects.keys() == before.keys()


def test_a_rebuild_is_audited_from_the_first_event(functions: Functions) -> None:
    take_snapshot(functions, "rebuild")
    machine = audited(functions, audits_started(functions)["full"])
    began = answer(machine, "begin-from-the-first-event")
    assert (began["depth"], began["since_ms"]) == ("full", 0)
    assert result(functions, began["audit"])["discrepancies"] == 0


def test_a_snapshot_that_the_chain_does_not_know_is_a_discrepancy(functions: Functions) -> None:
    machine = audited(functions, SAMPLES["audit-machine/begin-of-no-snapshot"].load()["input"])
    began = answer(machine, "begin-of-no-snapshot")
    assert (began["found"], began["live"]) == (False, False)
    assert answer(machine, "report-of-no-snapshot") == {"audit": began["audit"], "discrepancies": 1}
    assert "Scan" not in machine.entered
    (announced,) = functions.bus.entries
    assert announced["DetailType"] == "Audit found discrepancies"
