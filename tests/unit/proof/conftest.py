"""A recorded day of business, and buckets made of it."""

import shutil
from pathlib import Path

import pytest

from inventory.domain.events import Source
from support.sealed import Sealer
from support.tape import Tape
from support.trade import trade
from support.world import World


@pytest.fixture(scope="session")
def tape() -> Tape:
    world = World(seed=5)
    tape = Tape(world)
    trade(world, 500, seed=5)
    return tape


@pytest.fixture(scope="session")
def instants(tape: Tape) -> tuple[int, int, int]:
    """Three instants of the day, in whole seconds; after the last nothing is told."""
    told = tape.instants()
    first, second = (told[len(told) * part // 3] // 1000 * 1000 for part in (1, 2))
    return first, second, told[-1] // 1000 * 1000 + 1000


@pytest.fixture(scope="session")
def sealed_day(tape: Tape, instants: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    sealer = Sealer(tmp_path_factory.mktemp("day"), {source: tape.events(source) for source in Source})
    sealer.archive()
    for instant in instants:
        sealer.seal(instant)
    sealer.seal((instants[0] + instants[1]) // 2000 * 1000)  # asked for later, of an earlier instant
    return sealer


@pytest.fixture
def bucket(sealed_day: Sealer, tmp_path: Path) -> Sealer:
    """A copy of the sealed day's bucket, to do what one likes with."""
    shutil.copytree(sealed_day.folder, tmp_path / "bucket")
    return Sealer(
        tmp_path / "bucket",
        sealed_day.events,
        manifests=sealed_day.manifests,
        sealed_until_ms=sealed_day.sealed_until_ms,
    )
