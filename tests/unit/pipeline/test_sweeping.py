"""What a run of the sweeper counts: what it did, and what a person has to look at."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from inventory.domain.errors import ClockSkewed, Overloaded
from inventory.domain.holds import Hold
from inventory.protocol import resolve
from inventory.protocol import sweep as sweep_module
from inventory.protocol.core import Core
from inventory.storage.at_once import AtOnce, one_by_one, together_on
from inventory.storage.codec import encode
from simulated_dynamodb import throttled
from support.world import World


def _change(world: World, table: str, key: str, **attributes: object) -> None:
    """Somebody changes a record by hand."""
    items = world.database._tables[table].items
    items[(key,)] = {**items[(key,)], **encode(attributes)}


def test_a_run_that_finds_nothing_counts_nothing() -> None:
    world = World()
    world.sweep()
    assert world.counted == {}


def test_poison_and_holds_that_never_can_be_settled_are_counted_with_what_was_done() -> None:
    world = World()
    world.receive("A", 5)
    world.receive("B", 5)
    poison, *_ = [world.place("A", expires_in_s=60).value for _ in range(4)]
    broken = world.place("B", expires_in_s=900).value
    resolve.release(world.core, broken.id, by=world.by())
    world.database.stream(world.tables.holds).drain()  # lost: nobody settles it
    _change(world, world.tables.stock, "B#W1#0", held=0)
    _change(world, world.tables.holds, poison.id, status="evaporated")
    world.clock.pass_s(61)
    world.counted.clear()
    world.sweep()
    assert world.counted == {"HoldsExpired": 3, "ExpiryLag": 1_000, "PoisonRecords": 1, "InvariantBroken": 1}


def test_a_run_that_could_not_go_on_counts_what_it_did_before() -> None:
    world = World(open_slices=2)
    world.receive("A", 9)
    holds = [world.place("A", expires_in_s=60).value for _ in range(9)]
    world.clock.pass_s(61)
    world.counted.clear()
    ended: list[str] = []

    def fail(operation: str, request: dict[str, Any]) -> None:
        if operation == "UpdateItem":
            ended.append(request["Key"]["hold_id"]["S"])
        if operation == "Query" and len(ended) == 9:
            raise throttled(operation)

    world.database.before_call = fail
    with pytest.raises(Overloaded):
        world.sweep()
    assert sorted(ended) == sorted(hold.id for hold in holds)
    assert world.counted == {"HoldsExpired": 9, "ExpiryLag": 1_000}


@pytest.mark.parametrize("at_once", [one_by_one, together_on(ThreadPoolExecutor(1))])
@pytest.mark.parametrize("failing", [1, 3])
def test_nor_is_the_part_of_a_page_forgotten_that_did_not_fail(
    failing: int, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(open_slices=1)
    world.receive("A", 3)
    for _ in range(3):
        world.place("A", expires_in_s=60)
    world.clock.pass_s(61)
    world.counted.clear()
    world.core = replace(world.core, at_once=at_once)
    asked: list[str] = []

    def expire(core: Core, hold_id: str) -> Hold | None:
        asked.append(hold_id)
        if len(asked) == failing:
            raise ClockSkewed("off")
        return resolve.expire(core, hold_id)

    monkeypatch.setattr(sweep_module, "expire", expire)
    with pytest.raises(ClockSkewed):
        world.sweep()
    assert world.counted == {"HoldsExpired": 2, "ExpiryLag": 1_000}
