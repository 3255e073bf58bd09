"""The protocol's key cases, the same over the simulated tables and over moto: what the one allows, so does the other.

One caller at a time, with the real clock. What becomes of faults and of others in between is shown in `tests/unit`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, IdempotencyKeyMismatch, InsufficientStock, InvalidRequest
from inventory.domain.holds import Hold, Status, Take
from inventory.domain.ids import Requester, fingerprint
from inventory.protocol.adjust import adjust
from inventory.protocol.core import Answer, Core
from inventory.protocol.count import count
from inventory.protocol.extend import extend
from inventory.protocol.holds_view import get_hold, list_holds
from inventory.protocol.place import place
from inventory.protocol.project import news_of, project
from inventory.protocol.resolve import execute, expire, release
from inventory.protocol.settle import settle
from inventory.protocol.split import split
from inventory.protocol.stock_view import list_in_stock, read_stock, read_stocks
from inventory.protocol.sweep import sweep
from inventory.protocol.transfer import transfer
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import hold_from
from inventory.storage.tables import Tables
from inventory.wiring import core_with, now_ms
from simulated_dynamodb import SimulatedDynamoDB
from support.template import table_definitions

# The clock is real: what has to be done before a hold expires fails on a machine that stands still for so long.
EXTENDED_WITHIN_S = 5


@dataclass
class Shop:
    """The service over one implementation, asked by one caller."""

    client: Any
    requests: int = 0
    core: Core = field(init=False)

    def __post_init__(self) -> None:
        names = {variable: definition["TableName"] for variable, definition in table_definitions().items()}
        tables = Tables(
            stock=names["STOCK_TABLE"],
            holds=names["HOLDS_TABLE"],
            adjustments=names["ADJUSTMENTS_TABLE"],
            requests=names["REQUESTS_TABLE"],
            availability=names["AVAILABILITY_TABLE"],
        )
        self.core = core_with(self.client, tables, open_slices=2, report=lambda _name, _value: None)

    def by(self, key: str | None = None, parameters: object = None) -> Requester:
        self.requests += 1
        return Requester("acct", "key_1", f"req-{self.requests}", fingerprint(parameters), "POST", "/v1/x", key)

    def receive(self, item: str, quantity: int, warehouse: str = "W1") -> None:
        adjust(self.core, AdjustmentRequest(item, warehouse, "received", self.by()), quantity)
        self.project()

    def place(self, *wants: Want, key: str | None = None, expires_in_s: int = 900) -> Answer[Hold]:
        by = self.by(key, [[want.item, want.quantity] for want in wants])
        return place(self.core, wants, expires_in_s=expires_in_s, metadata={"order": "7"}, by=by)

    def count(self, item: str, counted: int) -> int:
        made = count(self.core, AdjustmentRequest(item, "W1", "counted", self.by()), counted)
        return made.value.quantity

    def settle(self) -> int:
        holds = map(hold_from, self.records(self.core.tables.holds))
        return settle(self.core, holds, until_ms=self.core.clock.now() + 10_000).settled

    def project(self) -> None:
        project(self.core, news_of((None, record) for record in self.records(self.core.tables.stock)))

    def records(self, table: str) -> list[Record]:
        return [decode(item) for item in self.client.scan(TableName=table)["Items"]]

    def stock(self, item: str) -> tuple[int, int]:
        seen = read_stock(self.core, item, consistent=True)
        return seen.available, seen.held


def _simulated() -> Iterator[Any]:
    yield SimulatedDynamoDB(table_definitions().values()).client


def _moto() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb")
        for definition in table_definitions().values():
            client.create_table(**definition)
        yield client


@pytest.fixture(params=[_simulated, _moto], ids=["simulated", "moto"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    for client in request.param():
        yield Shop(client)


def test_a_sale_from_receipt_to_settlement(shop: Shop) -> None:
    shop.receive("A", 5)
    hold = shop.place(Want("A", "W1", 2)).value
    assert shop.stock("A") == (3, 2)
    assert execute(shop.core, hold.id, None, by=shop.by()).value.status is Status.EXECUTED
    assert (shop.settle(), shop.settle()) == (1, 0)
    assert shop.stock("A") == (3, 0)
    settled = get_hold(shop.core, hold.id)
    assert settled.settlement is not None
    assert dict(settled.metadata) == {"order": "7"}


def test_a_sale_in_part_and_a_release_give_the_rest_back(shop: Shop) -> None:
    shop.receive("A", 6)
    sold, left = (shop.place(Want("A", "W1", 3)).value for _ in range(2))
    execute(shop.core, sold.id, [Take("A", "W1", 1)], by=shop.by())
    release(shop.core, left.id, by=shop.by())
    with pytest.raises(InvalidRequest):
        execute(shop.core, left.id, None, by=shop.by())
    assert shop.settle() == 2
    assert shop.stock("A") == (5, 0)


def test_the_last_unit_is_sold_once_and_to_the_same_request_again(shop: Shop) -> None:
    shop.receive("A", 1)
    first = shop.place(Want("A", "W1", 1), key="k")
    again = shop.place(Want("A", "W1", 1), key="k")
    assert (again.replayed, again.value.id) == (True, first.value.id)
    with pytest.raises(InsufficientStock):
        shop.place(Want("A", "W1", 1))
    with pytest.raises(IdempotencyKeyMismatch):
        shop.place(Want("A", "W1", 2), key="k")


def test_a_cart_is_held_whole_or_not_at_all(shop: Shop) -> None:
    shop.receive("A", 2)
    shop.receive("B", 1, "W2")
    with pytest.raises(InsufficientStock):
        shop.place(Want("A", "W1", 1), Want("B", "W2", 2))
    assert shop.stock("A") == (2, 0)
    assert len(shop.place(Want("A", None, 2), Want("B", "W2", 1)).value.lines) == 2


def test_a_hold_expires_at_its_time_and_an_extended_one_later(shop: Shop) -> None:
    shop.receive("A", 2)
    short, longer = (shop.place(Want("A", "W1", 1), expires_in_s=EXTENDED_WITHIN_S).value for _ in range(2))
    extend(shop.core, longer.id, expires_in_s=60, metadata={"order": ""}, by=shop.by("e"))
    assert expire(shop.core, short.id) is None
    time.sleep(max(0, max(short.expires_at, longer.expires_at) - now_ms()) / 1000)
    swept = sweep(shop.core, until_ms=now_ms() + 10_000)
    assert (swept.expired, swept.finished) == (1, True)
    [active] = list_holds(shop.core, limit=10, starting_after=None).items
    assert (active.id, dict(active.metadata)) == (longer.id, {})
    assert extend(shop.core, longer.id, expires_in_s=60, metadata={"order": ""}, by=shop.by("e")).replayed


def test_counts_and_transfers_move_what_they_say(shop: Shop) -> None:
    shop.receive("A", 5)
    shop.place(Want("A", "W1", 1))
    assert shop.count("A", 4) == -1
    with pytest.raises(InvalidRequest):
        shop.count("A", 0)
    transfer(shop.core, "A", "W1", "W2", 2, reference=None, metadata={}, by=shop.by())
    with pytest.raises(InsufficientStock):
        transfer(shop.core, "A", "W1", "W2", 2, reference=None, metadata={}, by=shop.by())
    stock = read_stock(shop.core, "A", consistent=True)
    assert [(each.warehouse, each.available, each.held) for each in stock.warehouses] == [("W1", 1, 1), ("W2", 2, 0)]


def test_stock_spreads_over_shards_and_comes_together_again(shop: Shop) -> None:
    shop.receive("A", 6)
    split(shop.core, "A", "W1", 3, by=shop.by())
    shop.project()
    hold = shop.place(Want("A", "W1", 5)).value
    assert len(hold.lines[0].drawn) == 3
    with pytest.raises(Conflict):
        split(shop.core, "A", "W1", 1, by=shop.by())
    release(shop.core, hold.id, by=shop.by())
    shop.settle()
    assert split(shop.core, "A", "W1", 1, by=shop.by()).value.warehouses[0].shards == 1
    assert shop.stock("A") == (6, 0)


def test_readers_see_what_was_projected(shop: Shop) -> None:
    shop.receive("A", 2)
    shop.receive("B", 1)
    shop.place(Want("B", "W1", 1))
    shop.project()
    shop.project()
    assert [(stock.item, stock.available) for stock in read_stocks(shop.core, ["B", "A", "C"])] == [("B", 0), ("A", 2)]
    assert [stock.item for stock in list_in_stock(shop.core, "W1", limit=5, starting_after=None).items] == ["A"]
