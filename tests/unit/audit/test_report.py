"""What an audit reports: events that a bus takes whatever was found, and a result only when all else is said."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from inventory.audit.parts import Part, write_part
from inventory.audit.plan import AuditPlan, Depth
from inventory.audit.report import Reporter
from inventory.history.layout import audit_path
from inventory.proof.findings import Check, Finding
from support.objects import DirectoryObjects, Killed
from support.parquet import rows_of

PLAN = AuditPlan("audit_" + "0" * 32, 1_000, Depth.FULL)
EVENT_BYTES_MAX = 200_000


class Told:
    """Who hears of an audit; one of them may fail."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.details: list[Mapping[str, Any]] = []
        self.counted: list[str] = []

    def register(self, table: str, as_of: str) -> None:
        self._fail("register")

    def announce(self, what: str, detail: Mapping[str, Any]) -> None:
        self._fail("announce")
        self.details.append(detail)

    def count(self, name: str, looked_at: int, discrepancies: int) -> None:
        self._fail("count")
        self.counted.append(name)

    def _fail(self, step: str) -> None:
        if step == self.failing:
            raise Killed


def found(folder: Path, *checks: Check) -> DirectoryObjects:
    """A bucket in which an audit has found this."""
    objects = DirectoryObjects(folder)
    objects.put(f"{PLAN.run}plan.json", PLAN.to_json())
    write_part(objects, PLAN.run, "chain", 0, Part(list(checks)))
    return objects


def report(objects: DirectoryObjects, told: Told) -> None:
    Reporter(objects, told, told.announce, told.count).run(PLAN.run)


@pytest.mark.parametrize("character", ["x", '"', "ü", "\U0001f4e6", "\ud800", "\x00"])
def test_whatever_was_found_its_event_is_one_that_the_bus_takes(tmp_path: Path, character: str) -> None:
    text, told = character * 10_000, Told()
    finding = Finding(text, text, text, {"text": text})
    report(found(tmp_path, *(Check(f"check_{n}", 30, 30, [finding] * 30) for n in range(5))), told)
    [detail] = told.details
    assert len(json.dumps(detail)) <= EVENT_BYTES_MAX
    assert detail["discrepancies"] == 150
    assert len(detail["findings"]) == 20
    assert {each["check"] for each in detail["findings"]} == {f"check_{n}" for n in range(5)}


@pytest.mark.parametrize("text", ["half \ud800", "\udcff", "no\x00thing", "\ufffe"])
def test_whatever_was_found_there_is_a_result_and_its_table_can_be_read(tmp_path: Path, text: str) -> None:
    """Names of files and lines of an archive may be no text at all; what cannot be written is spelled out."""
    objects = found(tmp_path, Check("any", 1, 1, [Finding(text, text, text, {text: [text]})]))
    report(objects, told := Told())
    spelled = text.encode(errors="backslashreplace").decode()
    [row] = rows_of(f"{tmp_path}/audit_findings/*/*.parquet")
    assert [row[name] for name in ("what", "path", "record")] == [spelled] * 3
    assert json.loads(row["evidence"]) == {text: [text]}
    json.dumps(told.details, ensure_ascii=False).encode()
    assert told.details[0]["findings"][0]["record"] == spelled
    assert json.loads(objects.read(audit_path(PLAN.audit)))["discrepancies"] == 1


def test_what_is_found_at_ordinary_names_is_told_whole(tmp_path: Path) -> None:
    record = f"hold_{'f' * 32} {'i' * 64}#{'w' * 64}#12"
    path = f"archive/adjustments/dt=2026-11-20/hour=00/{'f' * 16}-{'9' * 40}-{'9' * 40}.jsonl.gz"
    told = Told()
    report(found(tmp_path, Check("any", 1, 1, [Finding("It is wrong.", path, record, {"found": 1})])), told)
    assert told.details[0]["findings"] == [
        {"check": "any", "what": "It is wrong.", "path": path, "record": record, "evidence": '{"found": 1}'}
    ]


@pytest.mark.parametrize("failing", ["upload", "register", "announce", "count"])
def test_a_result_is_there_only_when_everybody_was_told_of_it(tmp_path: Path, failing: str) -> None:
    objects = found(tmp_path, Check("any", 1, 1, [Finding("It is wrong.")]))
    objects.writes_left = 0 if failing == "upload" else None
    with pytest.raises(Killed):
        report(objects, Told(failing))
    assert objects.first("audits/") is None
    objects.writes_left = None
    report(objects, told := Told())
    assert told.counted == ["any"]
    assert json.loads(objects.read(audit_path(PLAN.audit)))["discrepancies"] == 1
