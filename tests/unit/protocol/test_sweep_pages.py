"""The index of open holds is listed in long parts, and the holds themselves are looked at in short ones."""

from collections import Counter
from typing import Any

import pytest

from inventory.protocol import sweep as sweep_module
from inventory.protocol.rebalance import merge_cold
from support.world import World


@pytest.mark.parametrize(("listed", "page", "queries", "reads"), [(7, 3, 4, 10), (1_000, 100, 1, 1), (24, 24, 2, 1)])
def test_every_open_hold_is_seen_once_whatever_the_parts(
    monkeypatch: pytest.MonkeyPatch, listed: int, page: int, queries: int, reads: int
) -> None:
    monkeypatch.setattr(sweep_module, "_LISTED", listed)
    monkeypatch.setattr(sweep_module, "_PAGE", page)
    world = World(open_slices=1)
    world.receive("A", 24)
    for _ in range(24):
        world.place("A", expires_in_s=60)
    calls = Counter[str]()

    def count(operation: str, arguments: dict[str, Any]) -> None:
        calls[operation] += 1

    world.database.before_call = count
    swept = world.sweep()
    assert (swept.seen, swept.expired, swept.finished) == (24, 0, True)
    assert (calls["Query"], calls["BatchGetItem"]) == (1 + queries, reads)  # the first finds nothing due


def test_a_page_with_nothing_in_it_is_the_last_whatever_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(open_slices=1)
    empty = {"Items": [], "LastEvaluatedKey": {"hold_id": {"S": "hold_1"}}}
    monkeypatch.setattr(world.core.database._client, "query", lambda **_: empty)
    assert world.sweep().finished
    assert merge_cold(world.core, until_ms=world.clock.now_ms + 60_000) == []


def test_a_hold_that_the_index_lists_twice_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry moves in the index while it is read, where its hold is extended."""
    world = World(open_slices=1)
    world.receive("A", 2)
    for _ in range(2):
        world.place("A", expires_in_s=60)
    world.clock.pass_s(61)
    query = world.core.database._client.query

    def listed_twice(**request: Any) -> dict[str, Any]:
        answer = query(**request)
        return {**answer, "Items": answer["Items"] * 2}

    monkeypatch.setattr(world.core.database._client, "query", listed_twice)
    assert world.sweep().expired == 2
