"""Spreading an item's counters and gathering them again, while it is being sold."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

from support.shop import Shop, at_once, done, line, wait_until


def _split_in_the_end(shop: Shop, item: str, shards: int) -> None:
    """Splits, however often a shard that carries a hold is in the way."""
    wait_until(lambda: shop.split(item, shards).status == 200, 20, f"{shards} shards")


def test_splitting_and_merging_under_sales_refuses_nobody_and_loses_nothing(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 500)
    enough = Event()

    def buy() -> Counter[str]:
        outcomes: Counter[str] = Counter()
        while not enough.is_set():
            placed = shop.place(line(item, 2))
            outcomes[str(placed.status)] += 1
            if placed.status == 200:
                ended = shop.execute(placed.body, [line(item, 1, "berlin")])
                outcomes[str(done(ended)["status"])] += 1
        return outcomes

    with ThreadPoolExecutor(4) as buyers:
        buying = [buyers.submit(buy) for _ in range(4)]
        try:
            for shards in (8, 3, 16, 1):
                _split_in_the_end(shop, item, shards)
                (warehouse,) = shop.stock(item)["warehouses"]
                assert warehouse["shards"] == shards
        finally:
            enough.set()
        outcomes = sum((future.result() for future in buying), Counter())

    assert outcomes.keys() == {"200", "executed"}, "500 units are more than the buyers take: each gets theirs"
    shop.await_counters(item, 500 - outcomes["executed"], 0, within_s=10)


def test_a_shard_that_carries_a_hold_is_not_given_up(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 8)
    done(shop.split(item, 8))
    holds = [done(shop.place(line(item))) for _ in range(8)]

    refused = shop.split(item, 1)

    assert (refused.status, refused.error["type"], refused.code) == (409, "conflict_error", "lock_timeout")
    assert refused.headers["Stripe-Should-Retry"] == "true"
    assert int(refused.headers["Retry-After"]) >= 1
    at_once([partial(shop.release, hold) for hold in holds])
    shop.await_counters(item, 8, 0)
    assert done(shop.split(item, 1))["warehouses"][0]["shards"] == 1
    assert shop.counters(item) == (8, 0)


def test_a_line_larger_than_any_shard_is_drawn_from_several(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 64)
    done(shop.split(item, 16))

    hold = done(shop.place(line(item, 50)))

    assert hold["lines"] == [{"item": item, "warehouse": "berlin", "quantity": 50, "executed": 0}]
    done(shop.execute(hold, [line(item, 45, "berlin")]))
    shop.await_counters(item, 19, 0)


def test_a_delivery_meanwhile_lands_where_buyers_look(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 4)

    at_once([lambda: shop.split(item, 8), *[lambda: shop.receive(item, 3)] * 8, lambda: shop.split(item, 2)])

    _split_in_the_end(shop, item, 2)
    assert shop.counters(item) == (28, 0)
    assert done(shop.place(line(item, 28)))["lines"][0]["quantity"] == 28


def test_only_what_is_there_can_be_split(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 4)

    unknown = shop.split(shop.item("unknown"), 4)
    elsewhere = shop.split(item, 4, "lyon")

    assert (unknown.status, unknown.code, unknown.error["param"]) == (404, "resource_missing", "item")
    assert (elsewhere.status, elsewhere.code, elsewhere.error["param"]) == (404, "resource_missing", "warehouse")
