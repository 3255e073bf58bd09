"""What is listed of a snapshot leads to its manifest. Nobody signed it: it is believed of nothing but a number."""

import json
from collections.abc import Callable
from typing import Final

from inventory.adapters.objects import Objects
from inventory.history.layout import listed_path
from inventory.history.manifest import Manifest

#: An entry has less than 1 KB.
_BYTES_MAX: Final = 1 << 16


class EntryDamaged(Exception):
    """An entry under `listed/` lists no snapshot of the chain: somebody else than the commit wrote it."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} lists no snapshot: {why}")
        self.path = path


def listed_manifest(objects: Objects, path: str, manifest_of: Callable[[int], Manifest]) -> Manifest:
    """The manifest of a published snapshot, which is of the instant that its entry is called by.

    Args:
        objects: The history's bucket.
        path: The entry.
        manifest_of: Gives the manifest of a number.

    Raises:
        NoSuchObject: There is no such entry, or not the manifest that it names.
        EntryDamaged: It names none, or one of another instant.
        ManifestDamaged: What it names is no manifest.
    """
    try:
        number = json.loads(objects.read_start(path, _BYTES_MAX))["manifest"]["number"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise EntryDamaged(path, "it names no manifest") from error
    if type(number) is not int:
        raise EntryDamaged(path, "it names no manifest")
    manifest = manifest_of(number)
    if path != listed_path(manifest.as_of_ms):
        raise EntryDamaged(path, f"manifest {number} is of another instant")
    return manifest
