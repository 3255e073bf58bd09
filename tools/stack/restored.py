"""After a restore (docs/runbook.md): a stack's own table is made equal to a restored copy, and Availability made anew.

The stack's tables stay, so that names, streams, TTL and policies do: a restored table comes with none of them.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from inventory.protocol.core import Core
from inventory.protocol.project import news_of, project
from inventory.settings import Settings
from inventory.storage.codec import Record, decode
from inventory.wiring import core_from
from stack.console import StackError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Differences:
    """What a live table needs to be as the restored one is.

    Attributes:
        surplus: Keys of records that the restored table lacks.
        other: Keys of records that it has and the live one lacks, or has with another content.
    """

    surplus: frozenset[Key]
    other: frozenset[Key]


def compare(live: "Table", restored: "Table") -> Differences:
    """Reads both tables whole, and keeps some 200 bytes of each restored record."""
    other = {_key(live, record): _digest(record) for record in _records(restored)}
    surplus = set()
    for record in _records(live):
        key = _key(live, record)
        if key not in other:
            surplus.add(key)
        elif other[key] == _digest(record):
            del other[key]
    return Differences(frozenset(surplus), frozenset(other))


def copy(live: "Table", restored: "Table", differences: Differences) -> None:
    """Deletes and writes in the live table what differs. May be done again: it ends in the same."""
    with live.batch_writer() as batch:
        for key in differences.surplus:
            batch.delete_item(Key=dict(zip(_key_names(live), key, strict=True)))
        for record in _records(restored):
            if _key(live, record) in differences.other:
                batch.put_item(Item=record)


def project_anew(stock: "Table", availability: "Table") -> int:
    """Makes Availability of the Stock table as it is now, and gives the number of records written.

    A record of it gives way to higher revisions only, so what was folded before the restore would stay for long.
    Nothing may write to either table meanwhile.
    """
    with availability.batch_writer() as batch:
        for record in _records(availability):
            batch.delete_item(Key={name: record[name] for name in _key_names(availability)})
    core: Core = core_from(Settings(stock_table=stock.name, availability_table=availability.name))
    pages = stock.meta.client.get_paginator("scan").paginate(TableName=stock.name, ConsistentRead=True)
    return sum(project(core, news_of((None, _whole(record)) for record in page["Items"])).written for page in pages)


@contextmanager
def refusals_told(what: str) -> Iterator[None]:
    """Says in one line what cannot be used, and why.

    Raises:
        StackError: AWS refused a call, or could not be asked.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"{what} cannot be used: {error}") from None


def tables(*names: str) -> list["Table"]:
    """Tables by name, with the caller's own credentials and region.

    Raises:
        StackError: One of them is not there, or not the caller's to see.
    """
    found = []
    for name in names:
        with refusals_told(f"The table {name}"):
            table = boto3.resource("dynamodb").Table(name)
            table.load()
        found.append(table)
    return found


def _records(table: "Table") -> Iterator[dict[str, Any]]:
    for page in table.meta.client.get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True):
        yield from page["Items"]


def _key_names(table: "Table") -> list[str]:
    return [each["AttributeName"] for each in table.key_schema]


def _key(table: "Table", record: dict[str, Any]) -> Key:
    return tuple(record[name] for name in _key_names(table))


def _digest(record: dict[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).digest()


def _whole(record: dict[str, Any]) -> Record:
    """Of the resource's decimals the whole numbers that the service works with."""
    return decode(TypeSerializer().serialize(record)["M"])
