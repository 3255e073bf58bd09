"""What a person sees, however narrow the terminal: nothing of it is cut off, and nothing is done to the terminal."""

import json
import re
from collections import Counter
from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from inventory.proof.findings import Check, Finding
from inventory.proof.verify import Proof
from inventory_cli import render
from inventory_cli.commands.verify import _view as proof_view
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


# Each is nothing to Rich, and a mark on the terminal: as many characters at the line's end would have no room.
UNMEASURED = {"direction": "\u200f", "override": "\u202e", "control": "\x01", "byte": "\udc9b", "tab": "\t"}
LAST = "PO-1"


def told(render_: Callable[[Output], object], capsys: pytest.CaptureFixture[str]) -> str:
    """What is printed in 100 columns, with nothing between its characters."""
    render_(Output(as_json=False))
    return re.sub(r"\s", "", "".join(capsys.readouterr()))


def in_table(column: str, cell: str | Text) -> Callable[[Output], object]:
    table = render.grid(column, "by")
    table.add_row(cell, "somebody")
    return lambda output: output.show(None, table)


def a_change(reason: str) -> Callable[[Output], object]:
    made = {"id": "adj_1", "quantity": -500, "item": "gold", "warehouse": "berlin", "reason": reason}
    return lambda output: output.show(None, render.change({"object": "adjustment", "reference": LAST, **made}))


def a_hold(note: str) -> Callable[[Output], object]:
    held = {"id": "hold_1", "status": "active", "expires_at": 9e9, "lines": [], "metadata": {"note": note}}
    return lambda output: output.show(None, render.hold(held, 0))


def a_finding(name: str) -> Callable[[Output], object]:
    check = Check("archive_readable", 1)
    check.add(Finding("Not a name of this history.", f"archive/{name}", None, {"found": name}))
    return lambda output: output.show(None, proof_view(Proof([], [], [check])))


def movements_of(reason: str) -> Callable[[Output], object]:
    numbers = {"shard": "0", "available_change": "-5", "held_change": "0", "available_after": "0"}
    names = {"happened_at": "2026-11-22 18:00:00.0", "warehouse_id": "berlin", "cause": "adjustment", "cause_id": "a_1"}
    row = {**numbers, **names, "reason": reason, "reference": LAST, "actor": "key_1"}
    return lambda output: output.show(None, render.movements([row]))


@pytest.mark.parametrize("mark", UNMEASURED.values(), ids=UNMEASURED)
@pytest.mark.parametrize("marks", [1, 40, 99, 170])
@pytest.mark.parametrize(
    "kind",
    [
        lambda text: lambda output: output.show(None, text),
        lambda text: lambda output: output.show(None, Text(text)),
        lambda text: lambda output: output.show(None, Group("title", Padding(Text(text), (0, 0, 0, 2)))),
        lambda text: in_table("column", text),
        lambda text: in_table("column!", text),
        lambda text: in_table("column>", Text(text)),
        lambda text: in_table("column!", Text(text)),
        lambda text: lambda output: output.note(text),
        lambda text: lambda output: output.error(CliError(text)),
        lambda text: lambda output: output.error(CliError("no", details={"detail": text})),
        a_change,
        a_hold,
        a_finding,
        movements_of,
    ],
)
def test_what_has_no_width_hides_nothing_of_what_follows(
    kind: Callable[[str], Callable[[Output], object]],
    mark: str,
    marks: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    said = told(kind(f"begin {mark * marks}stolen{LAST}"), capsys)
    assert "begin" in said
    assert f"stolen{LAST}" in said.replace("somebody", "").replace("\ufffd", "").replace("key_1", "")
    assert said.count("\ufffd") == (0 if mark == "\t" else marks * said.count("begin"))
