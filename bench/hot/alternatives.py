"""What one would try first: small, honest implementations of three other designs, on the same busy tables.

Each of them is right (nothing is oversold) and tries as often as this design does; what they lack is what is compared.
"""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from bench.hot.dynamodb import BusyDynamoDB
from bench.hot.functions import Fleet
from bench.hot.judge import Judge
from bench.hot.service import OPEN_SLICES, START_US, Setup, all_tables
from botocore.exceptions import ClientError

from inventory.domain.errors import Conflict, InsufficientStock, Overloaded
from inventory.domain.limits import ATTEMPTS_MAX
from simulated_dynamodb import SimulatedDynamoDB
from simulation.kernel import Kernel
from support.template import table_definitions

_PAUSE_S, _PAUSE_MAX_S = 0.004, 0.4
T = TypeVar("T")
_STOCK, _HOLDS = "StockTable", "HoldsTable"
_ONE = {":one": {"N": "1"}}


class Held(NamedTuple):
    """A hold, and the record that its unit was taken from."""

    id: str
    stock_id: str


class _Short(Exception):
    """The record has nothing left."""


class Alternative:
    """A service of another design. Its executions change the counters at once, so that nothing is left to settle.

    Args:
        setup: What it begins with.
    """

    def __init__(self, setup: Setup) -> None:
        self._draw = random.Random(setup.seed)  # noqa: S311 - repeatable, not secret
        self._setup = setup
        self.kernel = Kernel(START_US)
        self.tables = all_tables()
        self.database = SimulatedDynamoDB(table_definitions().values(), now=lambda: self.kernel.now_us / 1_000_000)
        self.busy = BusyDynamoDB(
            self.kernel,
            self.database,
            kept_s=setup.kept_ms / 1000,
            warmth=setup.warmth,
            draw=self._draw,
            slices=OPEN_SLICES,
        )
        for item, (quantity, shards) in setup.items.items():
            self._receive(item, quantity, shards)
        self.judge = Judge(self.kernel, self.database, self.tables)
        self.judge.follow()
        self.busy.watch = self.judge.written
        self.fleet: Fleet[None] = Fleet(self.kernel, lambda: None, setup.warm_instances)
        self.settled = 0
        self.lags_ms: list[int] = []
        self.reported: Counter[str] = Counter()

    def place(self, item: str) -> Held:
        """A buyer's first request."""
        return self.fleet.serve(lambda _: self._tried(lambda: self._place(item)))

    def execute(self, hold: Held) -> None:
        """The second."""
        self.fleet.serve(lambda _: self._tried(lambda: self._execute(hold)))
        self.settled += 1

    def finish(self) -> None:
        """There is nothing left to do."""

    def _receive(self, item: str, quantity: int, _shards: int) -> None:
        self._put(item, item, quantity)

    def _place(self, item: str) -> Held:
        raise NotImplementedError

    def _execute(self, hold: Held) -> None:
        raise NotImplementedError

    def _put(self, stock_id: str, item: str, quantity: int, **more: Any) -> None:
        record = {"stock_id": {"S": stock_id}, "item_id": {"S": item}, "available": {"N": str(quantity)}, **more}
        self.database.client.put_item(TableName=_STOCK, Item={"held": {"N": "0"}, **record})

    def _tried(self, attempt: Callable[[], T]) -> T:
        """Tries again where another was in the way, with the usual growing, jittered waits."""
        for number in range(ATTEMPTS_MAX):
            try:
                return attempt()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in {"TransactionCanceledException", "TransactionConflictException"}:
                    raise Overloaded(code) from error
            self.kernel.wait(min(_PAUSE_MAX_S, _PAUSE_S * 2**number) * (0.5 + self._draw.random()))
        raise Conflict("Others were faster each time.")

    def _new_id(self) -> str:
        return f"hold_{uuid.UUID(int=self._draw.getrandbits(128), version=4).hex}"

    def _take(self, stock_id: str) -> Held:
        """A new hold and its unit, in one transaction."""
        hold = Held(self._new_id(), stock_id)
        record = {"hold_id": {"S": hold.id}, "status": {"S": "active"}, "stock_id": {"S": stock_id}}
        change = _change("SET available = available - :one, held = held + :one", "available >= :one", _ONE)
        try:
            self.busy.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": _HOLDS,
                            "Item": record,
                            "ConditionExpression": "attribute_not_exists(hold_id)",
                        }
                    },
                    {"Update": {"TableName": _STOCK, "Key": {"stock_id": {"S": stock_id}}, **change}},
                ]
            )
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            if any(reason["Code"] == "ConditionalCheckFailed" for reason in reasons):
                raise _Short from error
            raise
        return hold

    def _resolve(self, hold: Held) -> None:
        """The hold ends and its unit is gone, in one transaction."""
        ends = _change(
            "SET #status = :executed",
            "#status = :active",
            {":executed": {"S": "executed"}, ":active": {"S": "active"}},
            {"#status": "status"},
        )
        leaves = _change("SET held = held - :one", "held >= :one", _ONE)
        self.busy.transact_write_items(
            TransactItems=[
                {"Update": {"TableName": _HOLDS, "Key": {"hold_id": {"S": hold.id}}, **ends}},
                {"Update": {"TableName": _STOCK, "Key": {"stock_id": {"S": hold.stock_id}}, **leaves}},
            ]
        )


class OneCounter(Alternative):
    """One record counts an item; each hold is a record of its own."""

    def _place(self, item: str) -> Held:
        try:
            return self._take(item)
        except _Short:
            raise InsufficientStock(item, None, 1, 0) from None

    def _execute(self, hold: Held) -> None:
        self._resolve(hold)


class StaticShards(Alternative):
    """A fixed number of shards, one of which is picked by chance, and another where it is empty. No hints."""

    def _receive(self, item: str, quantity: int, _shards: int) -> None:
        for number in range(_shards):
            share = quantity // _shards + (number < quantity % _shards)
            self._put(f"{item}#{number}", item, share)

    def _place(self, item: str) -> Held:
        shards = self._setup.items[item][1]
        for number in self._draw.sample(range(shards), shards):
            try:
                return self._take(f"{item}#{number}")
            except _Short:
                continue
        raise InsufficientStock(item, None, 1, 0)

    def _execute(self, hold: Held) -> None:
        self._resolve(hold)


class NestedHolds(Alternative):
    """The holds of an item are a map within its record: single writes, no transactions, and a record that grows."""

    def _receive(self, item: str, quantity: int, _shards: int) -> None:
        self._put(item, item, quantity, holds={"M": {}})

    def _place(self, item: str) -> Held:
        hold = Held(self._new_id(), item)
        told = {"M": {"quantity": {"N": "1"}, "expires_at": {"N": str(self.kernel.now_us // 1000 + 900_000)}}}
        change = _change(
            "SET available = available - :one, held = held + :one, holds.#hold = :hold",
            "available >= :one",
            {**_ONE, ":hold": told},
            {"#hold": hold.id},
        )
        try:
            self.busy.update_item(TableName=_STOCK, Key={"stock_id": {"S": item}}, **change)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise InsufficientStock(item, None, 1, 0) from error
            raise
        return hold

    def _execute(self, hold: Held) -> None:
        change = _change(
            "SET held = held - :one REMOVE holds.#hold", "attribute_exists(holds.#hold)", _ONE, {"#hold": hold.id}
        )
        self.busy.update_item(TableName=_STOCK, Key={"stock_id": {"S": hold.stock_id}}, **change)


def _change(
    update: str, condition: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": dict(values),
        **({"ExpressionAttributeNames": dict(names)} if names else {}),
    }
