"""The newest manifest: by its name, whatever else lies beside it."""

from pathlib import Path

import pytest

from inventory.history.layout import manifest_path
from inventory.history.manifest import head_number
from support.objects import DirectoryObjects


def test_without_a_manifest_it_is_none(tmp_path: Path) -> None:
    assert head_number(DirectoryObjects(tmp_path)) == 0


@pytest.mark.parametrize("name", ["notes.txt", "9.json", "0000000x.json", "00000009.json.bak", "zz/00000009.json"])
def test_what_is_not_called_a_manifest_is_none(tmp_path: Path, name: str) -> None:
    objects = DirectoryObjects(tmp_path)
    for number in (1, 2, 3):
        objects.put(manifest_path(number), b"{}")
    objects.put(f"manifests/{name}", b"{}")
    assert head_number(objects) == 3
