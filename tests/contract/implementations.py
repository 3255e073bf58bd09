"""The implementations that the suite runs over, each as a client and a way to read streams."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
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

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 20.0
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


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


@contextmanager
def started_emulator() -> Iterator[str]:
    """An emulator for as long as it is needed, with nothing in it; gives its address."""
    installed = _ROOT / ".venvs" / "emulator" / "bin" / "ministack"
    program = str(installed) if installed.is_file() else shutil.which("ministack")
    if program is None:
        pytest.skip("the emulator is not installed (make setup), and none is running")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    endpoint = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        process = subprocess.Popen([program], cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603
        try:
            until = time.monotonic() + _START_SECONDS
            while not _answers(endpoint):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"the emulator did not start:\n{(Path(folder) / 'log').read_text()[-2000:]}")
                time.sleep(0.1)
            yield endpoint
        finally:
            process.terminate()
            process.wait(timeout=20)
