"""The hybrid logical clock: one `at` for each write, so that every instant is a consistent cut.

`at` counts milliseconds since 1970 in ticks of 100. It is never earlier than the clock on the wall and never
earlier than any record that the write touches or checks.
"""

from collections.abc import Callable
from typing import Final

from inventory.domain.errors import ClockSkewed, RecordAhead

TICK_MS: Final = 100
#: A clock that is further off than this from the database's, as far as can be told, does not write.
SKEW_MAX_MS: Final = 2_000
#: A comparison of clocks that took longer shows too little.
READING_MAX_MS: Final = 2_000
#: Nothing is written over a record that is further ahead of this clock.
AHEAD_MAX_MS: Final = 10_000
#: The longest usual delay between an event and its invocation, a cold start included. After a longer one the clock is
#: measured again.
UNDER_WAY_MAX_MS: Final = 10_000

Milliseconds = int


def tick_at_or_after(instant_ms: Milliseconds) -> Milliseconds:
    """The first tick that is not before the instant."""
    return -(-instant_ms // TICK_MS) * TICK_MS


class Elapsed:
    """Milliseconds for measuring ages: it never goes back, and never seems to go slower than time does.

    The clock on the wall may be set back; the one that counts since the start may stand still while an instance is
    frozen. Each step is the longer of what the two say, so that nothing is ever older than it seems.

    Args:
        wall: Milliseconds since 1970 by this instance's clock.
        uptime: Milliseconds since some start.
    """

    def __init__(self, wall: Callable[[], Milliseconds], uptime: Callable[[], Milliseconds]) -> None:
        self._wall = wall
        self._uptime = uptime
        self._last = wall(), uptime()
        self._elapsed = 0

    def __call__(self) -> Milliseconds:
        """Milliseconds since this was made; only differences mean something."""
        wall, uptime = self._wall(), self._uptime()
        self._elapsed += max(0, wall - self._last[0], uptime - self._last[1])
        self._last = wall, uptime
        return self._elapsed


class HybridClock:
    """Stamps writes, and refuses to where the clock of this instance is not to be trusted.

    Args:
        now: Milliseconds since 1970 by this instance's clock.
        measure: Makes one cheap call to the database, whose answer reaches `observe`. Called before the first
            stamp of an instance, and before a skewed instance gives up.
        elapsed: Milliseconds for measuring ages, see `Elapsed`.
    """

    def __init__(
        self, now: Callable[[], Milliseconds], measure: Callable[[], None], elapsed: Callable[[], Milliseconds]
    ) -> None:
        self.now = now
        self.elapsed = elapsed
        self._measure = measure
        self.trusted: bool | None = None

    def compare(self, told_ms: Milliseconds | None) -> None:
        """Compares this clock with the instant at which AWS says that what began this invocation happened.

        An instance may have been frozen since it measured, and its clock be off when it goes on. Where the two are
        further apart than what is under way explains, or nothing was told, the next stamp measures again.

        Only what may write before it reads has to ask for it (docs/adr/clocks-are-measured-anew.md): where an
        invocation reads first, that answer measures the clock.
        """
        if told_ms is None or not -SKEW_MAX_MS <= self.now() - told_ms <= UNDER_WAY_MAX_MS:
            self.trusted = None

    def observe(self, sent_ms: Milliseconds, server_second: int, received_ms: Milliseconds) -> None:
        """Compares this clock with the second that the database wrote on an answer.

        The server stamped somewhere within its second, and between sending and receiving here. Only an offset that
        no reading within those bounds explains counts as skew. Where they are far apart, as the client had to send
        again, they explain nearly every clock: such a reading may prove a skew, but nobody trusts a clock for it.
        """
        least_ahead_ms = sent_ms - (server_second * 1000 + 1000)
        most_ahead_ms = received_ms - server_second * 1000
        if least_ahead_ms > SKEW_MAX_MS or most_ahead_ms < -SKEW_MAX_MS:
            self.trusted = False
        elif not self.trusted:
            self.trusted = received_ms - sent_ms <= READING_MAX_MS

    def stamp(self, *seen: Milliseconds) -> Milliseconds:
        """The `at` of a write over records whose own `at` are `seen`.

        Raises:
            ClockSkewed: This clock is more than 2 s off, or nobody knows as the database was too slow.
            RecordAhead: A record is more than 10 s ahead of it.
            Overloaded: It had to be measured, and the database did not answer.
        """
        for _ in range(2):  # a first reading may be too slow to prove anything: it opens the connection
            if not self.trusted:
                self._measure()
        if self.trusted is False:
            raise ClockSkewed("This instance's clock may be over 2 s off the database's; it does not write.")
        now_ms = self.now()
        at = max(tick_at_or_after(now_ms), *seen) if seen else tick_at_or_after(now_ms)
        if at > now_ms + AHEAD_MAX_MS:
            raise RecordAhead("A record lies more than 10 s ahead of this instance's clock; it does not write.")
        return at
