"""What can be done with a hold, and what cannot."""

import time
from functools import partial

import pytest

from support.shop import Body, Shop, at_once, done, line, wait_until
from support.stack import Operator


def _by_warehouse(hold: Body) -> dict[str, int]:
    return {each["warehouse"]: each["quantity"] for each in hold["lines"]}


def test_a_line_without_warehouse_is_taken_where_all_of_it_lies(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 2, "berlin")
    shop.receive(item, 5, "lyon")

    assert _by_warehouse(done(shop.place(line(item, 4)))) == {"lyon": 4}


def test_a_line_that_no_warehouse_has_alone_is_split_over_several(shop: Shop) -> None:
    item = shop.item("cup")
    for warehouse, quantity in (("berlin", 2), ("lyon", 5), ("oslo", 4)):
        shop.receive(item, quantity, warehouse)

    hold = done(shop.place(line(item, 10)))

    drawn = _by_warehouse(hold)
    assert sum(drawn.values()) == 10
    assert drawn.keys() <= {"berlin", "lyon", "oslo"}
    assert shop.counters(item) == (1, 10)
    refused = shop.place(line(item, 2))
    assert (refused.status, refused.error["available"], refused.error["warehouse"]) == (402, 1, None)


def test_a_line_with_a_warehouse_is_taken_there_or_not_at_all(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 2, "berlin")
    shop.receive(item, 5, "lyon")

    refused = shop.place(line(item, 3, "berlin"))

    assert (refused.status, refused.error["warehouse"], refused.error["available"]) == (402, "berlin", 2)
    assert _by_warehouse(done(shop.place(line(item, 2, "berlin"), line(item, 4, "lyon")))) == {"berlin": 2, "lyon": 4}
    assert shop.place(line(item, 1, "nowhere")).status == 402


def test_equal_lines_are_one(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)

    hold = done(shop.place(line(item, 1, "berlin"), line(item, 2, "berlin"), line(item, 3)))

    assert hold["lines"] == [{"item": item, "warehouse": "berlin", "quantity": 6, "executed": 0}]


def test_a_hold_of_50_items_is_placed_and_settled_whole(shop: Shop) -> None:
    items = [shop.item(f"part{number}") for number in range(50)]
    at_once([partial(shop.receive, item, 2) for item in items], workers=4)

    hold = done(shop.place(*(line(item) for item in items)))
    done(shop.execute(hold))

    wait_until(lambda: shop.hold(hold)["settled"], 5, "all its lines are settled")
    assert {shop.counters(item) for item in items[::10]} == {(1, 0)}


def test_executing_less_gives_the_rest_back(shop: Shop) -> None:
    cup, saucer = shop.item("cup"), shop.item("saucer")
    shop.receive(cup, 10, "berlin")
    shop.receive(cup, 10, "lyon")
    shop.receive(saucer, 10)
    hold = done(shop.place(line(cup, 4, "berlin"), line(cup, 3, "lyon"), line(saucer, 2)))

    executed = done(shop.execute(hold, [line(cup, 1, "berlin"), line(cup, 3, "lyon")]))

    taken = {(each["item"], each["warehouse"]): each["executed"] for each in executed["lines"]}
    assert taken == {(cup, "berlin"): 1, (cup, "lyon"): 3, (saucer, "berlin"): 0}
    shop.await_counters(cup, 16, 0)
    shop.await_counters(saucer, 10, 0)


def test_more_than_was_held_cannot_be_executed(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item, 2)))

    more = shop.execute(hold, [line(item, 3, "berlin")])
    other = shop.execute(hold, [line(item, 1, "lyon")])

    assert (more.status, more.code, more.error["param"]) == (400, "parameter_invalid", "lines[0][quantity]")
    assert (other.status, other.code, other.error["param"]) == (400, "parameter_invalid", "lines[0]")
    assert shop.hold(hold)["status"] == "active"


