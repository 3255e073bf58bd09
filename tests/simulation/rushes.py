"""Workloads in which stock is split, levelled and merged by itself, while it is sold, and things go wrong."""

from typing import Any, Final

from inventory.domain.heat import Thresholds
from simulation.faults import RATES, Fault
from simulation.setting import NOTHING, Setting
from simulation.shop import Shop
from simulation.trials import ended, must, opened, placed, receive, together

#: A small shop's rush: a dozen tries are much, and twenty seconds without a change are long.
_SOON: Final = Thresholds(
    hops_per_change=0.2,
    changes_per_shard=4,
    tries_per_shard=1,
    tries=8,
    units_per_shard=4,
    leveled_mean=8,
    cold_after_ms=20_000,
)
#: Every kind of fault, and functions killed often: a rebalancing is to stop at any point.
_RATES: Final = {
    **RATES,
    Fault.KILLED: 0.01,
    Fault.CONSUMER_DOWN: 0.0,
    Fault.SWEEPER_STOPPED: 0.02,
    Fault.CLOCK_OFF: 0.1,
}
HOT: Final = Setting(sweep_every_s=5.0, rates=_RATES, thresholds=_SOON, kept_s=0.01)


def hot(shop: Shop) -> None:
    """All want one item, which is split by itself, and merged again when nobody wants it any more."""
    service, rng = shop.service, shop.rng
    opened(shop, "A", 150)
    if shop.by_turn(("told at once", "told late")) == "told late":  # when it is hot no more
        service.stopped.add("projector")
        together(shop, "early", *(lambda: _buy_on(shop, 3, forgotten=0) for _ in range(10)))
        service.kernel.wait(90)
        service.stopped.clear()
    for rush in range(2):
        together(shop, f"buyer-{rush}", *(lambda: _buy_on(shop, 4) for _ in range(10)))
        if rng.random() < 0.5:
            receive(shop, "A", rng.randint(20, 80))
        service.kernel.wait(rng.choice((1, 30, 60)))
        if rng.random() < 0.5:  # cold, and wanted again just when it is merged
            together(shop, "latest", *(lambda: _buy_on(shop, 3) for _ in range(3)))


def _buy_on(shop: Shop, times: int, forgotten: float = 0.2) -> None:
    rng = shop.rng
    for _ in range(times):
        hold_id = placed(shop, ("A", rng.choice((1, 1, 2))), seconds=rng.choice((2, 20, 90)))
        if hold_id and rng.random() >= forgotten:
            ended(shop, hold_id, rng.choice(("execute", "execute", "release")))
        shop.wait(0.1)


LEVELLING: Final = Setting(
    sweep_every_s=7.0,
    rates=NOTHING,
    thresholds=_SOON,
    late_calls=3,
    late_s=3,
    unfailing=frozenset({"projector", "sweeper"}),
)


def levelling(shop: Shop) -> None:
    """Stock that lies on one shard is levelled: as far as time, load and others let it, and no further."""
    service, kernel = shop.service, shop.service.kernel
    what = shop.by_turn(("many items", "busy source", "busy target", "throttled", "many moves", "held", "many cold"))
    items = [f"I{number}" for number in range(16 if what.startswith("many i") or what == "many cold" else 1)]
    shards = {"many moves": 16, "busy target": 3, "held": 4}.get(what, 2)
    service.stopped.add("projector")
    together(shop, "keeper", *(lambda item=item: opened(shop, item, shards, shards) for item in items))
    if what == "many cold":
        _sell_what_is_cold(shop, items)
        return
    hold_id = _placed_in_the_middle(shop) if what == "held" else ""
    receipts = 8 if what == "many moves" else 1
    for item in items:
        for _ in range(receipts):
            receive(shop, item, 200)
    busy = {"busy source": 0, "busy target": 1, "throttled": 0}.get(what)
    if busy is not None:
        service.busy[f"I0#W1#{busy}"] = "throttled" if what == "throttled" else "conflict"
    service.slowness = {"many items": 40, "busy source": 4, "many moves": 60}.get(what, 1)
    if hold_id:
        _hold_on(shop, hold_id)
        return
    service.stopped.clear()
    kernel.wait(60 if what == "busy source" else 10)  # cold by then, and to be merged while another keeps its shard
    if what == "busy target":
        units = {key.number: shard.available for key, shard in service.history.shards.items()}
        must(units[2] > 30, f"one busy shard keeps the others from their part: {units}")


def _sell_what_is_cold(shop: Shop, items: list[str]) -> None:
    """All of these are cold, and one after the other is merged, and sold meanwhile."""
    service = shop.service
    service.stopped.clear()
    service.kernel.wait(20)
    service.slowness = 12

    def sell(item: str) -> None:
        service.kernel.wait(shop.rng.uniform(0, 15))
        placed(shop, (item, 1), seconds=5)

    together(shop, "buyer", *(lambda item=item: sell(item) for item in items))


def _placed_in_the_middle(shop: Shop) -> str:
    """A hold on neither the first nor the last of the shards."""
    while True:
        hold_id = str(placed(shop, ("I0", 1), seconds=600))
        if _drawn(shop, hold_id)[0]["shard"] in {1, 2}:
            return hold_id
        ended(shop, hold_id, "release")
        shop.wait(1)


def _hold_on(shop: Shop, hold_id: str) -> None:
    """A hold keeps one shard, those above it go when it is cold; and all but one when the hold has ended."""
    service = shop.service
    [draw] = _drawn(shop, hold_id)
    service.stopped.clear()
    service.kernel.wait(60)
    there = service.history.directories["I0"].warehouses["W1"].shards
    must(there == draw["shard"] + 1, f"a hold keeps shard {draw['shard']}, and there are {there}")
    ended(shop, hold_id)
    service.kernel.wait(60)
    there = service.history.directories["I0"].warehouses["W1"].shards
    must(there == 1, f"cold, and still on {there} shards")


def _drawn(shop: Shop, hold_id: str) -> list[dict[str, Any]]:
    record = shop.service.history.records[shop.service.tables.holds, hold_id]
    return list(record["lines"][0]["drawn"])
