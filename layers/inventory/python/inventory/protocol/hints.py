"""What an instance remembers for a while: where stock was seen, and where there was too little.

Hints may be wrong and only cost another try. A refusal is remembered from a proof, so it may be repeated. Stock as
last read is what a reader may be told: the projection is about a second behind the counters by itself.
"""

from collections.abc import Callable, Iterable

from inventory.domain.drawing import ItemView, Shortage, lasts_ms
from inventory.domain.holds import Line
from inventory.domain.limits import HINT_AGE_MAX_MS, HINTS_KEPT_MAX, REFUSAL_AGE_MAX_MS
from inventory.protocol.ttl_cache import TtlCache

ANY_WAREHOUSE = None


class Hints:
    """Available units by item, warehouse and shard, as last seen by this instance."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._seen: TtlCache[tuple[str, str | None], ItemView] = TtlCache(now, HINT_AGE_MAX_MS, HINTS_KEPT_MAX)
        self._usual: TtlCache[tuple[str, str], int] = TtlCache(now, HINT_AGE_MAX_MS, HINTS_KEPT_MAX)

    def drew(self, lines: Iterable[Line], *, met_others: bool) -> None:
        """Notes from which shards a hold was drawn, where others are about: this instance now keeps to them."""
        for line in lines:
            place = (line.item, line.warehouse)
            if len(line.drawn) == 1 and (met_others or self._usual.get(place) is not None):
                self._usual.put(place, line.drawn[0].shard)

    def usual(self, item: str, warehouse: str) -> int | None:
        """The shard that this instance keeps to, if it drew from it within the last second."""
        return self._usual.get((item, warehouse))

    def recall(self, item: str, warehouse: str | None) -> ItemView | None:
        """What was seen of the item in this warehouse (None: everywhere) within the last second.

        None where a hot item had so little that it may be gone by now: reading again costs less than a write in vain.
        """
        for scope in ((item, warehouse), (item, ANY_WAREHOUSE)):
            seen = self._seen.get(scope)
            if seen is not None:
                lasts = lasts_ms(seen)
                return seen if lasts is None or self._seen.age_ms(scope) <= lasts else None
        return None

    def remember(self, item: str, warehouse: str | None, view: ItemView) -> None:
        """Notes what was just read. What a try learns of the view is remembered too.

        What was read of all warehouses replaces what was known of each, and what was read of one is a part of all.
        """
        everywhere = self._seen.get((item, ANY_WAREHOUSE))
        if warehouse is ANY_WAREHOUSE:
            for each in view:
                self._seen.discard((item, each))
        elif everywhere is not None:
            everywhere.update(view)
        self._seen.put((item, warehouse), view)


class Refusals:
    """Where a strong reading proved too little, when, and how much there was."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._proved: TtlCache[tuple[str, str | None], int] = TtlCache(now, REFUSAL_AGE_MAX_MS, HINTS_KEPT_MAX)

    def remember(self, item: str, warehouse: str | None, available: int, at_ms: int) -> None:
        """Notes that at this instant there were only so many units."""
        self._proved.put((item, warehouse), available, at_ms=at_ms)

    def recall(self, short: Shortage) -> int | None:
        """The units proved within the last second to be there, if fewer than wanted."""
        available = self._proved.get((short.item, short.warehouse))
        return available if available is not None and available < short.wanted else None
