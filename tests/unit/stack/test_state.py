"""stack.json has a key that opens everything of the local stack: its owner reads it, whole or not at all."""

from pathlib import Path

import pytest

from stack.console import StackError
from stack.state import Stack

STACK = Stack(
    "http://127.0.0.1:4566/api", "inv_key", "http://127.0.0.1:4566", "us-east-1", "inventory-local", {"A": "a"}
)


def test_it_is_its_owners_alone_and_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "local" / "stack.json"
    for _ in "once", "again":
        STACK.write(file)
        assert file.stat().st_mode & 0o777 == 0o600
        assert Stack.needed(file) == STACK
        assert [path.name for path in file.parent.iterdir()] == ["stack.json"]
        file.chmod(0o644)


@pytest.mark.parametrize("broke_off", [False, True])
def test_it_is_its_owners_alone_from_its_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, broke_off: bool
) -> None:
    if broke_off:
        (tmp_path / "stack.tmp").touch(0o644)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)  # which would come after it
    STACK.write(tmp_path / "stack.json")
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [None, "", "{", "{}", "[]", '{"api_url": "u", "more": 1}'])
def test_what_make_up_did_not_write_whole_is_no_stack(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "stack.json"
    if content is not None:
        file.write_text(content)
    assert Stack.read(file) is None
    with pytest.raises(StackError, match="make up"):
        Stack.needed(file)
