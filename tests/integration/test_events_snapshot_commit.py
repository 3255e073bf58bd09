"""The events of the function that makes snapshots visible, played to its own module: audits are started after them."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.functions import SAMPLES, Functions
from support.tape import Tape
from support.workflow import History
from support.world import World


@pytest.fixture(autouse=True)
def history(functions: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A published snapshot."""
    for variable in ("SCRATCH_BUCKET", "GLUE_DATABASE", "SIGNING_KEY"):
        monkeypatch.setenv(variable, "sample")
    history = History(tmp_path / "bucket", Tape(World()))
    history.snapshot(SAMPLES["snapshot-commit/audit"].load()["as_of_ms"])
    functions.shelf.objects |= history.objects.contents("")


def started(functions: Functions) -> dict[str, dict[str, Any]]:
    return {each["name"]: json.loads(each["input"]) for each in functions.states.executions.values()}


def test_a_snapshot_is_audited_back_to_the_one_before_and_only_once(functions: Functions) -> None:
    audit = functions.play("snapshot-commit/audit")["audit"]
    assert functions.play("snapshot-commit/audit") == {"audit": audit}
    as_of_ms = SAMPLES["snapshot-commit/audit"].load()["as_of_ms"]
    assert started(functions) == {audit: {"audit": audit, "as_of_ms": as_of_ms, "depth": "increment"}}


def test_what_was_rebuilt_is_audited_from_the_first_event_beside_it(functions: Functions) -> None:
    audits = [functions.play(f"snapshot-commit/{event}")["audit"] for event in ("audit", "audit-of-rebuild")]
    assert [started(functions)[audit]["depth"] for audit in audits] == ["increment", "full"]
