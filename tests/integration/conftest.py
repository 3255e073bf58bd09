"""Each test has its own functions, over its own empty tables and bucket; or a history of what three spells recorded."""

from pathlib import Path

import pytest

from support.functions import Functions
from support.spells import after_spell, three_spells
from support.tape import Tape
from support.workflow import History


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(monkeypatch)


@pytest.fixture(scope="session")
def tape() -> Tape:
    return three_spells()


@pytest.fixture
def history(tape: Tape, tmp_path: Path) -> History:
    """All of it is archived, and no snapshot taken yet."""
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.now_ms = after_spell(4)
    return history
