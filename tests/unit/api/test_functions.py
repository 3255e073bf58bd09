"""The functions' files: thin, importable as they are, and light."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.template import table_definitions

ROOT = Path(__file__).parents[3]
NAMES = ["holds", "stock", "adjustments", "history", "authorizer"]

#: Costly parts of Powertools, and the X-Ray SDK: the hot path does without.
TOO_HEAVY = [
    "aws_lambda_powertools.event_handler.openapi.models",
    "aws_lambda_powertools.event_handler.middlewares.openapi_validation",
    "aws_lambda_powertools.utilities.parser",
    "aws_lambda_powertools.utilities.idempotency",
    "aws_xray_sdk",
    "duckdb",
]

PROBE = """
import sys
import app
assert callable(app.lambda_handler)
print(*[name for name in sys.argv[1:] if name in sys.modules], sep=",")
"""


def run(name: str, code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a new process that finds a function's file as Lambda does."""
    paths = [ROOT / "functions" / name, ROOT / "layers/inventory/python"]
    return subprocess.run(  # noqa: S603 the command is our own
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **variables, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )


def imported(name: str, *modules: str) -> list[str]:
    """Those of the modules that come along when a function is imported."""
    tables = {variable: definition["TableName"] for variable, definition in table_definitions().items()}
    history = {"HISTORY_BUCKET": "history", "SNAPSHOT_MACHINE": "arn:s", "AUDIT_MACHINE": "arn:a"}
    process = run(name, PROBE, *modules, **tables, **history)
    assert process.returncode == 0, process.stderr
    return [module for module in process.stdout.strip().split(",") if module]


@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_wiring_and_a_call(name: str) -> None:
    assert len((ROOT / "functions" / name / "app.py").read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize("name", NAMES)
def test_a_function_imports_without_the_heavy_parts(name: str) -> None:
    assert imported(name, *TOO_HEAVY) == []


def test_a_function_imports_only_its_own_calls() -> None:
    others = ["inventory.api.stock", "inventory.api.adjustments", "inventory.protocol.transfer"]
    assert imported("holds", "inventory.api.holds", *others) == ["inventory.api.holds"]
    assert imported("authorizer", "pydantic", "inventory.api.application") == []


def test_a_function_without_its_tables_says_which() -> None:
    process = run("holds", "import app")
    assert "missing: STOCK_TABLE, HOLDS_TABLE, REQUESTS_TABLE, AVAILABILITY_TABLE." in process.stderr
