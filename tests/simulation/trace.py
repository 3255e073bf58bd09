"""What happened, in order: a digest of all of it, and where it is asked for, the last events in words."""

import hashlib
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_KEPT = 400


class Trace:
    """The story of a run.

    Args:
        now_us: The present instant.
        told: Whether the events are kept in words, and not only in the digest.

    Attributes:
        events: How many there were.
    """

    def __init__(self, now_us: Callable[[], int], *, told: bool) -> None:
        self._now_us = now_us
        self._hash = hashlib.blake2b(digest_size=16)
        self._told = told
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self.events = 0

    def note(self, who: str, what: str, details: Callable[[], Any] | None = None) -> None:
        """Notes an event; its details are made up only where they are read."""
        now_us = self._now_us()
        self.events += 1
        self._hash.update(f"{now_us} {who} {what}\n".encode())
        if self._told:
            clock = datetime.fromtimestamp(now_us / 1_000_000, UTC).strftime("%H:%M:%S.%f")[:-3]
            self._lines.append(f"{clock} {who:<14} {what}{f'  {details()}' if details else ''}")

    @property
    def digest(self) -> str:
        """Equal for equal runs, and for no others."""
        return self._hash.hexdigest()

    @property
    def lines(self) -> list[str]:
        """The last events, in words."""
        return list(self._lines)
