"""A chain of manifests made by hand, as readers find it: what is told of each snapshot, and none of its files."""

import json
from pathlib import Path
from typing import Final

from inventory.adapters.signing import ALGORITHM
from inventory.history.layout import listed_path, manifest_path, opened_path
from inventory.history.manifest import body_of, canonical
from support.objects import DirectoryObjects

#: For `seal`: the history is not opened anew with this one.
GOES_ON: Final = -1


class Chain:
    """A bucket that has nothing else.

    Attributes:
        objects: The bucket, a folder.
        number: Of the newest manifest; 0 for none.
    """

    def __init__(self, root: Path) -> None:
        self.objects = DirectoryObjects(root)
        self.number = 0

    def seal(
        self,
        as_of_ms: int,
        *,
        buckets: int = 2,
        ledger_from_ms: int | None = None,
        opens_after_ms: int | None = GOES_ON,
        listed: bool = True,
    ) -> int:
        """Adds a manifest; gives its number.

        Args:
            as_of_ms: Its instant.
            buckets: Into how many buckets its files are cut.
            ledger_from_ms: Where its part of the ledger begins; None for no part.
            opens_after_ms: For one that opens the history anew: the instant of the snapshot before, None for none.
            listed: Whether its commit did not die before it was.
        """
        self.number += 1
        opening = None
        if opens_after_ms != GOES_ON:
            after = None if opens_after_ms is None else {"as_of_ms": opens_after_ms}
            opening = {"reason": "why", "actor": "who", "after": after}
            self.objects.put(opened_path(as_of_ms, "lost-items", 0), b"")
        body = body_of(
            previous=None,
            as_of_ms=as_of_ms,
            ledger_from_ms=ledger_from_ms,
            buckets=buckets,
            writer="nobody",
            files=[],
            totals={},
            opening=opening,
        )
        signature = {"algorithm": ALGORITHM, "key": "nobody's", "value": ""}
        manifest = {"manifest": body | {"number": self.number}, "signature": signature}
        self.objects.put(manifest_path(self.number), canonical(manifest) + b"\n")
        if listed:
            entry = {"as_of_ms": as_of_ms, "created_ms": as_of_ms, "manifest": {"number": self.number}}
            self.objects.put(listed_path(as_of_ms), json.dumps(entry).encode())
        return self.number
