"""What happens around the calls to the simulated tables: faults, and other actors in between, where a test says so."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from simulated_dynamodb import SimulatedDynamoDB, conflict, throttled
from simulated_dynamodb.errors import Refused, as_client_error

Request = dict[str, Any]
Fault = Callable[[str, Request], Exception]

READS = frozenset({"GetItem", "BatchGetItem", "Query"})
WRITES = frozenset({"PutItem", "UpdateItem", "TransactWriteItems"})
TRANSACTIONS = frozenset({"TransactWriteItems"})
BATCH_READS = frozenset({"BatchGetItem"})


@dataclass(slots=True)
class _Plan:
    """Something to be done at one call: the `left`th of these operations from now on."""

    operations: frozenset[str]
    left: int
    act: Callable[[str, Request], None]


class Wire:
    """The line between the service and its tables.

    Args:
        database: Whose calls are watched.
        watch: Called after each call that had an effect or an answer, before any fault: it sees what really happened.
        tick: Called before each call: time passes.
        in_between: Surrounds what another actor does before or after a call.
    """

    def __init__(
        self,
        database: SimulatedDynamoDB,
        watch: Callable[[str, Request, Any], None],
        tick: Callable[[], None],
        *,
        in_between: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._watch = watch
        self._tick = tick
        self._before: list[_Plan] = []
        self._after: list[_Plan] = []
        self._in_between = False
        self._surrounded = in_between
        self.calls: list[str] = []
        database.before_call = self._before_call
        database.after_call = self._after_call

    def refuse(self, fault: Fault, operations: frozenset[str] = TRANSACTIONS, nth: int = 1, times: int = 1) -> None:
        """The nth such call from now on (and the next ones) is refused: it has no effect."""
        self._plan(self._before, _raising(fault), operations, nth, times)

    def lose(self, operations: frozenset[str] = TRANSACTIONS, nth: int = 1, times: int = 1) -> None:
        """The nth such call from now on (and the next ones) has its effect, but the answer never comes."""
        self._plan(self._after, _raising(_no_answer), operations, nth, times)

    def mangle(self, fault: Fault, operations: frozenset[str] = TRANSACTIONS, nth: int = 1) -> None:
        """The nth such call from now on has its effect, but is answered with a fault."""
        self._plan(self._after, _raising(fault), operations, nth, 1)

    def meanwhile(
        self, action: Callable[[], object], operations: frozenset[str] = TRANSACTIONS, nth: int = 1, times: int = 1
    ) -> None:
        """Before the nth such call from now on (and the next ones), another actor does this, undisturbed."""
        self._plan(self._before, lambda _operation, _request: _done(action), operations, nth, times)

    def calm(self) -> None:
        """Nothing that was planned happens any more."""
        self._before.clear()
        self._after.clear()

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """What was planned waits: within, calls are neither counted nor disturbed."""
        earlier, self._in_between = self._in_between, True
        try:
            yield
        finally:
            self._in_between = earlier

    def _plan(
        self,
        plans: list[_Plan],
        act: Callable[[str, Request], None],
        operations: frozenset[str],
        nth: int,
        times: int,
    ) -> None:
        plans.extend(_Plan(operations, nth + number, act) for number in range(times))

    def _before_call(self, operation: str, request: Request) -> None:
        self._tick()
        self.calls.append(operation)
        self._due(self._before, operation, request)

    def _after_call(self, operation: str, request: Request, answer: Any) -> None:
        self._watch(operation, request, answer)
        if "Error" not in answer:
            self._due(self._after, operation, request)

    def _due(self, plans: list[_Plan], operation: str, request: Request) -> None:
        if self._in_between:
            return  # another actor's own calls are neither counted nor disturbed
        due = []
        for plan in [plan for plan in plans if operation in plan.operations]:
            plan.left -= 1
            if plan.left == 0:
                plans.remove(plan)
                due.append(plan)
        with self.undisturbed(), self._surrounded():
            for plan in due:
                plan.act(operation, request)


def conflicting(*positions: int) -> Fault:
    """Another transaction is on the record; of a transaction, on those at these positions (default: the first)."""

    def fault(operation: str, request: Request) -> Exception:
        records = len(request.get("TransactItems", (0,)))
        return conflict(operation, request, [position % records for position in positions or (0,)])

    return fault


def throttling(operation: str, _request: Request) -> Exception:
    """DynamoDB refuses for load."""
    return throttled(operation)


def throttling_one(position: int) -> Fault:
    """Of a transaction's records the one at this position is asked too much."""

    def fault(operation: str, request: Request) -> Exception:
        reasons = [{"Code": "None"} for _ in request["TransactItems"]]
        reasons[position] = {"Code": "ThrottlingError", "Message": "Throughput exceeds the current capacity"}
        return as_client_error(Refused("TransactionCanceledException", "", CancellationReasons=reasons), operation)

    return fault


def in_progress(operation: str, _request: Request) -> Exception:
    """The client's own repetition meets its first try, which is still under way: the outcome is unknown."""
    return as_client_error(Refused("TransactionInProgressException", "The transaction is in progress"), operation)


def unreachable(_operation: str, _request: Request) -> Exception:
    """No connection: the call never got there."""
    return ConnectTimeoutError(endpoint_url="https://dynamodb.test")


def _no_answer(_operation: str, _request: Request) -> Exception:
    return ReadTimeoutError(endpoint_url="https://dynamodb.test")


def _raising(fault: Fault) -> Callable[[str, Request], None]:
    def act(operation: str, request: Request) -> None:
        raise fault(operation, request)

    return act


def _done(action: Callable[[], object]) -> None:
    action()
