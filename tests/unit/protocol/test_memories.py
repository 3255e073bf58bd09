"""What an instance remembers: each thing for its own time, and of each no more than it has room for."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from inventory.domain.availability import ItemStock
from inventory.domain.drawing import Shortage
from inventory.domain.errors import Overloaded
from inventory.domain.holds import Draw, Line
from inventory.domain.passes import Pass
from inventory.protocol.core import Core
from support.world import World


class Remembered(NamedTuple):
    """One kind of what is remembered of an item."""

    note: Callable[[Core, str], object]
    known: Callable[[Core, str], object]
    age_ms: int
    kept: int


def _is_shed(core: Core, item: str) -> bool:
    try:
        core.shed.check([item])
    except Overloaded:
        return True
    return False


def _draw(core: Core, item: str) -> None:
    core.hints.drew([Line(item, "W1", 1, (Draw(0, 1),))], met_others=True)


MEMORIES = {
    "stock as it was read": Remembered(
        lambda core, item: core.stocks.put(item, ItemStock(item, (), 0)),
        lambda core, item: core.stocks.get(item) is not None,
        1_000,
        2_000,
    ),
    "a strong reading": Remembered(
        lambda core, item: core.passes.put((item, "W1"), Pass(None, {}, 0, 0)),
        lambda core, item: core.passes.get((item, "W1")) is not None,
        60_000,
        200,
    ),
    "where stock was seen": Remembered(
        lambda core, item: core.hints.remember(item, "W1", {"W1": {0: 1_000_000}}),
        lambda core, item: core.hints.recall(item, "W1") is not None,
        1_000,
        2_000,
    ),
    "from which shard was drawn": Remembered(
        _draw, lambda core, item: core.hints.usual(item, "W1") is not None, 1_000, 2_000
    ),
    "that there was too little": Remembered(
        lambda core, item: core.refusals.remember(item, "W1", 0, core.clock.elapsed()),
        lambda core, item: core.refusals.recall(Shortage(item, "W1", 1, 0)) is not None,
        1_000,
        2_000,
    ),
    "that the database refused": Remembered(lambda core, item: core.shed.remember([item]), _is_shed, 500, 2_000),
}


@pytest.mark.parametrize("what", MEMORIES)
def test_it_is_remembered_for_its_time_and_no_longer(what: str) -> None:
    world, memory = World(), MEMORIES[what]
    memory.note(world.core, "A")
    world.clock.now_ms += memory.age_ms - 1
    assert memory.known(world.core, "A")
    world.clock.now_ms += 1
    assert not memory.known(world.core, "A")


@pytest.mark.parametrize("what", MEMORIES)
def test_the_one_noted_first_goes_where_there_is_no_room(what: str) -> None:
    core, memory = World().core, MEMORIES[what]
    for number in range(memory.kept):
        memory.note(core, f"I{number}")
    assert memory.known(core, "I0")
    memory.note(core, "one more")
    assert [bool(memory.known(core, item)) for item in ("I0", "I1", "one more")] == [False, True, True]
