"""What a run of the sweeper counts: what it did, and what a person has to look at."""

import pytest

from inventory.pipeline import sweeper
from inventory.protocol import resolve
from inventory.storage.codec import encode
from support.world import World


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    told: dict[str, int] = {}
    monkeypatch.setattr(sweeper, "report", told.__setitem__)
    return told


def _change(world: World, table: str, key: str, **attributes: object) -> None:
    """Somebody changes a record by hand."""
    items = world.database._tables[table].items
    items[(key,)] = {**items[(key,)], **encode(attributes)}


def test_a_run_that_finds_nothing_counts_nothing(counted: dict[str, int]) -> None:
    world = World()
    world.sweep()
    assert counted == {}


def test_poison_and_holds_that_never_can_be_settled_are_counted_with_what_was_done(counted: dict[str, int]) -> None:
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
    world.sweep()
    assert counted == {"HoldsExpired": 3, "ExpiryLag": 1_000, "PoisonRecords": 1, "InvariantBroken": 1}
