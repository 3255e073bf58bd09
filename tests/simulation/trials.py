"""Workloads that lead straight to where a guard matters: keys, refusals, lists, what is busy, slow or poison."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from inventory.domain.holds import Status, due
from inventory.domain.limits import TRANSACTION_RECORDS_MAX
from inventory.storage.codec import decode
from inventory.storage.hold_records import open_slice
from simulation.faults import Fault
from simulation.service import OPEN_SLICES, STREAM_SHARDS
from simulation.setting import NOTHING, Setting
from simulation.shop import Ask, Shop
from simulation.violation import Violation

Body = dict[str, Any]
_FOR_LONG_S: Final = 3_600


CALM: Final = Setting(rates=NOTHING)


def opened(shop: Shop, item: str, quantity: int, shards: int = 1) -> None:
    """An item with so many units, spread over so many shards: asked for until it is so."""
    place = (item, "W1")
    while not shop.service.history.on_hand[place]:
        receive(shop, item, quantity)
    while shop.service.history.directories[item].warehouses["W1"].shards != shards:
        shop.do(f"/v1/stock/{item}/split", {"warehouse": "W1", "shards": shards}, marked=False)


def receive(shop: Shop, item: str, quantity: int) -> None:
    """Units come in."""
    shop.do("/v1/adjustments", {"item": item, "warehouse": "W1", "quantity": quantity, "reason": "received"})


def placed(shop: Shop, *wanted: tuple[str, int], seconds: int = 600) -> str | None:
    """The id of a hold for units of items, or None."""
    lines = [{"item": item, "warehouse": "W1", "quantity": quantity} for item, quantity in wanted]
    answer = shop.do("/v1/holds", {"lines": lines, "expires_in": seconds})
    return str(answer.body["id"]) if answer is not None and answer.status == 200 else None


def ended(shop: Shop, hold_id: str, how: str = "execute") -> None:
    """A hold is executed or released."""
    shop.do(f"/v1/holds/{hold_id}/{how}", {}, marked=False)


def together(shop: Shop, name: str, *works: Callable[[], object], seconds: float = _FOR_LONG_S) -> None:
    """Several callers at once; goes on when all have what they want."""
    for task in [shop.caller(f"{name}-{number}", work) for number, work in enumerate(works)]:
        shop.service.kernel.wait_for(task, seconds)


def must(holds: bool, what: str) -> None:  # noqa: FBT001 - as an assertion reads
    """Something that must be so by now.

    Raises:
        Violation: It is not.
    """
    if not holds:
        raise Violation("everything_settles", what)


# Keys: for everything that can be asked.


def keys(shop: Shop) -> None:
    """Everything is asked several times under one key, also with other parameters; one key serves several calls."""
    opened(shop, "A", 80)
    opened(shop, "B", 80)
    for number in range(6):
        account = f"acct_{number % 2}"  # two customers, who number their orders alike
        shop.caller(f"customer-{number}", _order, shop, account, f"{number // 2}", 4)


def _order(shop: Shop, account: str, name: str, times: int) -> None:
    rng = shop.rng
    for number in range(times):
        key, last_hold = f"order-{name}-{number}", ""
        cart = [{"item": "A", "quantity": rng.randint(1, 2)}, {"item": "A", "warehouse": "W1", "quantity": 1}]
        for body in ({"lines": cart, "expires_in": rng.choice((20, 60))}, {"lines": [{"item": "B", "quantity": 2}]}):
            ask = shop.new_ask("/v1/holds", body, key=f"{key}-{len(body)}", account=account)
            answer = _sent(shop, ask, {**ask.body, "expires_in": 7})
            if answer is not None and answer.status == 200:
                last_hold = answer.body["id"]
                _asked(shop, account, key, f"/v1/holds/{last_hold}", {"expires_in": 30}, {"expires_in": 31})
        if last_hold:
            lines = [{"item": "B", "warehouse": "W1", "quantity": 1}]
            what = rng.choice(("execute", "execute", "release"))
            other = {"lines": lines} if what == "execute" else {}
            _asked(shop, account, key, f"/v1/holds/{last_hold}/{what}", {}, other)
        few = {"item": rng.choice("AB"), "warehouse": "W1", "reason": "test"}
        wanted = rng.choice(({"quantity": 2}, {"quantity": -1}, {"count": 80}))
        _asked(shop, account, key, "/v1/adjustments", {**few, **wanted}, {**few, "quantity": 5}, marked=True)
        moved = {"item": few["item"], "from": "W1", "to": "W2", "quantity": 1}
        _asked(shop, account, key, "/v1/transfers", moved, {**moved, "quantity": 2}, marked=True)
        spread = {"warehouse": "W1", "shards": rng.randint(1, 3)}
        _asked(shop, account, key, "/v1/stock/B/split", spread, {**spread, "shards": 4})


def _asked(shop: Shop, account: str, key: str, path: str, body: Body, other: Body, *, marked: bool = False) -> None:
    if shop.rng.random() < 0.6:
        ask = shop.new_ask(path, body, key=key, account=account, marked=marked)
        _sent(shop, ask, {**ask.body, **other})


def _sent(shop: Shop, ask: Ask, other: Mapping[str, Any]) -> Any:
    """Sends it, at once or afterwards again, or with other parameters."""
    rng = shop.rng
    beside = [shop.caller(f"twin of {ask.number}", shop.send, ask) for _ in range(rng.randint(0, 1))]
    forger = other != ask.body and rng.random() < 0.5
    if forger and rng.random() < 0.5:
        beside.append(shop.caller(f"forger of {ask.number}", lambda: shop.send(ask, body=other)))
    answer = shop.insist(ask)
    for task in beside:
        shop.service.kernel.wait_for(task, 60)
    if forger:
        shop.send(ask, body=other)
    if rng.random() < 0.5:
        shop.send(ask)
    return answer


# Refusals.

SLOW_READS: Final = {
    **dict.fromkeys((Fault.LOST, Fault.UNREACHABLE), 0.06),
    **dict.fromkeys((Fault.CLOCK_JUMPED, Fault.UNREAD), 0.03),
    **dict.fromkeys((Fault.TORN, Fault.STALE, Fault.CLOCK_OFF), 0.4),
    Fault.REPLY_LOST: 0.05,
}


def restock(shop: Shop) -> None:
    """More is wanted of an item than there is, while units come and go, and reads take their time."""
    opened(shop, "A", 2)
    shop.service.slowness = shop.rng.choice((1, 30, 60))
    for number in range(3):
        shop.caller(f"buyer-{number}", _want_much, shop, 12)
        shop.caller(f"taker-{number}", _take_much, shop, 12)
    shop.caller("supplier", _supply, shop, 40)


def _want_much(shop: Shop, times: int) -> None:
    for _ in range(times):
        hold_id = placed(shop, ("A", shop.rng.randint(2, 4)), seconds=1)
        if hold_id:
            ended(shop, hold_id, shop.rng.choice(("release", "execute")))
        shop.wait(0.3)


def _take_much(shop: Shop, times: int) -> None:
    for _ in range(times):
        body = {"item": "A", "warehouse": "W1", "quantity": -shop.rng.randint(2, 5), "reason": "test"}
        shop.do("/v1/adjustments", body)
        shop.wait(0.5)


def _supply(shop: Shop, times: int) -> None:
    for _ in range(times):
        receive(shop, "A", shop.rng.randint(1, 3))
        shop.wait(0.3)


def sold_out(shop: Shop) -> None:
    """The last units are sold, and the projection does not know: each instance tries once for them, not each second."""
    service = shop.service
    opened(shop, "A", 8, shards=4)
    service.kernel.wait(5)
    service.stopped.add("projector")
    together(shop, "buyer", *(lambda: placed(shop, ("A", 1)) for _ in range(8)))
    service.misses.clear()
    together(shop, "late", *(lambda: _ask_on(shop, 20) for _ in range(4)))
    must(max(service.misses.values(), default=0) <= 2, f"sold out, and tried for: {service.misses}")


def _ask_on(shop: Shop, times: int) -> None:
    for _ in range(times):
        placed(shop, ("A", 1))
        shop.wait(1)


# Lists.


def pages(shop: Shop) -> None:
    """Callers look through the active holds while these are placed, extended and ended."""
    service = shop.service
    opened(shop, "A", 200)
    if shop.by_turn(("few open", "many open")) == "many open":  # all of these have ended, and are passed over
        service.stopped.add("settler")
        together(shop, "done", *(lambda: ended(shop, str(placed(shop, ("A", 1), seconds=40))) for _ in range(40)))
    works = [*(lambda: _keep_busy(shop, 3) for _ in range(8)), *(lambda: _leaf(shop, 20) for _ in range(3))]
    together(shop, "caller", *works, seconds=20)
    service.stopped.clear()


def _keep_busy(shop: Shop, times: int) -> None:
    rng = shop.rng
    for _ in range(times):
        hold_id = placed(shop, ("A", 1), seconds=rng.choice((2, 15, 25)))
        for _ in range(rng.randint(0, 10)):
            if hold_id:
                shop.do(f"/v1/holds/{hold_id}", {"expires_in": rng.choice((3, 20, 60))}, marked=False)
        if hold_id and rng.random() < 0.7:
            ended(shop, hold_id)


def _leaf(shop: Shop, times: int) -> None:
    for _ in range(times):
        shop.leaf(shop.rng.choice((2, 4, 6, 100)))
        shop.wait(0.1)


# What is scattered, and much at once.


def bulk(shop: Shop) -> None:
    """More shards, lines and holds at once than a transaction takes."""
    match shop.by_turn(("line", "cart", "settle")):
        case "line":
            opened(shop, "A", 150, shards=128)
            must(placed(shop, ("A", 130)) is not None, "a line that is scattered over 128 shards cannot be held")
        case "cart":
            items = [f"I{number}" for number in range(50)]
            together(shop, "keeper", *(lambda item=item: opened(shop, item, 8, shards=8) for item in items))
            lines = [{"item": item, "warehouse": "W1", "quantity": 8} for item in items]
            answer = shop.send(shop.new_ask("/v1/holds", {"lines": lines, "expires_in": 60}))
            must(answer is not None and answer.status == 200, f"a scattered cart cannot be held at once: {answer}")
        case "settle":
            count = STREAM_SHARDS * TRANSACTION_RECORDS_MAX + 30  # so that a batch may be full of those that have ended
            opened(shop, "A", 2 * count)
            holds = [placed(shop, ("A", 1)) for _ in range(count)]
            shop.service.kernel.wait(5)
            shop.service.stopped.add("settler")
            together(shop, "buyer", *(lambda hold=hold: ended(shop, str(hold)) for hold in holds))
            shop.service.kernel.wait(1)


# What is busy.

PATIENT: Final = Setting(
    sweep_every_s=250,
    rates=NOTHING,
    runs_s={"settler": 2.0, "collector": 2.0},
    late_calls=3,
    late_s=6,
    settled_within_s=60,
)


def busy(shop: Shop) -> None:
    """A shard that another always keeps: tries are bounded, and the settler gets on with all else, and then with it."""
    service, kernel, rng = shop.service, shop.service.kernel, shop.rng
    opened(shop, "A", 60)
    opened(shop, "B", 60)
    opened(shop, "C", 60, shards=20)
    holds = [placed(shop, (item, 1)) for item in rng.sample("AAAABBBB", 8)]
    scattered = [placed(shop, ("C", 4)) for _ in range(12)]
    service.stopped.add("settler")
    ends = [lambda hold=hold: ended(shop, str(hold)) for hold in holds + scattered]
    together(shop, "buyer", *ends)
    what = shop.by_turn(("busy", "busy and slow", "throttled"))
    service.busy["A#W1#0"] = "throttled" if what == "throttled" else "conflict"
    service.slowness = 60 if what == "busy and slow" else 1
    service.stopped.clear()
    shop.caller("hopeless", placed, shop, ("A", 1))
    kernel.wait(25)
    others = [count for key, count in service.history.drawn.items() if key.item == "B"]
    must(what == "busy and slow" or not any(others), "one busy shard keeps the settler from the others")
    service.busy.clear()
    service.slowness = 1


SLOW: Final = Setting(
    sweep_every_s=60,
    rates=NOTHING,
    runs_s={"sweeper": 1.0},
    late_calls=3,
    late_s=3,
)
_FORGOTTEN: Final = 2_200


def backlog(shop: Shop) -> None:
    """The sweeper has a second, calls are slow, and there is more to look at than it gets through."""
    service = shop.service
    opened(shop, "A", 100)
    what = shop.by_turn(("passed over", "one slice", "many due", "far off"))
    due_ms = service.kernel.now_us // 1000 + (600_000 if what == "far off" else -60_000)
    for number in range(0 if what == "many due" else _FORGOTTEN):
        _forgotten(shop, f"hold_{number:032x}", "0" if what == "one slice" else str(number % OPEN_SLICES), due_ms)
    for _ in range(60 if what == "many due" else 4):
        placed(shop, ("A", 1), seconds=30)
    service.slowness, service.steady = 10, True  # what a run gets through in its second is no matter of luck
    service.kernel.wait(105 if what == "far off" else 300)
    if what in {"far off", "one slice"}:
        behind = {"0"} if what == "one slice" else set()  # this slice has more than a run gets through
        holds = service.history.folded(service.tables.holds).values()
        left = [hold["hold_id"] for hold in holds if hold["status"] == "active" and hold["open"] not in behind]
        must(not left, f"past their time, and not looked at: {left}")


IN_TURNS: Final = Setting(rates=NOTHING, limits={"protocol.sweep._ENOUGH": 4})


def turns(shop: Shop) -> None:
    """Each run of the sweeper finds enough that is due; and gets by and by to all that nobody else has settled."""
    service = shop.service
    opened(shop, "A", 100)
    service.kernel.wait(5)
    service.stopped.add("settler")
    left = [str(placed(shop, ("A", 1), seconds=3_000)) for _ in range(6)]
    for hold_id in left:
        ended(shop, hold_id)
    for _ in range(8):
        together(shop, "buyer", *(lambda: placed(shop, ("A", 1), seconds=30) for _ in range(12)))
        service.kernel.wait(60)
        records = service.history.folded(service.tables.holds)
        active = [record for record in records.values() if record["status"] == Status.ACTIVE]
        late = [record["hold_id"] for record in active if record["expires_at"] * 1000 < service.swept_us]
        must(not late, f"past their time when the sweeper ran, and not ended by it: {late}")
    must(all("settlement" in records[each] for each in left), f"unsettled after eight runs: {left}")


def _forgotten(shop: Shop, hold_id: str, slice_: str, due_ms: int) -> None:
    """A record on the list of unfinished work that is no hold."""
    tables = shop.service.tables
    shop.service.poison(tables.holds, {"hold_id": hold_id, "open": slice_, "due": due(hold_id, due_ms), "rev": 1})


# What nobody of the service wrote.


def poison(shop: Shop) -> None:
    """Records that were written by somebody else: they are set aside, each with a reason, and stop nothing."""
    service, rng, tables = shop.service, shop.rng, shop.service.tables
    opened(shop, "A", 40)
    holds = [placed(shop, ("A", 1), seconds=rng.choice((5, 60))) for _ in range(8)]
    model = dict(service.history.records[tables.holds, str(holds[0])])
    expected: list[tuple[str, str]] = []
    for number in range(6):
        hold_id, what = f"hold_{number:032x}", rng.choice(("lines", "rev", "drawn", "broken", "told"))
        spoilt = {**model, "hold_id": hold_id, "status": "released", "open": open_slice(hold_id, OPEN_SLICES)}
        spoilt["due"] = due(hold_id, spoilt["expires_at"])
        line = dict(spoilt["lines"][0])
        if what == "lines":
            del spoilt["lines"]
        elif what == "rev":
            spoilt |= {"rev": "three", "expires_at": "tomorrow"}
        elif what == "drawn":
            spoilt["lines"] = [{**line, "drawn": [{"shard": 0, "quantity": "many"}]}]
        else:
            spoilt["lines"] = [{**line, "quantity": 50, "drawn": [{"shard": 0, "quantity": 50}]}]
        if what == "told":
            _tell_of_an_end(shop, str(holds[-1]))
        else:
            service.poison(tables.holds, spoilt)
            expected.append(("settler", hold_id))
        if rng.random() < 0.5:
            stock_id = f"P#W1#{number}"
            shard = {"item_id": "P", "warehouse_id": "W1", "shard": number, "available": 1, "held": 0, "inflow": 1}
            shard |= {"rev": 1, "at": int(model["at"]), "cause": {"type": "adjustment"}, "stock_id": stock_id}
            shard |= rng.choice(({"available": "few"}, {"held": "none"}, {"rev": "first"}, {"at": "now"}))
            service.poison(tables.stock, shard)
            expected.append(("projector", stock_id))
        shop.wait(1)
    for hold in holds[:-1]:
        ended(shop, str(hold))
    service.kernel.wait(150)
    aside = {(who, key) for who, key, _ in service.aside}
    must(aside.issuperset(expected), f"not set aside: {set(expected) - aside}")


def _tell_of_an_end(shop: Shop, hold_id: str) -> None:
    """The settler is told that a hold has ended which has not."""
    service = shop.service
    service.history.foreign_news.add(hold_id)
    image = json.loads(json.dumps(_stored(shop, hold_id)))
    keys_of = {"hold_id": image["hold_id"]}
    image["status"] = {"S": Status.RELEASED.value}
    record = {"eventID": "0", "dynamodb": {"Keys": keys_of, "NewImage": image}}
    service.mailboxes["settler"][0].tell([record])


def _stored(shop: Shop, hold_id: str) -> Mapping[str, Any]:
    items = shop.service.database.items(shop.service.tables.holds)
    return next(item for item in items if decode(item)["hold_id"] == hold_id)
