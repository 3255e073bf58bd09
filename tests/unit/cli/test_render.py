"""What a person sees, however narrow the terminal: nothing of it is cut off."""

from collections import Counter
from io import StringIO

import pytest
from rich.console import Console

from inventory_cli import render

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
