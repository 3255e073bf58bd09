"""The API over simulated tables, with the real use cases behind it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.telemetry import logger, metrics
from support.bureau import Bureau, whole_api
from support.gateway import Gateway
from support.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bureau(world: World, tmp_path: Path) -> Bureau:
    return Bureau(world, tmp_path)


@pytest.fixture
def api(bureau: Bureau) -> Gateway:
    """All operations behind one door."""
    return Gateway(whole_api(bureau))


class _Stdout:
    """Wherever standard output goes at the moment: pytest turns it from phase to phase."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture(autouse=True)
def _log_to_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger.registered_handler, "stream", _Stdout())


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What the function has written since it was asked last: log and metrics."""
    metrics.provider.clear_metrics()
    return lambda: capsys.readouterr().out
