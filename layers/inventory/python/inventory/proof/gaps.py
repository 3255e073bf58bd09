"""Missing manifests, as ranges of numbers.

One object with a high number, which anyone may have given it, makes millions of them: nothing counts them one by one.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from inventory.proof.findings import Finding
from inventory.proof.manifest import manifest_path


class Gap(NamedTuple):
    """Numbers that no manifest has: these two, and all between them."""

    first: int
    last: int

    @property
    def finding(self) -> Finding:
        """The discrepancy that it is, at the place of the first manifest."""
        if self.first == self.last:
            return Finding(f"Manifest {self.first} is missing.", manifest_path(self.first))
        count = self.last - self.first + 1
        what = f"Manifests {self.first} to {self.last} are missing, {count:,} of them."
        return Finding(what, manifest_path(self.first))

    def outside(self, first: int, end: int) -> "Iterator[Gap]":
        """What of it comes before some numbers, and what after them: from their end on."""
        if self.first < first:
            yield Gap(self.first, min(self.last, first - 1))
        if self.last >= end:
            yield Gap(max(self.first, end), self.last)


def gaps_in(numbers: Collection[int], last: int) -> Iterator[Gap]:
    """Which numbers are missing from 1 to the last one."""
    expected = 1
    for number in sorted({*numbers, last + 1}):
        if number > expected:
            yield Gap(expected, number - 1)
        expected = number + 1
