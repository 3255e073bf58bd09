"""A bucket as a function sees it: with the rights of its role, and nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from inventory.adapters.objects import Ending, NoSuchObject, Objects, Stored
from inventory.history.layout import PARTIALS
from support.rights import check_listing, check_object

_READ: Final = "GetObject"
_WRITE: Final = "PutObject"


class RestrictedObjects(Objects):
    """Objects behind a function's role: what it does not grant is refused, as in AWS.

    Args:
        objects: Where they are.
        function: The function that asks (`snapshot_commit`).
    """

    def __init__(self, objects: Objects, function: str) -> None:
        self._objects = objects
        self._function = function

    def put_new(self, key: str, body: bytes) -> bool:
        self._check(_WRITE, key)
        return self._objects.put_new(key, body)

    def put(self, key: str, body: bytes) -> None:
        self._check(_WRITE, key)
        self._objects.put(key, body)

    def read(self, key: str) -> bytes:
        with self._reading(key):
            return self._objects.read(key)

    def read_start(self, key: str, count: int) -> bytes:
        with self._reading(key):
            return self._objects.read_start(key, count)

    def read_end(self, key: str, count: int) -> Ending:
        with self._reading(key):
            return self._objects.read_end(key, count)

    def read_range(self, key: str, start: int, count: int) -> bytes:
        with self._reading(key):
            return self._objects.read_range(key, start, count)

    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        with self._reading(key):
            self._objects.download(key, path, tag=tag)

    def upload(self, path: Path, key: str) -> None:
        self._check(_WRITE, key)
        self._objects.upload(path, key)

    def copy_new(self, source: str, key: str, sha256: str) -> None:
        self._check(_READ, key)  # whether it is there already
        self._check_listing(key)
        self._check(_READ, source)
        self._check_listing(source)
        self._check(_WRITE, key)
        self._objects.copy_new(source, key, sha256)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        self._check_listing(prefix)
        return self._objects.list(prefix, after=after)

    def folders(self, prefix: str, *, after: str = "") -> Iterator[str]:
        self._check_listing(prefix)
        return self._objects.folders(prefix, after=after)

    def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        self._check_listing(prefix)
        return self._objects.page(prefix, after=after, limit=limit)

    def first(self, prefix: str) -> Stored | None:
        self._check_listing(prefix)
        return self._objects.first(prefix)

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        """Who may not list a bucket is not told that an object is missing."""
        self._check(_READ, key)
        try:
            yield
        except NoSuchObject:
            self._check_listing(key)
            raise

    def _check(self, action: str, key: str) -> None:
        check_object(self._function, action, _bucket_of(key), key)

    def _check_listing(self, key: str) -> None:
        check_listing(self._function, _bucket_of(key))


def _bucket_of(key: str) -> str:
    return "ScratchBucket" if key.startswith(PARTIALS) else "HistoryBucket"