def test_an_extension_counts_from_now_and_merges_metadata(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item), expires_in=60, metadata={"cart": "1", "step": "basket"}))

    before = time.time()
    extended = done(shop.extend(hold, expires_in=3600, metadata={"step": "payment", "cart": ""}))
    after = time.time()
    shortened = done(shop.extend(hold, expires_in=30))

    assert before - 1 <= extended["expires_at"] - 3600 <= after + 1  # it is told in whole seconds
    assert extended["metadata"] == {"step": "payment"}
    assert shortened["expires_at"] < hold["expires_at"]
    assert shortened["metadata"] == {"step": "payment"}
    assert shop.hold(hold) == shortened


def test_an_extended_hold_outlives_its_first_time(shop: Shop, operator: Operator) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    short = done(shop.place(line(item), expires_in=2))
    long = done(shop.place(line(item), expires_in=2))
    done(shop.extend(long, expires_in=600))

    wait_until(lambda: shop.hold(short)["status"] == "expired", 5, "the first time is over")
    operator.sweep()

    shop.await_counters(item, 9, 1)
    assert done(shop.execute(long))["status"] == "executed"


@pytest.mark.parametrize("end", ["execute", "release"])
def test_what_has_ended_stays_ended(shop: Shop, end: str) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item)))
    done(getattr(shop, end)(hold))
    code = {"execute": "hold_already_executed", "release": "hold_already_released"}[end]

    for again in (shop.execute(hold), shop.release(hold), shop.extend(hold, expires_in=60)):
        assert (again.status, again.error["type"], again.code) == (400, "invalid_request_error", code)
    shop.await_counters(item, 9 if end == "execute" else 10, 0)


def test_what_has_expired_can_be_neither_executed_nor_extended_but_released(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item), expires_in=1))
    wait_until(lambda: shop.hold(hold)["status"] == "expired", 5, "its time is over")

    assert shop.execute(hold).code == "hold_expired"
    assert shop.extend(hold, expires_in=60).code == "hold_expired"
    assert shop.extend(hold, key=shop.item("late"), expires_in=60).code == "hold_expired"
    released = shop.release(hold)
    assert released.status == 200 or released.code == "hold_expired"  # the sweeper may have been there first
    shop.await_counters(item, 10, 0)


def test_of_many_who_end_a_hold_one_does(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item, 4)))

    answers = at_once([lambda: shop.execute(hold), lambda: shop.release(hold)] * 8)

    (winner,) = (answer.body for answer in answers if answer.status == 200)
    losers = {answer.code for answer in answers if answer.status != 200}
    assert losers == {f"hold_already_{winner['status']}"}
    shop.await_counters(item, 6 if winner["status"] == "executed" else 10, 0)


def test_pages_show_every_untouched_hold_once_while_others_come_and_go(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 100)
    holds = [done(shop.place(line(item), expires_in=120 + number)) for number in range(24)]
    released, untouched = holds[3::6], [hold for hold in holds if hold not in holds[3::6]]
    ours = {hold["id"] for hold in holds}

    seen: list[Body] = []
    query: Body = {"limit": 5}
    while True:
        page = done(shop.get("/v1/holds", **query))
        assert (page["object"], page["url"]) == ("list", "/v1/holds")
        assert len(page["data"]) <= 5
        seen += page["data"]
        if released:
            done(shop.release(released.pop()))
            done(shop.place(line(item), expires_in=60))
        if not page["has_more"] or page["data"][-1]["expires_at"] > holds[-1]["expires_at"]:
            break
        query = {"limit": 5, "starting_after": page["data"][-1]["id"]}

    assert {hold["status"] for hold in seen} == {"active"}
    times = [hold["expires_at"] for hold in seen]
    assert times == sorted(times), "soonest to expire first"
    mine = [hold["id"] for hold in seen if hold["id"] in ours]
    assert len(mine) == len(set(mine))
    assert {hold["id"] for hold in untouched} <= set(mine)


def test_a_hold_that_ended_leaves_the_list(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item), expires_in=30))
    listed = done(shop.get("/v1/holds", limit=100))["data"]
    assert hold["id"] in {each["id"] for each in listed}

    done(shop.release(hold))

    listed = done(shop.get("/v1/holds", limit=100))["data"]
    assert hold["id"] not in {each["id"] for each in listed}
