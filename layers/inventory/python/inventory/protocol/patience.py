"""How long one request goes on reading stock, so that it can still be answered before its function's time is up."""

from collections.abc import Callable

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import Conflict
from inventory.domain.limits import READS_BEGIN_WITHIN_MS


class Patience:
    """The time of one request, from when this is made, in which it may begin to read an item's stock.

    How many passes a request makes is bounded, too. But one pass over an item in very many warehouses, or on very many
    shards, may take seconds.

    Args:
        elapsed: Milliseconds for measuring ages, as `HybridClock.elapsed`.
    """

    def __init__(self, elapsed: Callable[[], Milliseconds]) -> None:
        self._elapsed = elapsed
        self._until_ms = elapsed() + READS_BEGIN_WITHIN_MS

    @property
    def spent(self) -> bool:
        """Whether no further reading should begin."""
        return self._elapsed() >= self._until_ms

    def check(self) -> None:
        """Lets another reading begin while there is time.

        Raises:
            Conflict: There is none left.
        """
        if self.spent:
            raise Conflict(
                "Where stock of this item lies could not be read in time to be sure of it. Try again, and name a "
                "warehouse if it is in many."
            )
