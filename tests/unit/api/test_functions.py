"""The functions' files: thin, importable as they are, and light; each says what it cannot do without."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.hooks import HierarchicalEmitter

from inventory.settings import Settings, SettingsInvalid
from support.functions import loaded
from support.needs import NEEDED

ROOT = Path(__file__).parents[3]

#: Those that read and write the history's files.
OF_THE_HISTORY = {"audit", "audit_report", "audit_scan", "snapshot", "snapshot_commit", "snapshot_scan", "stock_at"}

#: Costly parts of Powertools, and the X-Ray SDK: the hot path does without.
TOO_HEAVY = [
    "aws_lambda_powertools.event_handler.openapi.models",
    "aws_lambda_powertools.event_handler.middlewares.openapi_validation",
    "aws_lambda_powertools.utilities.parser",
    "aws_lambda_powertools.utilities.idempotency",
    "aws_xray_sdk",
]

PROBE = """
import sys
import app
assert callable(app.lambda_handler)
print(*[name for name in sys.argv[1:] if name in sys.modules], sep=",")
"""


def imported(name: str, *modules: str) -> list[str]:
    """Those of the modules that come along when Lambda imports a function: in a new process, with what it needs."""
    paths = [ROOT / "functions" / name, ROOT / "layers/inventory/python"]
    needed = dict.fromkeys(NEEDED[name], "a-name")
    process = subprocess.run(  # noqa: S603 the command is our own
        [sys.executable, "-c", PROBE, *modules],
        env={**os.environ, **needed, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return [module for module in process.stdout.strip().split(",") if module]


def test_these_are_all_functions() -> None:
    assert sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py")) == sorted(NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_a_function_is_wiring_and_a_call(name: str) -> None:
    assert len((ROOT / "functions" / name / "app.py").read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize("name", NEEDED)
def test_a_function_imports_without_the_heavy_parts(name: str) -> None:
    assert imported(name, *TOO_HEAVY, *([] if name in OF_THE_HISTORY else ["duckdb"])) == []


def test_a_function_imports_only_its_own_calls() -> None:
    others = ["inventory.api.stock", "inventory.api.adjustments", "inventory.protocol.transfer"]
    assert imported("holds", "inventory.api.holds", *others) == ["inventory.api.holds"]
    assert imported("authorizer", "pydantic", "inventory.api.application") == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_function_names_all_that_it_cannot_do_without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(meta=SimpleNamespace(events=HierarchicalEmitter()))
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    for setting in Settings.__dataclass_fields__:
        monkeypatch.delenv(setting.upper(), raising=False)
    with pytest.raises(SettingsInvalid) as refused:
        loaded(name)
    named = str(refused.value).removeprefix("Environment variables missing: ").removesuffix(".")
    assert sorted(named.split(", ")) == sorted(NEEDED[name])
    for variable in NEEDED[name]:
        monkeypatch.setenv(variable, "a-name")
    assert callable(loaded(name).lambda_handler)
