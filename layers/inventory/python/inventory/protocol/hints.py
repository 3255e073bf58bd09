"""What an instance remembers for a while: where stock was seen, and where there was too little.

Hints may be wrong and only cost another try. A refusal is remembered from a proof, so it may be repeated. Stock as
last read is what a reader may be told: the projection is about a second behind the counters by itself.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from inventory.domain.drawing import ItemView, Shortage, lasts_ms
from inventory.domain.holds import Line
from inventory.domain.limits import HINT_AGE_MAX_MS, HINTS_KEPT_MAX, REFUSAL_AGE_MAX_MS

ANY_WAREHOUSE = None
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Values by key, each forgotten when it is too old. Past the limit the one remembered first goes.

    Args:
        now: Milliseconds by which ages are measured.
        age_max_ms: A value of this age is forgotten.
        kept_max: As many are kept.
    """

    def __init__(self, now: Callable[[], int], age_max_ms: int, kept_max: int) -> None:
        self._now = now
        self._age_max_ms = age_max_ms
        self._kept_max = kept_max
        self._known: OrderedDict[Key, tuple[int, Value]] = OrderedDict()

    def recall(self, key: Key) -> Value | None:
        """The value, if it is still fresh."""
        known_at, value = self._known.get(key, (None, None))
        return value if known_at is not None and self._now() - known_at < self._age_max_ms else None

    def age_ms(self, key: Key) -> int:
        """How long ago the value was true, which is remembered."""
        return self._now() - self._known[key][0]

    def remember(self, key: Key, value: Value, *, at_ms: int | None = None) -> None:
        """Notes a value that was true at this instant, by default now. It is kept, not copied."""
        self._known[key] = (self._now() if at_ms is None else at_ms, value)
        self._known.move_to_end(key)
        while len(self._known) > self._kept_max:
            self._known.popitem(last=False)

    def forget(self, key: Key) -> None:
        """Forgets the value, if there is one."""
        self._known.pop(key, None)


class Hints:
    """Available units by item, warehouse and shard, as last seen by this instance."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._seen: Memory[tuple[str, str | None], ItemView] = Memory(now, HINT_AGE_MAX_MS, HINTS_KEPT_MAX)
        self._usual: Memory[tuple[str, str], int] = Memory(now, HINT_AGE_MAX_MS, HINTS_KEPT_MAX)

    def drew(self, lines: Iterable[Line], *, met_others: bool) -> None:
        """Notes from which shards a hold was drawn, where others are about: this instance now keeps to them."""
        for line in lines:
            place = (line.item, line.warehouse)
            if len(line.drawn) == 1 and (met_others or self._usual.recall(place) is not None):
                self._usual.remember(place, line.drawn[0].shard)

    def usual(self, item: str, warehouse: str) -> int | None:
        """The shard that this instance keeps to, if it drew from it within the last second."""
        return self._usual.recall((item, warehouse))

    def recall(self, item: str, warehouse: str | None) -> ItemView | None:
        """What was seen of the item in this warehouse (None: everywhere) within the last second.

        Not, where a hot item had so little that it may be gone by now: a reading costs less than a write in vain.
        """
        for scope in ((item, warehouse), (item, ANY_WAREHOUSE)):
            seen = self._seen.recall(scope)
            if seen is not None:
                lasts = lasts_ms(seen)
                return seen if lasts is None or self._seen.age_ms(scope) <= lasts else None
        return None

    def remember(self, item: str, warehouse: str | None, view: ItemView) -> None:
        """Notes what was just read. What a try learns of the view is remembered too.

        What was read of all warehouses replaces what was known of each, and what was read of one is a part of all.
        """
        everywhere = self._seen.recall((item, ANY_WAREHOUSE))
        if warehouse is ANY_WAREHOUSE:
            for each in view:
                self._seen.forget((item, each))
        elif everywhere is not None:
            everywhere.update(view)
        self._seen.remember((item, warehouse), view)


class Refusals:
    """Where a strong reading proved too little, when, and how much there was."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._proved: Memory[tuple[str, str | None], int] = Memory(now, REFUSAL_AGE_MAX_MS, HINTS_KEPT_MAX)

    def remember(self, item: str, warehouse: str | None, available: int, at_ms: int) -> None:
        """Notes that at this instant there were only so many units."""
        self._proved.remember((item, warehouse), available, at_ms=at_ms)

    def recall(self, short: Shortage) -> int | None:
        """The units proved within the last second to be there, if fewer than wanted."""
        available = self._proved.recall((short.item, short.warehouse))
        return available if available is not None and available < short.wanted else None
