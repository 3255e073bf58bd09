"""Starts and stops the AWS emulator: a process of this checkout, known by its id and folder, bound to 127.0.0.1."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from stack.console import StackError, skipped, step
from stack.place import LOCAL_CREDENTIALS, REGION, ROOT, Place, clean_environment

PYTHON = ROOT / ".venvs" / "emulator" / "bin" / "python"
# -P: the folder of the file that is run is none to import from.
COMMAND = (PYTHON, "-P", ROOT / "tools" / "stack" / "guarded.py")
_START_SECONDS_MAX = 30
_STOP_SECONDS_MAX = 10


def ensure_running(place: Place) -> bool:
    """Starts the emulator unless this place's own one answers already. Returns whether it did so already.

    Raises:
        StackError: The port is somebody else's, this checkout's emulator runs on another port, or it does not start.
    """
    if running := _running(place):
        _, port = running
        if port != place.port:
            raise StackError(
                f"This checkout's stack already runs on port {port}. Use it with PORT={port}, or run `make down` first."
            )
        if not answers(place):
            raise StackError(f"The emulator runs but does not answer. Run `make down`, then look into {_log(place)}.")
        skipped("emulator")
        return True
    _refuse_taken_port(place.port)
    with step(f"start the emulator on port {place.port}"):
        _start(place)
    return False


def is_running(place: Place) -> bool:
    """Whether this place's own emulator lives."""
    return _running(place) is not None


def stop(place: Place) -> bool:
    """Stops this place's emulator and every function it runs: gracefully, then hard. Returns whether there was one."""
    running = _running(place)
    if running is None:
        _pid_file(place).unlink(missing_ok=True)
        return False
    process, _ = running
    with step("stop the emulator"):
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _, left = psutil.wait_procs(family, timeout=_STOP_SECONDS_MAX)
        for survivor in left:
            survivor.kill()
        psutil.wait_procs(left, timeout=_STOP_SECONDS_MAX)
    _pid_file(place).unlink(missing_ok=True)
    return True


def answers(place: Place) -> bool:
    """Whether the emulator's health page answers."""
    try:
        with urllib.request.urlopen(f"{place.endpoint}/_ministack/health", timeout=5) as response:  # noqa: S310 - own http
            return bool(response.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _start(place: Place) -> None:
    scratch = _scratch(place)
    scratch.mkdir(parents=True, exist_ok=True)
    environment = clean_environment() | LOCAL_CREDENTIALS
    environment |= {
        "AWS_DEFAULT_REGION": REGION,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(place.port),
        # Functions and answers name this host; "localhost" would first be tried over IPv6, where nobody listens.
        "MINISTACK_HOST": "127.0.0.1",
        # Both would listen on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),  # where it makes keys, which would be in /tmp
        # A layer's caches are written beside it otherwise, once per function.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("PYTHONPYCACHEPREFIX", None)  # or nobody would look for the bytecode that layers ship
    with place.emulator_log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            COMMAND, env=environment, cwd=scratch, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    _remember(place, process.pid)
    deadline = time.monotonic() + _START_SECONDS_MAX
    while not answers(place):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(place)
            raise StackError(f"The emulator did not start:\n{_tail(place.emulator_log)}")
        time.sleep(0.1)


def _running(place: Place) -> tuple[psutil.Process, int] | None:
    """This place's emulator process and its port, if it lives. A process id alone may be another's by now.

    What is its own is the folder that it runs in: when it started is told otherwise once the clock has been set.
    """
    try:
        remembered = json.loads(_pid_file(place).read_text())
        process, port = psutil.Process(remembered["pid"]), int(remembered["port"])
        if process.status() == psutil.STATUS_ZOMBIE or Path(process.cwd()) != _scratch(place).resolve():
            return None
    except (FileNotFoundError, ValueError, KeyError, TypeError, psutil.Error):  # of another user's: no folder
        return None
    return process, port


def _remember(place: Place, pid: int) -> None:
    """Writes it in one step, so that nobody reads half of it."""
    draft = _pid_file(place).with_suffix(".draft")
    draft.write_text(json.dumps({"pid": pid, "port": place.port}))
    draft.replace(_pid_file(place))


def _refuse_taken_port(port: int) -> None:
    listeners = [
        connection
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
    ]
    if not listeners:
        return
    raise StackError(
        f"Port {port} is in use by {_describe(listeners[0].pid)}. Stop it, or take another port: PORT={port + 10}."
    )


def _describe(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    try:
        process = psutil.Process(pid)
        return f"process {pid} ({' '.join(process.cmdline())[:80]}, in {process.cwd()})"
    except psutil.Error:
        return f"process {pid}"


def _scratch(place: Place) -> Path:
    return place.folder / "tmp"


def _pid_file(place: Place) -> Path:
    return place.folder / "emulator.json"


def _log(place: Place) -> str:
    return os.path.relpath(place.emulator_log)


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
