"""The client: what boto3 does around each call, with hooks where a test puts its faults."""

import copy
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

import botocore.session
from botocore.hooks import HierarchicalEmitter
from botocore.paginate import Paginator, PaginatorModel

from .errors import Refused, as_client_error, exceptions, invalid, service_model
from .parameters import check_parameters
from .reads import Reads
from .streams import Stream
from .tables import SavedTable, Table, Tables
from .values import Item
from .writes import Writes

Request: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]

_LEGACY = {
    *("AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions", "QueryFilter"),
    *("ScanFilter", "ReturnItemCollectionMetrics"),
}


#: What a removal by TTL is called where calls have the names of operations.
TIME_TO_LIVE: Final = "TimeToLive"


class SimulatedDynamoDB:
    """Tables in memory behind a client that answers as boto3's does for DynamoDB.

    Everything happens under one lock, in the order in which calls take it; nothing is random. Reads see every write
    that came before, indexes included.

    Args:
        tables: Keyword arguments of `create_table`, one for each table; global indexes and streams are followed.
        now: The service's clock, in seconds since 1970: for the `Date` of answers, streams and request tokens.
        stream_shards: How many shards each stream has.
        checked: Whether arguments are checked as boto3 does. Not, for code whose calls other tests have checked.

    Attributes:
        client: The client.
        lock: Whoever has it is alone with the tables.
        definitions: The tables, as they were given.
        before_call: Called with the operation (`PutItem`) and its arguments before anything is done. What it raises
            is what the caller gets.
        after_call: Called with the operation, its arguments and the answer, or a refused call's `response`, when all
            is done. It may change the answer; what it raises is what the caller gets, the effect stays.
        unprocessed: Called with a table's name and a key of a batch get; True leaves that key in `UnprocessedKeys`.
    """

    def __init__(
        self,
        tables: Iterable[Mapping[str, Any]],
        *,
        now: Callable[[], float] = time.time,
        stream_shards: int = 1,
        checked: bool = True,
    ) -> None:
        self.before_call: Callable[[str, Request], None] = _no_hook
        self.after_call: Callable[[str, Request, Answer], None] = _no_hook
        self.unprocessed: Callable[[str, Request], bool] = _none_left
        self.lock = threading.RLock()
        self._now = now
        self.definitions = list(tables)
        self._tables = Tables(self.definitions, stream_shards)
        self.client = SimulatedClient(self, self._tables, now, checked=checked)

    @property
    def tables(self) -> Iterable[Table]:
        """All tables."""
        return self._tables

    def table(self, name: str) -> Table:
        """A table by its name."""
        return self._tables[name]

    def stream(self, table: str) -> Stream:
        """The stream of a table that has one."""
        stream = self._tables[table].stream
        if stream is None:
            raise LookupError(f"{table} has no stream")
        return stream

    def save(self) -> dict[str, SavedTable]:
        """All that is stored or waits in streams, by table. Request tokens are not part of it."""
        return {table.name: table.save() for table in self._tables}

    def restore(self, saved: Mapping[str, SavedTable]) -> None:
        """Goes back (or on) to what was saved, of this database or of another with the same tables."""
        for name, table in saved.items():
            self._tables[name].restore(table)

    def expire(self, table: str, *key: str) -> None:
        """Removes an item as TTL does, at once: when that is to be is the caller's affair.

        It is nobody's call. `after_call` hears of it all the same, as `TimeToLive`.
        """
        with self.lock:
            self._tables[table].expire(key, self._now())
        self.after_call(TIME_TO_LIVE, {"TableName": table, "Key": list(key)}, {})

    def items(self, table: str) -> Iterable[Item]:
        """A table's items as they stand, for looking at only: they are not copies."""
        return self._tables[table].items.values()

    def item(self, table: str, *key: str) -> Item | None:
        """One item as it stands, by its key's values, for looking at only."""
        return self._tables[table].items.get(key)


def _no_hook(*_arguments: object) -> None:
    return None


def _none_left(_table: str, _key: Request) -> bool:
    return False


