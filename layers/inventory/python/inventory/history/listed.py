"""What is listed of a snapshot leads to its manifest, and says when it was written. Nobody signed it.

So nothing else of it is believed.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from inventory.adapters.objects import Objects
from inventory.domain.clock import Milliseconds
from inventory.history.layout import LAST_MS, listed_path
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
        number = _entry(objects, path)["manifest"]["number"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise EntryDamaged(path, "it names no manifest") from error
    if type(number) is not int:
        raise EntryDamaged(path, "it names no manifest")
    manifest = manifest_of(number)
    if path != listed_path(manifest.as_of_ms):
        raise EntryDamaged(path, f"manifest {number} is of another instant")
    return manifest


def listed_since(objects: Objects, path: str) -> Milliseconds:
    """When an entry was written, by its own account.

    Raises:
        NoSuchObject: There is no such entry.
        EntryDamaged: It does not say.
    """
    why = "it does not say when it was written"
    try:
        created_ms = _entry(objects, path)["created_ms"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise EntryDamaged(path, why) from error
    if type(created_ms) is not int or not 0 <= created_ms <= LAST_MS:
        raise EntryDamaged(path, why)
    return created_ms


def _entry(objects: Objects, path: str) -> Any:
    return json.loads(objects.read_start(path, _BYTES_MAX))
