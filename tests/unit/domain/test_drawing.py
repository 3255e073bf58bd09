"""Drawing: which shard each line comes from, and what is short."""

from collections import Counter

import pytest

from inventory.domain.drawing import (
    ItemView,
    Shortage,
    Want,
    drawing_changes,
    lasts_ms,
    merged,
    plan,
    shortage,
    taking_changes,
)
from inventory.domain.holds import Draw, Line
from inventory.domain.ids import rank
from inventory.domain.stock import Change, ShardKey

VIEWS: dict[str, ItemView] = {"A": {"W1": {0: 2, 1: 5}, "W2": {0: 4}}}


class TestMerging:
    def test_equal_wants_are_added_up_named_ones_first(self) -> None:
        wants = [Want("A", None, 1), Want("A", "W1", 2), Want("A", "W1", 3), Want("A", None, 4)]
        assert merged(wants) == [Want("A", "W1", 5), Want("A", None, 5)]


class TestShortage:
    def test_what_can_be_met_is_not_short(self) -> None:
        assert shortage([Want("A", "W1", 7), Want("A", None, 4)], VIEWS) is None

    def test_a_warehouse_may_be_short(self) -> None:
        assert shortage([Want("A", "W2", 5)], VIEWS) == Shortage("A", "W2", 5, 4)

    def test_all_wants_of_an_item_may_be_short_together(self) -> None:
        assert shortage([Want("A", "W1", 7), Want("A", None, 5)], VIEWS) == Shortage("A", None, 12, 11)

    def test_wants_of_other_items_take_nothing_from_it(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": {0: 3}}, "B": {"W1": {0: 3}}}
        assert shortage([Want("A", None, 3), Want("B", None, 3)], views) is None

    def test_what_is_not_known_is_not_there(self) -> None:
        assert shortage([Want("B", "W1", 1)], VIEWS) == Shortage("B", "W1", 1, 0)
        assert shortage([Want("B", None, 1)], VIEWS) == Shortage("B", None, 1, 0)
        assert shortage([Want("A", "W3", 1)], VIEWS) == Shortage("A", "W3", 1, 0)


class TestLasting:
    def test_what_all_shards_can_sell_in_a_while_lasts_so_long(self) -> None:
        assert lasts_ms({"W1": {0: 10, 1: 10}}) == 100
        assert lasts_ms({"W1": dict.fromkeys(range(64), 1)}) == 10
        assert lasts_ms({"W1": {0: 10, 1: 0}, "W2": {0: 20}}) == 100

    def test_of_what_is_not_hot_or_not_there_it_is_no_question(self) -> None:
        assert lasts_ms({"W1": {0: 1}, "W2": {0: 1}}) is None
        assert lasts_ms({"W1": {0: 0, 1: 0}}) is None
        assert lasts_ms({}) is None


class TestPlan:
    @pytest.mark.parametrize("seed", ["a", "b", "c", "d", "e", "f"])
    def test_an_open_want_joins_a_named_one_of_its_item_where_that_has_enough(self, seed: str) -> None:
        lines = plan(merged([Want("A", None, 2), Want("A", "W2", 2)]), VIEWS, seed=seed)
        assert lines == [Line("A", "W2", 4, (Draw(0, 4),))]
        apart = plan(merged([Want("A", None, 3), Want("A", "W2", 2)]), VIEWS, seed=seed)
        assert {(line.warehouse, line.quantity) for line in apart} == {("W1", 3), ("W2", 2)}

    def test_a_shard_that_has_it_all_gives_it_all(self) -> None:
        assert plan([Want("A", "W1", 4)], VIEWS, seed="s") == [Line("A", "W1", 4, (Draw(1, 4),))]

    def test_as_few_shards_as_possible_give_it_where_none_has_it_all(self) -> None:
        assert plan([Want("A", "W1", 6)], VIEWS, seed="s") == [Line("A", "W1", 6, (Draw(1, 5), Draw(0, 1)))]

    def test_a_contended_shard_is_taken_only_where_no_other_will_do(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": {0: 5, 1: 5}}}
        for avoided, other in ((0, 1), (1, 0)):
            lines = plan([Want("A", "W1", 5)], views, seed="s", avoid={ShardKey("A", "W1", avoided)})
            assert lines[0].drawn == (Draw(other, 5),)
        both = {ShardKey("A", "W1", 0), ShardKey("A", "W1", 1)}
        assert plan([Want("A", "W1", 5)], views, seed="s", avoid=both)[0].quantity == 5

    def test_a_shard_is_not_left_for_what_another_item_was_contended_on(self) -> None:
        avoid = {ShardKey("A", "W2", 0), ShardKey("B", "W1", 0)}
        assert plan([Want("A", "W1", 5)], {"A": {"W1": {0: 5, 1: 5}}}, seed="s", avoid=avoid, usual=lambda *_: 0) == [
            Line("A", "W1", 5, (Draw(0, 5),))
        ]

    def test_holds_that_name_no_warehouse_go_to_all_that_have_enough(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": {0: 5}, "W2": {0: 5}, "W3": {0: 1}}}
        picked = Counter(plan([Want("A", None, 5)], views, seed=f"hold_{n}")[0].warehouse for n in range(200))
        assert set(picked) == {"W1", "W2"}
        assert min(picked.values()) > 60

    def test_the_warehouse_of_another_item_is_no_reason_to_go_there(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": {0: 5}}, "B": {"W1": {0: 5}, "W2": {0: 5}}}
        wants = [Want("A", "W1", 1), Want("B", None, 1)]
        assert {plan(wants, views, seed=f"hold_{n}")[1].warehouse for n in range(20)} == {"W1", "W2"}

    def test_the_seed_alone_decides_among_equals(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": dict.fromkeys(range(8), 5)}}
        picked = [plan([Want("A", "W1", 1)], views, seed=f"s{n}")[0].drawn[0].shard for n in range(200)]
        assert set(picked) == set(range(8))
        assert picked[7] == plan([Want("A", "W1", 1)], views, seed="s7")[0].drawn[0].shard

    def test_a_shard_that_may_be_empty_by_now_is_picked_more_rarely(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": {0: 2, 1: 10, 2: 100_000, 3: 200_000}}}
        picked = Counter(plan([Want("A", "W1", 1)], views, seed=f"s{n}")[0].drawn[0].shard for n in range(4_000))
        assert picked[0] < picked[1] < picked[2] / 5
        assert abs(picked[2] - picked[3]) < 200, "what is enough for as long as a hint lasts counts alike"

    def test_how_soon_a_shard_may_be_empty_depends_on_how_much_each_takes(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": {0: 100, 1: 10_000}}}
        picked = Counter(plan([Want("A", "W1", 100)], views, seed=f"hold_{n}")[0].drawn[0].shard for n in range(300))
        assert picked[0] < 15

    def test_the_usual_shard_is_kept_to_down_to_half_of_the_mean(self) -> None:
        for poorest, kept in ((50, {0}), (49, {0, 1})):
            views: dict[str, ItemView] = {"A": {"W1": {0: poorest, 1: 200 - poorest}}}
            lines = [plan([Want("A", "W1", 1)], views, seed=f"hold_{n}", usual=lambda *_: 0)[0] for n in range(50)]
            assert {line.drawn[0].shard for line in lines} == kept

    def test_the_usual_shard_is_kept_to(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": dict.fromkeys(range(8), 5)}}
        lines = [plan([Want("A", "W1", 1)], views, seed=f"s{n}", usual=lambda _item, _w: 3) for n in range(20)]
        assert {line.drawn[0].shard for [line] in lines} == {3}

    def test_the_usual_shard_is_left_where_it_is_contended_short_or_poor(self) -> None:
        def drawn(quantity: int, shards: dict[int, int], avoid: frozenset[ShardKey] = frozenset()) -> set[int]:
            wants, views = [Want("A", "W1", quantity)], {"A": {"W1": shards}}
            plans = [plan(wants, views, seed=f"s{n}", avoid=avoid, usual=lambda _item, _w: 0) for n in range(40)]
            return {line.drawn[0].shard for [line] in plans}

        assert drawn(1, {0: 5, 1: 5}) == {0}
        assert drawn(1, {0: 5, 1: 5}, frozenset({ShardKey("A", "W1", 0)})) == {1}
        assert drawn(2, {0: 1, 1: 5}) == {1}
        assert drawn(1, {0: 4, 1: 13}) == {0, 1}, "less than half of the mean: as any other"

    def test_the_views_stay_as_they_were(self) -> None:
        plan([Want("A", "W1", 6), Want("A", None, 4)], VIEWS, seed="s")
        assert VIEWS == {"A": {"W1": {0: 2, 1: 5}, "W2": {0: 4}}}

    def test_named_and_open_wants_of_one_warehouse_make_one_line(self) -> None:
        views: dict[str, ItemView] = {"A": {"W1": {0: 9}}}
        assert plan([Want("A", "W1", 4), Want("A", None, 5)], views, seed="s") == [Line("A", "W1", 9, (Draw(0, 9),))]


class TestChanges:
    LINES = (Line("A", "W1", 3, (Draw(0, 1), Draw(1, 2))),)

    def test_holding_moves_units_from_available_to_held(self) -> None:
        assert drawing_changes(self.LINES) == [
            Change(ShardKey("A", "W1", 0), -1, 1),
            Change(ShardKey("A", "W1", 1), -2, 2),
        ]

    def test_taking_only_removes_them(self) -> None:
        assert taking_changes(self.LINES) == [Change(ShardKey("A", "W1", 0), -1), Change(ShardKey("A", "W1", 1), -2)]


def test_a_rank_depends_on_all_its_parts_and_on_where_they_end() -> None:
    assert len({rank("ab", "c"), rank("a", "bc"), rank("abc"), rank("ab", "c", "")}) == 4
