"""A day of trade with three snapshots, and a copy of it for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.storage.codec import decode, encode
from support.audits import Audits
from support.handiwork import INSTANTS
from support.tape import Tape
from support.trade import trade
from support.workflow import History
from support.world import World


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Three spells of trade an hour apart, each with its snapshot."""
    world = World(seed=29)
    tape = Tape(world)
    for spell, instant in enumerate(INSTANTS):
        trade(world, 90, seed=spell + 29)
        world.clock.now_ms = instant
    history = History(tmp_path_factory.mktemp("day") / "bucket", tape)
    history.archive(batch=400)
    history.now_ms = world.clock.now_ms
    for instant in INSTANTS:
        history.snapshot(instant)
    world.clock.now_ms = history.now_ms  # what happens from now on is after what is sealed
    return history


@pytest.fixture
def history(day: History, tmp_path: Path) -> Iterator[History]:
    """A copy to do what one likes with. Tables and tape are as before afterwards."""
    shutil.copytree(day.objects.root, tmp_path / "bucket")
    mine = History(tmp_path / "bucket", day.tape)
    mine.now_ms = day.now_ms
    world = day.tape.world
    tables = {table: {_key(item): item for item in world.database.items(table)} for table in day.tape.tables.values()}
    told = len(day.tape.records)
    yield mine
    for table, kept in tables.items():
        for name in {_key(item) for item in world.database.items(table)} - kept.keys():
            world.database.client.delete_item(TableName=table, Key=encode(dict([name])))
        for item in kept.values():
            world.database.client.put_item(TableName=table, Item=item)
    for table in day.tape.tables.values():
        world.database.stream(table).drain()  # what was done by hand is no consumer's business
    del day.tape.records[told:]
    world.clock.now_ms = day.now_ms


def _key(item: Any) -> tuple[str, str]:
    record = decode(item)
    return next((name, record[name]) for name in ("stock_id", "hold_id", "adjustment_id") if name in record)


@pytest.fixture
def audits(history: History) -> Audits:
    return Audits(history)
