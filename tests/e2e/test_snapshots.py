"""Snapshots over HTTP: asked for, waited for, listed; and what they say adds up."""

import time

import pytest

from inventory.domain.keys import Scope
from inventory.history.layout import snapshot_id
from stack.state import Stack
from support.shop import Body, Shop, done, line, new_prefix, wait_until
from support.stack import Operator

pytestmark = pytest.mark.timeout(300)

_LONG_AGO = 1_000_000_000
_RUN_S_MAX = 90


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Shop:
    return Shop(stack.api_url, stack.api_key, new_prefix())


@pytest.fixture(scope="module")
def taken(caller: Shop) -> tuple[Body, Body]:
    """Two snapshots: one of before the first event, and one of just after a delivery and a sale."""
    early = caller.post("/v1/snapshots", {"as_of": _LONG_AGO})
    assert done(early)["status"] in ("pending", "complete")
    item = caller.item("cup")
    caller.receive(item, 10)
    done(caller.execute(done(caller.place(line(item, 3)))))
    done(caller.place(line(item, 2), expires_in=600))
    caller.await_counters(item, 5, 2)
    as_of = int(time.time()) + 1
    refused = caller.post("/v1/snapshots", {"as_of": as_of})
    assert (refused.status, refused.code, refused.error["param"]) == (400, "instant_too_recent", "as_of")
    wait_until(lambda: _take(caller, as_of), 40, "the instant is no longer too recent")
    return _complete(caller, done(early)["id"]), _complete(caller, snapshot_id(as_of * 1000))


def _take(caller: Shop, as_of: int) -> bool:
    answer = caller.post("/v1/snapshots", {"as_of": as_of}, key=f"snapshot-{as_of}")
    assert answer.status == 200 or answer.code == "instant_too_recent"
    return answer.status == 200


def _complete(caller: Shop, identifier: str) -> Body:
    def over() -> Body | None:
        snapshot = done(caller.get(f"/v1/snapshots/{identifier}"))
        return None if snapshot["status"] == "pending" else snapshot

    snapshot = wait_until(over, _RUN_S_MAX, f"{identifier} is done")
    assert snapshot is not None
    assert snapshot["status"] == "complete", snapshot
    return snapshot


def test_what_a_snapshot_says_adds_up(taken: tuple[Body, Body]) -> None:
    early, late = taken
    assert (early["as_of"], set(early["totals"].values()), early["error"]) == (_LONG_AGO, {0}, None)
    totals = late["totals"]
    assert totals["items"] >= 1
    assert totals["held"] >= 2
    assert totals["available"] + totals["held"] == totals["on_hand"]
    assert totals["adjusted"] - totals["executed"] == totals["on_hand"], "stock_conserved"
    assert totals["holding"] == totals["held"], "held_matches_holds"
    assert late["manifest"]["number"] != early["manifest"]["number"]
    assert len(late["manifest"]["sha256"]) == 64


def test_asking_again_gives_what_is_there(caller: Shop, taken: tuple[Body, Body]) -> None:
    _, late = taken
    as_of = late["as_of"]
    again = caller.post("/v1/snapshots", {"as_of": as_of}, key=f"snapshot-{as_of}")
    assert (again.body, again.headers["Idempotent-Replayed"]) == (late, "true")
    without_key = caller.post("/v1/snapshots", {"as_of": as_of})
    assert without_key.body == late
    assert "Idempotent-Replayed" not in without_key.headers
    other = caller.post("/v1/snapshots", {"as_of": as_of - 1}, key=f"snapshot-{as_of}")
    assert (other.status, other.error["type"]) == (400, "idempotency_error")


def test_they_are_listed_from_the_latest_instant_page_by_page(caller: Shop, taken: tuple[Body, Body]) -> None:
    early, late = taken
    found: list[Body] = []
    more, query = True, {"limit": 1}
    while more:
        page = done(caller.get("/v1/snapshots", **query))
        found, more = [*found, *page["data"]], page["has_more"]
        query = {"limit": 100, "starting_after": found[-1]["id"]}
    instants = [each["as_of"] for each in found]
    assert instants == sorted(instants, reverse=True)
    assert late in found
    assert early in found


def test_what_is_not_there_or_not_allowed_is_refused(
    stack: Stack, operator: Operator, caller: Shop, taken: tuple[Body, Body]
) -> None:
    nowhere = snapshot_id(5000)
    missing = caller.get(f"/v1/snapshots/{nowhere}")
    assert (missing.status, missing.code) == (404, "resource_missing")
    cursor = caller.get("/v1/snapshots", starting_after=nowhere)
    assert (cursor.status, cursor.error["param"]) == (400, "starting_after")
    reader = Shop(stack.api_url, operator.make_key(Scope.AUDITS_READ)[0], new_prefix())
    assert done(reader.get(f"/v1/snapshots/{taken[0]['id']}")) == taken[0]
    forbidden = reader.post("/v1/snapshots")
    assert (forbidden.status, forbidden.code) == (403, "scope_missing")
    refused = caller.send("DELETE", "/v1/snapshots")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, POST")
