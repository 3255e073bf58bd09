"""The parts of the ledger that manifests add: each begins where the ledger ended before it."""

from collections.abc import Iterator
from typing import NamedTuple

from inventory.proof.findings import Finding
from inventory.proof.manifest import manifest_path


class LedgerPart(NamedTuple):
    """Which part of the ledger a manifest says that it adds.

    Attributes:
        as_of_ms: Its instant: events up to it.
        from_ms: And after this; None where it adds none.
        opens: Whether it opens the history anew.
    """

    as_of_ms: int
    from_ms: int | None
    opens: bool


class Ledger:
    """The ledger as the chain lays it down, part by part: each begins where the one before it ends.

    Args:
        first: The number of the manifest that is looked at first; where the ledger ended before it is then not known.
    """

    def __init__(self, first: int) -> None:
        self._number = first - 1
        self._end_ms = 0 if first == 1 else None

    def wrong_part(self, number: int, part: LedgerPart | None) -> Iterator[Finding]:
        """What is wrong with where a manifest's part begins, if that can be told: if those before it can be read.

        Args:
            number: Its place in the chain, by its name; they rise.
            part: What it says; None where it cannot be read, or is another's.
        """
        if number != self._number + 1 or part is None:
            self._end_ms = None
        self._number = number
        if part is None:
            return
        as_of_ms, from_ms, opens = part
        if self._end_ms is not None:
            expected = None if opens or as_of_ms <= self._end_ms else self._end_ms
            if from_ms != expected:
                evidence = {"found": from_ms, "expected": expected}
                what = "Its part of the ledger does not begin where the ledger ended."
                yield Finding(what, manifest_path(number), evidence=evidence)
            self._end_ms = max(self._end_ms, as_of_ms)
        elif from_ms is not None or opens:
            self._end_ms = as_of_ms