class SimulatedClient:
    """As much of boto3's low-level client as calls on tables need; `exceptions` and paginators are botocore's own."""

    def __init__(self, owner: SimulatedDynamoDB, tables: Tables, now: Callable[[], float], *, checked: bool) -> None:
        self._owner = owner
        self._checked = checked
        self._now = now
        self._lock = owner.lock
        self._check: Callable[[str, Request], None] = _no_hook
        self._call_numbers = itertools.count(1)
        reads = Reads(tables, lambda table, key: owner.unprocessed(table, key))  # noqa: PLW0108 - tests may set it later
        writes = Writes(tables, now)
        self._operations: dict[str, Callable[[Request], Answer]] = {
            "GetItem": reads.get,
            "BatchGetItem": reads.batch_get,
            "TransactGetItems": reads.transact_get,
            "Query": reads.query,
            "Scan": reads.scan,
            "PutItem": partial(writes.one, "Put"),
            "UpdateItem": partial(writes.one, "Update"),
            "DeleteItem": partial(writes.one, "Delete"),
            "TransactWriteItems": writes.transact,
        }

    def restricted(self, check: Callable[[str, Request], None]) -> "SimulatedClient":
        """The same client for somebody who may not do everything: `check` is given the operation and its arguments.

        It raises `Refused` for what is not allowed.
        """
        client = copy.copy(self)
        client._check = check
        return client

    @property
    def meta(self) -> Any:
        """Where others ask to be told of requests on their way: nobody is, as here they have none."""
        return SimpleNamespace(events=HierarchicalEmitter())

    @property
    def exceptions(self) -> Any:
        """The service's exceptions by name, as on boto3's client."""
        return exceptions()

    def get_item(self, **kwargs: object) -> Answer:
        """One item by its key."""
        return self._call("GetItem", kwargs)

    def batch_get_item(self, **kwargs: object) -> Answer:
        """Up to 100 items by their keys."""
        return self._call("BatchGetItem", kwargs)

    def transact_get_items(self, **kwargs: object) -> Answer:
        """Up to 100 items by their keys, at one instant."""
        return self._call("TransactGetItems", kwargs)

    def query(self, **kwargs: object) -> Answer:
        """A page of one partition of a table or index, in order."""
        return self._call("Query", kwargs)

    def scan(self, **kwargs: object) -> Answer:
        """A page of a table or index, or of one segment of it."""
        return self._call("Scan", kwargs)

    def put_item(self, **kwargs: object) -> Answer:
        """Puts an item in the place of the one with its key."""
        return self._call("PutItem", kwargs)

    def update_item(self, **kwargs: object) -> Answer:
        """Changes an item's attributes, or makes it."""
        return self._call("UpdateItem", kwargs)

    def delete_item(self, **kwargs: object) -> Answer:
        """Deletes an item, if there is one."""
        return self._call("DeleteItem", kwargs)

    def transact_write_items(self, **kwargs: object) -> Answer:
        """Up to 100 writes and checks, all or none."""
        return self._call("TransactWriteItems", kwargs)

    def get_paginator(self, name: str) -> "Paginator[Any]":
        """A paginator over `query` or `scan`."""
        operation = {"query": "Query", "scan": "Scan"}[name]
        model = service_model().operation_model(operation)
        return Paginator(getattr(self, name), _pagination().get_paginator(operation), model)

    def close(self) -> None:
        """Nothing is open."""

    def _call(self, operation: str, kwargs: dict[str, Any]) -> Answer:
        if self._checked:
            check_parameters(operation, kwargs)
        if not _LEGACY.isdisjoint(kwargs):
            legacy = ", ".join(sorted(_LEGACY.intersection(kwargs)))
            raise NotImplementedError(f"{operation} with {legacy}: not simulated")
        self._owner.before_call(operation, kwargs)
        try:
            with self._lock:
                self._check(operation, kwargs)
                _check_detail(kwargs)
                answer = self._operations[operation](kwargs)
        except Refused as refused:
            error = as_client_error(refused, operation, self._metadata(400))
            self._owner.after_call(operation, kwargs, error.response)  # type: ignore[arg-type]
            raise error from None
        answer["ResponseMetadata"] = self._metadata(200)
        self._owner.after_call(operation, kwargs, answer)
        return answer

    def _metadata(self, status: int) -> dict[str, Any]:
        request_id = f"{next(self._call_numbers):052d}"
        return {
            "RequestId": request_id,
            "HTTPStatusCode": status,
            "HTTPHeaders": {"date": _http_date(int(self._now())), "x-amzn-requestid": request_id},
            "RetryAttempts": 0,
        }


def _check_detail(request: Request) -> None:
    if request.get("ReturnConsumedCapacity", "NONE") not in {"NONE", "TOTAL", "INDEXES"}:
        raise invalid("ReturnConsumedCapacity set to invalid value")


@cache
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


@cache
def _pagination() -> PaginatorModel:
    loader = botocore.session.get_session().get_component("data_loader")
    return PaginatorModel(loader.load_service_model("dynamodb", "paginators-1"))
