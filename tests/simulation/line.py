"""The line between an instance and DynamoDB: every call is a moment at which others may go first, or it goes wrong.

It stands where boto3's client stands, and tries again as boto3 does: twice, for time-outs and throttling, a transaction
under one token.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from inventory.domain.limits import ATTEMPTS_MAX
from inventory.pipeline.projector import REBALANCED_WITHIN_MS
from simulated_dynamodb import conflict, is_eventual, throttled
from simulated_dynamodb.errors import Refused, as_client_error, cancelled
from simulation.faults import Fault
from simulation.kernel import Killed
from simulation.violation import Violation
from support.rights import Denied, check_call

if TYPE_CHECKING:
    from simulation.service import Instance, Service

_TRIES: Final = 3
_READ_TIMEOUT_S: Final = 2.0
_CONNECT_TIMEOUT_S: Final = 1.0
_LATE_S: Final = (0.01, 8.0)
_LATENCY_MEDIAN_MS: Final = 2.0
_LATENCY_MAX_S: Final = 0.9
_LATENCY_MEAN_S: Final = 0.0037
_STALE_MAX_S: Final = 2.0
_AGAIN: Final = frozenset({"ThrottlingException", "TransactionInProgressException"})
_OPERATIONS: Final = {
    "get_item": "GetItem",
    "batch_get_item": "BatchGetItem",
    "query": "Query",
    "put_item": "PutItem",
    "update_item": "UpdateItem",
    "transact_write_items": "TransactWriteItems",
}
_WRITES: Final = frozenset({"put_item", "update_item", "transact_write_items"})


class Line:
    """A client of DynamoDB over an unreliable network.

    Args:
        service: Whose tables it reaches.
        instance: Who calls.
    """

    def __init__(self, service: "Service", instance: "Instance") -> None:
        self._service = service
        self._instance = instance

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        """The client's method of that name."""
        if method not in _OPERATIONS:
            raise AttributeError(method)
        return lambda **request: self._call(method, request)

    def _call(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        if method in _WRITES and request.get("TableName") != self._service.tables.availability:
            self._instance.check_clock()  # the projection alone carries no time
        self._instance.note_call()
        self._check_rights(method, request)
        self._note_placing(method, request)
        self._service.claims.note(self._instance.name, method, request)
        if method == "transact_write_items":
            request = {**request, "ClientRequestToken": str(self._service.new_uuid())}
        try:
            return self._instance.timed(lambda: self._insist(method, request))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ThrottlingException":
                self._service.claims.throttled(self._instance.name, request)
            raise

    def _insist(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        for number in range(1, _TRIES + 1):
            try:
                return self._try(method, request)
            except (ClientError, ReadTimeoutError, ConnectTimeoutError) as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else "timeout"
                if number == _TRIES or (isinstance(error, ClientError) and code not in _AGAIN):
                    raise
                self._instance.pause(self._service.rng.random() * 2 ** (number - 1))
        raise AssertionError("the last try answers or raises")

    def _try(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        service, operation = self._service, _OPERATIONS[method]
        self._wait(self._way_s())
        self._refuse(method, request)
        if method in _WRITES and service.faults.happens(Fault.LATE):
            self._note(f"{operation} times out, to take effect later", request)
            service.kernel.spawn(
                "network", lambda: self._take_effect(method, request), after_s=service.rng.uniform(*_LATE_S)
            )
            self._wait(_READ_TIMEOUT_S)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        try:
            answer = self._effect(method, request)
        except ClientError as error:
            self._note(f"{operation} {error.response['Error']['Code']}", request)
            if "CancellationReasons" in error.response and service.faults.happens(Fault.CONFLICT_TOO):
                error = self._with_conflict(error, request)
            service.claims.refused(self._instance.name, method, request)
            service.misses[self._instance.name] += "CancellationReasons" in error.response
            self._wait(self._way_s())
            raise error from None
        if service.faults.happens(Fault.LOST):
            self._note(f"{operation} answer lost", request)
            self._wait(_READ_TIMEOUT_S)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        self._note(operation, request)
        projected = method == "put_item" and request["TableName"] == service.tables.availability
        if projected:
            service.claims.written(self._instance.name, request["Item"])
        self._wait(self._way_s())
        if projected and self._instance.function == "projector":  # from now on it may look after stock, for a second
            self._instance.due_us = service.kernel.now_us + REBALANCED_WITHIN_MS * 1000
        return answer

    def _check_rights(self, method: str, request: dict[str, Any]) -> None:
        """AWS would refuse a call that the function's role does not grant, though the tables here would not."""
        try:
            check_call(self._instance.function, _OPERATIONS[method], request)
        except Denied as denied:
            raise Violation("no_defect", str(denied)) from denied

    def _note_placing(self, method: str, request: dict[str, Any]) -> None:
        """A request tries to place a hold no more often than is said."""
        service, name = self._service, self._instance.name
        holds = [
            entry for entry in request.get("TransactItems", ()) if "hold_id" in entry.get("Put", {}).get("Item", {})
        ]
        if method == "transact_write_items" and holds:
            service.placings[name] += 1
            if service.placings[name] > ATTEMPTS_MAX:
                raise Violation("everything_settles", f"{name} tries for the {service.placings[name]}th time")

    def _way_s(self) -> float:
        service = self._service
        usual_s = _LATENCY_MEAN_S if service.steady else latency_s(service.rng)
        return min(_LATENCY_MAX_S, usual_s * service.slowness)

    def _with_conflict(self, error: ClientError, request: dict[str, Any]) -> ClientError:
        """The same, where yet another transaction is on one of the records: its condition is not looked at then."""
        response: dict[str, Any] = {**error.response}
        reasons = [*response["CancellationReasons"]]
        position = self._service.rng.randrange(len(reasons))
        met: dict[str, Any] = {**conflict("TransactWriteItems", request, [position]).response}
        reasons[position] = met["CancellationReasons"][position]
        return as_client_error(cancelled(reasons), "TransactWriteItems", response["ResponseMetadata"])

    def _refuse(self, method: str, request: dict[str, Any]) -> None:
        """Raises for what happens to a call before it has any effect."""
        faults, operation = self._service.faults, _OPERATIONS[method]
        error = self._kept(method, request)
        if error is not None:
            pass
        elif faults.happens(Fault.UNREACHABLE):
            error = ConnectTimeoutError(endpoint_url="https://dynamodb")
        elif faults.happens(Fault.THROTTLED):
            error = throttled(operation)
        elif method in _WRITES and faults.happens(Fault.CONFLICT):
            records = len(request.get("TransactItems", "1"))
            error = conflict(operation, request, [self._service.rng.randrange(records)])
        elif method == "transact_write_items" and faults.happens(Fault.IN_DOUBT):
            error = as_client_error(Refused("TransactionInProgressException", "in progress"), operation)
        if error is not None:
            self._note(f"{operation} {type(error).__name__}", request)
            self._wait(_CONNECT_TIMEOUT_S if isinstance(error, ConnectTimeoutError) else self._way_s())
            raise error

    def _kept(self, method: str, request: dict[str, Any]) -> Exception | None:
        """What a write meets whose record another keeps: one that was made busy, or one of a transaction just made."""
        service = self._service
        if method not in _WRITES or not (service.busy or service.setting.kept_s):
            return None
        now_us, keys = service.kernel.now_us, _written(request)
        met = [position for position, key in enumerate(keys) if key in service.busy]
        if met and service.busy[keys[met[0]]] == "throttled":
            return throttled(_OPERATIONS[method])
        met += [position for position, key in enumerate(keys) if service.kept.get(key, 0) > now_us]
        if met:
            return conflict(_OPERATIONS[method], request, met)
        if method == "transact_write_items" and service.setting.kept_s:
            until_us = now_us + round(service.setting.kept_s * 1_000_000)
            service.kept.update(dict.fromkeys(keys, until_us))
        return None

    def _effect(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        service = self._service
        if method == "batch_get_item" and _keys_in(request) > 1 and service.faults.happens(Fault.TORN):
            return self._torn(request)
        service.calls += 1
        client = service.database.client
        if is_eventual(_OPERATIONS[method], request) and service.faults.happens(Fault.STALE):
            client = service.replica.as_of(service.kernel.now_us / 1_000_000 - service.rng.uniform(0, _STALE_MAX_S))
        answer: dict[str, Any] = getattr(client, method)(**request)
        return answer

    def _torn(self, request: dict[str, Any]) -> dict[str, Any]:
        """A batch is no snapshot: some of its records are read now, the others later, in no order."""
        earlier: dict[str, Any] = {}
        later: dict[str, Any] = {}
        for name, of_table in request["RequestItems"].items():
            for key in of_table["Keys"]:
                part = self._service.rng.choice((earlier, later))
                part.setdefault(name, {**of_table, "Keys": []})["Keys"].append(key)
        answer: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {}}
        for part in filter(None, (earlier, later)):
            got = self._service.database.client.batch_get_item(RequestItems=part)
            for name, records in got["Responses"].items():
                answer["Responses"].setdefault(name, []).extend(records)
            for name, left in got["UnprocessedKeys"].items():
                known = answer["UnprocessedKeys"].setdefault(name, {**left, "Keys": []})
                known["Keys"].extend(left["Keys"])
            answer["ResponseMetadata"] = got["ResponseMetadata"]
            self._wait(self._way_s())
        self._service.calls += 1
        return answer

    def _take_effect(self, method: str, request: dict[str, Any]) -> None:
        try:
            self._effect(method, request)
        except ClientError as error:
            self._note(f"{_OPERATIONS[method]} late: {error.response['Error']['Code']}", request)
        else:
            self._service.came_late |= _objects(request)
            self._note(f"{_OPERATIONS[method]} late", request)

    def _wait(self, seconds: float) -> None:
        self._instance.pause(seconds)
        if self._service.faults.happens(Fault.KILLED):
            self._service.trace.note(self._instance.name, "killed")
            raise Killed

    def _note(self, what: str, request: dict[str, Any]) -> None:
        self._service.trace.note(self._instance.name, what, lambda: _keys(request))


def _keys_in(request: dict[str, Any]) -> int:
    return sum(len(of_table["Keys"]) for of_table in request["RequestItems"].values())


def _objects(request: dict[str, Any]) -> set[str]:
    """The ids of the holds and adjustments that a request writes."""
    writes = [write for entry in request.get("TransactItems", [{"": request}]) for write in entry.values()]
    keys = [{**write.get("Key", {}), **write.get("Item", {})} for write in writes]
    return {key[name]["S"] for key in keys for name in ("hold_id", "adjustment_id") if name in key}


def _written(request: dict[str, Any]) -> list[str]:
    """The keys of what a request writes or checks, in its order."""
    entries = request.get("TransactItems", [{"": request}])
    return [
        next(str(key[name]["S"]) for name in _KEY_NAMES if name in key)
        for entry in entries
        for write in entry.values()
        if (key := {**write.get("Key", {}), **write.get("Item", {})}) and any(name in key for name in _KEY_NAMES)
    ]


_KEY_NAMES: Final = ("stock_id", "hold_id", "adjustment_id", "request_id")


def latency_s(rng: random.Random) -> float:
    """Half of a call's way: about 2 ms, one in a thousand 50 ms and more, never over 0.9 s."""
    return min(_LATENCY_MAX_S, rng.lognormvariate(0, 1.1) * _LATENCY_MEDIAN_MS / 1000)


def _keys(request: dict[str, Any]) -> str:
    if "TransactItems" in request:
        return "; ".join(f"{kind} {_key(write)}" for entry in request["TransactItems"] for kind, write in entry.items())
    if "RequestItems" in request:
        return "; ".join(_plain(key) for table in request["RequestItems"].values() for key in table["Keys"])
    return _key(request)


def _key(request: dict[str, Any]) -> str:
    if "Key" in request:
        update = request.get("UpdateExpression", "")
        values = request.get("ExpressionAttributeValues", {})
        told = {name[1:]: next(iter(value.values())) for name, value in values.items() if name in _TOLD}
        return f"{_plain(request['Key'])}{' ' + str(told) if update else ''}"
    if "Item" in request:
        item = request["Item"]
        return " ".join(f"{name}={next(iter(item[name].values()))}" for name in _TOLD_OF_ITEMS if name in item)
    return _plain(request.get("ExpressionAttributeValues", {}))


_TOLD: Final = (":at", ":available", ":held", ":status", ":settlement", ":expires_at", ":shards")
_TOLD_OF_ITEMS: Final = (
    "hold_id",
    "adjustment_id",
    "request_id",
    "stock_id",
    "item_id",
    "warehouse_id",
    "at",
    "version",
)


def _plain(values: dict[str, Any]) -> str:
    return ",".join(str(next(iter(value.values()))) for value in values.values())
