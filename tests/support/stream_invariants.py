"""The invariants of every single write, checked on the streams of a deployed stack while tests go on."""

from collections import Counter
from typing import Any

from inventory.domain.clock import TICK_MS
from inventory.pipeline.stream import change_of
from inventory.storage.codec import Record
from inventory.storage.stock_records import is_directory
from support.stack import Operator

_ENDED = {"executed", "released", "expired"}


class StreamJudge:
    """Judges one change of a stock or hold record after the other, as their streams tell them."""

    def __init__(self) -> None:
        self._broken: list[str] = []
        self._settled: dict[str, str] = {}  # by hold: its settlement
        self._settling_writes: Counter[tuple[str, str]] = Counter()  # by settlement and shard
        self._instants: dict[str, set[int]] = {}  # by transaction

    def broken(self) -> list[str]:
        """What contradicted the invariants since the last time, each beginning with the invariant's name."""
        torn = {transaction: instants for transaction, instants in self._instants.items() if len(instants) > 1}
        found = self._broken + [
            f"atomic_instant: {transaction} has {instants}" for transaction, instants in torn.items()
        ]
        self._broken = []
        for transaction in torn:
            del self._instants[transaction]
        return found

    def see(self, before: Record | None, after: Record) -> None:
        """Judges one change."""
        rev, at = (0, 0) if before is None else (before["rev"], before["at"])
        if after["rev"] != rev + 1 or after["at"] < at or after["at"] % TICK_MS:
            self._broken.append(f"gapless: {before} became {after}")
        if "hold_id" in after:
            self._check_hold(before or {}, after)
        elif not is_directory(after):
            self._check_shard(after)

    def _check_shard(self, after: Record) -> None:
        if after["available"] < 0 or after["held"] < 0:
            self._broken.append(f"never_oversold: {after}")
        cause = after["cause"]
        self._instants.setdefault(cause["id"], set()).add(after["at"])
        if cause["type"] == "settlement":
            self._settling_writes[cause["id"], after["stock_id"]] += 1
            if self._settling_writes[cause["id"], after["stock_id"]] > 1:
                self._broken.append(f"settled_once: {cause['id']} changed {after['stock_id']} twice")

    def _check_hold(self, before: Record, after: Record) -> None:
        hold_id, old, new = after["hold_id"], before.get("status"), after["status"]
        if not before:
            self._instants.setdefault(hold_id, set()).add(after["at"])
        if old in _ENDED and new != old:
            self._broken.append(f"resolved_once: {hold_id} went from {old} to {new}")
        in_time = after["at"] < before.get("expires_at", after["expires_at"])
        if old == "active" and ((new in {"active", "executed"} and not in_time) or (new == "expired" and in_time)):
            self._broken.append(f"expiry_exact: {before} became {after}")
        settlement = after.get("settlement")
        if settlement is not None:
            self._instants.setdefault(settlement, set()).add(after["at"])
            if old == "active" or self._settled.setdefault(hold_id, settlement) != settlement:
                self._broken.append(f"settled_once: {before} became {after}")


class StreamWatch:
    """What the streams of stock and holds of a deployed stack tell, from the moment that this was made.

    Attributes:
        forged: Keys of records that a test wrote itself, which are not the service's word.
    """

    def __init__(self, operator: Operator) -> None:
        self.forged: set[str] = set()
        self._judge = StreamJudge()
        self._streams = operator.streams
        self._iterators = [self._latest(operator, table) for table in ("StockTable", "HoldsTable")]

    def advance(self) -> list[str]:
        """Reads what was written since the last time; gives what in it contradicts the invariants, by their names."""
        for number, iterator in enumerate(self._iterators):
            records, self._iterators[number] = self._read(iterator)
            for record in records:
                change = change_of(record)
                if change.after is not None and self._is_genuine(change.after):
                    self._judge.see(change.before, change.after)
        return self._judge.broken()

    def _is_genuine(self, record: Record) -> bool:
        return self.forged.isdisjoint({record.get("hold_id"), record.get("stock_id")})

    def _latest(self, operator: Operator, table: str) -> str:
        name = operator.stack.outputs[table]
        arn = operator.dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
        (shard,) = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        found = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")
        return str(found["ShardIterator"])

    def _read(self, iterator: str) -> tuple[list[dict[str, Any]], str]:
        read: list[dict[str, Any]] = []
        while True:
            page = self._streams.get_records(ShardIterator=iterator)
            iterator = page["NextShardIterator"]
            if not page["Records"]:
                return read, iterator
            read += page["Records"]
