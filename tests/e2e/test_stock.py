"""What changes stock other than by a sale, and how stock is read."""

from collections import Counter
from functools import partial

from support.shop import Body, Shop, at_once, done, line, wait_until


def _adjust(shop: Shop, item: str, **body: object) -> Body:
    return done(shop.post("/v1/adjustments", {"item": item, "warehouse": "berlin", **body}))


def test_an_adjustment_can_be_looked_up(shop: Shop) -> None:
    item = shop.item("cup")
    made = _adjust(shop, item, quantity=10, reason="received", reference="delivery-1", metadata={"truck": "B-1042"})

    assert made.items() >= {"object": "adjustment", "item": item, "warehouse": "berlin", "quantity": 10}.items()
    assert made.items() >= {"reason": "received", "reference": "delivery-1"}.items()
    assert made["metadata"] == {"truck": "B-1042"}
    assert done(shop.get(f"/v1/adjustments/{made['id']}")) == made


def test_no_more_can_be_written_off_than_is_available(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    done(shop.place(line(item, 4)))

    body = {"item": item, "warehouse": "berlin", "quantity": -7, "reason": "broken"}
    refused = shop.post("/v1/adjustments", body)

    assert (refused.status, refused.code, refused.error["param"]) == (402, "insufficient_stock", "quantity")
    assert (refused.error["wanted"], refused.error["available"]) == (7, 6)
    _adjust(shop, item, quantity=-6, reason="broken")
    assert shop.counters(item) == (0, 4)


def test_a_return_names_the_hold_that_it_comes_from(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    hold = done(shop.place(line(item, 3)))
    done(shop.execute(hold))
    shop.await_counters(item, 7, 0)

    returned = _adjust(shop, item, quantity=2, reason="returned", reference=hold["id"])

    assert (returned["reason"], returned["reference"]) == ("returned", hold["id"])
    assert shop.counters(item) == (9, 0)


def test_a_count_sets_what_is_on_hand_with_what_is_held(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    done(shop.place(line(item, 4)))

    assert _adjust(shop, item, count=12, reason="counted")["quantity"] == 2
    assert shop.counters(item) == (8, 4)
    assert _adjust(shop, item, count=12, reason="counted")["quantity"] == 0
    assert _adjust(shop, item, count=4, reason="counted")["quantity"] == -8
    assert shop.counters(item) == (0, 4)

    below = shop.post("/v1/adjustments", {"item": item, "warehouse": "berlin", "count": 3, "reason": "counted"})
    assert (below.status, below.code) == (400, "count_below_held")
    assert shop.counters(item) == (0, 4)


def test_a_count_of_something_new_makes_it_known(shop: Shop) -> None:
    item = shop.item("cup")
    assert _adjust(shop, item, count=5, reason="counted")["quantity"] == 5
    assert shop.counters(item) == (5, 0)


def test_a_count_during_the_rush_is_right_for_what_is_on_the_shelf(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 40)
    done(shop.split(item, 4))

    requests = [lambda: shop.place(line(item)).status] * 30
    requests.insert(10, lambda: int(_adjust(shop, item, count=100, reason="counted")["quantity"]))
    answers = at_once(requests)

    assert Counter(answers) == {200: 30, 60: 1}, "holds leave goods on the shelf: the count finds 60 more than 40"
    assert shop.counters(item) == (70, 30)


def test_of_counts_at_once_the_difference_is_applied_once(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 40)

    counted = at_once([lambda: _adjust(shop, item, count=55, reason="counted")["quantity"]] * 8, workers=8)

    assert Counter(counted) == {15: 1, 0: 7}
    assert shop.counters(item) == (55, 0)


def test_a_transfer_moves_what_is_available_even_to_a_new_warehouse(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    done(shop.place(line(item, 4)))
    body = {"item": item, "from": "berlin", "to": "lyon", "quantity": 6, "reference": "truck 7"}

    moved = done(shop.post("/v1/transfers", body))
    refused = shop.post("/v1/transfers", {**body, "quantity": 1})

    assert moved.items() >= {"object": "transfer", **body}.items()
    assert done(shop.get(f"/v1/transfers/{moved['id']}")) == moved
    assert (refused.status, refused.code, refused.error["available"]) == (402, "insufficient_stock", 0)
    by_warehouse = {each["warehouse"]: (each["available"], each["held"]) for each in shop.stock(item)["warehouses"]}
    assert by_warehouse == {"berlin": (0, 4), "lyon": (6, 0)}


def test_transfers_to_and_fro_lose_nothing(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 30, "berlin")
    shop.receive(item, 30, "lyon")
    there = {"item": item, "from": "berlin", "to": "lyon", "quantity": 3}
    back = {"item": item, "from": "lyon", "to": "berlin", "quantity": 3}

    answers = at_once([partial(shop.post, "/v1/transfers", body) for body in (there, back) * 15])

    assert {answer.status for answer in answers} <= {200, 402}
    surplus = sum((1 if answer.body["to"] == "lyon" else -1) * 3 for answer in answers if answer.status == 200)
    by_warehouse = {each["warehouse"]: each["available"] for each in shop.stock(item)["warehouses"]}
    assert by_warehouse == {"berlin": 30 - surplus, "lyon": 30 + surplus}


def test_reads_are_right_at_once_where_asked_for_and_within_2_s_otherwise(shop: Shop) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    wait_until(lambda: done(shop.get(f"/v1/stock/{item}"))["available"] == 10, 2, "the delivery is projected")

    done(shop.place(line(item, 3)))
    strong = shop.stock(item)
    wait_until(lambda: done(shop.get(f"/v1/stock/{item}"))["held"] == 3, 2, "the hold is projected")
    projected = done(shop.get(f"/v1/stock/{item}"))

    warehouse = {"warehouse": "berlin", "available": 7, "held": 3, "on_hand": 10, "shards": 1}
    for stock in (strong, projected):
        assert stock.pop("as_of") > 0
        totals = {"available": 7, "held": 3, "on_hand": 10, "in_stock": True}
        assert stock == {"id": item, "object": "stock", "item": item, **totals, "warehouses": [warehouse]}


def test_several_items_are_read_in_one_request_unknown_ones_left_out(shop: Shop) -> None:
    items = [shop.item(name) for name in ("cup", "saucer", "spoon")]
    for number, item in enumerate(items):
        shop.receive(item, number + 1)
    unknown = shop.item("unknown")

    def listed(**query: object) -> list[tuple[str, int]]:
        page = done(shop.get("/v1/stock", **query))
        assert (page["object"], page["url"], page["has_more"]) == ("list", "/v1/stock", False)
        return [(stock["item"], stock["available"]) for stock in page["data"]]

    asked = [items[2], unknown, items[0], items[1]]
    in_that_order = [(items[2], 3), (items[0], 1), (items[1], 2)]
    wait_until(lambda: listed(items=",".join(asked)) == in_that_order, 2, "all are projected")
    assert listed(items=asked) == listed(**{"items[]": asked}) == in_that_order


def test_what_a_warehouse_has_in_stock_is_listed_page_by_page(shop: Shop) -> None:
    warehouse = f"{shop.prefix}-hall"
    items = sorted(shop.item(f"part{number}") for number in range(7))
    for item in items:
        shop.receive(item, 1, warehouse)
    shop.receive(items[0], 5, "elsewhere")
    sold_out = items.pop(3)
    done(shop.place(line(sold_out, 1, warehouse)))

    def listed() -> list[Body]:
        found: list[Body] = []
        query: Body = {"warehouse": warehouse, "in_stock": "true", "limit": 2}
        while True:
            page = done(shop.get("/v1/stock", **query))
            found += page["data"]
            if not page["has_more"]:
                return found
            query["starting_after"] = page["data"][-1]["id"]

    wait_until(lambda: len(listed()) == len(items), 2, "the projection follows")
    stock = listed()
    assert [each["item"] for each in stock] == items
    assert {each["available"] for each in stock} == {1}, "only what lies in this warehouse"


def test_an_unknown_item_is_missing(shop: Shop) -> None:
    for query in ({}, {"consistent": "true"}):
        missing = shop.get(f"/v1/stock/{shop.item('unknown')}", **query)
        assert (missing.status, missing.code) == (404, "resource_missing")
