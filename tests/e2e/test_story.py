"""The product's story, from the first delivery to the rush on the last hundred."""

from support.shop import Shop, at_once, done, line, wait_until
from support.stack import Operator


def test_from_delivery_to_rush(shop: Shop, operator: Operator) -> None:
    cup, saucer = shop.item("cup"), shop.item("saucer")
    shop.receive(cup, 100)
    shop.receive(saucer, 40)

    cart = done(shop.place(line(cup, 2), line(saucer, 2), metadata={"cart": "c_1042"}))
    assert cart["status"] == "active"
    assert cart["metadata"] == {"cart": "c_1042"}
    assert {(each["item"], each["quantity"], each["executed"]) for each in cart["lines"]} == {
        (cup, 2, 0),
        (saucer, 2, 0),
    }
    assert shop.counters(cup) == (98, 2)

    sold = done(shop.execute(cart))
    assert sold["status"] == "executed"
    assert [each["executed"] for each in sold["lines"]] == [2, 2]
    shop.await_counters(cup, 98, 0)
    shop.await_counters(saucer, 38, 0)
    assert wait_until(lambda: shop.hold(cart)["settled"], 5, "the sale is settled")

    refused = shop.place(line(cup, 1), line(saucer, 39))
    assert (refused.status, refused.code) == (402, "insufficient_stock")
    assert refused.error["param"] == "lines[1][quantity]"
    assert (refused.error["item"], refused.error["wanted"], refused.error["available"]) == (saucer, 39, 38)
    assert shop.counters(cup) == (98, 0), "a refused cart holds nothing, not even what there was"

    released = done(shop.release(done(shop.place(line(cup, 5)))))
    assert released["status"] == "released"
    shop.await_counters(cup, 98, 0)

    left_behind = done(shop.place(line(cup, 8), expires_in=1))
    wait_until(lambda: shop.hold(left_behind)["status"] == "expired", 5, "its time is over")
    too_late = shop.execute(left_behind)
    assert (too_late.status, too_late.code) == (400, "hold_expired")
    operator.sweep()
    shop.await_counters(cup, 98, 0)

    answers = at_once([lambda: shop.place(line(cup, 1))] * 200)
    assert sorted(answer.status for answer in answers) == [200] * 98 + [402] * 102
    assert shop.counters(cup) == (0, 98)
