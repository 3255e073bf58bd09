"""Put, update, delete and check, alone or as a transaction: each is planned first, and done only if it may be."""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .capacity import Meter
from .conditions import Condition, parse_condition
from .errors import Refused, cancelled, condition_failed, invalid
from .expressions import Clauses, Values
from .paths import projected
from .tables import Key, Table, Tables
from .updates import Update, parse_update
from .values import ITEM_BYTES_MAX, Item, Stored, canonical_item, check_item_size, copied_item, item_bytes

TRANSACTION_ITEMS_MAX = 100
TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
_TOKEN_SECONDS = 600
_TOKEN_LENGTH_MAX = 36
_RETURNS = {
    "Put": {"NONE", "ALL_OLD"},
    "Delete": {"NONE", "ALL_OLD"},
    "Update": {"NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"},
}


@dataclass(frozen=True, slots=True)
class Write:
    """One write or check of a request, valid as far as can be told without the item that it meets."""

    kind: str
    """Put, Update, Delete or ConditionCheck."""
    table: Table
    key: Key
    attributes: Item
    """The item of a put, else its key."""
    condition: Condition | None
    update: Update | None
    values: Values
    shows_old: bool

    def planned(self) -> "Change":
        """What it would do now.

        Raises:
            Refused: Its condition doesn't hold, or its update doesn't fit the item.
        """
        old = self.table.items.get(self.key)
        if self.condition and not self.condition.holds(old or {}, self.values):
            raise condition_failed(copied_item(old) if old and self.shows_old else None)
        if self.kind == "ConditionCheck":
            return Change(self, old, old)
        if self.kind == "Delete":
            return Change(self, old, None)
        new = Stored(self.attributes if self.kind == "Put" else self._updated(old))
        if self.kind == "Update":
            check_item_size(new, "Item size to update has exceeded the maximum allowed size")
        self.table.check_index_keys(new)
        return Change(self, old, new)

    def _updated(self, old: Item | None) -> Item:
        before = {} if old is None else old
        after = self.update.applied(before, self.values) if self.update else before
        return {**self.attributes, **after} if old is None else after


class Change(NamedTuple):
    """A planned write with the item before and after; None where there is none."""

    write: Write
    old: Item | None
    new: Item | None

    def apply(self, now: float) -> None:
        """Does it."""
        self.write.table.replace(self.write.key, self.new, now)

    def measure(self, meter: Meter, *, transactional: bool = False) -> None:
        """Counts what it costs."""
        meter.write(self.write.table, self.write.key, self.old, self.new, transactional=transactional)

    def returned(self, wanted: str) -> Item:
        """The attributes that the request wants back."""
        image = self.new if wanted.endswith("NEW") else self.old
        if image is None or wanted == "NONE":
            return {}
        if wanted.startswith("UPDATED"):
            update = self.write.update
            paths = update.paths if update else []
            if update and wanted == "UPDATED_NEW":
                paths = [path for path in paths if path not in update.removals]
            image = projected(image, paths)
        return copied_item(image)


def _prepared(tables: Tables, kind: str, request: Mapping[str, Any]) -> Write:
    clauses = Clauses(request)
    condition = clauses.read("ConditionExpression", parse_condition)
    update = clauses.read("UpdateExpression", parse_update)
    clauses.finish()
    table = tables[request["TableName"]]
    attributes = canonical_item(request["Item" if kind == "Put" else "Key"])
    if kind == "Put":
        check_item_size(attributes)
        key = table.key_of(attributes)
    else:
        key = table.key(attributes)
    for path in update.paths if update else ():
        if path[0] in table.key_names:
            raise invalid(
                f"One or more parameter values were invalid: Cannot update attribute {path[0]}. "
                "This attribute is part of the key"
            )
    shows = request.get("ReturnValuesOnConditionCheckFailure", "NONE")
    if shows not in {"NONE", "ALL_OLD"}:
        raise invalid("ReturnValuesOnConditionCheckFailure set to invalid value")
    return Write(kind, table, key, attributes, condition, update, clauses.values, shows == "ALL_OLD")


