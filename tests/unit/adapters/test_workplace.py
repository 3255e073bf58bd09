"""Where a step works: nothing of it is left on a disk that the next invocation finds again."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from inventory.adapters.workplace import clear_left_over, spill_folder, workplace
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


def test_what_a_process_left_that_was_killed_is_gone_when_the_next_one_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    left = [tmp_path / f"inventory-{pid}-{what}" for pid in (ended.pid, os.getpid()) for what in ("abc", "spill")]
    others = [tmp_path / f"inventory-{os.getppid()}-abc", tmp_path / "inventory-of-somebody", tmp_path / "else"]
    for folder in (*left, *others):
        (folder / "below").mkdir(parents=True)
    clear_left_over.cache_clear()
    with workplace() as work, workplace() as second:
        assert not [folder for folder in left if folder.exists()]
        assert all(folder.exists() for folder in (*others, work, second))


def test_what_is_spilled_lies_in_a_folder_of_the_process() -> None:
    assert spill_folder().name == f"inventory-{os.getpid()}-spill"
