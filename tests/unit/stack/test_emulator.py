"""The emulator is a process of this place alone: nobody else's is taken for it, stopped or listened beside."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from stack import emulator
from stack.console import StackError
from stack.place import LOCAL_CREDENTIALS, Place

#: Says what it was started with, has a child as the real one has functions, and waits.
_PROGRAM = """#!/bin/sh
env > variables
sleep 60 &
echo $! > child
: > answers
wait
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(emulator, "_STOP_SECONDS_MAX", 0.5)  # its child has to be stopped hard
    place = Place(tmp_path, 4599)
    yield place
    emulator.stop(place)


@pytest.fixture
def _program(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    program = place.folder / "program"
    program.write_text(_PROGRAM)
    program.chmod(0o700)
    monkeypatch.setattr(emulator, "COMMAND", (program,))
    monkeypatch.setattr(emulator, "answers", lambda place: (place.folder / "tmp" / "answers").exists())
    monkeypatch.setattr(emulator, "_refuse_taken_port", lambda _: None)


@contextmanager
def waiting(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in this folder that waits, for whatever."""
    folder.mkdir(exist_ok=True)
    with subprocess.Popen(["sleep", "60"], cwd=folder) as process:  # noqa: S607 - any one will do
        yield process
        process.kill()


@pytest.fixture
def process(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs where the place's emulator does."""
    with waiting(place.folder / "tmp") as process:
        yield process


def remember(place: Place, process: subprocess.Popen[bytes]) -> None:
    """Writes down this process as the place's emulator."""
    (place.folder / "emulator.json").write_text(json.dumps({"pid": process.pid, "port": place.port}))


@pytest.mark.parametrize("folder", [".", "tmp/state", "other"])
def test_a_process_that_only_has_the_emulators_id_is_neither_taken_for_it_nor_stopped(
    place: Place, folder: str
) -> None:
    (place.folder / "tmp").mkdir()
    with waiting(place.folder / folder) as process:
        remember(place, process)
        assert emulator._running(place) is None
        assert emulator.stop(place) is False
        assert process.poll() is None
    assert not (place.folder / "emulator.json").exists()


def test_a_process_whose_folder_is_not_told_is_not_taken_for_the_emulator(
    place: Place, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_told(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    remember(place, process)
    monkeypatch.setattr(psutil.Process, "cwd", not_told)
    assert emulator.stop(place) is False
    assert process.poll() is None


def test_the_emulator_is_known_though_the_clock_was_set_since_it_started(
    place: Place, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(place, process)
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: 0.0)
    assert emulator.stop(place) is True
    assert not psutil.pid_exists(process.pid)


@pytest.mark.parametrize("content", ["", '{"pid": 1', "[]", "{}", '{"pid": "x", "port": 1}', '{"pid": -1, "port": 1}'])
def test_what_was_not_written_whole_names_no_emulator(place: Place, content: str) -> None:
    (place.folder / "emulator.json").write_text(content)
    assert emulator._running(place) is None
    assert emulator.stop(place) is False
    assert not (place.folder / "emulator.json").exists()


def test_an_emulator_that_has_ended_does_not_run_though_nobody_has_noticed(
    place: Place, process: subprocess.Popen[bytes]
) -> None:
    remember(place, process)
    found = emulator._running(place)
    assert found is not None
    assert (found[0].pid, found[1]) == (process.pid, place.port)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    assert emulator._running(place) is None
    process.wait()
    assert emulator._running(place) is None


def test_a_port_that_somebody_listens_on_is_refused_and_they_are_named(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port} is in use by process {os.getpid()} .*PORT={port + 10}"):
            emulator.ensure_running(Place(place.folder, port))
        emulator._refuse_taken_port(client.getsockname()[1])  # somebody speaks from there, and nobody listens


@pytest.mark.usefixtures("_program")
def test_all_that_the_emulator_writes_is_in_its_places_folder_and_no_setting_leads_it_to_an_account(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "TMPDIR", "STATE_DIR", "PYTHONPYCACHEPREFIX"):
        monkeypatch.setenv(name, "/mine")
    emulator.ensure_running(place)
    scratch = place.folder / "tmp"
    lines = (scratch / "variables").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    for name in ("TMPDIR", "STATE_DIR", "PWD"):
        assert Path(told[name]).is_relative_to(scratch)
    assert "/mine" not in told.values()
    assert told.items() >= (LOCAL_CREDENTIALS | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(place.port)}).items()


@pytest.mark.usefixtures("_program")
def test_an_emulator_is_started_once_and_stopped_with_all_that_it_started(place: Place) -> None:
    assert emulator.ensure_running(place) is False
    started = (place.folder / "emulator.json").read_text()
    child = psutil.Process(int((place.folder / "tmp" / "child").read_text()))
    assert emulator.ensure_running(place) is True
    assert (place.folder / "emulator.json").read_text() == started
    with pytest.raises(StackError, match=f"already runs on port {place.port}"):
        emulator.ensure_running(Place(place.folder, place.port + 1))
    assert emulator.stop(place) is True
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert emulator.stop(place) is False


@pytest.mark.usefixtures("_program")
def test_an_emulator_that_runs_but_does_not_answer_is_said_to_with_where_to_look(
    place: Place, process: subprocess.Popen[bytes]
) -> None:
    remember(place, process)
    with pytest.raises(StackError, match=r"does not answer.*emulator\.log"):
        emulator.ensure_running(place)


@pytest.mark.usefixtures("_program")
def test_an_emulator_that_does_not_start_is_said_to_in_its_own_words_and_is_forgotten(place: Place) -> None:
    (place.folder / "program").write_text("#!/bin/sh\necho no room; exit 1\n")
    with pytest.raises(StackError, match=r"(?s)did not start:.*no room"):
        emulator.ensure_running(place)
    assert not (place.folder / "emulator.json").exists()
