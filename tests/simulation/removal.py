"""What TTL does: it removes records some time after their own is over. It is nobody's call, and the stream says so."""

import heapq
import random
from typing import TYPE_CHECKING, Final

from simulated_dynamodb.tables import Key, Table
from simulated_dynamodb.values import Item
from support.template import table_definitions, ttl_attributes

if TYPE_CHECKING:
    from simulation.service import Service

#: DynamoDB takes up to some days.
LATE_MAX_S: Final = 2 * 86_400


class TimeToLive:
    """Follows all tables that have a time to live.

    Where nothing gets that old, as a hold does 35 days after it has settled, it does nothing but remember. Its chance
    is its own, so that a run in which nothing is removed is the same run without it.

    Args:
        service: Whose tables they are.
        seed: Decides how late each record is removed.
    """

    def __init__(self, service: "Service", seed: str) -> None:
        self._service = service
        self._rng = random.Random(f"{seed}/ttl")  # noqa: S311 - repeatable, not secret
        self._due: list[tuple[int, str, Key]] = []
        self._attributes: dict[str, str] = {}
        self._waits = False
        definitions = table_definitions()
        for variable, attribute in ttl_attributes().items():
            name = definitions[variable]["TableName"]
            self._attributes[name] = attribute
            self._follow(service.database.table(name), attribute)

    def _follow(self, table: Table, attribute: str) -> None:
        replace = table.replace

        def following(key: Key, new: Item | None, now: float) -> None:
            replace(key, new, now)
            if new is not None and attribute in new:
                self._expect(table, key, int(new[attribute]["N"]))

        table.replace = following  # type: ignore[method-assign]

    def _expect(self, table: Table, key: Key, ttl_s: int) -> None:
        """A record that is to be removed some time. One that comes before others may be as late as those."""
        due_us = round((ttl_s + self._rng.uniform(0, LATE_MAX_S)) * 1_000_000)
        heapq.heappush(self._due, (due_us, table.name, key))
        if not self._waits:
            self._waits = True
            self._service.kernel.spawn("ttl", self._remove)

    def _remove(self) -> None:
        kernel = self._service.kernel
        while self._due:
            due_us, table, key = self._due[0]
            if due_us > kernel.now_us:
                kernel.wait((due_us - kernel.now_us) / 1_000_000)
                continue
            heapq.heappop(self._due)
            self._remove_expired(table, key)
        self._waits = False

    def _remove_expired(self, table: str, key: Key) -> None:
        """As DynamoDB does, it looks once more: the record may be gone, or live longer than it did."""
        service, attribute = self._service, self._attributes[table]
        item = service.database.table(table).items.get(key)
        if item is not None and attribute in item and int(item[attribute]["N"]) * 1_000_000 <= service.kernel.now_us:
            names = [str(part) for part in key]
            service.trace.note("ttl", f"removes {' '.join(names)}")
            service.database.expire(table, *names)
