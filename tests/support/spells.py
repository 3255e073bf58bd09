"""Three spells of trade, an hour apart: what most snapshots here are made of."""

from support.tape import Tape
from support.trade import trade
from support.world import START_MS, World

HOUR_MS = 3_600_000


def three_spells() -> Tape:
    """Their tape; the clock stands after the last one."""
    world = World(seed=7)
    tape = Tape(world)
    for spell in range(3):
        trade(world, 120, seed=spell)
        world.clock.now_ms = START_MS + (spell + 1) * HOUR_MS
    return tape


def after_spell(number: int) -> int:
    """The instant at which a spell is over, from 1 on."""
    return START_MS + number * HOUR_MS