class _Done(NamedTuple):
    until: float
    request: str
    changes: Sequence[Change]


class Writes:
    """The operations that write.

    Args:
        tables: The tables.
        now: The service's clock, in seconds since 1970.
    """

    def __init__(self, tables: Tables, now: Callable[[], float]) -> None:
        self._tables = tables
        self._now = now
        self._done: OrderedDict[str, _Done] = OrderedDict()

    def one(self, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """PutItem, UpdateItem or DeleteItem."""
        wanted = request.get("ReturnValues", "NONE")
        if wanted not in _RETURNS[kind]:
            raise invalid("Return values set to invalid value")
        meter = Meter(request)
        change = _prepared(self._tables, kind, request).planned()
        change.apply(self._now())
        change.measure(meter)
        attributes = change.returned(wanted)
        return {**({"Attributes": attributes} if attributes else {}), **meter.one()}

    def transact(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """TransactWriteItems: all of it or nothing, and once for each ClientRequestToken within ten minutes."""
        entries, meter = request["TransactItems"], Meter(request)
        writes = self._transaction(entries)
        token = request.get("ClientRequestToken")
        earlier = self._earlier(token, entries) if token is not None else None
        if earlier:
            for change in earlier.changes:
                size = max(item_bytes(image) if image else 0 for image in (change.old, change.new))
                meter.read(change.write.table.primary, size, consistent=True, transactional=True)
            return meter.many("Read")
        changes = _all_planned(writes)
        for change in changes:
            change.measure(meter, transactional=True)
            change.apply(self._now())
        if token is not None:
            self._done[token] = _Done(self._now() + _TOKEN_SECONDS, _fingerprint(entries), changes)
        return meter.many("Write")

    def _transaction(self, entries: Sequence[Mapping[str, Any]]) -> list[Write]:
        if len(entries) > TRANSACTION_ITEMS_MAX:
            raise invalid(
                "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
                f"Member must have length less than or equal to {TRANSACTION_ITEMS_MAX}"
            )
        writes = []
        for entry in entries:
            if len(entry) != 1:
                raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
            [(kind, write)] = entry.items()
            writes.append(_prepared(self._tables, kind, write))
        if len({(write.table.name, write.key) for write in writes}) < len(writes):
            raise invalid("Transaction request cannot include multiple operations on one item")
        if len(writes) * ITEM_BYTES_MAX > TRANSACTION_BYTES_MAX and sum(map(_payload, writes)) > TRANSACTION_BYTES_MAX:
            raise invalid("Transaction payload size cannot exceed 4MB.")
        return writes

    def _earlier(self, token: str, entries: Sequence[Mapping[str, Any]]) -> _Done | None:
        if not 1 <= len(token) <= _TOKEN_LENGTH_MAX:
            raise invalid(
                f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_TOKEN_LENGTH_MAX}"
            )
        while self._done and next(iter(self._done.values())).until <= self._now():
            self._done.popitem(last=False)
        done = self._done.get(token)
        if done and done.request != _fingerprint(entries):
            raise Refused(
                "IdempotentParameterMismatchException",
                "Request token already in use for another request with a different payload",
            )
        return done


def _all_planned(writes: Sequence[Write]) -> list[Change]:
    changes: list[Change] = []
    reasons: list[dict[str, Any]] = []
    for write in writes:
        try:
            changes.append(write.planned())
            reasons.append({"Code": "None"})
        except Refused as refused:
            failed = refused.code == "ConditionalCheckFailedException"
            code = "ConditionalCheckFailed" if failed else "ValidationError"
            reasons.append({"Code": code, "Message": refused.message, **refused.details})
    if len(changes) < len(writes):
        raise cancelled(reasons)
    return changes


def _payload(write: Write) -> int:
    return item_bytes(write.attributes) + item_bytes(dict(write.values))


def _fingerprint(entries: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(entries, sort_keys=True, default=repr)
