"""The story, scene by scene: each shows one promise and expects it to be kept."""

import json
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from demo.books import Books, Counters, checks
from demo.rush import Rush, all_at_once
from demo.stage import Answer, Stage
from inventory.domain.holds import Status
from inventory_cli import render
from inventory_cli.errors import ApiError
from inventory_cli.target import Stack

BUYERS: Final = 200
UNITS: Final = 100
#: The emulator starts a process for each request under way: more would measure how fast this machine starts them.
AT_ONCE: Final = 16
_OK, _REFUSED = 200, 402
_SETTLED_SECONDS_MAX: Final = 90  # the sweeper comes by within a minute, whatever happens to the settler


class Story:
    """One performance, with items of its own, so that it can be repeated on the same stack.

    Attributes:
        run: What the names of the items end with.
        cup: The item of the first scenes.
        drop: The item that everyone wants.
        remembered: An instant of the past, Unix seconds, and what the cup's counters were then.
    """

    def __init__(self, stage: Stage, stack: Stack) -> None:
        run = secrets.token_hex(2)
        self.run = run
        self.cup = f"cup-{run}"
        self.drop = f"sneaker-{run}"
        self._stage = stage
        self._stack = stack
        self._items = (self.cup, self.drop)
        self._before = Books.read(stack, self._items)
        self._ended: dict[str, Status] = {}
        self.remembered = (0, Counters(0, 0))

    @property
    def scenes(self) -> list[Callable[[], None]]:
        """The scenes in their order."""
        return [
            self.stock_arrives,
            self.a_cart_is_bought,
            self.too_much_is_refused,
            self.a_cart_is_given_back,
            self.a_cart_is_forgotten,
            self.a_request_is_sent_twice,
            self.everyone_wants_the_same,
            self.the_books_are_checked,
        ]

    def stock_arrives(self) -> None:
        """Two deliveries."""
        self._stage.scene("Stock arrives", f"An item of this run's own, {self.cup}, is received in two warehouses.")
        self._receive(self.cup, "berlin", 10)
        self._receive(self.cup, "lyon", 5)
        self._expect_counters(self.cup, available=15, held=0)

    def a_cart_is_bought(self) -> None:
        """Place, then execute."""
        self._stage.scene("A cart is held, then bought", "Holding takes units out of sale; executing sells them.")
        held = self._place(self.cup, 2)
        self._expect_counters(self.cup, available=13, held=2)
        self._end(held, "execute", Status.EXECUTED)
        self._stage.says("Executing is one write on the hold alone; the settler brings it to the counters in batches.")
        self._settled(self.cup, available=13, held=0)

    def too_much_is_refused(self) -> None:
        """More than there is."""
        self._stage.scene("An oversell is refused", "13 are left. Somebody wants 1,000.")
        answer = self._try_to_place(self.cup, 1_000)
        self._stage.expect("status", _REFUSED, answer.status)
        self._stage.says(f"[yellow]{answer.body['code']}[/]: {answer.body['message']}")
        self._expect_counters(self.cup, available=13, held=0)

    def a_cart_is_given_back(self) -> None:
        """Place, then release."""
        self._stage.scene("A cart is given back", "The customer changes their mind: the hold is released.")
        held = self._place(self.cup, 3)
        self._end(held, "release", Status.RELEASED)
        self._settled(self.cup, available=13, held=0)

    def a_cart_is_forgotten(self) -> None:
        """Place, then nothing."""
        self._stage.scene("A cart is forgotten", "A hold of 4 units for 2 seconds; then nobody comes back for it.")
        held = self._place(self.cup, 4, expires_in=2)
        self._expect_counters(self.cup, available=9, held=4)
        self.remembered = (held["created"] + 1, Counters(9, 4))
        with self._stage.busy("waiting until its time is over"):
            time.sleep(max(0.0, held["expires_at"] - time.time()) + 1)
        seen = self._stage.get(f"/v1/holds/{held['id']}", shown="its time is over")
        self._stage.expect("status, as soon as its time is over", Status.EXPIRED.value, seen.body["status"])
        refused = self._stage.post(f"/v1/holds/{held['id']}/execute", shown="too late")
        self._stage.expect("executing it now", "hold_expired", refused.body.get("code"))
        self._ended[held["id"]] = Status.EXPIRED
        self._stage.says(
            "The sweeper gives its units back: every minute by schedule. Here it is asked to come at once."
        )
        self._sweep()
        self._settled(self.cup, available=13, held=0)

    def a_request_is_sent_twice(self) -> None:
        """An answer that was lost."""
        self._stage.scene("An answer is lost, and the request sent again", "Same Idempotency-Key: it happens once.")
        key = f"cart-{secrets.token_hex(4)}"
        body = {"lines": [{"item": self.cup, "quantity": 1}]}
        first = self._stage.post("/v1/holds", body, shown=f"1 of {self.cup}, key {key}", key=key)
        again = self._stage.post("/v1/holds", body, shown=f"1 of {self.cup}, key {key}", key=key)
        self._stage.expect("same hold", first.body["id"], again.body["id"])
        self._stage.expect("Idempotent-Replayed", True, again.replayed)  # noqa: FBT003 - what is expected
        other = {"lines": [{"item": self.cup, "quantity": 5}]}
        mixed = self._stage.post("/v1/holds", other, shown=f"5 of {self.cup}, key {key}", key=key)
        self._stage.expect("same key for something else", "400 idempotency_error", _kind(mixed))
        self._expect_counters(self.cup, available=12, held=1)

    def everyone_wants_the_same(self) -> None:
        """More buyers than units."""
        self._stage.scene(
            f"{BUYERS} buyers, {UNITS} units",
            f"{BUYERS} threads ask for one {self.drop} at the same instant; this machine answers {AT_ONCE} at a time.",
        )
        self._receive(self.drop, "berlin", UNITS)
        self._warm_up()
        rush = all_at_once(self._stage.console, "buyers", [self._buy] * BUYERS)
        winners = [body for body in rush.results if body is not None]
        self._tell(rush, "answers")
        self._stage.expect("got one", UNITS, len(winners))
        self._stage.expect("were told that there are no more", BUYERS - UNITS, rush.results.count(None))
        self._expect_counters(self.drop, available=0, held=UNITS)
        paid = all_at_once(self._stage.console, "payments", [partial(self._pay, held) for held in winners])
        self._tell(paid, "payments")
        self._stage.expect("executed", UNITS, [held["status"] for held in paid.results].count("executed"))
        self._ended |= {held["id"]: Status.EXECUTED for held in paid.results}
        self._settled(self.drop, available=0, held=0)

    def the_books_are_checked(self) -> None:
        """The tables behind the API, added up."""
        self._stage.scene(
            "The books are checked", "Every record of both items, read from the tables themselves and added up."
        )
        books = Books.read(self._stack, self._items)
        table = render.grid("item", "before>", "received>", "sold>", "available>", "held>", "after>")
        for item in self._items:
            available, held = books.counters(item)
            before = sum(self._before.counters(item))
            numbers = (before, books.received(item), books.sold(item), available, held, available + held)
            table.add_row(item, *(f"{number:,}" for number in numbers))
        self._stage.table(table)
        self._stage.says(f"{len(books.holds)} holds and {len(books.shards)} counter shards:")
        found = checks(books, self._ended, {item: self._counters(item) for item in self._items})
        for check in found:
            self._stage.expect(f"[cyan]{check.name:<18}[/] {check.says}", check.expected, check.seen)

    def _receive(self, item: str, warehouse: str, quantity: int) -> None:
        body = {"item": item, "warehouse": warehouse, "quantity": quantity, "reason": "received"}
        answer = self._stage.post("/v1/adjustments", body, shown=f"{item} +{quantity} in {warehouse}")
        self._stage.expect("received", quantity, answer.body.get("quantity"))

    def _try_to_place(self, item: str, quantity: int, **more: Any) -> Answer:
        body = {"lines": [{"item": item, "quantity": quantity}], **more}
        seconds = f", for {more['expires_in']} s" if "expires_in" in more else ""
        return self._stage.post("/v1/holds", body, shown=f"{quantity:,} of {item}{seconds}")

    def _place(self, item: str, quantity: int, **more: Any) -> dict[str, Any]:
        answer = self._try_to_place(item, quantity, **more)
        self._stage.expect("status", _OK, answer.status)
        return answer.body

    def _end(self, held: dict[str, Any], how: str, status: Status) -> None:
        answer = self._stage.post(f"/v1/holds/{held['id']}/{how}", shown="")
        self._stage.expect("hold", status.value, answer.body.get("status"))
        self._ended[held["id"]] = status

    def _counters(self, item: str) -> Counters:
        """What is available and held, read from the counters themselves rather than from the projection."""
        stock = self._stage.api.get(f"/v1/stock/{item}", {"consistent": "true"})
        return Counters(stock["available"], stock["held"])

    def _expect_counters(self, item: str, *, available: int, held: int) -> None:
        self._stage.expect("counters", Counters(available, held), self._counters(item))

    def _settled(self, item: str, *, available: int, held: int) -> None:
        self._stage.wait(
            "settled",
            Counters(available, held),
            lambda: self._counters(item),
            seconds_max=_SETTLED_SECONDS_MAX,
        )

    def _sweep(self) -> None:
        name = self._stack.output("SweeperFunction")
        with self._stage.busy("the sweeper runs"):
            answer = self._stack.aws.functions.invoke(FunctionName=name, Payload=b"{}")
            swept = json.loads(answer["Payload"].read())
        self._stage.expect("the sweeper finished", True, swept.get("finished"))  # noqa: FBT003 - what is expected

    def _warm_up(self) -> None:
        """The first request of each instance waits for its start, which is not what is shown here."""
        tasks = [lambda: self._stage.api.get("/v1/holds", {"limit": 1})] * AT_ONCE
        warm = all_at_once(self._stage.console, f"{AT_ONCE} instances start", tasks)
        self._stage.says(f"{AT_ONCE} instances of the function are warm [dim]after {warm.took_s:.1f} s[/]")

    def _buy(self) -> dict[str, Any] | None:
        """A hold of one unit, or None where there are no more."""
        try:
            return self._stage.api.post("/v1/holds", {"lines": [{"item": self.drop, "quantity": 1}]}).body
        except ApiError as refusal:
            if refusal.status != _REFUSED:
                raise
            return None

    def _pay(self, held: dict[str, Any]) -> dict[str, Any]:
        return self._stage.api.post(f"/v1/holds/{held['id']}/execute").body

    def _tell(self, rush: Rush[Any], what: str) -> None:
        per_second = len(rush.results) / rush.took_s
        waits = " · ".join(f"{name} {rush.percentile(share):,.0f} ms" for name, share in _PERCENTILES)
        self._stage.says(
            f"[bold]{len(rush.results)}[/] {what} in [bold]{rush.took_s:.1f} s[/] ({per_second:.0f}/s)"
            f"\n[dim]each waited, queueing included: {waits}[/]"
        )


_PERCENTILES: Final = (("p50", 0.5), ("p95", 0.95), ("max", 1.0))


def _kind(answer: Answer) -> str:
    return f"{answer.status} {answer.body.get('type')}"
