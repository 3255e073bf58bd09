"""The port to DynamoDB: the few calls that the protocol makes, and a named error for each way they can fail."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from inventory.aws_errors import THROTTLED, UNREACHABLE, code_of, is_outage, is_untimely
from inventory.domain.errors import ClockSkewed, InvariantBroken, Overloaded
from inventory.domain.limits import BATCH_GET_KEYS_MAX, TRANSACTION_RECORDS_MAX
from inventory.storage.at_once import AtOnce, one_by_one
from inventory.storage.codec import Record, decode, encode
from inventory.storage.tables import Key
from inventory.storage.writes import Write, spelled

_CONDITION = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}
_CONFLICT_EXCEPTIONS = {"TransactionConflictException", "TransactionInProgressException"}
_BATCH_ROUNDS_MAX = 6
_QUERY_PAGES_MAX = 16


class ConditionFailed(Exception):
    """A single write's condition did not hold. `record` is what stood there, or None where nothing did."""

    def __init__(self, record: Record | None) -> None:
        super().__init__("condition failed")
        self.record = record


class Contended(Exception):
    """Another transaction was on a record, or an earlier send of this one is: this send wrote nothing, that one may.

    Attributes:
        resent: Whether there was an earlier send: the client repeats what is not answered.
    """

    def __init__(self, *, resent: bool) -> None:
        super().__init__("contended")
        self.resent = resent


class Throttled(Overloaded):
    """A record, table or account was asked too much: this send wrote nothing, an earlier one of it may have."""

    def __init__(self) -> None:
        super().__init__("The database refused for load. Try again in a moment.")


class Reason(NamedTuple):
    """Why one write of a cancelled transaction could not be; all False where this one could have been."""

    write: Write
    condition_failed: bool
    contended: bool
    throttled: bool
    record: Record | None


