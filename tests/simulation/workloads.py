"""What the callers do, in workloads named as Jepsen names its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from simulation import outliving, rushes, trials
from simulation.service import USUAL
from simulation.setting import Setting
from simulation.shop import Ask, Shop

Line = dict[str, Any]
WAREHOUSES: Final = ("W1", "W2")
_LOOKS: Final = 0.3  # so often a buyer reads an item's stock strongly


def _line(item: str, quantity: int, warehouse: str | None = "W1") -> Line:
    return {"item": item, "quantity": quantity, **({"warehouse": warehouse} if warehouse else {})}


def _receive(shop: Shop, item: str, quantity: int, warehouse: str = "W1") -> None:
    body = {"item": item, "warehouse": warehouse, "quantity": quantity, "reason": "received"}
    shop.do("/v1/adjustments", body)


def _open(shop: Shop, item: str, quantity: int, warehouse: str = "W1") -> None:
    """The first stock of an item: without it nothing would happen, so it is asked for until it is there."""
    place = (item, warehouse)
    while not shop.service.history.on_hand[place]:
        _receive(shop, item, quantity, warehouse)


def _split(shop: Shop, item: str, shards: int, warehouse: str = "W1") -> None:
    shop.do(f"/v1/stock/{item}/split", {"warehouse": warehouse, "shards": shards}, marked=False)


def _finish(shop: Shop, hold: Mapping[str, Any]) -> None:
    """A caller executes a hold, all of it or a part, gives it back, takes more time, or forgets it."""
    rng, path = shop.rng, f"/v1/holds/{hold['id']}"
    what = rng.choice(("execute", "execute", "part", "release", "extend", "forget"))
    if what == "extend":
        shop.do(path, {"expires_in": rng.choice((1, 10, 60))}, marked=False)
        shop.wait(0.5)
        what = "execute"
    if what == "part":
        line = rng.choice(hold["lines"])
        part = {**line, "quantity": rng.randint(1, line["quantity"])}
        lines = [{name: part[name] for name in ("item", "warehouse", "quantity")}]
        shop.do(f"{path}/execute", {"lines": lines}, marked=False)
    elif what != "forget":
        shop.do(f"{path}/{what}", {}, marked=False)


def _sell(shop: Shop, lines: list[Line], *, keyed: bool = True, seconds: int = 30, patience_s: float = 12) -> None:
    answer = shop.do("/v1/holds", {"lines": lines, "expires_in": seconds}, keyed=keyed, patience_s=patience_s)
    if answer is not None and answer.status == 200:
        shop.wait(0.5)
        _finish(shop, answer.body)


def transfer(shop: Shop) -> None:
    """Mixed sales, receipts, counts, transfers and splits over some items in two warehouses."""
    items = ("A", "B", "C")
    for item in items:
        for warehouse in WAREHOUSES:
            _open(shop, item, shop.rng.randint(5, 60), warehouse)
    for number in range(8):
        shop.caller(f"buyer-{number}", _trade, shop, items, 12)
    shop.caller("keeper", _keep, shop, items, 12)


def _trade(shop: Shop, items: tuple[str, ...], times: int) -> None:
    rng = shop.rng
    for _ in range(times):
        chosen = rng.sample(items, rng.choice((1, 1, 2)))
        lines = [_line(item, rng.randint(1, 5), rng.choice((*WAREHOUSES, None))) for item in chosen]
        _sell(shop, lines, keyed=rng.random() < 0.7, seconds=rng.choice((1, 3, 30, 300)))
        if rng.random() < _LOOKS:
            shop.look(rng.choice(items))
        shop.wait(1)


def _keep(shop: Shop, items: tuple[str, ...], times: int) -> None:
    rng = shop.rng
    for _ in range(times):
        item, warehouse = rng.choice(items), rng.choice(WAREHOUSES)
        body: dict[str, Any] = {"item": item, "warehouse": warehouse, "reason": "test"}
        match rng.choice(("receive", "remove", "count", "move", "split")):
            case "receive":
                _receive(shop, item, rng.randint(1, 20), warehouse)
            case "remove":
                shop.do("/v1/adjustments", {**body, "quantity": -rng.randint(1, 5)})
            case "count":
                shop.do("/v1/adjustments", {**body, "count": rng.randint(0, 60)})
            case "move":
                ends = {"from": warehouse, "to": WAREHOUSES[warehouse == WAREHOUSES[0]]}
                shop.do("/v1/transfers", {"item": item, "quantity": rng.randint(1, 8), **ends})
            case "split":
                _split(shop, item, rng.randint(1, 6), warehouse)
        shop.wait(1)


def idempotence(shop: Shop) -> None:
    """Every request is sent several times under one key, at once and later, and now and then with other parameters."""
    _open(shop, "A", 60)
    for number in range(8):
        shop.caller(f"repeater-{number}", _repeat, shop, 8)


def _repeat(shop: Shop, times: int) -> None:
    rng = shop.rng
    for _ in range(times):
        ask = shop.new_ask("/v1/holds", {"lines": [_line("A", rng.randint(1, 4))], "expires_in": rng.choice((5, 60))})
        answer = _sent_often(shop, ask)
        if answer is not None and answer.status == 200:
            path = f"/v1/holds/{answer.body['id']}/{rng.choice(('execute', 'release'))}"
            _sent_often(shop, shop.new_ask(path, {}, marked=False))
        elif rng.random() < 0.3:
            body = {"item": "A", "warehouse": "W1", "quantity": 3, "reason": "received"}
            _sent_often(shop, shop.new_ask("/v1/adjustments", body))
        shop.wait(0.5)


def _sent_often(shop: Shop, ask: Ask) -> Any:
    twins = [shop.caller(f"twin of {ask.number}", shop.send, ask) for _ in range(shop.rng.randint(0, 2))]
    if "lines" in ask.body and shop.rng.random() < 0.1:
        other = {**ask.body, "expires_in": 7}
        twins.append(shop.caller(f"forger of {ask.number}", lambda: shop.send(ask, body=other)))
    answer = shop.insist(ask)
    for twin in twins:
        shop.service.kernel.wait_for(twin, 60)
    return answer


def indefinite(shop: Shop) -> None:
    """Callers of little patience: most outcomes are unknown at first, and are asked for again while still under way."""
    _open(shop, "A", 40)
    for number in range(8):
        shop.caller(f"hasty-{number}", _hurry, shop, 12)


def _hurry(shop: Shop, times: int) -> None:
    rng = shop.rng
    for _ in range(times):
        patience_s = rng.choice((0.01, 0.02, 0.05, 1, 12))
        lines = [_line("A", rng.randint(1, 4), rng.choice(("W1", None)))]
        _sell(shop, lines, keyed=rng.random() < 0.6, seconds=rng.choice((2, 20)), patience_s=patience_s)
        if rng.random() < 0.2:
            _receive(shop, "A", rng.randint(1, 3))
        shop.wait(0.3)


def last_units(shop: Shop) -> None:
    """Many buyers and few units, on 1 to 16 shards, which split and merge meanwhile."""
    rng = shop.rng
    units = rng.randint(1, 24)
    _open(shop, "A", units)
    _split(shop, "A", rng.randint(1, 16))
    for number in range(20):
        shop.caller(f"buyer-{number}", _snatch, shop, 5)
    shop.caller("splitter", _resplit, shop, 8)


def _snatch(shop: Shop, times: int) -> None:
    rng = shop.rng
    for _ in range(times):
        lines = [_line("A", rng.choice((1, 1, 1, 2, 5)), rng.choice(("W1", None)))]
        _sell(shop, lines, keyed=rng.random() < 0.7, seconds=rng.choice((1, 5, 30)))
        if rng.random() < _LOOKS:
            shop.look("A")
        shop.wait(0.5)


def _resplit(shop: Shop, times: int) -> None:
    for _ in range(times):
        shop.wait(1.5)
        _split(shop, "A", shop.rng.randint(1, 16))
        if shop.rng.random() < 0.4:
            _receive(shop, "A", shop.rng.randint(1, 3))


def expiry_race(shop: Shop) -> None:
    """Holds are executed, released, extended and swept at the very moment at which their time is over."""
    _open(shop, "A", 50)
    for number in range(8):
        shop.caller(f"racer-{number}", _race, shop, 8)


def _race(shop: Shop, times: int) -> None:
    rng, kernel = shop.rng, shop.service.kernel
    for _ in range(times):
        answer = shop.do("/v1/holds", {"lines": [_line("A", rng.randint(1, 3))], "expires_in": rng.randint(1, 3)})
        if answer is None or answer.status != 200:
            continue
        path, until_s = f"/v1/holds/{answer.body['id']}", answer.body["expires_at"] - kernel.now_us / 1_000_000
        kernel.wait(max(0.0, until_s + rng.uniform(-0.3, 0.3)))
        runners = [
            shop.caller(f"runner-{what or 'extend'}", _run, shop, path, what)
            for what in rng.sample(("execute", "release", "", "execute"), rng.randint(1, 4))
        ]
        for runner in runners:
            kernel.wait_for(runner, 60)


def _run(shop: Shop, path: str, what: str) -> None:
    if what:
        shop.do(f"{path}/{what}", {}, marked=False)
    else:
        shop.do(path, {"expires_in": shop.rng.randint(1, 2)}, marked=False)


@dataclass(frozen=True, slots=True)
class Workload:
    """One of the workloads.

    Attributes:
        play: Stocks the shop and starts the callers.
        setting: The circumstances.
    """

    play: Callable[[Shop], None]
    setting: Setting = USUAL


def in_turn(seed: int) -> str:
    """The workload whose turn it is. Those that anything may happen in have two turns where the others have one."""
    names = [*WORKLOADS, *(name for name, workload in WORKLOADS.items() if workload.setting.rates is None), "hot"]
    return names[seed % len(names)]


WORKLOADS: Final[Mapping[str, Workload]] = MappingProxyType(
    {
        "transfer": Workload(transfer),
        "idempotence": Workload(idempotence),
        "indefinite": Workload(indefinite),
        "last_units": Workload(last_units, Setting(sweep_every_s=10.0)),
        "expiry_race": Workload(expiry_race, Setting(sweep_every_s=0.7)),
        "keys": Workload(trials.keys),
        "restock": Workload(trials.restock, Setting(rates=trials.SLOW_READS)),
        "sold_out": Workload(trials.sold_out, trials.CALM),
        "pages": Workload(trials.pages, trials.CALM),
        "bulk": Workload(trials.bulk, trials.CALM),
        "busy": Workload(trials.busy, trials.PATIENT),
        "backlog": Workload(trials.backlog, trials.SLOW),
        "turns": Workload(trials.turns, trials.IN_TURNS),
        "poison": Workload(trials.poison, trials.CALM),
        "hot": Workload(rushes.hot, rushes.HOT),
        "levelling": Workload(rushes.levelling, rushes.LEVELLING),
        "outlived": Workload(outliving.outlived, outliving.OUTLIVED),
    }
)
