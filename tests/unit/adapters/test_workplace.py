"""Where a step works: nothing of it is left on a disk that the next invocation finds again."""

from pathlib import Path

import pytest

from inventory.adapters.workplace import workplace


def test_a_step_s_folder_is_its_own_and_gone_after_it() -> None:
    with workplace() as first, workplace() as second:
        assert first != second
        (first / "below").mkdir()
        (first / "below" / "file").write_bytes(b"x")
    assert not first.exists()
    assert not second.exists()


def test_it_is_gone_also_where_the_step_fails() -> None:
    left: list[Path] = []
    with pytest.raises(ZeroDivisionError), workplace() as folder:
        left.append(folder)
        _ = 1 // 0
    assert not left[0].exists()
