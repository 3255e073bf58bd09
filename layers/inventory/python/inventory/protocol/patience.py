"""How long one request goes on reading stock, so that it can still be answered before its function's time is up."""

from collections.abc import Callable

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import Conflict
from inventory.domain.limits import READS_BEGIN_WITHIN_MS, READS_OF_WAREHOUSE_BEGIN_WITHIN_MS


class Patience:
    """The time of one request, from when this is made, in which it may begin to read an item's stock.

    How many passes a request makes is bounded, too. But one pass over an item in very many warehouses, or on very many
    shards, may take seconds; and other buyers may have been waited for.

    Args:
        elapsed: Milliseconds for measuring ages, as `HybridClock.elapsed`.
    """

    def __init__(self, elapsed: Callable[[], Milliseconds]) -> None:
        self._elapsed = elapsed
        self._begun_ms = elapsed()

    def is_spent(self, warehouse: str | None) -> bool:
        """Whether no further reading of an item should begin: of one warehouse, or (None) of all."""
        within_ms = READS_BEGIN_WITHIN_MS if warehouse is None else READS_OF_WAREHOUSE_BEGIN_WITHIN_MS
        return self._elapsed() - self._begun_ms >= within_ms

    def check(self, warehouse: str | None) -> None:
        """Lets another reading begin while there is time: of one warehouse, or (None) of all.

        Raises:
            Conflict: There is none left.
        """
        if self.is_spent(warehouse):
            advice = "Try again, and name a warehouse if it is in many." if warehouse is None else "Try again."
            raise Conflict(f"Where stock of this item lies could not be read in time to be sure of it. {advice}")
