"""Where a step works: nothing of it is left on a disk that the next invocation finds again."""

from pathlib import Path

import pytest

from inventory.adapters.workplace import workplace
from support.objects import Killed


def test_a_step_s_folder_is_its_own_and_gone_after_it() -> None:
    with workplace() as first, workplace() as second:
        assert first != second
        (first / "below").mkdir()
        (first / "below" / "file").write_bytes(b"x")
    assert not first.exists()
    assert not second.exists()


def test_it_is_gone_also_where_the_step_fails() -> None:
    def fail(folder: Path) -> None:
        left.append(folder)
        raise Killed

    left: list[Path] = []
    with pytest.raises(Killed), workplace() as work:
        fail(work)
    assert not left[0].exists()