class TransactionCancelled(Exception):
    """No write of the transaction was made. `reasons` has one entry for each write, in their order."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("transaction cancelled")
        self.reasons = reasons

    @property
    def failed(self) -> list[Reason]:
        """The writes that stood in the way."""
        return [reason for reason in self.reasons if reason.condition_failed or reason.contended or reason.throttled]


Observe = Callable[[int, int, int], None]


class Database:
    """DynamoDB as the protocol sees it.

    Every method raises `Overloaded` where DynamoDB did not answer, or not in time, after the client's bounded
    retries (the outcome of a write is then unknown), `Throttled` where it refused for load, and `ClockSkewed` where
    this instance's clock is so far off that it accepts no signature.

    Args:
        client: A boto3 low-level DynamoDB client, with its timeouts and retries set.
        now: Milliseconds since 1970 by this instance's clock.
        pause: Waits for some seconds.
    """

    def __init__(self, client: Any, now: Callable[[], int], pause: Callable[[float], None]) -> None:
        self._client = client
        self._now = now
        self._pause = pause
        self.observe: Observe = _nobody_observes

    def get(self, key: Key, *, consistent: bool = True) -> Record | None:
        """One record, or None."""
        answer = self._call(self._client.get_item, TableName=key.table, Key=encode(key.key), ConsistentRead=consistent)
        return decode(answer["Item"]) if "Item" in answer else None

    def batch_get(self, keys: Sequence[Key], *, consistent: bool = True, at_once: AtOnce = one_by_one) -> list[Record]:
        """Those of the records that exist, in no order; as many calls as 100 keys each need, made `at_once`.

        Raises:
            Throttled: Some keys were still unread after several rounds.
        """
        read = partial(self._batch_get, consistent=consistent)
        parts = [keys[start : start + BATCH_GET_KEYS_MAX] for start in range(0, len(keys), BATCH_GET_KEYS_MAX)]
        # A single call needs no other thread, and starts none.
        return list(chain.from_iterable(at_once(read, parts) if len(parts) > 1 else map(read, parts)))

    def _batch_get(self, keys: Sequence[Key], *, consistent: bool) -> list[Record]:
        found: list[Record] = []
        wanted: dict[str, Any] = {}
        for key in keys:
            table = wanted.setdefault(key.table, {"Keys": [], "ConsistentRead": consistent})
            table["Keys"].append(encode(key.key))
        for round_ in range(_BATCH_ROUNDS_MAX):
            if round_:
                self._pause(0.01 * 2**round_)
            answer = self._call(self._client.batch_get_item, RequestItems=wanted)
            for records in answer["Responses"].values():
                found.extend(map(decode, records))
            wanted = answer.get("UnprocessedKeys", {})
            if not wanted:
                return found
        raise Throttled

    def query(self, table: str, condition: str, values: Mapping[str, Any]) -> list[Record]:
        """All records that fit, in ascending order, read with eventual consistency, one call for each 1 MB.

        Raises:
            AssertionError: There are more than 16 MB, which no limit of the service allows.
        """
        found: list[Record] = []
        request = _query_request(table, condition, values)
        for _ in range(_QUERY_PAGES_MAX):
            answer = self._call(self._client.query, **request)
            found.extend(map(decode, answer["Items"]))
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        raise AssertionError(f"more than {_QUERY_PAGES_MAX} pages of {table} for {values}")

    def query_index(
        self, table: str, index: str, condition: str, values: Mapping[str, Any], *, limit: int
    ) -> tuple[list[Record], bool]:
        """The first `limit` records of an index that fit, in ascending order; and whether there may be more."""
        request = _query_request(table, condition, values)
        answer = self._call(self._client.query, IndexName=index, Limit=limit, **request)
        return [decode(item) for item in answer["Items"]], "LastEvaluatedKey" in answer

    def index_pages(
        self, table: str, index: str, condition: str, values: Mapping[str, Any], *, size: int
    ) -> Iterator[list[Record]]:
        """All records of an index that fit, in ascending order: pages of `size`, each read when it is asked for."""
        request = _query_request(table, condition, values) | {"IndexName": index, "Limit": size}
        while True:
            answer = self._call(self._client.query, **request)
            yield [decode(item) for item in answer["Items"]]
            if not answer["Items"] or "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write(self, write: Write) -> Record:
        """Makes one write by itself and gives the record as it now is.

        Raises:
            ConditionFailed: The condition did not hold.
            Contended: A transaction was on the record.
        """
        parameters = write.parameters()
        if write.kind == "Put":
            self._call(self._client.put_item, **parameters)
            return {**write.key.key, **write.record}
        answer = self._call(self._client.update_item, ReturnValues="ALL_NEW", **parameters)
        return decode(answer["Attributes"])

    def transact(self, writes: Sequence[Write]) -> None:
        """Makes all the writes or none. The client repeats it, if it must, under one token.

        Raises:
            TransactionCancelled: A write stood in the way.
            InvariantBroken: A record is such that the write can never be made.
            Contended: The same transaction is still under way from an earlier try.
        """
        if len(writes) > TRANSACTION_RECORDS_MAX:
            raise AssertionError(f"a transaction takes {TRANSACTION_RECORDS_MAX} records, not {len(writes)}")
        try:
            self._call(
                self._client.transact_write_items,
                TransactItems=[{write.kind: write.parameters()} for write in writes],
            )
        except _Cancelled as cancelled:
            raise TransactionCancelled(_reasons(writes, cancelled.reasons)) from None

    def _call(self, operation: Callable[..., Any], **parameters: Any) -> Any:
        sent_ms = self._now()
        with _named_errors():
            try:
                answer = operation(**parameters)
            except ClientError as error:
                self._observe(sent_ms, error.response)
                raise
        self._observe(sent_ms, answer)
        return answer

    def _observe(self, sent_ms: int, answer: Mapping[str, Any]) -> None:
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self.observe(sent_ms, _second_of(date), self._now())


class _Cancelled(Exception):
    def __init__(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("cancelled")
        self.reasons = reasons


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        response: dict[str, Any] = dict(error.response)
        code = code_of(error)
        if code == "ConditionalCheckFailedException":
            item = response.get("Item")
            raise ConditionFailed(decode(item) if item else None) from None
        if code == "TransactionCanceledException":
            raise _Cancelled(response.get("CancellationReasons", [])) from error
        if code in _CONFLICT_EXCEPTIONS:
            raise Contended(resent=_resent(response)) from error
        if code in THROTTLED:
            raise Throttled from error
        if is_untimely(error):
            raise ClockSkewed("This instance's clock is minutes off the database's; it is refused.") from error
        if is_outage(error):
            raise Overloaded("The database did not answer.") from error
        raise
    except UNREACHABLE as error:
        raise Overloaded("The database could not be reached in time.") from error


def _resent(answer: Mapping[str, Any]) -> bool:
    """Whether the client had to send the request again before this came."""
    return bool(answer.get("ResponseMetadata", {}).get("RetryAttempts"))


@lru_cache(maxsize=8)
def _second_of(date: str) -> int:
    """The second since 1970 that a `Date` header names: the same for all answers within it."""
    return int(parsedate_to_datetime(date).timestamp())


def _reasons(writes: Sequence[Write], raw: Sequence[Mapping[str, Any]]) -> list[Reason]:
    reasons = []
    for write, reason in zip(writes, raw, strict=True):
        code = reason.get("Code", "None")
        if code not in {"None", _CONDITION, _CONFLICT, *_THROTTLED}:
            # ValidationError, ItemCollectionSizeLimitExceeded: a mistake of ours, or of whoever edited the record.
            raise InvariantBroken(f"{write.kind} of {write.about}: {code}: {reason.get('Message')}")
        item = reason.get("Item")
        record = _met(write, item) if item else None
        reasons.append(Reason(write, code == _CONDITION, code == _CONFLICT, code in _THROTTLED, record))
    return reasons


def _met(write: Write, item: Mapping[str, Any]) -> Record:
    """The record that a write ran into. Every record has an instant; one without was edited by hand."""
    try:
        record = decode(item)
    except ValueError as error:
        raise InvariantBroken(f"{write.about} cannot be read: {error}") from None
    if not isinstance(record.get("at"), int):
        raise InvariantBroken(f"{write.about} has no instant")
    return record


def _query_request(table: str, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": spelled(condition),
        "ExpressionAttributeValues": {f":{name}": value for name, value in encode(values).items()},
    }


def _nobody_observes(_sent_ms: int, _server_second: int, _received_ms: int) -> None:
    return None
