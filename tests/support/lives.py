"""Lives of a hold's id: an Idempotency-Key that is used again, after TTL removed its hold, makes one of the same id.

Its revisions begin at 1 anew, so that events of both have equal ids. What tells them apart is the settled hold's
removal between them: the lives before the last one are called `<id>~1`, `<id>~2`…, and are then records like any other.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from inventory.domain.clock import Milliseconds
from inventory.domain.events import Event, record_key
from inventory.history.lives import ENDED, SLACK_MS


class Lives:
    """Which holds' ids began again, and when."""

    def __init__(self, events: Iterable[Event], until: Milliseconds | None = None) -> None:
        """Looks at all events there are: a removal may be told by an instant after that of what follows it.

        Args:
            events: Of the holds' table.
            until: What began after it is not looked at.
        """
        placed: defaultdict[str, set[Milliseconds]] = defaultdict(set)
        removed: dict[str, Milliseconds] = {}
        for event in events:
            key = record_key(event)
            if event["type"] == "hold_placed" and (until is None or event["at"] <= until):
                placed[key].add(event["at"])
            elif event["type"] == "hold_removed" and event["settled"] and event["by"] == "ttl":
                removed[key] = min(event["at"], removed.get(key, event["at"]))
        self._begun_again = {
            key: [at for at in sorted(placed[key]) if first < at + SLACK_MS] for key, first in removed.items()
        }

    def name(self, key: str, at: Milliseconds) -> str:
        """What the record of this key at an instant is called: the key, or that and the number of an ended life."""
        begun_again = self._begun_again.get(key, [])
        life = bisect_right(begun_again, at)
        return key if life == len(begun_again) else f"{key}{ENDED}{life + 1}"

    def told_apart(self, event: Event) -> Event:
        """The event, with the id of its life."""
        key = record_key(event)
        at = event["at"] - (SLACK_MS if event["type"] == "hold_removed" else 0)
        name = self.name(key, at)
        return event if name == key else {**event, "event_id": name + event["event_id"].removeprefix(key)}
