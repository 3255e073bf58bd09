"""The port to the history's bucket: the few things that are done with objects there. Nothing is ever deleted."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import ClientError
from typing_extensions import override  # typing's own came with Python 3.12

from inventory.adapters.outages import outages_named, pages_named
from inventory.aws_errors import UNREACHABLE
from inventory.domain.errors import Overloaded

_PRECONDITION_FAILED = {"PreconditionFailed", "412"}
# Another write of the name is under way: S3 cannot say yet which of them is first, and asks for the request once more.
_UNDECIDED = "ConditionalRequestConflict"
#: Before each try.
_PUT_PAUSES_S = (0.0, 0.1, 0.5)
_SERVICE = "The history"
_CHUNK = 1024 * 1024
_SMALL_MAX = 8 * 1024 * 1024  # from there on the SDK takes parts, some at once
_MISSING = {"NoSuchKey", "404"}  # the latter where there is no body to say it in


class Stored(NamedTuple):
    """What a listing tells of an object.

    Attributes:
        key: Its name.
        size: In bytes.
        tag: What tells its content from that of another version (S3's ETag).
    """

    key: str
    size: int
    tag: str


class Ending(NamedTuple):
    """The last bytes of an object, and how many it has in all."""

    content: bytes
    size: int


class NoSuchObject(Exception):
    """There is no object of this name."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class AlteredObject(Exception):
    """An object's content is not what it was told to be."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Objects(Protocol):
    """A bucket."""

    def put_new(self, key: str, body: bytes) -> bool:
        """Writes an object unless there is one of this name; tells whether it did.

        Raises:
            Overloaded: The bucket did not answer in time, or not while others were writing the same name.
        """
        ...

    def put(self, key: str, body: bytes) -> None:
        """Writes an object; one of this name gets a new version."""
        ...

    def read(self, key: str) -> bytes:
        """An object's content.

        Raises:
            NoSuchObject: There is none.
            Overloaded: The bucket did not answer in time.
        """
        ...

    def read_start(self, key: str, count: int) -> bytes:
        """The first so many bytes of an object (all, where it has fewer), which somebody may have made very large.

        Raises:
            NoSuchObject: There is none.
            Overloaded: The bucket did not answer in time.
        """
        ...

    def read_end(self, key: str, count: int) -> Ending:
        """The last so many bytes of an object (all, where it has fewer), and its size.

        Raises:
            NoSuchObject: There is none.
        """
        ...

    def read_range(self, key: str, start: int, count: int) -> bytes:
        """So many bytes of an object.

        Raises:
            NoSuchObject: There is none.
        """
        ...

    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        """Writes an object's content into a file: that of this tag, where one is given.

        Raises:
            NoSuchObject: There is none.
            AlteredObject: Its tag is another.
        """
        ...

    def upload(self, path: Path, key: str) -> None:
        """Writes a file's content as an object."""
        ...

    def copy_new(self, source: str, key: str, sha256: str) -> None:
        """Copies an object of this content, unless there is one of the new name.

        Args:
            source: The name of the object.
            key: The new name.
            sha256: Of the content, hexadecimal.

        Raises:
            NoSuchObject: There is no such source.
            AlteredObject: The source's content is another. Nothing was copied.
        """
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """All objects, in the order of their names, whose names begin so and come after this one."""
        ...

    def folders(self, prefix: str, *, after: str = "") -> Iterator[str]:
        """What is right below a prefix, in the order of names: folders, with a slash at their end, and single objects.

        Args:
            prefix: Ends with a slash.
            after: A name, which no object needs to have; only what comes after it is told.
        """
        ...

    def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        """The first objects, in the order of their names, whose names begin so and come after this one.

        Args:
            prefix: How their names begin.
            after: A name, which no object needs to have.
            limit: How many at most, up to 1,000.

        Raises:
            Overloaded: The bucket did not answer in time.
        """
        ...

    def first(self, prefix: str) -> Stored | None:
        """The first object whose name begins so, or None."""
        ...


class S3Objects(Objects):
    """A bucket of S3.

    Args:
        client: A boto3 S3 client, with its timeouts and retries set.
        bucket: The bucket's name.
        elsewhere: Buckets of their own for names that begin so.
        pause: Waits, in seconds.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        elsewhere: Mapping[str, str] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._elsewhere = dict(elsewhere or {})
        self._pause = pause

    @override
    def put_new(self, key: str, body: bytes) -> bool:
        for pause_s in _PUT_PAUSES_S:
            self._pause(pause_s)
            try:
                with outages_named(_SERVICE):
                    self._client.put_object(Bucket=self._of(key), Key=key, Body=body, IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] in _PRECONDITION_FAILED:
                    return False
                if error.response["Error"]["Code"] != _UNDECIDED:
                    raise
            else:
                return True
        raise Overloaded(f"{_SERVICE} is written to under the same name at this moment. Try again in a moment.")

    @override
    def put(self, key: str, body: bytes) -> None:
        with outages_named(_SERVICE):
            self._client.put_object(Bucket=self._of(key), Key=key, Body=body)

    @override
    def read(self, key: str) -> bytes:
        try:
            with outages_named(_SERVICE):
                body: bytes = self._client.get_object(Bucket=self._of(key), Key=key)["Body"].read()
        except ClientError as error:
            raise _named(error, key) from error
        return body

    @override
    def read_start(self, key: str, count: int) -> bytes:
        # By no Range: S3 refuses one of an empty object.
        try:
            with (
                outages_named(_SERVICE),
                closing(self._client.get_object(Bucket=self._of(key), Key=key)["Body"]) as body,
            ):
                content: bytes = body.read(count)
        except ClientError as error:
            raise _named(error, key) from error
        return content

    @override
    def read_end(self, key: str, count: int) -> Ending:
        content, whole = self._part(key, f"bytes=-{count}")
        return Ending(content, int(whole.rpartition("/")[2]))

    @override
    def read_range(self, key: str, start: int, count: int) -> bytes:
        return self._part(key, f"bytes={start}-{start + count - 1}")[0]

    @override
    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        try:
            with outages_named(_SERVICE):
                if tag is not None:
                    self._download_tagged(key, path, tag)
                elif not self._download_small(key, path):
                    self._client.download_file(self._of(key), key, str(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in _PRECONDITION_FAILED:
                raise AlteredObject(key) from error
            raise _named(error, key) from error

    def _download_tagged(self, key: str, path: Path, tag: str) -> None:
        """One request whatever its size, as `download_file` asks for whatever is there when it begins.

        Where the answer breaks off, it is asked for once more; the SDK does that only before the first byte.
        """
        for is_last in (False, True):
            answer = self._client.get_object(Bucket=self._of(key), Key=key, IfMatch=tag)
            try:
                with closing(answer["Body"]) as body, path.open("wb") as file:
                    file.writelines(body.iter_chunks(_CHUNK))
            except UNREACHABLE:
                if is_last:
                    raise
            else:
                return

    def _download_small(self, key: str, path: Path) -> bool:
        """One request, where `download_file` takes two: most files are small. It takes parts, and asks again for them.

        Returns:
            Whether it is there; not, where the object is large or its answer broke off.
        """
        answer = self._client.get_object(Bucket=self._of(key), Key=key)
        with closing(answer["Body"]) as body, suppress(*UNREACHABLE):
            if answer["ContentLength"] <= _SMALL_MAX:
                path.write_bytes(body.read())
                return True
        return False

    @override
    def upload(self, path: Path, key: str) -> None:
        # `upload_file` would give every refusal a name of its own, in which the code stands no more.
        with path.open("rb") as file, outages_named(_SERVICE):
            self._client.upload_fileobj(file, self._of(key), key)

    @override
    def copy_new(self, source: str, key: str, sha256: str) -> None:
        if self._exists(key):
            return
        place = {"Bucket": self._of(source), "Key": source}
        try:
            with outages_named(_SERVICE):
                found = self._client.get_object(**place)
                if _digest(found["Body"].iter_chunks(_CHUNK)) != sha256:
                    raise AlteredObject(source)
                # The tag holds the copy to the bytes that were just read: it may be replaced between the two.
                self._client.copy(place, self._of(key), key, ExtraArgs={"CopySourceIfMatch": found["ETag"]})
        except ClientError as error:
            if error.response["Error"]["Code"] in _PRECONDITION_FAILED:
                raise AlteredObject(source) from error
            raise _named(error, source) from error

    @override
    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        for page in self._pages(Bucket=self._of(prefix), Prefix=prefix, StartAfter=after):
            for found in page.get("Contents", ()):
                yield _stored(found)

    @override
    def folders(self, prefix: str, *, after: str = "") -> Iterator[str]:
        for page in self._pages(Bucket=self._of(prefix), Prefix=prefix, StartAfter=after, Delimiter="/"):
            folders = [found["Prefix"] for found in page.get("CommonPrefixes", ())]
            yield from sorted([*folders, *(found["Key"] for found in page.get("Contents", ()))])

    @override
    def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        asked = {"Bucket": self._of(prefix), "Prefix": prefix, "StartAfter": after, "MaxKeys": limit}
        with outages_named(_SERVICE):
            answer = self._client.list_objects_v2(**asked)
        return [_stored(found) for found in answer.get("Contents", ())]

    @override
    def first(self, prefix: str) -> Stored | None:
        return next(iter(self.page(prefix, after="", limit=1)), None)

    def _pages(self, **asked: str) -> Iterator[Mapping[str, Any]]:
        return pages_named(_SERVICE, self._client.get_paginator("list_objects_v2").paginate(**asked))

    def _part(self, key: str, which: str) -> tuple[bytes, str]:
        """A part of an object, and of how many bytes it is one, as S3 says it."""
        try:
            with outages_named(_SERVICE):
                answer = self._client.get_object(Bucket=self._of(key), Key=key, Range=which)
                return answer["Body"].read(), answer["ContentRange"]
        except ClientError as error:
            raise _named(error, key) from error

    def _of(self, key: str) -> str:
        """The bucket where objects of this name are."""
        return next((bucket for prefix, bucket in self._elsewhere.items() if key.startswith(prefix)), self._bucket)

    def _exists(self, key: str) -> bool:
        try:
            with outages_named(_SERVICE):
                self._client.head_object(Bucket=self._of(key), Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True


def _stored(found: Mapping[str, Any]) -> Stored:
    return Stored(found["Key"], found["Size"], found["ETag"])


def _digest(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _named(error: ClientError, key: str) -> Exception:
    return NoSuchObject(key) if error.response["Error"]["Code"] in _MISSING else error
