"""What a simulation is looking for."""

from collections.abc import Sequence


class Violation(BaseException):
    """An invariant does not hold. Not an `Exception`, so that no code under test takes it for one of its own.

    Attributes:
        invariant: Its name.
        what: What contradicts it.
        trace: The last events before, where they were kept.
    """

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant
        self.what = what
        self.trace: Sequence[str] = ()
