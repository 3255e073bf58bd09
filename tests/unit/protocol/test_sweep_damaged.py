"""Sweep beside records that somebody edited or deleted by hand: each is told, and stops no other."""

from typing import Any

import pytest

from inventory.domain.holds import Hold
from support.edited import edit
from support.watched import Watched


def _placed(world: Watched, number: int, expires_in_s: int = 10) -> list[Hold]:
    world.receive("A", number)
    return [world.place("A", expires_in_s=expires_in_s).value for _ in range(number)]


def _lose_the_stream(world: Watched) -> None:
    world.database.stream(world.tables.holds).drain()


def _line(*, shards: int) -> dict[str, Any]:
    drawn = [{"M": {"shard": {"N": str(number)}, "quantity": {"N": "1"}}} for number in range(shards)]
    return {"M": {"item": {"S": "A"}, "warehouse": {"S": "W1"}, "quantity": {"N": str(shards)}, "drawn": {"L": drawn}}}


def test_a_hold_that_cannot_be_settled_is_told_and_stops_no_other(world: Watched) -> None:
    world.ends_well = False
    holds = _placed(world, 3, 900)
    for hold in holds:
        world.execute(hold)
    _lose_the_stream(world)
    edit(world, world.tables.stock, "A#W1#0", held={"N": "2"})
    world.clock.pass_s(62)
    swept = world.sweep()
    assert (swept.settling.settled, len(swept.settling.broken)) == (2, 1)
    assert world.counted["ShardConflicts"] == 0


@pytest.mark.parametrize(
    "edited",
    [
        {"note": {"N": "1.5"}},
        {"lines": {"L": [_line(shards=120)]}},
    ],
)
def test_a_hold_that_no_writer_of_this_service_made_is_told_and_stops_no_other(
    world: Watched, edited: dict[str, Any]
) -> None:
    world.ends_well = False
    holds = _placed(world, 5)
    world.execute(holds[0])
    _lose_the_stream(world)
    edit(world, world.tables.holds, holds[0].id, **edited)
    world.clock.pass_s(72)
    swept = world.sweep()
    assert (swept.expired, set(swept.unreadable), swept.finished) == (4, {holds[0].id}, True)


@pytest.mark.parametrize(
    "edited",
    [
        {"rev": {"S": "three"}},
        {"held": {"N": "0.5"}},
        {"at": {"S": "now"}},
        {"at": {"NULL": True}, "held": {"N": "0"}},
    ],
)
def test_holds_of_a_shard_that_was_edited_are_told_and_stop_no_other(world: Watched, edited: dict[str, Any]) -> None:
    world.ends_well = False
    world.receive("B", 5)
    of_edited, sound = _placed(world, 2, 900), world.place("B", 1).value
    for hold in (*of_edited, sound):
        world.release(hold)
    _lose_the_stream(world)
    edit(world, world.tables.stock, "A#W1#0", **edited)
    world.clock.pass_s(62)
    swept = world.sweep()
    assert (swept.settling.settled, {hold.id for hold, _ in swept.settling.broken}) == (
        1,
        {each.id for each in of_edited},
    )


def test_one_that_is_gone_since_it_was_listed_stops_no_other_beside_a_record_that_cannot_be_read(
    world: Watched,
) -> None:
    world.ends_well = False
    table = world.tables.holds
    edited, *others = (hold.id for hold in _placed(world, 20))
    edit(world, table, edited, note={"N": "1.5"})
    world.clock.pass_s(11)
    gone: set[str] = set()

    def remove(operation: str, request: dict[str, Any]) -> None:
        read = [each["hold_id"]["S"] for each in request["RequestItems"][table]["Keys"]] if "Batch" in operation else []
        if edited in read:
            gone.add(next(each for each in read if each in others))
            world.database._tables[table].items.pop((next(iter(gone)),))

    world.database.before_call = remove
    swept = world.sweep()
    assert len(gone) == 1
    assert (swept.expired, swept.unreadable, swept.finished) == (18, [edited], True)


def test_a_record_that_is_no_hold_is_told_and_stops_no_other(world: Watched) -> None:
    world.ends_well = False
    holds = _placed(world, 3)
    world.clock.pass_s(11)
    edit(world, world.tables.holds, holds[0].id, lines={"S": "nonsense"})
    edit(world, world.tables.holds, holds[1].id, expires_at={"S": "soon"})
    swept = world.sweep()
    assert (swept.expired, sorted(swept.unreadable)) == (1, sorted(hold.id for hold in holds[:2]))
    assert swept.finished
