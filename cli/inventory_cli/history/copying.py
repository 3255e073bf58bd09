"""A copy of the bucket on this machine: all that verification needs, read and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from inventory.proof.manifest import Manifest

#: What proves the history; what tasks hand to each other (`partials/`) proves nothing.
PREFIXES: Final = ("manifests/", "listed/", "keys/", "archive/", "snapshots/", "holds/", "ledger/", "state/", "opened/")
#: Lies beside what is copied until all is: else what an interrupted copy lacks were missing in the history.
_UNFINISHED: Final = "copy-not-finished"
_AT_ONCE: Final = 8


class _Readable(Protocol):
    """A file, or what S3 answers with."""

    def read(self, count: int, /) -> bytes:
        """The next so many bytes; fewer at the end."""
        ...


class Stored(NamedTuple):
    """An object in the bucket."""

    key: str
    size: int


def is_unfinished(folder: Path) -> bool:
    """Whether a copy into this folder was interrupted, or is still under way."""
    return (folder / _UNFINISHED).exists()


def copy_bucket(
    s3: S3Client, bucket: str, folder: Path, is_wanted: Callable[[str], bool], advance: Callable[[int], None]
) -> list[str]:
    """Copies every object that verification needs into a folder, and gives the names of those that are not wanted.

    Of years there are more names than memory has room for: one page of them is copied, several at once, then the next.
    That takes hours. What was sealed meanwhile is left to the next copy. Until it is done the folder `is_unfinished`.

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

    unfinished = folder / _UNFINISHED
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    (folder / "listed").mkdir(exist_ok=True)  # where the bucket lists nothing, the copy says so
    left_out: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for page in (page for prefix in PREFIXES for page in _pages(s3, bucket, prefix)):
            left_out += [stored.key for stored in page if not is_wanted(stored.key)]
            for size in pool.map(copy, [stored for stored in page if is_wanted(stored.key)]):
                advance(size)
    _drop_sealed_since(s3, bucket, folder)
    unfinished.unlink()
    return left_out


def _drop_sealed_since(s3: S3Client, bucket: str, folder: Path) -> None:
    """Drops the files of manifests that are younger than the copy of the others: it has some of them, or all.

    Manifests are copied first, and a commit writes its manifest before its files. So a file that was copied, and is of
    a manifest that was not, is of one that is there by now. What no manifest names then either stays, to be found.
    """
    from inventory.proof.files import SEALED
    from inventory.proof.listed import listed_path
    from inventory.proof.manifest import manifest_number

    listed = (stored.key for page in _pages(s3, bucket, "manifests/") for stored in page)
    manifests = (key for key in listed if manifest_number(key.removeprefix("manifests/")) is not None)
    since = [key for key in manifests if not (folder / key).exists()]
    if not since:
        return
    sealed = [_manifest(s3.get_object(Bucket=bucket, Key=key)["Body"]) for key in since]
    instants = {manifest.as_of: manifest.as_of_ms for manifest in sealed if manifest}
    for path in (folder / "manifests").glob("*"):
        with path.open("rb") as content:
            if manifest := _manifest(content):
                instants.pop(manifest.as_of, None)
    for as_of_ms in instants.values():
        (folder / listed_path(as_of_ms)).unlink(missing_ok=True)
    for place in (folder / prefix / f"as_of={instant}" for prefix in SEALED for instant in instants):
        if place.is_dir():
            shutil.rmtree(place)


def _manifest(content: _Readable) -> Manifest | None:
    """A manifest, whoever signed it; None where it is none, or larger than any."""
    from inventory.proof.manifest import MANIFEST_BYTES_MAX, NoManifest, parsed

    try:
        return parsed("", content.read(MANIFEST_BYTES_MAX + 1))
    except NoManifest:
        return None


def _pages(s3: S3Client, bucket: str, prefix: str) -> Iterator[list[Stored]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield [Stored(entry["Key"], entry["Size"]) for entry in page.get("Contents", [])]
