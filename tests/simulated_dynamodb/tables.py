"""Tables: their keys, their records, and the ordered views that Query and Scan walk."""

import zlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from .errors import Refused, invalid
from .streams import Change, Stream
from .values import Item, Scalar, item_bytes, scalar

Key: TypeAlias = tuple[Scalar, ...]
# Where a record stands in a view: position of its partition, partition, sort key, primary key.
Place: TypeAlias = tuple[int, Scalar, Scalar, Key]

POSITIONS = 1 << 32
_KEY_BYTES_MAX = {"HASH": 2048, "RANGE": 1024}
_KEY_LENGTH_SURE = 256  # so many characters are in no encoding too long


@dataclass(slots=True)
class View:
    """The records that have all of a key schema's attributes, by partition and then in order: a table, or an index."""

    name: str | None
    table: "Table"
    hash_name: str
    range_name: str | None
    included: frozenset[str] | None
    """The attributes that an index holds; None where it holds all."""
    places: list[Place] = field(default_factory=list)
    key_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.key_names = frozenset(name for name in (self.hash_name, self.range_name) if name)

    def place(self, key: Key, item: Item | None) -> Place | None:
        """Where the item stands, or None where it has no place."""
        if item is None or self.hash_name not in item or (self.range_name and self.range_name not in item):
            return None
        partition = scalar(item[self.hash_name])
        return (position(partition), partition, scalar(item[self.range_name]) if self.range_name else "", key)

    def move(self, key: Key, old: Item | None, new: Item | None) -> None:
        """Follows a write."""
        if old and new and all(old.get(name) == new.get(name) for name in self.key_names):
            return
        before, after = self.place(key, old), self.place(key, new)
        if before == after:
            return
        if before:
            del self.places[bisect_left(self.places, before)]
        if after:
            insort(self.places, after)

    def written(self, key: Key, old: Item | None, new: Item | None) -> list[Item]:
        """The entries, each put or deleted, by which an index follows a write."""
        before, after = self.place(key, old), self.place(key, new)
        was = self.held(old) if old and before else None
        now = self.held(new) if new and after else None
        if before == after:
            return [now] if now and now != was else []
        return [entry for entry in (was, now) if entry]

    def held(self, item: Item) -> Item:
        """What the view has of an item."""
        if self.included is None:
            return item
        return {name: value for name, value in item.items() if name in self.included}

    def partition(self, value: Scalar) -> tuple[int, int]:
        """The range of `places` that one partition takes."""
        start = bisect_left(self.places, (position(value), value))
        return start, bisect_right(self.places, (position(value), value), lo=start, key=itemgetter(0, 1))

    def segment(self, number: int, total: int) -> tuple[int, int]:
        """The range of `places` that one of a scan's segments takes."""
        bounds = (-(-number * POSITIONS // total), -(-(number + 1) * POSITIONS // total))
        start, end = (bisect_left(self.places, (bound,)) for bound in bounds)
        return start, end


class Table:
    """One table with its indexes and its stream.

    Args:
        definition: The keyword arguments of `create_table`.
        shards: How many shards its stream has.
    """

    def __init__(self, definition: Mapping[str, Any], shards: int) -> None:
        if "LocalSecondaryIndexes" in definition:
            raise NotImplementedError("local secondary indexes are not simulated")
        self.name: str = definition["TableName"]
        self._types: dict[str, str] = {
            attribute["AttributeName"]: attribute["AttributeType"] for attribute in definition["AttributeDefinitions"]
        }
        self.primary = self._view(None, definition["KeySchema"], None)
        self.key_names = tuple(name for name in (self.primary.hash_name, self.primary.range_name) if name)
        self.indexes: dict[str, View] = {}
        for index in definition.get("GlobalSecondaryIndexes", ()):
            name = index["IndexName"]
            self.indexes[name] = self._view(name, index["KeySchema"], index["Projection"])
        specification = definition.get("StreamSpecification", {})
        self.stream = Stream(self.name, shards) if specification.get("StreamEnabled") else None
        self._index_keys = [(index, name) for index in self.indexes.values() for name in sorted(index.key_names)]
        self.items: dict[Key, Item] = {}

    def _view(self, name: str | None, schema: Iterable[Any], projection: Mapping[str, Any] | None) -> View:
        names = {element["KeyType"]: element["AttributeName"] for element in schema}
        included = None
        if projection and projection["ProjectionType"] != "ALL":
            included = frozenset([*names.values(), *self.key_names, *projection.get("NonKeyAttributes", ())])
        return View(name, self, names["HASH"], names.get("RANGE"), included)

    def view(self, index: str | None) -> View:
        """The table itself, or the index of that name."""
        if index is None:
            return self.primary
        if index not in self.indexes:
            raise invalid(f"The table does not have the specified index: {index}")
        return self.indexes[index]

    def key(self, attributes: Item) -> Key:
        """The key in a request's `Key`, which has its attributes and no other."""
        if len(attributes) != len(self.key_names):
            raise invalid("The provided key element does not match the schema")
        return self.key_of(attributes)

    def key_of(self, item: Item) -> Key:
        """The key among an item's attributes.

        Raises:
            Refused: An attribute of it is missing, empty, too long or of another type.
        """
        parts = []
        for name, role in zip(self.key_names, _KEY_BYTES_MAX, strict=False):
            if name not in item:
                raise invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
            value, expected = item[name], self._types[name]
            if expected not in value:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for key {name} "
                    f"expected: {expected} actual: {next(iter(value))}"
                )
            if not value[expected]:
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
                    f"contain an empty string value. Key: {name}"
                )
            if len(value[expected]) > _KEY_LENGTH_SURE and item_bytes({"": value}) > _KEY_BYTES_MAX[role]:
                raise invalid(
                    "One or more parameter values were invalid: Size of "
                    f"{role.lower()}key has exceeded the maximum size limit of {_KEY_BYTES_MAX[role]} bytes"
                )
            parts.append(scalar(value))
        return tuple(parts)

    def key_attributes(self, item: Item) -> Item:
        """An item's key in the form of a request."""
        return {name: item[name] for name in self.key_names}

    def check_index_keys(self, item: Item) -> None:
        """Refuses an item whose index keys, where it has them, are empty or of another type than declared."""
        for index, name in self._index_keys:
            if name not in item:
                continue
            expected = self._types[name]
            if expected not in item[name]:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {name} "
                    f"Expected: {expected} Actual: {next(iter(item[name]))} IndexName: {index.name}"
                )
            if not item[name][expected]:
                raise invalid(
                    "One or more parameter values are not valid. A value specified for a secondary index key is "
                    "not supported. The AttributeValue for a key attribute cannot contain an empty string value. "
                    f"IndexName: {index.name}, IndexKey: {name}"
                )

    def check_type(self, name: str, value: Mapping[str, Any]) -> None:
        """Refuses a value of another type than the key attribute's, or empty."""
        if self._types[name] not in value:
            raise invalid(
                "One or more parameter values were invalid: Condition parameter type does not match schema type"
            )
        if not value[self._types[name]]:
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty string value. Key: {name}"
            )

    def save(self) -> "SavedTable":
        """All that the table and its stream hold."""
        places = tuple(tuple(view.places) for view in (self.primary, *self.indexes.values()))
        return SavedTable(dict(self.items), places, self.stream.save() if self.stream else ())

    def restore(self, saved: "SavedTable") -> None:
        """Makes the table and its stream hold what they held then."""
        self.items = dict(saved.items)
        for view, places in zip((self.primary, *self.indexes.values()), saved.places, strict=True):
            view.places = list(places)
        if self.stream:
            self.stream.restore(saved.stream)

    def replace(self, key: Key, new: Item | None, now: float) -> None:
        """Puts the item, or deletes it if None; indexes and stream follow."""
        old = self.items.get(key)
        if new is None:
            self.items.pop(key, None)
        else:
            self.items[key] = new
        if old is None or new is None:  # else it stays where its key has put it
            self.primary.move(key, old, new)
        for view in self.indexes.values():
            view.move(key, old, new)
        if self.stream and old != new:
            written = new or old or {}
            self.stream.append(self.key_attributes(written), old, new, position(key[0]), now)

    def expire(self, key: Key, now: float) -> None:
        """Deletes the item as TTL does: the stream tells of it as such."""
        if self.stream is None:
            self.replace(key, None, now)
            return
        self.stream.of_ttl = True
        try:
            self.replace(key, None, now)
        finally:
            self.stream.of_ttl = False


class SavedTable(NamedTuple):
    """A table as it stood: items are never changed in place, so that nothing is copied but the lists of them."""

    items: dict[Key, Item]
    places: tuple[tuple[Place, ...], ...]
    stream: tuple[tuple[Change, ...], ...]


class Tables:
    """All tables by name."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]], shards: int) -> None:
        self._tables = {definition["TableName"]: Table(definition, shards) for definition in definitions}

    def __getitem__(self, name: str) -> Table:
        if name not in self._tables:
            raise Refused("ResourceNotFoundException", "Requested resource not found")
        return self._tables[name]

    def __iter__(self) -> Iterator[Table]:
        return iter(self._tables.values())


def position(partition: Scalar) -> int:
    """Where a partition stands among all: the same in every process, and spread evenly."""
    return zlib.crc32(partition if isinstance(partition, bytes) else str(partition).encode())
