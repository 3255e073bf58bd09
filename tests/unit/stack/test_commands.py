"""What a person can act on is one clear line, and the command fails."""

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from stack import __main__ as commands
from stack.state import Stack


@pytest.mark.parametrize("command", [["logs"], ["invoke", "holds", "apigateway/place-hold"]])
def test_a_stack_whose_emulator_is_gone_is_said_not_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: Sequence[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    outputs = {"HoldsFunction": "holds"}
    Stack(f"{endpoint}/api", "key", endpoint, "us-east-1", "inventory-local", outputs).write(tmp_path / "stack.json")
    monkeypatch.setattr("sys.argv", ["stack", *command, "--folder", str(tmp_path)])
    with pytest.raises(SystemExit, match="1"):
        commands.main()
    assert capsys.readouterr().out == "error: The local stack does not answer: run `make up`.\n"
