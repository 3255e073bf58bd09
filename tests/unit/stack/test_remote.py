"""`make deploy` says what is missing before it builds for minutes, and what nobody would notice after it."""

from pathlib import Path

import pytest

from stack import remote, sam
from stack.console import StackError


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What SAM was asked to do."""
    asked: list[str] = []
    monkeypatch.setattr(remote, "ROOT", tmp_path)
    for command in ("build", "deploy"):
        monkeypatch.setattr(sam, command, lambda *_, command=command, **__: asked.append(command))
    return asked


@pytest.mark.parametrize(
    ("missing", "said"),
    [(["AWS_DEFAULT_REGION"], "No region"), (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "No AWS credentials")],
)
def test_without_a_region_or_credentials_nothing_is_built(
    missing: list[str], said: str, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in missing:
        monkeypatch.delenv(variable)
    with pytest.raises(StackError, match=said):
        remote.deploy("staging", {})
    assert done == []


@pytest.mark.parametrize(
    ("environment", "overrides", "warned"),
    [("prod", {}, True), ("prod", {"AlarmEmail": "ops@shop.test"}, False), ("staging", {}, False)],
)
def test_a_prod_whose_alarms_reach_nobody_is_told_so_at_the_end(
    environment: str, overrides: dict[str, str], done: list[str], capsys: pytest.CaptureFixture[str], *, warned: bool
) -> None:
    remote.deploy(environment, overrides)
    assert done == ["build", "deploy"]
    assert ("Nobody is told of alarms" in capsys.readouterr().out) is warned
