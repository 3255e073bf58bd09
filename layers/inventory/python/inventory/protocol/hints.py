"""What an instance remembers for at most a second: where stock was seen, and where there was too little.

Hints may be wrong and only cost another try. A refusal is remembered from a proof, so it may be repeated.
Both are bounded: past the limit the oldest entry goes.
"""

from collections import OrderedDict
from collections.abc import Callable

from inventory.domain.drawing import ItemView, Shortage
from inventory.domain.limits import HINT_AGE_MAX_MS, HINTS_KEPT_MAX, REFUSAL_AGE_MAX_MS

ANY_WAREHOUSE = None


class Hints:
    """Available units by item, warehouse and shard, as last seen by this instance."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._seen: OrderedDict[tuple[str, str | None], tuple[int, ItemView]] = OrderedDict()

    def recall(self, item: str, warehouse: str | None) -> ItemView | None:
        """What was seen of the item in this warehouse (None: everywhere) within the last second."""
        for scope in (warehouse, ANY_WAREHOUSE):
            read_at, view = self._seen.get((item, scope), (0, {}))
            if read_at and self._now() - read_at < HINT_AGE_MAX_MS:
                return view
        return None

    def remember(self, item: str, warehouse: str | None, view: ItemView) -> None:
        """Notes what was just read. The view is kept, not copied: what a try learns of it is remembered too."""
        self._seen[(item, warehouse)] = (self._now(), view)
        self._seen.move_to_end((item, warehouse))
        while len(self._seen) > HINTS_KEPT_MAX:
            self._seen.popitem(last=False)


class Refusals:
    """Where a strong reading proved too little, when, and how much there was."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._proved: OrderedDict[tuple[str, str | None], tuple[int, int]] = OrderedDict()

    def remember(self, item: str, warehouse: str | None, available: int, at_ms: int) -> None:
        """Notes that at this instant there were only so many units."""
        self._proved[(item, warehouse)] = (at_ms, available)
        self._proved.move_to_end((item, warehouse))
        while len(self._proved) > HINTS_KEPT_MAX:
            self._proved.popitem(last=False)

    def recall(self, short: Shortage) -> int | None:
        """The units proved within the last second to be there, if fewer than wanted."""
        proved_at, available = self._proved.get((short.item, short.warehouse), (0, 0))
        fresh = proved_at and self._now() - proved_at < REFUSAL_AGE_MAX_MS
        return available if fresh and available < short.wanted else None
