"""A command that is told to stop, as by a time limit or a shutdown, leaves no copy of the history behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.terminal import write_stack

#: `verify`, where the copying never ends.
_PROGRAM = """
import time
from inventory_cli import main
from inventory_cli.commands import verify

def copy_bucket(_s3, _name, folder, *_):
    (folder / "object").write_text("secret")
    print("copying", flush=True)
    time.sleep(60)

verify.copy_bucket = copy_bucket
main.main()
"""


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_verification_that_is_stopped_leaves_nothing(tmp_path: Path, number: signal.Signals, exit_code: int) -> None:
    write_stack(tmp_path, {"HistoryBucket": "history"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | {"TMPDIR": str(scratch), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _PROGRAM, "verify", "--key-fingerprint", "5f" * 32]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        assert process.stdout is not None
        assert process.stdout.readline() == "copying\n"
        assert len(list(scratch.iterdir())) == 1
        process.send_signal(number)
        assert process.wait(90) == exit_code
    assert list(scratch.iterdir()) == []
