"""As much of a client for S3 as the API uses: a few small objects in memory."""

import io
from typing import Any

from botocore.exceptions import ClientError


class Shelf:
    """One bucket, whatever it is called."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfNoneMatch: str = "",  # noqa: N803
    ) -> None:
        """Keeps an object, if there may be one of this name."""
        if IfNoneMatch and Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": Key}}, "PutObject")
        self.objects[Key] = Body

    def get_object(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Key: str,  # noqa: N803
        Range: str = "bytes=0-",  # noqa: N803
    ) -> dict[str, Any]:
        """One object, or a part of it."""
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        content = self.objects[Key]
        first, last = Range.removeprefix("bytes=").split("-")
        part = content[int(first) : int(last) + 1 if last else None] if first else content[-int(last) :]
        return {"Body": io.BytesIO(part), "ContentRange": f"bytes of/{len(content)}"}

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803 - boto3's names
        Prefix: str,  # noqa: N803
        StartAfter: str,  # noqa: N803
        MaxKeys: int,  # noqa: N803
    ) -> dict[str, Any]:
        """The first objects after a name."""
        found = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
        return {"Contents": [{"Key": key, "Size": len(self.objects[key])} for key in found[:MaxKeys]]}
