"""Counters of more units than a floating-point number can count: none is lost on the way."""

from pathlib import Path

from inventory.domain.holds import Take
from inventory.history.layout import stamp_of
from inventory.history.plan import Mode
from inventory.protocol.resolve import execute
from support.audits import Audits
from support.tape import Tape
from support.workflow import History
from support.world import World

#: The lowest that is none of a double's.
MANY = 2**53 + 1


def test_more_units_than_a_double_counts_are_sealed_and_audited_to_the_unit(tmp_path: Path) -> None:
    world = World(seed=3)
    tape = Tape(world)
    for _ in range(2):
        world.receive("cup", MANY)
    sold, _ = (world.place("cup", MANY, key=key).value for key in "ab")
    execute(world.core, sold.id, [Take("cup", "W1", MANY)], by=world.by())
    world.flow()
    world.clock.pass_s(1)
    history = History(tmp_path / "bucket", tape)
    history.archive()
    instant = world.clock.now_ms // 1000 * 1000
    history.now_ms = instant + 3_600_000
    history.snapshot(instant)
    [row] = history.rows(f"snapshots/as_of={stamp_of(instant)}/*.parquet")
    names = ("available", "held", "on_hand", "adjusted", "executed", "holding")
    assert [row[name] for name in names] == [0, MANY, MANY, 2 * MANY, MANY, MANY]
    history.snapshot(instant, mode=Mode.REBUILD)  # RebuildDiffers, where it makes other bytes
    audits = Audits(history)
    audits.run(instant)
    assert audits.findings(instant) == []
