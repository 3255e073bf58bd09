"""A cache whose values are good for a time."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class TtlCache(Generic[Key, Value]):
    """Values by key, each forgotten when it is too old. Past the limit the one put first goes.

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

    def get(self, key: Key) -> Value | None:
        """The value, if it is still fresh."""
        known_at, value = self._known.get(key, (None, None))
        return value if known_at is not None and self._now() - known_at < self._age_max_ms else None

    def age_ms(self, key: Key) -> int:
        """How long ago the value, which is there, was true."""
        return self._now() - self._known[key][0]

    def put(self, key: Key, value: Value, *, at_ms: int | None = None) -> None:
        """Notes a value that was true at this instant, by default now. It is kept, not copied."""
        self._known[key] = (self._now() if at_ms is None else at_ms, value)
        self._known.move_to_end(key)
        while len(self._known) > self._kept_max:
            self._known.popitem(last=False)

    def discard(self, key: Key) -> None:
        """Forgets the value, if there is one."""
        self._known.pop(key, None)
