"""The audit that follows a snapshot is called by when that was listed: an entry that does not say so names itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from inventory.adapters.objects import NoSuchObject
from inventory.history.audits import start_audit
from inventory.history.layout import LAST_MS, instant_of_audit, listed_path
from inventory.history.listed import EntryDamaged
from support.objects import DirectoryObjects

AS_OF_MS = 1_800_000_000_000
PATH = listed_path(AS_OF_MS)


class Started:
    """A machine that notes what is started."""

    def __init__(self) -> None:
        self.words: dict[str, Any] = {}

    def start(self, execution: str, words: dict[str, Any]) -> int:
        self.words[execution] = words
        return 0


@pytest.mark.parametrize("created_ms", [0, AS_OF_MS + 1, LAST_MS])
def test_it_is_called_by_when_the_snapshot_was_listed(tmp_path: Path, created_ms: int) -> None:
    objects, machine = DirectoryObjects(tmp_path), Started()
    objects.put(PATH, json.dumps({"created_ms": created_ms}).encode())
    audit = start_audit(objects, machine, AS_OF_MS)  # type: ignore[arg-type]  # it starts and nothing else
    assert machine.words == {audit: {"audit": audit, "as_of_ms": AS_OF_MS, "depth": "increment"}}
    assert instant_of_audit(audit) == created_ms


@pytest.mark.parametrize(
    "entry",
    [
        *(b"", b"[]", b"7", b"\xff", b"[" * 2_000, b"{}"),
        *(b'{"created_ms": true}', b'{"created_ms": -1}', b'{"created_ms": 1.5}', b'{"created_ms": 10000000000000}'),
        b'{"created_ms": 1, "more": "' + b"x" * (1 << 16) + b'"}',
    ],
)
def test_an_entry_that_does_not_say_when_starts_none_and_is_named(tmp_path: Path, entry: bytes) -> None:
    objects, machine = DirectoryObjects(tmp_path), Started()
    objects.put(PATH, entry)
    with pytest.raises(EntryDamaged, match=f"^{PATH} lists no snapshot: it does not say when it was written$"):
        start_audit(objects, machine, AS_OF_MS)  # type: ignore[arg-type]
    assert machine.words == {}


def test_a_snapshot_that_is_not_listed_has_none(tmp_path: Path) -> None:
    with pytest.raises(NoSuchObject, match=PATH):
        start_audit(DirectoryObjects(tmp_path), Started(), AS_OF_MS)  # type: ignore[arg-type]
