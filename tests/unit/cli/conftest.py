"""A terminal in an empty folder, and AWS in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from inventory_cli.aws import Aws
from support.failures import Clock, Functions, Queues
from support.terminal import Terminal, write_stack


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def queues(aws: None, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Queues:
    monkeypatch.setattr("inventory_cli.redrive.queues._POLL_SECONDS", 0)
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto knows streams by their old address only
    queues = Queues()
    outputs = {
        "ArchiverOnFailureQueue": queues.urls["archiver"],
        "ArchiverFunction": "the-archiver",
        "CollectorOnFailureQueue": queues.urls["collector"],
        "CollectorFunction": "the-collector",
        "SettlerOnFailureQueue": queues.urls["settler"],
        "SettlerFunction": "the-settler",
        "SweeperOnFailureQueue": queues.urls["sweeper"],
        "SweeperFunction": "the-sweeper",
    }
    write_stack(terminal.folder, outputs)
    return queues


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    functions = Functions()
    monkeypatch.setattr(Aws, "functions", property(lambda _: functions))
    return functions
