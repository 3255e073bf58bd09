"""Names in the bucket that nobody gives: an audit names them, and reads or writes nothing by them."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from inventory.adapters.objects import S3Objects
from inventory.audit.buckets import read_objects
from inventory.audit.listing import cut_folder
from inventory.audit.plan import AuditPlan, Depth
from inventory.history.plan import Mode, make_plan, read_task
from inventory.proof.names import is_plain

HOUR = "archive/stock/dt=2026-11-22/hour=18/"
GOOD = f"{HOUR}0123456789abcdef-1-2.jsonl.gz"
STRANGE = [
    HOUR,
    "archive/stock/dt=2026-11-22/",
    f"{HOUR}a/b",
    f"{HOUR}{'x' * 300}",
    f"{HOUR}../../../../../escaped",
    f"{HOUR}[0]123456789abcdef-1-2.jsonl.gz",
    "archive/stock/dt=2026-11-22/0-1-2.jsonl.gz",
    f"{HOUR}zz.txt",
    f"{HOUR}0123456789abcdef-1-2.jsonl",
    f"{HOUR}0123456789abcde-1-2.jsonl.gz",
    f"{HOUR}0123456789abcdeg-1-2.jsonl.gz",
    f"{HOUR}0123456789abcdef-1.jsonl.gz",
    f"{HOUR}0123456789abcdef-1-x.jsonl.gz",
    f"{HOUR}0123456789abcdef-1-{'2' * 65}.jsonl.gz",
    "archive/stock/dt=2026-11-22/hour=99/0123456789abcdef-1-2.jsonl.gz",
    "archive/stock/dt=2026-11-22/hour=1/0123456789abcdef-1-2.jsonl.gz",
]


def bucket_of(*keys: str) -> S3Objects:
    """A bucket in moto: unlike a folder it takes every name."""
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="history")
    for key in keys:
        s3.put_object(Bucket="history", Key=key, Body=gzip.compress(b""))
    return S3Objects(s3, "history")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def test_an_audit_names_each_and_writes_nothing_elsewhere(tmp_path: Path) -> None:
    bucket = bucket_of(GOOD, *STRANGE)
    work = tmp_path / "a" / "b" / "c" / "work"
    work.mkdir(parents=True)
    plan = AuditPlan("audit_x", 0, Depth.FULL)
    [keys] = cut_folder(bucket, "archive/stock/dt=2026-11-22/")
    [check] = read_objects(bucket, plan, 0, keys, work).checks
    assert check.looked_at == 1 + len(STRANGE)
    assert sorted(finding.path or "" for finding in check.findings) == sorted(STRANGE)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [work / GOOD]


def test_a_snapshot_passes_over_them() -> None:
    bucket = bucket_of(GOOD, *STRANGE)
    plan = make_plan(bucket, as_of_ms=1_800_000_000_000, mode=Mode.REBUILD, now_ms=2_000_000_000_000, buckets=1)
    assert [[each.key for each in read_task(bucket, task)] for task in plan.tasks] == [[GOOD]]


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "2026-13-41", "0000-01-01", "20261-1-1"])
def test_a_day_that_there_is_not_is_passed_over_and_named(day: str) -> None:
    key = f"archive/stock/dt={day}/hour=18/0123456789abcdef-1-2.jsonl.gz"
    assert not is_plain(key)
    bucket = bucket_of(GOOD, key)
    plan = make_plan(bucket, as_of_ms=1_800_000_000_000, mode=Mode.REBUILD, now_ms=2_000_000_000_000, buckets=1)
    assert [[each.key for each in read_task(bucket, task)] for task in plan.tasks] == [[GOOD]]
