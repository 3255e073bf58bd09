"""The implementations that the suite runs over, each as a client and a way to read streams."""

import contextlib
import os
import socket
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import boto3
import pytest
from botocore.config import Config

from contract import tables
from contract.world import ReadStream, World
from simulated_dynamodb import SimulatedDynamoDB
from stack import emulator as process
from stack.place import Place

_CONFIG = Config(max_pool_connections=32, connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 2})

# Makes the tables that it is given and removes them in the end; names may not be used twice.
MakeWorld: TypeAlias = Callable[[], contextlib.AbstractContextManager[World]]


def _definitions() -> dict[str, dict[str, Any]]:
    run = uuid.uuid4().hex[:12]
    makers = {"stock": tables.stock, "holds": tables.holds, "availability": tables.availability}
    return {role: make(f"contract-{role}-{run}") for role, make in makers.items()}


@contextmanager
def simulated() -> Iterator[World]:
    definitions = _definitions()
    database = SimulatedDynamoDB(definitions.values())
    seen: dict[str, list[dict[str, Any]]] = {}

    def read_stream(table: str) -> list[dict[str, Any]]:
        records = seen.setdefault(table, [])
        records.extend(database.stream(table).drain())
        return list(records)

    yield World(database.client, read_stream=read_stream, **_names(definitions))


def served(dynamodb: Any, streams: Any) -> MakeWorld:
    """Worlds behind two boto3 clients."""

    @contextmanager
    def world() -> Iterator[World]:
        definitions = _definitions()
        for definition in definitions.values():
            dynamodb.create_table(**definition)
        waiter = dynamodb.get_waiter("table_exists")
        for name in _names(definitions).values():
            waiter.wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        try:
            yield World(dynamodb, read_stream=_reader(dynamodb, streams), **_names(definitions))
        finally:
            for name in _names(definitions).values():
                dynamodb.delete_table(TableName=name)

    return world


def _names(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {role: definition["TableName"] for role, definition in definitions.items()}


def _reader(dynamodb: Any, streams: Any) -> ReadStream:
    def read(table: str) -> list[dict[str, Any]]:
        arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        records: list[dict[str, Any]] = []
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator: str | None = streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                page = streams.get_records(ShardIterator=iterator)
                records += page["Records"]
                iterator = page.get("NextShardIterator") if page["Records"] else None
        return records

    return read


def clients(endpoint: str | None) -> tuple[Any, Any]:
    return (
        boto3.client("dynamodb", endpoint_url=endpoint, config=_CONFIG),
        boto3.client("dynamodbstreams", endpoint_url=endpoint, config=_CONFIG),
    )


@contextmanager
def moto() -> Iterator[MakeWorld]:
    """moto in this process, with one lock around its calls: it has none around DynamoDB and loses updates."""
    from moto import mock_aws
    from moto.core.botocore_stubber import BotocoreStubber

    lock = threading.RLock()
    unlocked = BotocoreStubber.__call__

    def one_at_a_time(self: BotocoreStubber, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return unlocked(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr(BotocoreStubber, "__call__", one_at_a_time)
        # New boto3 puts the account into the streams' host name, where moto does not look.
        patch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
        yield served(*clients(None))


@contextmanager
def emulator() -> Iterator[MakeWorld]:
    """The embedded emulator: the one at `INVENTORY_TEST_ENDPOINT`, or else one of this session's own.

    Not the local stack's: that one lets only the stack's own roles in, and is busy with other tests.
    """
    running = os.environ.get("INVENTORY_TEST_ENDPOINT")
    with contextlib.nullcontext(running) if running else started_emulator() as endpoint:
        yield served(*clients(endpoint))


@contextmanager
def started_emulator() -> Iterator[str]:
    """An emulator for as long as it is needed, with nothing in it; gives its address."""
    if not process.PYTHON.is_file():
        pytest.skip("the emulator is not installed (make setup), and none is running")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), port)
        try:
            process.ensure_running(place)
            yield place.endpoint
        finally:
            process.stop(place)
