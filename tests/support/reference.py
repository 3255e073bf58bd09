"""What a snapshot must say, from the plain fold of the events: nothing here is shared with the columnar one."""

from collections import defaultdict
from typing import Any

from inventory.domain.events import Event, Source
from inventory.domain.stock import is_directory_key
from inventory.storage.hold_records import hold_from
from support.folding import fold

Place = tuple[str, str]


class Expected:
    """The whole system at an instant.

    Attributes:
        places: By item and warehouse: available, held, shards, adjusted, executed, holding.
        unsettled: Ids of unsettled holds.
    """

    def __init__(self, events: dict[Source, list[Event]], until: int) -> None:
        self.places: dict[Place, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.unsettled: set[str] = set()
        for key, record in fold(events[Source.STOCK], until=until).items():
            if not is_directory_key(key):
                place = self.places[(record["item_id"], record["warehouse_id"])]
                place["available"] += record["available"]
                place["held"] += record["held"]
                place["shards"] += 1
        for record in fold(events[Source.ADJUSTMENTS], until=until).values():
            self._adjust(record)
        for record in fold(events[Source.HOLDS], until=until).values():
            self._hold(record)

    def _adjust(self, record: dict[str, Any]) -> None:
        if "warehouse" in record:
            self.places[(record["item"], record["warehouse"])]["adjusted"] += record["quantity"]
        else:
            self.places[(record["item"], record["from"])]["adjusted"] -= record["quantity"]
            self.places[(record["item"], record["to"])]["adjusted"] += record["quantity"]

    def _hold(self, record: dict[str, Any]) -> None:
        hold = hold_from(record)
        if hold.settlement is None:
            self.unsettled.add(hold.id)
        for line in hold.lines:
            place = self.places[(line.item, line.warehouse)]
            if hold.settlement is None:
                place["holding"] += line.quantity
            else:
                place["executed"] += hold.executed(line)

    def check_invariants(self) -> None:
        """`stock_conserved` and `held_matches_holds`, in every place."""
        for place, told in self.places.items():
            assert told["available"] >= 0, place
            assert told["available"] + told["held"] == told["adjusted"] - told["executed"], f"stock_conserved: {place}"
            assert told["held"] == told["holding"], f"held_matches_holds: {place}"

    def check_snapshot(self, rows: list[dict[str, Any]], draws: list[dict[str, Any]]) -> None:
        """Whether a snapshot's rows say just this."""
        names = ("available", "held", "shards", "adjusted", "executed", "holding")
        told = {(row["item_id"], row["warehouse_id"]): {name: row[name] for name in names} for row in rows}
        assert told == {place: {name: told[name] for name in names} for place, told in self.places.items()}
        assert len(rows) == len(told)
        assert all(row["on_hand"] == row["available"] + row["held"] for row in rows)
        assert {draw["hold_id"] for draw in draws} == self.unsettled
        assert sum(draw["quantity"] for draw in draws) == sum(place["holding"] for place in self.places.values())
