"""A copy of the tables that is behind: what may answer an eventually consistent read, or a query of an index."""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from .client import SimulatedClient, SimulatedDynamoDB
from .tables import Key, Table
from .values import Item


class _Written(NamedTuple):
    when: float
    table: str
    key: Key
    item: Item | None


class Replica:
    """Follows a database from now on, as late as it is told to.

    Args:
        database: The database, without any record yet.
        now: The time, in seconds since 1970.
    """

    def __init__(self, database: SimulatedDynamoDB, now: Callable[[], float]) -> None:
        self._now = now
        self._copy = SimulatedDynamoDB(database.definitions, now=now)
        self._behind: deque[_Written] = deque()
        for table in database.tables:
            self._follow(table)

    def _follow(self, table: Table) -> None:
        replace = table.replace

        def following(key: Key, new: Item | None, now: float) -> None:
            replace(key, new, now)
            self._behind.append(_Written(now, table.name, key, new))

        table.replace = following  # type: ignore[method-assign]

    def as_of(self, instant: float) -> SimulatedClient:
        """A client whose reads see what was written up to this instant, in seconds since 1970, or later."""
        while self._behind and self._behind[0].when <= instant:
            written = self._behind.popleft()
            self._copy.table(written.table).replace(written.key, written.item, written.when)
        return self._copy.client


def is_eventual(operation: str, request: dict[str, Any]) -> bool:
    """Whether a request may be answered with what was."""
    if operation == "BatchGetItem":
        return not any(of_table.get("ConsistentRead") for of_table in request["RequestItems"].values())
    return operation in {"GetItem", "Query", "Scan"} and not request.get("ConsistentRead")
