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


def copy_bucket(
    s3: S3Client, bucket: str, folder: Path, is_wanted: Callable[[str], bool], advance: Callable[[int], None]
) -> list[str]:
    """Copies every object that verification needs into a folder, and gives the names of those that are not wanted.

    Of years there are more names than memory has room for: one page of them is copied, several at once, then the next.

    Args:
        s3: The client.
        bucket: What is copied.
        folder: Where to.
        is_wanted: Whether an object of this name can be a file in the folder.
        advance: Told the size of each object that was copied.
    """

    def copy(stored: Stored) -> int:
        target = folder / stored.key
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, stored.key, str(target))
        return stored.size

    left_out: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for page in (page for prefix in PREFIXES for page in _pages(s3, bucket, prefix)):
            left_out += [stored.key for stored in page if not is_wanted(stored.key)]
            for size in pool.map(copy, [stored for stored in page if is_wanted(stored.key)]):
                advance(size)
    return left_out


def _pages(s3: S3Client, bucket: str, prefix: str) -> Iterator[list[Stored]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield [Stored(entry["Key"], entry["Size"]) for entry in page.get("Contents", [])]
