"""A bucket that is a folder: what the history's steps are tested over, and where a test looks for what they wrote."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from inventory.adapters.objects import AlteredObject, Ending, NoSuchObject, Objects, Stored


class Killed(Exception):
    """The machine that ran this is gone."""


class DirectoryObjects(Objects):
    """Objects as files under a folder.

    Attributes:
        root: The folder.
        writes_left: After so many writes the next one dies; None for never.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.writes_left: int | None = None

    def put_new(self, key: str, body: bytes) -> bool:
        if self._path(key).exists():
            return False
        self.put(key, body)
        return True

    def put(self, key: str, body: bytes) -> None:
        self._count_down()
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def read(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError as error:
            raise NoSuchObject(key) from error

    def read_start(self, key: str, count: int) -> bytes:
        return self.read(key)[:count]

    def read_end(self, key: str, count: int) -> Ending:
        content = self.read(key)
        return Ending(content[-count:], len(content))

    def read_range(self, key: str, start: int, count: int) -> bytes:
        return self.read(key)[start : start + count]

    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        if not self._path(key).exists():
            raise NoSuchObject(key)
        if tag is not None and self.tag_of(self._path(key)) != tag:
            raise AlteredObject(key)
        shutil.copyfile(self._path(key), path)

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def copy_new(self, source: str, key: str, sha256: str) -> None:
        if self._path(key).exists():
            return
        content = self.read(source)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise AlteredObject(source)
        self.put(key, content)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        folder = self.root / prefix.rpartition("/")[0]
        files = sorted(path.relative_to(self.root).as_posix() for path in folder.rglob("*") if path.is_file())
        return (self._stored(key) for key in files if key.startswith(prefix) and key > after)

    def folders(self, prefix: str, *, after: str = "") -> Iterator[str]:
        found = (stored.key.removeprefix(prefix).partition("/") for stored in self.list(prefix, after=after))
        return iter(sorted({f"{prefix}{name}{slash}" for name, slash, _ in found}))

    def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        return list(islice(self.list(prefix, after=after), limit))

    def first(self, prefix: str) -> Stored | None:
        return next(self.list(prefix), None)

    def contents(self, *prefixes: str) -> dict[str, bytes]:
        """Every object under the prefixes with its bytes."""
        return {stored.key: self.read(stored.key) for prefix in prefixes for stored in self.list(prefix)}

    def tag_of(self, path: Path) -> str:
        """What tells a file's content from another."""
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()

    def _stored(self, key: str) -> Stored:
        path = self._path(key)
        return Stored(key, path.stat().st_size, self.tag_of(path))

    def _path(self, key: str) -> Path:
        return self.root / key

    def _count_down(self) -> None:
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise Killed
            self.writes_left -= 1
