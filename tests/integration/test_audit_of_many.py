"""A day of 50,000 events that nobody touched: an audit looks at each, and finds nothing."""

from pathlib import Path

import pytest

from inventory.protocol.resolve import execute
from support.audits import Audits
from support.tape import Tape
from support.workflow import History
from support.world import World

EVENTS = 50_000


@pytest.mark.timeout(600)
def test_a_clean_run_of_50_000_events_has_nothing_wrong(tmp_path: Path) -> None:
    world = World(seed=41)
    tape = Tape(world)
    items = [f"item-{number}" for number in range(50)]
    for item in items:
        world.receive(item, 1_000)
    sold = 0
    while len(tape.records) < EVENTS:
        execute(world.core, world.place(items[sold % len(items)]).value.id, None, by=world.by())
        sold += 1
        if sold % 100 == 0:
            world.settle()
            world.clock.pass_s(1)
    world.settle()
    history = History(tmp_path / "bucket", tape)
    history.archive(batch=2_000)
    as_of_ms = (world.clock.now_ms // 1000 + 1) * 1000
    history.snapshot(as_of_ms)
    audits = Audits(history)
    result = audits.run(as_of_ms)
    assert (result["discrepancies"], audits.findings(as_of_ms)) == (0, [])
    looked_at = {check["name"]: check["looked_at"] for check in result["checks"]}
    assert looked_at["gapless"] == looked_at["ledger_rows"] == looked_at["late_events"] == len(tape.records) >= EVENTS
    assert looked_at["live_holds"] == looked_at["placements_match"] == sold
