"""What a person sees, however narrow the terminal: nothing of it is cut off, and nothing is done to the terminal."""

import json
import re
from collections import Counter
from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from inventory_cli import render
from inventory_cli.errors import CliError
from inventory_cli.output import Output

AUDIT = "audit_01a22995d1519f085b35ec44e1a28b"
SNAPSHOT = "snap_01a229955c00c04e153250bd132062cd"
CREATED = 1_795_993_984


def shown(width: int) -> str:
    text = StringIO()
    audited = {"id": AUDIT, "created": CREATED, "snapshot": SNAPSHOT, "discrepancies": 1_234_567}
    Console(file=text, width=width).print(render.audits([audited]))
    return text.getvalue()


def letters(text: str) -> Counter[str]:
    return Counter(character for character in text if not character.isspace() and character != "─")


@pytest.mark.parametrize("width", range(36, 160))
def test_every_character_is_there(width: int) -> None:
    assert letters(shown(width)) == letters(shown(500))


def test_what_has_room_stays_whole() -> None:
    assert AUDIT in shown(130)
    assert SNAPSHOT in shown(130)
    for name in ("asked for (UTC)", "discrepancies", "1,234,567"):
        assert name in shown(80)


KEPT = "Nothing is wrong."
# What clears a screen, colours, hides and titles; the same in one byte; what turns a line around, and what breaks it.
HOSTILE = f"\x1b[2J\x1b[H\x1b[32m{KEPT}\x1b[8m \x1b]0;title\x07 \x9b1A \x7f \r \u202e\u2066\u200f \u2028 \udc9b"
ACTED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u2028\u202e\u2066\ud800-\udfff]")
OF_RICH = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.parametrize("color", [None, "1"])
def test_what_others_wrote_does_nothing_to_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, color: str | None
) -> None:
    if color:
        monkeypatch.setenv("FORCE_COLOR", color)
        monkeypatch.setenv("TERM", "xterm-256color")
    table = render.grid("column")
    table.add_row(HOSTILE)
    output = Output(as_json=False)
    output.show(None, table, Text(HOSTILE, style="bold"), HOSTILE)
    output.note(HOSTILE)
    output.error(CliError(HOSTILE, details={"detail": HOSTILE}))
    for said in capsys.readouterr():
        assert said.count(KEPT) == 3
        assert ("\x1b" in said) == bool(color)
        assert not ACTED_ON.search(OF_RICH.sub("", said)), "only Rich's own colours"


def test_a_script_gets_it_whole_and_a_terminal_that_shows_it_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.show({"reason": HOSTILE, "Größe": "ü"})
    output.error(CliError(HOSTILE))
    out, err = capsys.readouterr()
    assert json.loads(out) == {"reason": HOSTILE, "Größe": "ü"}
    assert "Größe" in out
    assert json.loads(err) == {"error": {"message": HOSTILE}}
    assert not ACTED_ON.search(out + err)
