"""Stock as it was, read over HTTP from a snapshot that the deployed stack has made."""

import time
from typing import Any

import pytest

from support.gateway import Answer
from support.shop import Body, Shop, done, line, wait_until

pytestmark = pytest.mark.timeout(400)

_GRACE_S = 20
_RUN_S_MAX = 90


def _next_second() -> int:
    """An instant with everything before it and nothing after it, once it has passed."""
    instant = int(time.time()) + 1
    time.sleep(max(0.0, instant + 0.2 - time.time()))
    return instant


def _read(shop: Shop, item: str, at: int) -> Answer:
    """The answer; a function that was just started may need a second try."""

    def answered() -> Any:
        answer = shop.get(f"/v1/stock/{item}", at=at)
        return None if answer.status == 503 else answer

    answer: Answer = wait_until(answered, 30, "the past is read")
    return answer


def _sealed(shop: Shop, as_of: int) -> Body:
    def taken() -> Any:
        answer = shop.post("/v1/snapshots", {"as_of": as_of})
        return answer if answer.status == 200 else None

    asked = done(wait_until(taken, _GRACE_S + 20, "the instant is old enough"))

    def ended() -> Any:
        snapshot = done(shop.get(f"/v1/snapshots/{asked['id']}"))
        return snapshot if snapshot["status"] != "pending" else None

    snapshot: Body = wait_until(ended, _RUN_S_MAX, "the snapshot's end")
    return snapshot


def test_stock_is_read_as_it_was_at_any_second_up_to_the_latest_snapshot(shop: Shop) -> None:
    cup = shop.item("cup")
    before = _next_second()
    time.sleep(1)
    shop.receive(cup, 10)
    hold = done(shop.place(line(cup, 3)))
    held = _next_second()
    done(shop.execute(hold))
    shop.await_counters(cup, 7, 0)
    sold = _next_second()
    assert _sealed(shop, sold)["status"] == "complete"

    then = done(_read(shop, cup, held))
    assert (then["available"], then["held"], then["on_hand"], then["as_of"]) == (7, 3, 10, held)
    assert [(each["available"], each["held"], each["shards"]) for each in then["warehouses"]] == [(7, 3, 1)]
    after = done(_read(shop, cup, sold))
    assert (after["available"], after["held"], after["as_of"]) == (7, 0, sold)

    unknown = _read(shop, cup, before)
    assert (unknown.status, unknown.code) == (404, "resource_missing")
    later = _read(shop, cup, 4_102_444_800)
    assert (later.status, later.code) == (400, "instant_not_sealed")
    assert str(sold) in later.error["message"]
