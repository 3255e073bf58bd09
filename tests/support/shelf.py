"""As much of a client for S3 as the functions use: objects in memory."""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

#: Told an action, a bucket and the name of an object; or, for `ListBucket`, how the names begin.
Check = Callable[[str, str, str], None]

_MET = {"get_object": "NoSuchKey", "head_object": "404", "put_object": "PreconditionFailed", "copy": "412"}


class Shelf:
    """All buckets in one.

    A tag counts how often an object was written: contents have ids by chance, and the names of runs follow from tags.

    Args:
        objects: What is there, by name.
        check: Raises where the caller lacks a right.
    """

    def __init__(self, objects: dict[str, bytes] | None = None, check: Check = lambda *_: None) -> None:
        self.objects: dict[str, bytes] = {} if objects is None else objects
        self._check = check
        self._written: Counter[str] = Counter()

    def restricted(self, check: Check) -> "Shelf":
        """The same objects, for a caller who may not do everything."""
        shelf = Shelf(self.objects, check)
        shelf._written = self._written
        return shelf

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfNoneMatch: str = "",  # noqa: N803
    ) -> None:
        """Keeps an object, if there may be one of this name."""
        self._check("PutObject", Bucket, Key)
        if IfNoneMatch and Key in self.objects:
            raise _met("put_object", Key)
        self.objects[Key] = Body
        self._written[Key] += 1

    def get_object(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Key: str,  # noqa: N803
        Range: str = "bytes=0-",  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """One object, or a part of it; only of this tag, where one is given."""
        content = self._content("get_object", Bucket, Key)
        if IfMatch not in (None, self._tag(Key)):
            raise _met("get_object", Key)
        first, last = Range.removeprefix("bytes=").split("-")
        part = content[int(first) : int(last) + 1 if last else None] if first else content[-int(last) :]
        body = StreamingBody(io.BytesIO(part), len(part))
        told = {"ContentLength": len(part), "ContentRange": f"bytes of/{len(content)}", "ETag": self._tag(Key)}
        return {"Body": body, **told}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """What there is to say of an object but its content."""
        content = self._content("head_object", Bucket, Key)
        return {"ContentLength": len(content), "ETag": self._tag(Key)}

    def upload_fileobj(self, file: BinaryIO, bucket: str, key: str) -> None:
        """Keeps a file's content."""
        self.put_object(Bucket=bucket, Key=key, Body=file.read())

    def download_file(self, bucket: str, key: str, file: str) -> None:
        """Writes an object into a file."""
        Path(file).write_bytes(self._content("head_object", bucket, key))

    def copy(self, source: Mapping[str, str], bucket: str, key: str, *, ExtraArgs: Mapping[str, str]) -> None:  # noqa: N803
        """Keeps an object under another name, too, if it has this tag."""
        content = self._content("head_object", source["Bucket"], source["Key"])
        if ExtraArgs["CopySourceIfMatch"] != self._tag(source["Key"]):
            raise _met("copy", source["Key"])
        self.put_object(Bucket=bucket, Key=key, Body=content)

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Prefix: str,  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        MaxKeys: int | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """The first objects after a name; what has a delimiter after the prefix is told as one."""
        self._check("ListBucket", Bucket, Prefix)
        found = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
        folders = {key: key[len(Prefix) :].partition(Delimiter) for key in found} if Delimiter else {}
        prefixes = {Prefix + name + slash for name, slash, _ in folders.values() if slash}
        single = [key for key in found if not any(key.startswith(prefix) for prefix in prefixes)]
        return {
            "Contents": [
                {"Key": key, "Size": len(self.objects[key]), "ETag": self._tag(key)} for key in single[:MaxKeys]
            ],
            "CommonPrefixes": [{"Prefix": prefix} for prefix in sorted(prefixes)],
        }

    def get_paginator(self, operation: str) -> "Pages":
        """Pages of an operation."""
        return Pages(getattr(self, operation))

    def _tag(self, key: str) -> str:
        return f'"{self._written[key]}"'

    def _content(self, operation: str, bucket: str, key: str) -> bytes:
        self._check("GetObject", bucket, key)
        if key not in self.objects:
            self._check("ListBucket", bucket, key)  # else nobody is told that there is none
            raise _met(operation, key)
        return self.objects[key]


class Pages:
    """All that an operation tells, on one page."""

    def __init__(self, operation: Callable[..., dict[str, Any]]) -> None:
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        """The pages."""
        yield self._operation(**request)


def _met(operation: str, key: str) -> ClientError:
    return ClientError({"Error": {"Code": _MET[operation], "Message": key}}, operation)
