"""A copy of the bucket on this machine: all that verification needs, read and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: What proves the history; what tasks hand to each other (`partials/`) proves nothing.
PREFIXES: Final = ("manifests/", "keys/", "archive/", "snapshots/", "holds/", "ledger/", "state/", "opened/")
_AT_ONCE: Final = 8


class Stored(NamedTuple):
    """An object in the bucket."""

    key: str
    size: int


def stored_objects(s3: S3Client, bucket: str) -> list[Stored]:
    """Every object that verification needs."""
    return [stored for prefix in PREFIXES for stored in _listed(s3, bucket, prefix)]


def copy_objects(
    s3: S3Client, bucket: str, objects: list[Stored], folder: Path, advance: Callable[[int], None]
) -> None:
    """Copies objects with plain names into a folder, several at once."""
    targets = [(stored, folder / stored.key) for stored in objects]
    for parent in {target.parent for _, target in targets}:
        parent.mkdir(parents=True, exist_ok=True)

    def copy(stored: Stored, target: Path) -> int:
        s3.download_file(bucket, stored.key, str(target))
        return stored.size

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for size in pool.map(copy, *zip(*targets, strict=True)) if targets else ():
            advance(size)


def _listed(s3: S3Client, bucket: str, prefix: str) -> Iterator[Stored]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield Stored(entry["Key"], entry["Size"])
