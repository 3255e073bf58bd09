"""Whether answers could have been given by one shop that does one thing at a time: linearizability.

No search is needed. The tables say in which order the effects happened, and `never_oversold` and the other invariants
say that this order is a legal history of a counter with a floor. What is left is to show of each answer that its point
in that order lies between its request and the answer itself: of a strong reading here; of a hold that was placed,
executed or released, an adjustment or a transfer by `shop.check_at_once`; of a refusal, which may be a second old, by
`never_falsely_refused`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from inventory.domain.holds import Hold, Status
from inventory.domain.limits import READ_PASSES_MAX
from support.history import Call, History

_CLOCKS_APART_US = 5_000_000
#: Of one item, by warehouse: available, held, shards.
Stock = dict[str, tuple[int, int, int]]


class Timeline:
    """What each item's stock was at every instant."""

    def __init__(self) -> None:
        self._states: dict[str, list[tuple[int, Stock]]] = {}
        self._holds: dict[str, list[tuple[int, Hold | None]]] = {}
        self._available: Counter[tuple[str, str]] = Counter()
        self._held: Counter[tuple[str, str]] = Counter()

    def note(self, now_us: int, history: History, call: Call) -> None:
        """Notes what a call changed."""
        for earlier, hold in call.holds:
            known = hold or earlier
            if known is not None:
                self._holds.setdefault(known.id, []).append((now_us, hold))
        for before, after in call.shards:
            place = after.key.item, after.key.warehouse
            self._available[place] += after.available - (before.available if before else 0)
            self._held[place] += after.held - (before.held if before else 0)
        items = {after.key.item for _, after in call.shards} | {directory.item for directory in call.directories}
        for item in sorted(items):
            state = {
                name: (self._available[item, name], self._held[item, name], entry.shards)
                for name, entry in history.directories[item].warehouses.items()
            }
            self._states.setdefault(item, []).append((now_us, state))

    def holds_between(self, hold_id: str, asked_us: int, answered_us: int) -> list[Hold]:
        """What a hold was in this time, one after the other, as far as it was there."""
        return [state for state in self._states_between(hold_id, asked_us, answered_us) if state is not None]

    def _states_between(self, hold_id: str, asked_us: int, answered_us: int) -> list[Hold | None]:
        """What a hold was in this time; None where it had been removed."""
        states = self._holds.get(hold_id, [])
        first = bisect_right(states, asked_us, key=itemgetter(0)) - 1
        last = bisect_right(states, answered_us, key=itemgetter(0))
        return [state for _, state in states[max(0, first) : last]]

    def missing_linearizable(self, hold_id: str, asked_us: int, answered_us: int) -> None:
        """A hold that was said to be missing was so at one instant between question and answer."""
        states = self._states_between(hold_id, asked_us, answered_us)
        assert None in states or hold_id not in self._holds, f"{hold_id} is there, and was said to be missing: {states}"

    def holds_linearizable(self, told: Mapping[str, Any], asked_us: int, answered_us: int) -> None:
        """What was told of a hold was so at one instant between question and answer."""
        possible = self.holds_between(told["id"], asked_us, answered_us)
        seen = [(hold.expires_at // 1000, dict(hold.metadata)) for hold in possible]
        assert (told["expires_at"], told["metadata"]) in seen, f"told {told}, which was not so between: {seen}"

    def check_page(self, ids: Sequence[str], asked_us: int, answered_us: int, *, last: bool) -> None:
        """A page of active holds names each once, as it was active meanwhile; and none is left out that stood still."""
        assert len(set(ids)) == len(ids), f"a page names a hold twice: {ids}"
        between = {each: self.holds_between(each, asked_us, answered_us) for each in self._holds}
        for each in ids:
            assert any(hold.status is Status.ACTIVE for hold in between[each]), f"{each} is listed, and was not active"
        latest_ms = max((min(hold.expires_at for hold in between[each]) for each in ids), default=0)
        for each, states in between.items():
            there_since_us = self._holds[each][0][0]  # `at` is in tenths of a second
            if len(states) != 1 or there_since_us > asked_us or each in ids:
                continue
            [hold] = states
            stands = hold.status is Status.ACTIVE and hold.expires_at * 1000 > answered_us + _CLOCKS_APART_US
            assert not (stands and (last or hold.expires_at < latest_ms)), f"{each} is active, and not listed: {ids}"

    def strong_reads_linearizable(self, told: Mapping[str, Any], asked_us: int, answered_us: int) -> None:
        """What a strong reading told was so at one instant between question and answer.

        Where the item changed all the while, at least as often as the reading tries, each shard may be of another.
        """
        states = self._states.get(told["item"], [])
        first = bisect_right(states, asked_us, key=itemgetter(0)) - 1
        last = bisect_right(states, answered_us, key=itemgetter(0))
        possible = [state for _, state in states[max(0, first) : last]]
        seen = {each["warehouse"]: (each["available"], each["held"], each["shards"]) for each in told["warehouses"]}
        if seen not in possible and len(possible) <= READ_PASSES_MAX:
            raise AssertionError(f"told {seen}, which was not so between: {possible}")
