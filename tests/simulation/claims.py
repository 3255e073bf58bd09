"""Stock that is split, levelled and merged by itself: by one at a time, when there is a reason, and not for long.

Whoever looks after it has noted that in the projection before (docs/adr/hot-items.md tells why there is no lock). What
is judged here follows from that note: who could not make it changes nothing, and it is made no more often than it may.
"""

import math
from typing import TYPE_CHECKING, Any

from inventory.domain.heat import HEAT_DECAY_MS, Thresholds
from inventory.domain.rebalancing import HEAT_AGE_MAX_MS, REBALANCED_EVERY_MS
from simulation.violation import Violation
from support.history import Call

if TYPE_CHECKING:
    from simulation.kernel import Kernel

Subject = tuple[str, str]

_SALES = {"hold", "settlement"}
#: By so much clocks may differ, and calls may take, in all that is compared here.
_SLACK_MS = 10_000
_WHOLE = 1_000


class Claims:
    """Who looks after which stock.

    Args:
        kernel: Tells the time.
        thresholds: When stock is cold.
    """

    def __init__(self, kernel: "Kernel", thresholds: Thresholds) -> None:
        self._kernel = kernel
        self._thresholds = thresholds
        self._noted: dict[Subject, int] = {}
        self._changed: dict[Subject, int] = {}
        self._warmth: dict[Subject, tuple[int, float]] = {}
        self._lost: dict[str, set[Subject]] = {}
        self._refused: dict[str, set[Subject]] = {}

    def begin(self, who: str) -> None:
        """An instance begins another run."""
        self._lost[who] = set()
        self._refused[who] = set()

    def sold(self, call: Call) -> None:
        """What a call says of how warm stock is."""
        causes = {
            event.key: event.after["cause"]["type"] for event in call.events if event.after and "cause" in event.after
        }
        for _, shard in call.shards:
            subject = shard.key.item, shard.key.warehouse
            self._changed[subject] = max(self._changed.get(subject, 0), shard.at)
            if causes["#".join(map(str, shard.key))] in _SALES:
                at, warmth = self._warmth.get(subject, (shard.at, 0.0))
                latest = max(at, shard.at)
                warmth = warmth * math.exp((at - latest) / HEAT_DECAY_MS)
                warmth += _WHOLE * math.exp((shard.at - latest) / HEAT_DECAY_MS)
                self._warmth[subject] = latest, warmth

    def written(self, who: str, item: dict[str, Any]) -> None:
        """The projection of an item was written.

        Raises:
            Violation: It says that there was more heat than there were sales; or that the stock is looked after again
                too soon, or for no reason.
        """
        subject = item["item_id"]["S"], item["warehouse_id"]["S"]
        at, changes, _, rebalanced = (int(number["N"]) for number in item["heat"]["L"])
        self._check_warmth(subject, at, changes)
        before = self._noted.get(subject, 0)
        if rebalanced <= before:
            return
        self._noted[subject] = rebalanced
        if who.startswith("sweeper"):
            gap, least = rebalanced - max(before, at), self._thresholds.cold_after_ms
        else:
            gap, least = rebalanced - before, REBALANCED_EVERY_MS
            idle_ms = self._kernel.now_us // 1000 - self._changed[subject]
            if idle_ms > HEAT_AGE_MAX_MS + _SLACK_MS:
                raise Violation("everything_settles", f"{who} looks after {subject}, idle for {idle_ms} ms")
        if gap < least:
            raise Violation("everything_settles", f"{who} looks after {subject} again after {gap} ms")

    def _check_warmth(self, subject: Subject, at: int, changes: int) -> None:
        latest, warmth = self._warmth.get(subject, (0, 0.0))
        most = warmth * math.exp(min(latest - at, _SLACK_MS) / HEAT_DECAY_MS)
        if changes > most + max(20, most / 50):
            raise Violation("everything_settles", f"{subject} has {changes} of heat, its sales make {most:.0f}")

    def refused(self, who: str, method: str, request: dict[str, Any]) -> None:
        """A call was refused: where it was the note, whoever wanted to make it has nothing to do there."""
        if method == "put_item" and "heat" in request["Item"]:
            self._lost.setdefault(who, set()).add(
                (request["Item"]["item_id"]["S"], request["Item"]["warehouse_id"]["S"])
            )

    def throttled(self, who: str, request: dict[str, Any]) -> None:
        """A transaction was refused for load, and again when boto3 tried it again."""
        self._refused.setdefault(who, set()).update(_looked_after(request, {"move"}))

    def note(self, who: str, method: str, request: dict[str, Any]) -> None:
        """A call is begun.

        Raises:
            Violation: By one that has nothing to do there; or that was refused for load.
        """
        if method != "transact_write_items" or not who.startswith(("sweeper", "projector")):
            return
        for subject in _looked_after(request, {"move", "merge"}):
            if who.startswith("sweeper") and subject in self._lost.get(who, ()):
                raise Violation("everything_settles", f"{who} merges {subject}, which is not cold any more")
        if who.startswith("projector") and _looked_after(request, {"move"}) & self._refused.get(who, set()):
            raise Violation("everything_settles", f"{who} goes on moving stock, though refused for load")


def _looked_after(request: dict[str, Any], kinds: set[str]) -> set[Subject]:
    """The items and warehouses whose stock a transaction moves, splits or merges."""
    found: set[Subject] = set()
    for entry in request.get("TransactItems", ()):
        for write in entry.values():
            values = write.get("ExpressionAttributeValues", {})
            kind = values.get(":cause", {}).get("M", {}).get("type", {}).get("S")
            key = write.get("Key", {}).get("stock_id", {}).get("S", "")
            if kind in kinds:
                names = key.split("#")
                found.add((names[0], write["ExpressionAttributeNames"]["#w"] if names[1] == "*" else names[1]))
    return found
