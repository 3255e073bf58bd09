"""A table's stream: what each write changed, in the shape in which a function receives it."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from .values import Item, copied_item, item_bytes

_REGION = "us-east-1"
#: Who is said to have removed a record whose time to live was over.
_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


class Change(NamedTuple):
    """What one write changed, to be told."""

    sequence: int
    second: int
    keys: Item
    old: Item | None
    new: Item | None
    by_ttl: bool


#: Says of a record whether it is wanted, as the filter of an event source mapping does.
Wanted: TypeAlias = Callable[[Mapping[str, Any]], bool]


class Stream:
    """Records with new and old images, in order within each shard; a key always goes to the same shard.

    Args:
        table: The table's name.
        shards: How many shards there are.

    Attributes:
        of_ttl: Whether what is recorded now is told as TTL's doing.
    """

    def __init__(self, table: str, shards: int) -> None:
        self.arn = f"arn:aws:dynamodb:{_REGION}:000000000000:table/{table}/stream/2026-01-01T00:00:00.000"
        self._shards: tuple[deque[Change], ...] = tuple(deque() for _ in range(shards))
        self._sequence = 10**20
        self.of_ttl = False

    @property
    def pending(self) -> list[int]:
        """How many records wait in each shard."""
        return [len(shard) for shard in self._shards]

    def append(self, keys: Item, old: Item | None, new: Item | None, position: int, now: float) -> None:
        """Records a change that `old` and `new` show; `position` is the partition's, `now` in seconds."""
        self._sequence += 1
        change = Change(self._sequence, int(now), keys, old, new, self.of_ttl)
        self._shards[position % len(self._shards)].append(change)

    def save(self) -> tuple[tuple[Change, ...], ...]:
        """What waits in each shard."""
        return tuple(map(tuple, self._shards))

    def restore(self, saved: Sequence[Sequence[Change]]) -> None:
        """Lets just this wait in each shard."""
        self._shards = tuple(map(deque, saved))

    def drain(self, shard: int = 0, limit: int | None = None, wanted: Wanted | None = None) -> list[dict[str, Any]]:
        """Takes the oldest records of a shard, all or at most `limit`, as the `Records` of a Lambda event.

        What a filter does not want is taken and dropped, and counts for nothing. It is shown the images only, and not
        copies of them: most records are of no interest to most filters.
        """
        waiting = self._shards[shard]
        records: list[dict[str, Any]] = []
        while waiting and (limit is None or len(records) < limit):
            change = waiting.popleft()
            if wanted is None or wanted({"dynamodb": _images(change)}):
                records.append(self._record(change))
        return records

    def _record(self, change: Change) -> dict[str, Any]:
        images = _images(change)
        return {
            "eventID": f"{change.sequence:032x}",
            "eventName": "INSERT" if change.old is None else "REMOVE" if change.new is None else "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": _REGION,
            "dynamodb": {
                "ApproximateCreationDateTime": change.second,
                "Keys": copied_item(change.keys),
                **{name: copied_item(image) for name, image in images.items()},
                "SequenceNumber": str(change.sequence),
                "SizeBytes": sum(map(item_bytes, (change.keys, *images.values()))),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": self.arn,
            **({"userIdentity": dict(_TTL)} if change.by_ttl else {}),
        }


def _images(change: Change) -> dict[str, Item]:
    images = {"NewImage": change.new, "OldImage": change.old}
    return {name: image for name, image in images.items() if image is not None}
