"""What a contract test sees: a client, three empty tables, and what their streams say."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

Image = dict[str, Any]
ReadStream = Callable[[str], list[dict[str, Any]]]

_STREAM_WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class World:
    """One implementation with tables of its own for one test.

    Args:
        client: A boto3 low-level client, or what stands for one.
        stock: The name of a table with the key stock_id.
        holds: The name of a table with the key hold_id, and the index open_holds (open, due).
        availability: The name of a table with the key item_id, warehouse_id, and the index in_stock (in_stock,
            item_id).
        read_stream: Everything in a table's stream since the test began.
    """

    client: Any
    stock: str
    holds: str
    availability: str
    read_stream: ReadStream

    def put_shard(self, stock_id: str = "a", /, **attributes: Any) -> Image:
        item = record(stock_id=stock_id, **{"available": 5, "held": 0, "rev": 1, "at": 100, **attributes})
        self.client.put_item(TableName=self.stock, Item=item)
        return item

    def shard(self, stock_id: str = "a") -> Image | None:
        found = self.client.get_item(TableName=self.stock, Key=record(stock_id=stock_id), ConsistentRead=True)
        item: Image | None = found.get("Item")
        return item

    def update_shard(self, update: str, stock_id: str = "a", /, **request: Any) -> dict[str, Any]:
        arguments = {"TableName": self.stock, "Key": record(stock_id=stock_id), "UpdateExpression": update, **request}
        answer: dict[str, Any] = self.client.update_item(**arguments)
        return answer

    def put_hold(self, hold_id: str, /, **attributes: Any) -> Image:
        item = record(hold_id=hold_id, **attributes)
        self.client.put_item(TableName=self.holds, Item=item)
        return item

    def transact(self, *entries: Mapping[str, Any], **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.transact_write_items(TransactItems=list(entries), **request)
        return answer

    def stream(self, table: str, count: int) -> list[dict[str, Any]]:
        """The table's first records, when there are at least `count`; fewer, if no more come in time."""
        until = time.monotonic() + _STREAM_WAIT_SECONDS
        records: list[dict[str, Any]] = []
        while len(records) < count and time.monotonic() < until:
            records = self.read_stream(table)
        return records


def record(**attributes: object) -> Image:
    """An item from text, integers, booleans, dicts, lists and sets of text; attribute values stay as they are."""
    return {name: value(each) for name, each in attributes.items()}


def values(**named: object) -> Image:
    """`ExpressionAttributeValues` from plain values."""
    return {f":{name}": value(each) for name, each in named.items()}


def value(plain: object) -> Image:
    """An attribute value from a plain one."""
    return _VALUES[type(plain)](plain)


def _map_or_value(plain: dict[str, Any]) -> Image:
    is_attribute_value = len(plain) == 1 and next(iter(plain)).isupper()
    return plain if is_attribute_value else {"M": record(**plain)}


_VALUES: dict[type, Callable[[Any], Image]] = {
    str: lambda plain: {"S": plain},
    int: lambda plain: {"N": str(plain)},
    bool: lambda plain: {"BOOL": plain},
    set: lambda plain: {"SS": sorted(plain)},
    list: lambda plain: {"L": [value(each) for each in plain]},
    dict: _map_or_value,
}


@contextmanager
def refused(code: str) -> Iterator[dict[str, Any]]:
    """Expects a ClientError of this code, and gives its response once it was raised."""
    response: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield response
    response |= caught.value.response
    assert response["Error"]["Code"] == code


@contextmanager
def cancelled(*codes: str) -> Iterator[list[dict[str, Any]]]:
    """Expects a cancelled transaction with a reason of these codes for each write, in order, and gives the reasons."""
    reasons: list[dict[str, Any]] = []
    with refused("TransactionCanceledException") as response:
        yield reasons
    reasons += response["CancellationReasons"]
    assert tuple(reason["Code"] for reason in reasons) == codes
