"""A random day of business in a world: all that can be done, with holds over several shards and items in flight."""

import random
from collections.abc import Sequence

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.drawing import Want
from inventory.domain.errors import InventoryError
from inventory.domain.holds import Status, Take
from inventory.protocol.adjust import adjust
from inventory.protocol.core import Core
from inventory.protocol.count import count
from inventory.protocol.extend import extend
from inventory.protocol.place import place
from inventory.protocol.resolve import execute, release
from inventory.protocol.split import split
from inventory.protocol.transfer import transfer
from support.world import World

ITEMS = ("cup", "pot", "tray.x")
WAREHOUSES = ("berlin", "lyon")


def trade(world: World, steps: int, seed: int, *, instances: Sequence[Core] = ()) -> None:
    """Stock arrives, and so many random things happen."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for item in ITEMS:
        for warehouse in WAREHOUSES:
            world.receive(item, draw.randint(5, 30), warehouse)
    trade_on(world, steps, draw, instances=instances)


def trade_on(world: World, steps: int, draw: random.Random, *, instances: Sequence[Core] = ()) -> None:
    """Does so many random things; refusals are part of the day. Some of the streams' consumers lag behind.

    Args:
        world: Where.
        steps: How many things.
        draw: What is done, by whom and when.
        instances: Whoever may do the next thing; the world's own instance where there are none.
    """
    for _ in range(steps):
        world.core = draw.choice(instances) if instances else world.core
        try:
            _do_something(world, draw)
        except InventoryError:
            continue
        finally:
            world.clock.pass_s(draw.choice((0, 0, 0.05, 0.3, 2)))


def _do_something(world: World, draw: random.Random) -> None:
    what = draw.randrange(14)
    if what <= 8:
        _hold_something(world, draw, what)
    elif what <= 12:
        _change_stock(world, draw, what)
    elif draw.random() < 0.7:
        world.settle(limit=draw.randint(1, 40))
        world.project()
    else:
        world.sweep()


def _hold_something(world: World, draw: random.Random, what: int) -> None:
    by = world.by()
    active = [hold.id for hold in world.holds(Status.ACTIVE)]
    if what <= 4 or not active:
        wants = [
            Want(draw.choice(ITEMS), draw.choice((*WAREHOUSES, None)), draw.randint(1, 6))
            for _ in range(draw.randint(1, 3))
        ]
        place(world.core, wants, expires_in_s=draw.choice((1, 5, 900)), metadata={"cart": str(draw.random())}, by=by)
    elif what <= 6:
        takes = None
        hold = world.hold(draw.choice(active))
        if draw.random() < 0.5:
            takes = [Take(line.item, line.warehouse, draw.randint(0, line.quantity)) for line in hold.lines[:2]]
        execute(world.core, hold.id, takes, by=by)
    elif what == 7:
        release(world.core, draw.choice(active), by=by)
    else:
        extend(world.core, draw.choice(active), expires_in_s=draw.choice((None, 60)), metadata={"n": "1"}, by=by)


def _change_stock(world: World, draw: random.Random, what: int) -> None:
    by = world.by()
    item, warehouse = draw.choice(ITEMS), draw.choice(WAREHOUSES)
    if what == 9:
        quantity = draw.choice((-2, 3, 8))
        adjust(world.core, AdjustmentRequest(item, warehouse, "damaged", by, reference="r-1"), quantity)
    elif what == 10:
        count(world.core, AdjustmentRequest(item, warehouse, "count", by), draw.randint(5, 40))
    elif what == 11:
        transfer(world.core, item, *WAREHOUSES, draw.randint(1, 3), reference=None, metadata={}, by=by)
    else:
        split(world.core, item, warehouse, draw.randint(1, 4), by=by)
