"""Load shedding: for a moment after DynamoDB refused an item's shard for load, an instance places no hold on the item.

Buyers who keep trying use up the throughput that executing and settling need, and they are many: then what is already
held can be neither sold nor given back. So they are told to try again later, without a call to the database.
"""

from collections.abc import Callable, Iterable
from typing import Final

from inventory.domain.errors import Overloaded
from inventory.domain.limits import HINTS_KEPT_MAX
from inventory.protocol.ttl_cache import TtlCache

SHED_AGE_MAX_MS: Final = 500
#: Stands for all items: it was no shard of one of them that was refused.
EVERYTHING: Final = None


class Shed:
    """For which items this instance was refused for load lately."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._refused: TtlCache[str | None, bool] = TtlCache(now, SHED_AGE_MAX_MS, HINTS_KEPT_MAX)

    def remember(self, refused: Iterable[str | None]) -> None:
        """Notes items of which a shard was refused, or `EVERYTHING`."""
        for item in refused:
            self._refused.put(item, value=True)

    def check(self, items: Iterable[str]) -> None:
        """Lets pass what was not refused lately.

        Raises:
            Overloaded: It was.
        """
        if any(self._refused.get(each) for each in (EVERYTHING, *items)):
            raise Overloaded("The database refused for load a moment ago. Try again in a moment.")
