"""Snapshots of the deployed stack, made by its own state machine while it sells."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from botocore.exceptions import ClientError

from inventory.adapters.objects import S3Objects
from inventory.adapters.signing import KmsSigner, KmsVerifier
from inventory.history.layout import audit_after, audit_path, listed_path, published_path
from inventory.history.manifest import Manifest, head_number, read_manifest
from inventory.history.plan import Mode
from stack.place import LOCAL_CREDENTIALS
from stack.state import Stack
from support.shop import Shop, done, line, new_prefix, wait_until
from support.workflow import Workflow

pytestmark = pytest.mark.timeout(600)

_RUN_S_MAX = 150
_KILLS_MAX = 5
#: Every state of an execution that does something, in order: so each begins with what the one before has left. What a
#: function was doing at the end of its execution it may still do.
_KILLED_AT = (
    "Finish", "Begin", "Scan", "Plan", "Map", "ReduceHolds", "ReduceItems", "SealBuckets", "Seal", "Commit", "Audit",
)  # fmt: skip
_GRACE_S = 20
_RECEIVED = 10_000


class Machine:
    """The stack's state machine and the bucket that it writes."""

    def __init__(self, stack: Stack) -> None:
        how: dict[str, Any] = {
            "endpoint_url": stack.aws_endpoint_url,
            "region_name": stack.region,
            "aws_access_key_id": LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        }
        self._steps = boto3.client("stepfunctions", **how)
        self._glue = boto3.client("glue", **how)
        self._machine = stack.outputs["SnapshotMachine"]
        self._database = stack.outputs["HistoryDatabase"]
        self.s3 = boto3.client("s3", **how)
        self.bucket = stack.outputs["HistoryBucket"]
        self.objects = S3Objects(self.s3, self.bucket)
        kms, key = boto3.client("kms", **how), stack.outputs["ManifestKey"]
        self.signer = KmsSigner(kms, key)
        self.verifier = KmsVerifier(kms, [key])

    def start(self, as_of_ms: int, mode: Mode = Mode.INCREMENT) -> str:
        """Starts an execution as the schedules do, and gives its ARN."""
        words = json.dumps({"as_of_ms": as_of_ms, "align_ms": 1000, "mode": mode})
        return str(self._steps.start_execution(stateMachineArn=self._machine, input=words)["executionArn"])

    def kill(self, as_of_ms: int, state: str) -> None:
        """Starts executions until one is stopped as soon as it has entered a state.

        A state may last for a fraction of a second: an execution whose last one it is can have ended before.
        """
        for _ in range(_KILLS_MAX):
            execution = self.start(as_of_ms)
            deadline = time.monotonic() + _RUN_S_MAX
            while state not in self.entered(execution):
                assert time.monotonic() < deadline, f"{state} is not entered"
            with suppress(self._steps.exceptions.ValidationException):  # it has ended meanwhile
                self._steps.stop_execution(executionArn=execution, cause="a test")
            if self._steps.describe_execution(executionArn=execution)["status"] == "ABORTED":
                return
        pytest.fail(f"no execution could be stopped in {state}")

    def entered(self, execution: str) -> list[str]:
        """The states that an execution has entered, in order."""
        pages = self._steps.get_paginator("get_execution_history").paginate(executionArn=execution)
        told = [event.get("stateEnteredEventDetails") for page in pages for event in page["events"]]
        return [each["name"] for each in told if each]

    def succeed(self, execution: str) -> None:
        """Waits for an execution's end, which must be a good one."""

        def over() -> Any:
            told = self._steps.describe_execution(executionArn=execution)
            return None if told["status"] == "RUNNING" else told

        told = wait_until(over, _RUN_S_MAX, "the snapshot's end")
        assert told["status"] == "SUCCEEDED", (told, self.entered(execution))

    def manifest(self, as_of_ms: int) -> Manifest:
        """The one manifest of an instant."""
        chain = (read_manifest(self.objects, number) for number in range(1, head_number(self.objects) + 1))
        (found,) = [each for each in chain if each.as_of_ms == as_of_ms]
        return found

    def partitions(self, table: str) -> list[str]:
        """The instants that a table has."""
        found = self._glue.get_partitions(DatabaseName=self._database, TableName=table)["Partitions"]
        return [partition["Values"][0] for partition in found]

    def copy(self, folder: Path, until: int) -> None:
        """Brings archive and snapshots into a folder, the chain up to a manifest."""
        keys = [stored.key for prefix in ("archive/", "snapshots/", "state/") for stored in self.objects.list(prefix)]
        for number in range(1, until + 1):
            as_of_ms = read_manifest(self.objects, number).as_of_ms
            keys += [f"manifests/{number:08d}.json", published_path(number), listed_path(as_of_ms)]
        for key in keys:
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: self.objects.download(key, folder / key), keys))


@pytest.fixture(scope="module")
def machine(stack: Stack) -> Machine:
    return Machine(stack)


