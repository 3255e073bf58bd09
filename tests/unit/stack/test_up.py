"""`make up` deploys what has changed or may not have come up, and leaves alone what is there; nothing else."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stack import emulator, keys, sam, up
from stack.console import StackError
from stack.place import Place
from stack.state import Stack

NOBODY: Any = None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "local", 4599)
    place.folder.mkdir()
    return place


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of four files."""
    root = tmp_path / "checkout"
    for path in ("template.yaml", "samconfig.toml", "functions/stock/app.py", "layers/inventory/python/core.py"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    monkeypatch.setattr(up, "ROOT", root)
    return root


class Deployment:
    """A stack in this state, and the steps of deploying it; one of them fails where a test says so."""

    def __init__(self) -> None:
        self.status: str | None = "CREATE_COMPLETE"
        self.fails = ""
        self.done: list[str] = []

    def step(self, name: str) -> Any:
        def run(*_: Any) -> None:
            self.done.append(name)
            if name == self.fails:
                raise StackError(name)

        return run


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    deployment = Deployment()
    monkeypatch.setattr(sam, "build", deployment.step("build"))
    monkeypatch.setattr(sam, "deploy", deployment.step("deploy"))
    monkeypatch.setattr(up, "mend", deployment.step("mend"))
    monkeypatch.setattr(up, "_status", lambda *_: deployment.status)
    return deployment


def is_current(place: Place) -> bool:
    return up._is_current(place, NOBODY, "inventory-local")


def deploy(place: Place) -> None:
    up._deploy(place, NOBODY, "inventory-local")


@pytest.mark.usefixtures("sources")
def test_what_was_deployed_of_these_very_files_is_left_alone(place: Place, deployment: Deployment) -> None:
    assert not is_current(place)
    deploy(place)
    assert deployment.done == ["build", "deploy", "mend"]
    assert is_current(place)


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize(
    ("ran", "status", "anew"), [(False, None, False), (True, None, True), (True, "CREATE_COMPLETE", False)]
)
def test_an_emulator_that_ran_without_a_stack_is_started_anew_as_sam_may_have_been_interrupted_in_it(
    place: Place,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    ran: bool,  # noqa: FBT001 - a case's
    status: str | None,
    anew: bool,  # noqa: FBT001 - a case's
) -> None:
    def ensure_running(_: Place) -> bool:
        deployment.done.append("run")
        return ran

    deployment.status = status
    monkeypatch.setattr(emulator, "ensure_running", ensure_running)
    monkeypatch.setattr(emulator, "stop", deployment.step("stop"))
    monkeypatch.setattr(up, "_publish", deployment.step("publish"))
    up.up(place)
    before = ["run", "stop", "run"] if anew else ["run"]
    assert deployment.done == [*before, "build", "deploy", "mend", "publish"]


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("step", ["build", "deploy", "mend"])
def test_where_a_deployment_fails_the_next_is_made_though_nothing_changed(
    place: Place, deployment: Deployment, step: str
) -> None:
    deploy(place)
    deployment.fails = step
    with pytest.raises(StackError):
        deploy(place)
    assert not is_current(place)


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize(
    "status", [None, "CREATE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_FAILED", "UPDATE_IN_PROGRESS", "DELETE_COMPLETE"]
)
def test_a_stack_that_is_not_there_whole_is_deployed(place: Place, deployment: Deployment, status: str | None) -> None:
    deploy(place)
    deployment.status = status
    assert not is_current(place)


def test_whatever_changes_in_a_source_it_is_deployed(sources: Path, place: Place, deployment: Deployment) -> None:
    def write(path: str, content: str) -> None:
        (sources / path).parent.mkdir(parents=True, exist_ok=True)
        (sources / path).write_text(content)

    deploy(place)
    for path in ("functions/stock/__pycache__/app.pyc", "docs/page.md"):
        write(path, "x")
        assert is_current(place), path
    for path, content in (
        ("template.yaml", "TEMPLATE.yaml"),
        ("samconfig.toml", ""),
        ("functions/stock/app.py", "functions/stock/app.PY"),
        ("functions/stock/more.py", ""),
        ("layers/inventory/python/core.py", "x"),
    ):
        write(path, content)
        assert not is_current(place), path
        deploy(place)
        assert is_current(place)
    (sources / "functions/stock/more.py").rename(sources / "functions/stock/other.py")
    assert not is_current(place)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were made."""
    made: list[str] = []

    def create(_aws: Any, table: str, *, name: str) -> str:
        made.append(f"key {len(made)} in {table}")
        return made[-1]

    monkeypatch.setattr(keys, "create", create)
    return made


def publish(place: Place) -> Stack:
    outputs = [{"OutputKey": "Api", "OutputValue": "a1"}, {"OutputKey": "ApiKeysTable", "OutputValue": "keys"}]
    client = SimpleNamespace(describe_stacks=lambda **_: {"Stacks": [{"Outputs": outputs}]})
    aws: Any = SimpleNamespace(cloudformation=client)
    return up._publish(place, aws, "inventory-local")


def test_a_key_is_kept_while_the_api_takes_it_and_no_longer(
    place: Place, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    monkeypatch.setattr(keys, "accepted", lambda _url, key: key not in refused)
    assert publish(place).api_key == publish(place).api_key == "key 0 in keys"
    refused += made
    assert publish(place).api_key == "key 1 in keys"
    assert Stack.needed(place.stack_file).api_key == "key 1 in keys"


def test_a_new_key_that_the_api_refuses_is_not_given_out(
    place: Place, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "accepted", lambda *_: False)
    with pytest.raises(StackError, match="does not know the key"):
        publish(place)
    assert not place.stack_file.exists()
