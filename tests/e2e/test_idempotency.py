"""A request with an Idempotency-Key happens once, however often and however concurrently it is sent."""

from collections import Counter
from collections.abc import Callable

import pytest

from stack.state import Stack
from support.gateway import Answer
from support.shop import Body, Shop, at_once, done, line, wait_until
from support.stack import Operator


def _replayed(answer: Answer) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


def test_32_identical_requests_at_once_make_one_hold_and_one_draw(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 100)

    answers = at_once([lambda: shop.place(line(item, 3), key="cart-1")] * 32, workers=32)

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert Counter(map(_replayed, answers)) == {False: 1, True: 31}
    assert shop.counters(item) == (97, 3)


def test_32_identical_requests_for_the_last_unit_all_get_it(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 1)

    answers = at_once([lambda: shop.place(line(item), key="cart-1")] * 32, workers=32)

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert shop.counters(item) == (0, 1)


def test_the_same_key_with_other_parameters_is_an_error_and_takes_nothing(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    first = done(shop.place(line(item, 1), key="cart-1"))

    other = shop.place(line(item, 2), key="cart-1")

    assert (other.status, other.error["type"], other.code) == (400, "idempotency_error", "idempotency_key_mismatch")
    assert other.headers["Stripe-Should-Retry"] == "false"
    assert shop.counters(item) == (9, 1)
    assert shop.hold(first) == first


def test_a_replay_shows_the_hold_as_it_is_now(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 1)
    hold = done(shop.place(line(item), key="cart-1"))
    done(shop.execute(hold))

    again = shop.place(line(item), key="cart-1")

    assert _replayed(again)
    assert (done(again)["id"], again.body["status"]) == (hold["id"], "executed")
    shop.await_counters(item, 0, 0)


def test_a_refusal_is_not_kept_the_key_works_once_there_is_stock(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 1)
    assert shop.place(line(item, 2), key="cart-1").status == 402
    shop.receive(item, 1)

    placed = wait_until(lambda: shop.place(line(item, 2), key="cart-1").status == 200, 3, "the refusal is forgotten")

    assert placed
    assert shop.counters(item) == (0, 2)


def test_a_key_counts_for_one_path_and_one_account(shop: Shop, stack: Stack, operator: Operator) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    first, second = done(shop.place(line(item), key="a")), done(shop.place(line(item), key="b"))
    for hold in (first, second):
        assert not _replayed(shop.execute(hold, key="the same"))
        assert shop.hold(hold)["status"] == "executed"

    stranger_key, _ = Operator(stack, account="acct_other").make_key()
    stranger = Shop(stack.api_url, stranger_key, shop.prefix)
    theirs = stranger.place(line(item), key="a")
    assert not _replayed(theirs)
    assert done(theirs)["id"] != first["id"]


Request = Callable[[Shop, Body, str], Answer]

_ON_HOLDS: dict[str, Request] = {
    "execute": lambda shop, hold, key: shop.execute(hold, key=key),
    "execute partly": lambda shop, hold, key: shop.execute(
        hold, [line(hold["lines"][0]["item"], 1, "berlin")], key=key
    ),
    "release": lambda shop, hold, key: shop.release(hold, key=key),
    "extend": lambda shop, hold, key: shop.extend(hold, expires_in=1000, metadata={"step": "payment"}, key=key),
}


@pytest.mark.parametrize("name", _ON_HOLDS)
def test_a_call_on_a_hold_is_carried_out_once(shop: Shop, name: str) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item, 2)))

    answers = at_once([lambda: _ON_HOLDS[name](shop, hold, "once")] * 8, workers=8)

    assert {answer.status for answer in answers} == {200}
    assert Counter(map(_replayed, answers)) == {False: 1, True: 7}
    views = [{key: value for key, value in answer.body.items() if key != "settled"} for answer in answers]
    assert all(view == views[0] for view in views)


@pytest.mark.parametrize(
    ("body", "path", "counters"),
    [
        ({"warehouse": "berlin", "quantity": 5, "reason": "received"}, "/v1/adjustments", (15, 0)),
        ({"warehouse": "berlin", "quantity": -5, "reason": "broken"}, "/v1/adjustments", (5, 0)),
        ({"warehouse": "berlin", "count": 7, "reason": "counted"}, "/v1/adjustments", (7, 0)),
        ({"from": "berlin", "to": "lyon", "quantity": 4}, "/v1/transfers", (10, 0)),
    ],
    ids=["receive", "write off", "count", "transfer"],
)
def test_a_change_of_stock_is_made_once(shop: Shop, body: Body, path: str, counters: tuple[int, int]) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)

    answers = at_once([lambda: shop.post(path, {"item": item, **body}, key="once")] * 8, workers=8)

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert Counter(map(_replayed, answers)) == {False: 1, True: 7}
    assert shop.counters(item) == counters
    other = shop.post(path, {"item": item, **body, "reference": "another"}, key="once")
    assert (other.status, other.code) == (400, "idempotency_key_mismatch")
    assert shop.counters(item) == counters


def test_a_split_is_made_once(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    path = f"/v1/stock/{item}/split"

    first = shop.post(path, {"warehouse": "berlin", "shards": 4}, key="once")
    done(shop.post(path, {"warehouse": "berlin", "shards": 2}))
    again = shop.post(path, {"warehouse": "berlin", "shards": 4}, key="once")

    assert not _replayed(first)
    assert _replayed(again)
    assert done(again)["warehouses"][0]["shards"] == 2, "a replay shows the stock as it is now, and splits nothing"
    other = shop.post(path, {"warehouse": "berlin", "shards": 8}, key="once")
    assert (other.status, other.code) == (400, "idempotency_key_mismatch")
