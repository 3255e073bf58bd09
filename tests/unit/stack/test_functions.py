"""A function is called by its folder's name or its log's, with hyphens or underscores, wherever it is asked for."""

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stack import invoke, logs
from stack.aws import Aws
from stack.console import StackError
from stack.state import Stack
from stack.template import load_template

STACK = Stack(
    "", "", "", "", "local", {"StockAtFunction": "local-StockAt", "HoldsFunction": "local-Holds", "Api": "a1"}
)


class Functions:
    """Lambda: answers with this, and notes who was asked what."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []

    def invoke(self, FunctionName: str, Payload: bytes, LogType: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.asked.append((FunctionName, json.loads(Payload)))
        return {"Payload": io.BytesIO(b'{"answered": 1}')} | self.answer


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    functions = Functions()
    monkeypatch.setattr(invoke, "Aws", lambda _: SimpleNamespace(functions=functions))
    return functions


@pytest.fixture
def event(tmp_path: Path) -> Path:
    file = tmp_path / "event.json"
    file.write_text('{"hello": 1}')
    return file


@pytest.fixture
def _logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        client = boto3.client("logs", "us-east-1")
        for name in ("stock-at", "holds"):
            group = f"/inventory/local/{name}"
            client.create_log_group(logGroupName=group)
            client.create_log_stream(logGroupName=group, logStreamName="s")
            said: Any = [{"timestamp": int(time.time() * 1000), "message": f"{name} [bold] said"}]
            client.put_log_events(logGroupName=group, logStreamName="s", logEvents=said)
        monkeypatch.setattr(logs, "Aws", lambda _: SimpleNamespace(logs=client))
        yield


@pytest.mark.parametrize("spelled", ["stock-at", "stock_at"])
def test_an_event_is_played_against_a_function_however_it_is_spelled(
    functions: Functions, event: Path, capsys: pytest.CaptureFixture[str], spelled: str
) -> None:
    invoke.play(STACK, spelled, event)
    assert functions.asked == [("local-StockAt", {"hello": 1})]
    assert '"answered": 1' in capsys.readouterr().out


def test_a_function_or_an_event_that_is_not_there_is_told_from_those_that_are(
    functions: Functions, event: Path
) -> None:
    with pytest.raises(StackError, match=r"No function 'sell'. There are: holds, stock_at\."):
        invoke.play(STACK, "sell", event)
    with pytest.raises(StackError, match=r"(?s)No event 'gone\.json'. There are:.*hold-removed-by-ttl"):
        invoke.play(STACK, "holds", Path("gone.json"))
    assert functions.asked == []


def test_an_event_is_played_once_however_long_the_function_takes() -> None:
    resources = load_template()["Resources"].values()
    slowest_s = max(each["Properties"].get("Timeout", 0) for each in resources if each["Type"].endswith("::Function"))
    config: Any = Aws("http://127.0.0.1:1").functions.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.read_timeout > slowest_s


def test_a_function_that_fails_fails_the_command(functions: Functions, event: Path) -> None:
    functions.answer = {"FunctionError": "Unhandled"}
    with pytest.raises(StackError, match="The function failed"):
        invoke.play(STACK, "holds", event)


@pytest.mark.usefixtures("_logged")
@pytest.mark.parametrize("spelled", ["stock-at", "stock_at"])
def test_a_functions_log_is_shown_however_it_is_spelled(capsys: pytest.CaptureFixture[str], spelled: str) -> None:
    logs.show(STACK, function=spelled, minutes=1, follow=False)
    shown = capsys.readouterr().out
    assert "stock-at [bold] said" in shown
    assert "holds" not in shown


@pytest.mark.usefixtures("_logged")
def test_all_logs_are_shown_where_no_function_is_named_and_none_where_there_is_no_such(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.show(STACK, function="", minutes=1, follow=False)
    shown = capsys.readouterr().out
    assert "stock-at [bold] said" in shown
    assert "holds [bold] said" in shown
    for unknown in ("sell", "hold"):
        with pytest.raises(StackError, match=rf"No function '{unknown}'. There are: holds, stock-at\."):
            logs.show(STACK, function=unknown, minutes=1, follow=False)
