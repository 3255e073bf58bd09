"""Many buyers at once: exactly as many get a unit as there are, whole carts or nothing, and no one is stuck."""

from collections import Counter
from functools import partial

import pytest

from support.shop import Shop, at_once, done, line, wait_until


@pytest.mark.parametrize("shards", [1, 4, 16])
def test_ten_buyers_for_each_unit_and_every_unit_finds_one(shop: Shop, shards: int) -> None:
    units, item = 40, shop.item("cup")
    shop.receive(item, units)
    split = done(shop.split(item, shards))
    assert (split["available"], split["warehouses"][0]["shards"]) == (units, shards)

    answers = at_once([lambda: shop.place(line(item))] * (10 * units))

    assert Counter(answer.status for answer in answers) == {200: units, 402: 9 * units}
    assert {answer.code for answer in answers if answer.status == 402} == {"insufficient_stock"}
    holds = [answer.body for answer in answers if answer.status == 200]
    assert len({hold["id"] for hold in holds}) == units
    assert shop.counters(item) == (0, units)

    sold, given_back = holds[::2], holds[1::2]
    at_once([partial(shop.execute, hold) for hold in sold] + [partial(shop.release, hold) for hold in given_back])
    shop.await_counters(item, units - len(sold), 0)


def test_carts_in_opposite_order_are_neither_stuck_nor_torn(shop: Shop) -> None:
    units, a, b = 30, shop.item("a"), shop.item("b")
    for item in (a, b):
        shop.receive(item, units)
        done(shop.split(item, 4))

    carts = [[line(a), line(b)], [line(b), line(a)]] * (2 * units)
    answers = at_once([partial(shop.place, *cart) for cart in carts])

    assert Counter(answer.status for answer in answers) == {200: units, 402: 3 * units}
    for answer in answers:
        if answer.status == 200:
            assert {each["item"]: each["quantity"] for each in answer.body["lines"]} == {a: 1, b: 1}
    assert shop.counters(a) == shop.counters(b) == (0, units)


def test_carts_in_a_circle_take_all_their_lines_or_none(shop: Shop) -> None:
    items = [shop.item(name) for name in "abc"]
    for item in items:
        shop.receive(item, 30)

    pairs = [(items[n % 3], items[(n + 1) % 3]) for n in range(150)]
    answers = at_once([partial(shop.place, line(first, 2), line(second)) for first, second in pairs])

    assert {answer.status for answer in answers} == {200, 402}
    drawn: Counter[str] = Counter()
    for answer in answers:
        if answer.status == 200:
            assert len(answer.body["lines"]) == 2
            drawn.update({each["item"]: each["quantity"] for each in answer.body["lines"]})
    for item in items:
        assert shop.counters(item) == (30 - drawn[item], drawn[item])
    first, second = min(pairs, key=lambda pair: (drawn[pair[0]], drawn[pair[1]]))
    left = shop.place(line(first, 2), line(second))
    assert (left.status == 200) == (drawn[first] <= 28 and drawn[second] <= 29), "what is left can still be bought"


def test_units_that_come_back_during_the_rush_are_sold_again(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 20)
    done(shop.split(item, 4))

    def buy_and(number: int) -> str:
        placed = shop.place(line(item))
        if placed.status != 200:
            return placed.code
        ended = shop.release(placed.body) if number % 2 else shop.execute(placed.body)
        return str(done(ended)["status"])

    outcomes = Counter(at_once([partial(buy_and, number) for number in range(120)]))

    assert outcomes.keys() <= {"executed", "released", "insufficient_stock"}
    assert outcomes["executed"] <= 20 <= outcomes["executed"] + outcomes["released"]
    held = 0
    if outcomes["executed"] + outcomes["released"] == 20:  # all asked before any of what came back was settled
        wait_until(lambda: shop.place(line(item)).status == 200, 20, "what came back is sold again")
        held = 1
    shop.await_counters(item, 20 - outcomes["executed"] - held, held)


def test_buyers_and_the_warehouse_share_the_same_stock(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 60)
    write_off = {"item": item, "warehouse": "berlin", "quantity": -1, "reason": "broken"}

    answers = at_once([lambda: shop.place(line(item)), lambda: shop.post("/v1/adjustments", write_off)] * 50)

    assert Counter(answer.status for answer in answers) == {200: 60, 402: 40}
    held = sum(answer.body.get("object") == "hold" for answer in answers)
    assert shop.counters(item) == (0, held)
