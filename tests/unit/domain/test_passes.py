"""What two readings of an item prove of the time between them."""

from dataclasses import replace
from typing import Any

import pytest

from inventory.domain.passes import Pass
from inventory.domain.stock import Directory, Shard, ShardKey, Warehouse

KEY = ShardKey("A", "W1", 0)
SHARD = Shard(KEY, available=5, held=2, inflow=1, rev=3, at=1_000)
DIRECTORY = Directory("A", {"W1": Warehouse(shards=1, counts=0)}, rev=1, at=900)


def read(directory: Directory | None = DIRECTORY, **changed: Any) -> Pass:
    """A reading that saw one shard, with these of its counters changed."""
    return Pass(directory, {KEY: replace(SHARD, **changed)}, started_ms=0, ended_ms=1)


@pytest.mark.parametrize(
    ("later", "agree"),
    [
        ({}, (True, True, True)),
        ({"rev": 4}, (True, True, False)),
        ({"available": 4, "held": 3, "rev": 4}, (True, True, False)),
        ({"available": 4, "rev": 4}, (True, False, False)),
        ({"held": 1, "rev": 4}, (True, False, False)),
        ({"inflow": 2, "rev": 5}, (False, False, False)),
    ],
)
def test_readings_agree_on_what_was_not_changed_between_them(
    later: dict[str, Any], agree: tuple[bool, bool, bool]
) -> None:
    """Drawn for a hold (the same on hand), taken away, settled as executed, taken and given back."""
    earlier, now = read(), read(**later)
    assert (earlier.only_fell_until(now), earlier.same_on_hand_as(now), earlier.same_as(now)) == agree


@pytest.mark.parametrize("directory", [replace(DIRECTORY, rev=2), None])
def test_readings_with_a_changed_directory_agree_on_nothing(directory: Directory | None) -> None:
    for one, other in ((read(), read(directory)), (read(directory), read())):
        assert not one.only_fell_until(other)
        assert not one.same_on_hand_as(other)
        assert not one.same_as(other)


def test_readings_of_other_shards_agree_on_nothing() -> None:
    more = replace(read(), shards={**read().shards, KEY._replace(number=1): replace(SHARD, available=0, held=0)})
    for one, other in ((read(), more), (more, read())):
        assert not one.only_fell_until(other)
        assert not one.same_on_hand_as(other)
        assert not one.same_as(other)
