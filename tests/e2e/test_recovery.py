"""What was down comes up again, and everything settles; what nobody can read stops nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from support.shop import Body, Shop, at_once, done, line, wait_until
from support.stack import Operator
from support.stream_invariants import StreamWatch


def test_sales_go_on_while_the_settler_is_down_and_settle_when_it_is_back(shop: Shop, operator: Operator) -> None:
    item = shop.item("cup")
    shop.receive(item, 60)
    holds = [answer.body for answer in at_once([lambda: shop.place(line(item, 2))] * 20)]

    with operator.stopped("SettlerFunction"):
        executed = at_once([partial(shop.execute, hold) for hold in holds[:12]])
        released = at_once([partial(shop.release, hold) for hold in holds[12:16]])
        assert {answer.status for answer in [*executed, *released]} == {200}
        assert shop.counters(item) == (20, 40), "no counter has heard of it"
        assert shop.hold(holds[0]).items() >= {"status": "executed", "settled": False}.items()
        assert done(shop.place(line(item, 20)))["status"] == "active", "what is available can still be sold"

    shop.await_counters(item, 8, 28)
    assert all(shop.hold(hold)["settled"] for hold in holds[:16])


def test_what_the_settler_fails_at_is_given_to_it_again(shop: Shop, operator: Operator) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item, 4)))

    with operator.failing("SettlerFunction"):
        done(shop.execute(hold))
        wait_until(lambda: operator.last_result("SettlerFunction") == "FAILED", 30, "the settler fails")
        assert shop.counters(item) == (6, 4)

    shop.await_counters(item, 6, 0, within_s=30)


def test_after_everything_was_down_everything_settles(shop: Shop, operator: Operator) -> None:
    items = [shop.item(name) for name in ("cup", "saucer")]
    for item in items:
        shop.receive(item, 40)
        done(shop.split(item, 4))

    with operator.stopped("SettlerFunction", "ProjectorFunction"):
        cart = [line(items[0], 2), line(items[1])]
        expiring = [answer.body for answer in at_once([lambda: shop.place(*cart, expires_in=2)] * 8)]
        sold, given_back = (done(shop.place(*cart)) for _ in range(2))
        done(shop.execute(sold))
        done(shop.release(given_back))
        # Each of them: they tell the second in which they expire, not which of them is the last in it.
        for hold in expiring:
            wait_until(partial(_is_expired, shop, hold), 10, "its time is over")
        assert shop.counters(items[0]) == (20, 20), "nobody has given anything back yet"

    operator.sweep()

    for item, left in zip(items, (38, 39), strict=True):
        shop.await_counters(item, left, 0)
        wait_until(partial(_readers_see_nothing_held, shop, item), 5, "readers see it too")
    assert {shop.hold(hold)["status"] for hold in expiring} == {"expired"}


def test_a_poison_hold_is_set_aside_and_stops_nothing_behind_it(
    shop: Shop, operator: Operator, streams: StreamWatch
) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item, 4)))
    poison = f"hold_{shop.prefix}"
    streams.forged.add(poison)

    with operator.stopped("SettlerFunction"):  # so that both come in one batch, the poison first
        operator.put("HoldsTable", {"hold_id": poison, "status": "executed", "open": "0"})
        done(shop.execute(hold))

    shop.await_counters(item, 6, 0)
    (message,) = _set_aside(operator, "SettlerOnFailureQueue", poison)
    assert message["why"]
    assert message["record"]["dynamodb"]["NewImage"]["status"] == {"S": "executed"}
    operator.delete("HoldsTable", hold_id=poison)


def test_a_poison_hold_among_the_open_ones_does_not_stop_the_sweeper(
    shop: Shop, operator: Operator, streams: StreamWatch
) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)

    with _in_the_way_of_the_sweeper(operator, streams, f"hold_{shop.prefix}"):
        hold = done(shop.place(line(item, 4), expires_in=1))
        wait_until(lambda: shop.hold(hold)["status"] == "expired", 5, "its time is over")
        assert operator.sweep()["finished"]
        shop.await_counters(item, 10, 0)


def test_a_poison_stock_record_is_set_aside_and_readers_see_what_comes_behind_it(
    shop: Shop, operator: Operator, streams: StreamWatch
) -> None:
    item, poison = shop.item("cup"), f"poison-{shop.prefix}#berlin#0"
    streams.forged.add(poison)

    with operator.stopped("ProjectorFunction"):
        operator.put("StockTable", {"stock_id": poison, "available": "many"})
        shop.receive(item, 10)

    wait_until(lambda: done(shop.get("/v1/stock", items=item))["data"][0]["available"] == 10, 5, "it is projected")
    assert _set_aside(operator, "ProjectorOnFailureQueue", poison)
    operator.delete("StockTable", stock_id=poison)


def _is_expired(shop: Shop, hold: Body) -> bool:
    return bool(shop.hold(hold)["status"] == "expired")


def _readers_see_nothing_held(shop: Shop, item: str) -> bool:
    return bool(done(shop.get(f"/v1/stock/{item}"))["held"] == 0)


def _set_aside(operator: Operator, queue: str, key: str) -> list[Body]:
    return list(
        wait_until(lambda: operator.messages(queue, lambda body: key in str(body["record"])), 10, f"{key} is set aside")
    )


@contextmanager
def _in_the_way_of_the_sweeper(operator: Operator, streams: StreamWatch, poison: str) -> Iterator[None]:
    """Records that are no holds, before all others in each slice of the index that a local stack has."""
    forged = {f"{poison}{number}": str(number) for number in range(4)}
    streams.forged |= forged.keys()
    try:
        for hold_id, number in forged.items():
            due = f"{1:015d}#{hold_id}"
            operator.put("HoldsTable", {"hold_id": hold_id, "status": "?", "open": number, "due": due})
        yield
    finally:
        for hold_id in forged:
            operator.delete("HoldsTable", hold_id=hold_id)