@pytest.fixture(scope="module")
def sold(stack: Stack) -> Iterator[str]:
    """An item of which holds are placed, and executed or released, for as long as the tests run."""
    shop = Shop(stack.api_url, stack.api_key, new_prefix())
    item = shop.item("sold")
    shop.receive(item, _RECEIVED)
    over = threading.Event()

    def sell(number: int) -> None:
        while not over.is_set():
            hold = done(shop.place(line(item, 1 + number)))
            done((shop.execute, shop.release)[number](hold))
            time.sleep(0.5)

    with ThreadPoolExecutor(2) as pool:
        selling = [pool.submit(sell, number) for number in range(2)]
        try:
            yield item
        finally:
            over.set()
        for each in selling:
            each.result()
    shop.http.close()


@pytest.fixture(scope="module")
def instants(sold: str) -> tuple[int, int]:
    """Two instants with sales before, between and after, both a grace ago."""
    time.sleep(2)
    first_ms = (int(time.time()) + 1) * 1000
    second_ms = first_ms + 2000
    time.sleep(second_ms / 1000 - time.time() + _GRACE_S)
    return first_ms, second_ms


def test_two_executions_of_one_instant_at_once_make_one_snapshot(
    machine: Machine, instants: tuple[int, int], sold: str, tmp_path: Path
) -> None:
    first_ms, _ = instants
    for execution in [machine.start(first_ms), machine.start(first_ms)]:
        machine.succeed(execution)
    check_books(machine, machine.manifest(first_ms), sold, tmp_path)


def test_an_execution_killed_at_any_state_and_started_again_ends_with_the_bytes_of_an_undisturbed_one(
    machine: Machine, instants: tuple[int, int], sold: str, tmp_path: Path
) -> None:
    first_ms, second_ms = instants
    machine.succeed(machine.start(first_ms))  # where it is there already, nothing happens
    for state in _KILLED_AT:
        machine.kill(second_ms, state)
    last = machine.start(second_ms)
    machine.succeed(last)
    manifest = machine.manifest(second_ms)
    check_books(machine, manifest, sold, tmp_path / "rows")
    assert manifest.body["ledger_from_ms"] == first_ms, "an increment"

    machine.copy(tmp_path / "bucket", until=manifest.number - 1)
    undisturbed = Workflow(tmp_path / "bucket", machine.signer)
    undisturbed.verifier = machine.verifier
    undisturbed.now_ms = second_ms + 60_000
    reduced = undisturbed.reduced(undisturbed.begin(second_ms))
    undisturbed.conclude({"step": "commit", "run": reduced["run"]})
    assert undisturbed.head().content == manifest.content
    for file in manifest.files:
        assert undisturbed.objects.read(file.path) == machine.objects.read(file.path)


def test_a_rebuild_from_the_first_event_makes_the_bytes_of_the_increment(
    machine: Machine, instants: tuple[int, int]
) -> None:
    """Commit compares every file's hash, and fails where one differs. An audit from the first event follows."""
    _, second_ms = instants
    before = machine.manifest(second_ms).content
    rebuild = machine.start(second_ms, Mode.REBUILD)
    machine.succeed(rebuild)
    assert "Commit" in machine.entered(rebuild), "it did the work again"
    assert machine.manifest(second_ms).content == before
    published = json.loads(machine.objects.read(listed_path(second_ms)))
    result = audit_path(audit_after(second_ms, published["created_ms"], full=True))
    wait_until(lambda: list(machine.objects.list(result)), _RUN_S_MAX, "the audit is done")
    assert json.loads(machine.objects.read(result))["depth"] == "full"


def test_what_is_archived_cannot_be_removed_before_its_time(machine: Machine, sold: str) -> None:
    stored, *_ = wait_until(lambda: list(machine.objects.list("archive/adjustments/")), 20, "an archived object")
    versions = machine.s3.list_object_versions(Bucket=machine.bucket, Prefix=stored.key)["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        machine.s3.delete_object(Bucket=machine.bucket, Key=stored.key, VersionId=versions[0]["VersionId"])
    assert machine.objects.read(stored.key)


def check_books(machine: Machine, manifest: Manifest, sold: str, folder: Path) -> None:
    """The books balance in every row, the files are in their places, and the tables know of them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [file.path for file in manifest.files if file.path.startswith("snapshots/")]
    for number, path in enumerate(files):
        machine.objects.download(path, folder / f"{number}.parquet")
    found = duckdb.execute(
        f"SELECT item_id, on_hand, adjusted, executed, held, holding FROM read_parquet('{folder}/*.parquet')"
    ).fetchall()
    for item, on_hand, adjusted, executed, held, holding in found:
        assert on_hand == adjusted - executed, f"stock_conserved: {item}"
        assert held == holding, f"held_matches_holds: {item}"
    ((adjusted, executed),) = [(row[2], row[3]) for row in found if row[0] == sold]
    assert adjusted == _RECEIVED
    assert 0 < executed < _RECEIVED
    assert all(manifest.body["as_of"] in machine.partitions(table) for table in ("snapshots", "holds", "ledger"))
