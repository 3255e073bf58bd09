"""Which holds wait for others of their shard: those of hot items that are spread thinly, and no others."""

from inventory.domain.collecting import SETTLED_AT_ONCE_MIN, thinly_spread
from inventory.domain.holds import Draw, Hold, Line, Status
from inventory.domain.stock import ShardKey


def _hold(number: int, *shards: int, item: str = "A", warehouse: str = "W1") -> Hold:
    line = Line(item, warehouse, len(shards), tuple(Draw(shard, 1) for shard in shards))
    return Hold(f"hold_{number:032x}", Status.EXECUTED, (line,), 0, 9, 2, 1, "key", "f")


def test_an_ordinary_item_s_holds_settle_at_once() -> None:
    assert thinly_spread([_hold(number, 0) for number in range(8)]) == {}


def test_a_hot_item_s_holds_wait_by_shard_also_those_of_its_first() -> None:
    holds = [_hold(number, shard) for number, shard in enumerate((0, 3, 3, 7))]
    assert thinly_spread(holds) == {
        ShardKey("A", "W1", 0): holds[:1],
        ShardKey("A", "W1", 3): holds[1:3],
        ShardKey("A", "W1", 7): holds[3:],
    }


def test_another_warehouse_or_item_is_not_hot_for_it() -> None:
    hot = _hold(1, 5)
    others = [_hold(2, 0, warehouse="W2"), _hold(3, 0, item="B")]
    assert thinly_spread([hot, *others]) == {ShardKey("A", "W1", 5): [hot]}


def test_a_hold_drawn_from_several_shards_settles_at_once_and_shows_that_its_item_is_hot() -> None:
    wide, narrow = _hold(1, 0, 4), _hold(2, 0)
    assert thinly_spread([wide, narrow]) == {ShardKey("A", "W1", 0): [narrow]}


def test_as_many_as_fill_a_transaction_well_settle_at_once() -> None:
    enough = [_hold(number, 1) for number in range(SETTLED_AT_ONCE_MIN)]
    assert thinly_spread(enough) == {}
    assert thinly_spread(enough[1:]) == {ShardKey("A", "W1", 1): enough[1:]}
