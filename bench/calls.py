"""How many calls to DynamoDB each operation makes: over the simulated tables, and over the deployed ones."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.figures import Figure, Section

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.drawing import Want
from inventory.domain.errors import InsufficientStock
from inventory.domain.holds import Hold, Take
from inventory.domain.ids import Requester, fingerprint
from inventory.protocol import adjust, count, extend, holds_view, place, resolve, split, stock_view, transfer
from inventory.protocol.core import Answer, Core
from inventory.settings import Settings
from inventory.wiring import core_from
from stack.aws import Aws
from stack.state import Stack
from support.template import table_names
from support.world import World

_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
_WAREHOUSE, _OTHER = "berlin", "hamburg"
_STOCK = 100
_FORGOTTEN_S = 1.1  # nothing is remembered for longer than a second


def over_simulated_tables() -> Section:
    """Counts the calls on tables in this process, whose clock is turned by hand."""
    world, counted = World(), Counter[str]()
    world.database.before_call = lambda operation, _arguments: counted.update([operation])
    world.receive("cup", _STOCK, _WAREHOUSE)
    figures = _Counting(world.core, counted, "cup", world.clock.pass_s).figures()
    return Section("Calls to DynamoDB, simulated tables", "Counted at the client.", figures)


def over_deployed_tables(stack: Stack) -> Section:
    """Counts the calls that the functions' code, run in this process, makes to the deployed tables."""
    client, counted = Aws(stack.aws_endpoint_url).dynamodb, Counter[str]()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: counted.update([model.name]))
    environment = {variable: stack.outputs[table] for variable, table in table_names().items()}
    core = core_from(Settings.from_env(environment), client=client, count=lambda _name, _value: None)
    item = f"cup-{time.time_ns()}"
    adjust.adjust(core, AdjustmentRequest(item, _WAREHOUSE, "received", _requester("r")), _STOCK)
    while not core.database.get(core.tables.availability_of(item, _WAREHOUSE)):
        time.sleep(0.1)
    time.sleep(_FORGOTTEN_S)
    figures = _Counting(core, counted, item, time.sleep).figures()
    return Section("Calls to DynamoDB, deployed tables", "Counted by botocore's events; the same code.", figures)


class _Counting:
    """Carries out operations on one item, and counts what each asks of DynamoDB."""

    def __init__(self, core: Core, counted: Counter[str], item: str, pause: Callable[[float], None]) -> None:
        self._core, self._counted, self._item, self._pause = core, counted, item, pause

    def figures(self) -> tuple[Figure, ...]:
        """All operations, one after the other: warm, as the first of an instance also compares its clock."""
        self._place(1)
        self._pause(_FORGOTTEN_S)
        held = [self._place(1).value.id]
        self._pause(_FORGOTTEN_S)
        operations: list[tuple[str, Callable[[], object], int, int]] = [
            ("place, item not seen for a second", lambda: held.append(self._place(1, "key").value.id), 1, 1),
            ("place, item seen within a second", lambda: self._place(1), 1, 0),
            ("place again with the same key", lambda: self._place(1, "key"), 1, 1),
            ("execute", lambda: resolve.execute(self._core, held[0], None, by=_requester("e")), 1, 0),
            ("release", lambda: resolve.release(self._core, held[1], by=_requester("l")), 1, 0),
            ("read stock, item not read for a second", self._read, 0, 1),
            ("read stock, item read within a second", self._read, 0, 0),
        ]
        return (
            *(self._figure(name, call, writes, reads) for name, call, writes, reads in operations),
            *(self._figure(name, call, None, None) for name, call in self._others()),
        )

    def _others(self) -> list[tuple[str, Callable[[], object]]]:
        """What is off the hot path, and only shown."""
        core, item = self._core, self._item
        hold = self._place(2).value
        take = [Take(item, _WAREHOUSE, 1)]
        asked = partial(AdjustmentRequest, item, _WAREHOUSE, "bench")
        told: dict[str, Any] = {"reference": None, "metadata": {}}
        return [
            ("refuse, first within a second", lambda: self._place(_STOCK)),
            ("refuse, again within a second", lambda: self._place(_STOCK)),
            ("show a hold", lambda: holds_view.get_hold(core, hold.id)),
            (
                "extend",
                lambda: extend.extend(core, hold.id, expires_in_s=60, metadata=None, by=_requester("x")),
            ),
            ("execute a part", lambda: resolve.execute(core, hold.id, take, by=_requester("p"))),
            (
                f"list holds, {core.open_slices} slices",
                lambda: holds_view.list_holds(core, limit=10, starting_after=None),
            ),
            ("read stock, consistent", lambda: stock_view.read_stock(core, item, consistent=True)),
            ("read stock of several items", lambda: stock_view.read_stocks(core, [item])),
            *_with_keys("adjust", lambda by: adjust.adjust(core, asked(by), 1)),
            *_with_keys("take away", lambda by: adjust.adjust(core, asked(by), -1)),
            *_with_keys("count", lambda by: count.count(core, asked(by), _STOCK)),
            *_with_keys("transfer", lambda by: transfer.transfer(core, item, _WAREHOUSE, _OTHER, 1, **told, by=by)),
            *_with_keys("split", lambda by: split.split(core, item, _WAREHOUSE, 4 if by.keyed else 2, by=by)),
            ("merge", lambda: split.split(core, item, _WAREHOUSE, 1, by=_requester("m"))),
        ]

    def _figure(self, name: str, call: Callable[[], object], writes: int | None, reads: int | None) -> Figure:
        before = self._counted.copy()
        with contextlib.suppress(InsufficientStock):
            call()
        made = self._counted - before
        written = sum(count for operation, count in made.items() if operation in _WRITES)
        most = None if writes is None or reads is None else writes + reads
        if writes is not None and written > writes:  # a write too many is no better for a read too few
            most = 0
        kinds = " + ".join(f"{count} {operation}" for operation, count in sorted(made.items()))
        return Figure(name, made.total(), "calls", most, note=kinds or "none")

    def _place(self, quantity: int, key: str | None = None) -> Answer[Hold]:
        wants = [Want(self._item, _WAREHOUSE, quantity)]
        return place.place(self._core, wants, expires_in_s=900, metadata={}, by=_requester(str(quantity), key))

    def _read(self) -> object:
        return stock_view.read_stock(self._core, self._item, consistent=False)


def _with_keys(name: str, call: Callable[[Requester], object]) -> list[tuple[str, Callable[[], object]]]:
    """An operation without a key, with one, and once more with the same key."""
    return [
        (name, lambda: call(_requester(name))),
        (f"{name}, with a key", lambda: call(_requester(name, name))),
        (f"{name} again with the same key", lambda: call(_requester(name, name))),
    ]


def _requester(what: str, key: str | None = None) -> Requester:
    return Requester(
        account="acct_bench",
        actor="key_bench",
        invocation_id=f"{what}-{time.time_ns()}",
        fingerprint=fingerprint(what),
        path="/v1/holds",
        idempotency_key=key,
    )
