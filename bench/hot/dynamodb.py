"""DynamoDB as busy callers meet it: the simulated tables, with a way to go, partitions that give only so much, and
transactions that are in each other's way.

A transaction takes effect when its items are prepared, keeps them for a while, and is answered when they are free:
whoever writes one of them meanwhile is refused. Reads never are.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from bench.hot.partitions import Partition, Partitions
from bench.hot.published import CALL_MS, CALL_SIGMA, PREPARE_AND_COMMIT, PREPARED, SDK_BACKOFF_S
from botocore.exceptions import ClientError

from inventory.storage.hold_records import OPEN_INDEX
from inventory.storage.hold_records import open_slice as uncached_open_slice
from inventory.wiring import CLIENT_CONFIG
from simulated_dynamodb import SimulatedDynamoDB, conflict, throttled
from simulated_dynamodb.errors import as_client_error, cancelled
from simulation.kernel import Kernel

Request = dict[str, Any]
Answer = dict[str, Any]
_SDK_TRIES = CLIENT_CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined] # botocore sets it dynamically
_CONFLICT, _THROTTLED = "TransactionConflict", "ThrottlingError"


class Record(NamedTuple):
    """One record by its table and key; the first part of the key decides on the partition."""

    table: str
    key: tuple[str, ...]


@dataclass
class Spent:
    """What one request to the service has spent so far.

    Attributes:
        calls: Calls to DynamoDB.
        write_units: Write units, of cancelled transactions too.
        read_units: Read units.
    """

    calls: int = 0
    write_units: float = 0.0
    read_units: float = 0.0


@dataclass(frozen=True)
class Warmth:
    """What the tables are ready for when the load begins.

    Attributes:
        write_units: Warm throughput of each table and index, write units a second, by its name; `rest` for others.
        rest: As said.
        isolated: Keys that sustained traffic has given partitions of their own, by table or index.
    """

    write_units: Mapping[str, int] = field(default_factory=dict)
    rest: int = 4_000
    isolated: Mapping[str, Iterable[str]] = field(default_factory=dict)

    def partitions(self, name: str) -> Partitions:
        """The partitions of a table or index."""
        return Partitions(self.write_units.get(name, self.rest), self.isolated.get(name, ()))


Watch = Callable[[Record], None]
open_slice = lru_cache(maxsize=1 << 16)(uncached_open_slice)  # a hold's is asked for several times


class BusyDynamoDB:
    """A client for code under load, over simulated tables.

    Args:
        kernel: Its time.
        database: The tables.
        kept_s: How long a transaction keeps its items.
        warmth: How the tables are partitioned.
        draw: Draws latencies.
        slices: Slices of the index of open holds.
        small: Tables whose records never reach 1 KB (`make bench` holds the product's to it), so that a write takes
            one unit, and one more where an entry comes to or leaves the index: counted without being measured.

    Attributes:
        watch: Called with each record that was just written.
        counted: Calls by operation and how they ended.
        spending: By task, what is spent for the request that it serves.
    """

    def __init__(
        self,
        kernel: Kernel,
        database: SimulatedDynamoDB,
        *,
        kept_s: float,
        warmth: Warmth,
        draw: random.Random,
        slices: int,
        small: Collection[str] = (),
    ) -> None:
        self._kernel = kernel
        self._client = database.client
        self._kept_s = kept_s
        self._warmth = warmth
        self._draw = draw
        self._slices = slices
        self._small = frozenset(small)
        self._open_index_of = {"HoldsTable"}
        self._kept_until_us: dict[Record, int] = {}
        self._units: dict[Record, float] = {}
        self.partitions: dict[str, Partitions] = {}
        self.watch: Watch = _unwatched
        self.counted: Counter[str] = Counter()
        self.spending: dict[object, Spent] = {}
        database.unprocessed = self._leaves_unread

    def transact_write_items(self, **request: Any) -> Answer:
        """A transaction: refused where an item is kept or a partition has no more to give, else made and kept."""
        back_s = self._there("TransactWriteItems")
        now_us = self._kernel.now_us
        records = [_written(entry) for entry in request["TransactItems"]]
        codes = [self._obstacle(record, now_us) or self._index_obstacle(record, now_us) for record in records]
        if any(codes):
            self._charge({r: PREPARED for r, code in zip(records, codes, strict=True) if code != _THROTTLED}, now_us)
            self.counted["conflicts" if _CONFLICT in codes else "throttled"] += 1
            self._kernel.wait(back_s)
            reasons = [{"Code": code or "None", **({"Message": code} if code else {})} for code in codes]
            raise as_client_error(cancelled(reasons), "TransactWriteItems")
        try:
            answer = self._client.transact_write_items(**request, **self._detail(records))
        except ClientError:
            self._charge(dict.fromkeys(records, PREPARED), now_us)
            self.counted["conditions failed"] += 1
            self._kernel.wait(back_s)
            raise
        if "ConsumedCapacity" in answer:
            self._done(records, answer["ConsumedCapacity"], now_us)
        else:
            self._done_small(records, now_us)
        until_us = now_us + round(self._kept_s * 1_000_000)
        for record in records:
            self._kept_until_us[record] = until_us
        self._kernel.wait(self._kept_s + back_s)
        return answer

    def update_item(self, **request: Any) -> Answer:
        """A single update."""
        return self._write(
            "UpdateItem", self._client.update_item, _record(request["TableName"], request["Key"]), request
        )

    def put_item(self, **request: Any) -> Answer:
        """A single put."""
        record = self._put_record(request)
        return self._write("PutItem", self._client.put_item, record, request)

    def get_item(self, **request: Any) -> Answer:
        """A single read."""
        record = _record(request["TableName"], request["Key"])
        return self._read("GetItem", self._client.get_item, self._of(record.table, record.key[0]), request)

    def query(self, **request: Any) -> Answer:
        """A page of one partition key, of a table or index."""
        name = request.get("IndexName", request["TableName"])
        values = [value["S"] for value in request["ExpressionAttributeValues"].values()]
        return self._read("Query", self._client.query, self._of(name, values[0]), request)

    def batch_get_item(self, **request: Any) -> Answer:
        """Several reads; those whose partition has no more to give come back unprocessed."""
        back_s = self._there("BatchGetItem")
        answer = self._client.batch_get_item(**request, ReturnConsumedCapacity="INDEXES")
        now_us = self._kernel.now_us
        for consumed in answer["ConsumedCapacity"]:
            name = consumed["TableName"]
            left = answer["UnprocessedKeys"].get(name, {}).get("Keys", [])
            keys = [key for key in request["RequestItems"][name]["Keys"] if key not in left]
            for key in keys:
                units = consumed["CapacityUnits"] / len(keys)
                self._of(name, _record(name, key).key[0]).reads.take(units, now_us)
            self._spent.read_units += consumed["CapacityUnits"]
        self._kernel.wait(back_s)
        return answer

    def _write(self, operation: str, call: Callable[..., Answer], record: Record, request: Request) -> Answer:
        for again in range(_SDK_TRIES):
            back_s = self._there(operation)
            now_us = self._kernel.now_us
            obstacle = self._obstacle(record, now_us)
            if obstacle is None:
                return self._written_alone(call, record, request, back_s)
            self.counted["throttled" if obstacle == _THROTTLED else "conflicts"] += 1
            self._kernel.wait(back_s)
            if obstacle == _CONFLICT:
                self._charge({record: PREPARED}, now_us)
                raise conflict(operation, request)
            self._back_off(again)
        raise throttled(operation)

    def _written_alone(self, call: Callable[..., Answer], record: Record, request: Request, back_s: float) -> Answer:
        now_us = self._kernel.now_us
        try:
            answer = call(**request, **self._detail([record]))
        except ClientError:
            self._charge({record: self._units.get(record, 1.0)}, now_us)
            self.counted["conditions failed"] += 1
            self._kernel.wait(back_s)
            raise
        if "ConsumedCapacity" in answer:
            self._done([record], [answer["ConsumedCapacity"]], now_us)
        else:
            self._charge({record: 1}, now_us)
            self.watch(record)
        self._kernel.wait(back_s)
        return answer

    def _read(self, operation: str, call: Callable[..., Answer], partition: Partition, request: Request) -> Answer:
        for again in range(_SDK_TRIES):
            back_s = self._there(operation)
            now_us = self._kernel.now_us
            if partition.reads.gives(now_us):
                answer = call(**request, ReturnConsumedCapacity="TOTAL")
                units = answer["ConsumedCapacity"]["CapacityUnits"]
                partition.reads.take(units, now_us)
                self._spent.read_units += units
                self._kernel.wait(back_s)
                return answer
            self.counted["throttled"] += 1
            self._kernel.wait(back_s)
            self._back_off(again)
        raise throttled(operation)

    def _there(self, operation: str) -> float:
        """Goes half of a call's way, and says how long the other half is, seconds."""
        self.counted[operation] += 1
        self._spent.calls += 1
        half_s = CALL_MS / 2000 * self._draw.lognormvariate(0, CALL_SIGMA)
        self._kernel.wait(half_s)
        return half_s

    def _back_off(self, again: int) -> None:
        if again < _SDK_TRIES - 1:
            self._kernel.wait(self._draw.random() * SDK_BACKOFF_S * 2**again)

    @property
    def _spent(self) -> Spent:
        return self.spending.get(self._kernel.current) or Spent()

    def _of(self, name: str, key: str) -> Partition:
        if name not in self.partitions:
            self.partitions[name] = self._warmth.partitions(name)
        return self.partitions[name].of(key)

    def _obstacle(self, record: Record, now_us: int) -> str | None:
        if self._kept_until_us.get(record, 0) > now_us:
            return _CONFLICT
        return None if self._of(record.table, record.key[0]).writes.gives(now_us) else _THROTTLED

    def _index_obstacle(self, record: Record, now_us: int) -> str | None:
        """A transaction makes or settles a hold, so that the index's partition must take its entry, too."""
        if record.table not in self._open_index_of:
            return None
        partition = self._of(OPEN_INDEX, open_slice(record.key[0], self._slices))
        return None if partition.writes.gives(now_us) else _THROTTLED

    def _charge(self, units: Mapping[Record, float], now_us: int) -> None:
        for record, taken in units.items():
            self._of(record.table, record.key[0]).writes.take(taken, now_us)
            self._spent.write_units += taken

    def _done(self, records: list[Record], consumed: list[Answer], now_us: int) -> None:
        """Charges what was written, table by table in equal parts, and the entries of the index of open holds."""
        for table in consumed:
            written = [record for record in records if record.table == table["TableName"]]
            each = table["Table"]["CapacityUnits"] / len(written)
            self._charge(dict.fromkeys(written, each), now_us)
            self._units.update(dict.fromkeys(written, each))
            for name, index in table.get("GlobalSecondaryIndexes", {}).items():
                self._spent.write_units += index["CapacityUnits"]
                if name == OPEN_INDEX:
                    for record in written:
                        slice_key = open_slice(record.key[0], self._slices)
                        self._of(name, slice_key).writes.take(index["CapacityUnits"] / len(written), now_us)
        for record in records:
            self.watch(record)

    def _detail(self, records: list[Record]) -> Request:
        measured = any(record.table not in self._small for record in records)
        return {"ReturnConsumedCapacity": "INDEXES"} if measured else {}

    def _done_small(self, records: list[Record], now_us: int) -> None:
        """Charges a transaction on small records, each of which makes or settles its holds."""
        self._charge(dict.fromkeys(records, PREPARE_AND_COMMIT), now_us)
        for record in records:
            if record.table in self._open_index_of:
                self._of(OPEN_INDEX, open_slice(record.key[0], self._slices)).writes.take(1, now_us)
                self._spent.write_units += 1
            self.watch(record)

    def _leaves_unread(self, table: str, key: Request) -> bool:
        if self._kernel.current is None:
            return False
        return not self._of(table, _record(table, key).key[0]).reads.gives(self._kernel.now_us)

    def _put_record(self, request: Request) -> Record:
        names = _KEYS.get(request["TableName"], ())
        return _record(request["TableName"], {name: request["Item"][name] for name in names})


#: The key attributes of the tables that single puts go to.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "AvailabilityTable": ("item_id", "warehouse_id"),
    "StockTable": ("stock_id",),
    "HoldsTable": ("hold_id",),
}


def _record(table: str, key: Mapping[str, Any]) -> Record:
    return Record(table, tuple(value["S"] for value in key.values()))


def _written(entry: Mapping[str, Any]) -> Record:
    [(kind, write)] = entry.items()
    table = write["TableName"]
    if kind == "Put":
        return _record(table, {name: write["Item"][name] for name in _KEYS[table]})
    return _record(table, write["Key"])


def _unwatched(_record: Record) -> None:
    return None
