"""What SAM fails on is told in its own words, wherever its log lies."""

from pathlib import Path

import pytest

from stack import sam
from stack.console import StackError


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("one\\ntwo", "one\ntwo"),
        ("much\\nCREATE_FAILED Table\\nno room\\n", "CREATE_FAILED Table\nno room"),
    ],
)
def test_a_failed_deployment_is_told_by_its_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    program = tmp_path / "sam"
    program.write_text(f"#!/bin/sh\nprintf '{said}'; exit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr(sam, "_SAM", program)
    with pytest.raises(StackError) as error:
        sam.deploy("local", tmp_path, {}, {}, tmp_path / "deploy.log")
    first, _, rest = str(error.value).partition("\n")
    assert "`sam deploy` failed" in first
    assert "deploy.log" in first
    assert rest == told
