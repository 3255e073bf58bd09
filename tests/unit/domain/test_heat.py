"""Heat: what the changes of an item's shards say of the shards that it needs."""

import math
from dataclasses import replace

import pytest

from inventory.domain.availability import Availability, DirectoryCount, News, ShardCount, fold
from inventory.domain.heat import (
    HEAT_DECAY_MS,
    Heat,
    Thresholds,
    Touch,
    shards_wanted,
    uneven,
    warmed,
)
from inventory.domain.limits import SHARDS_MAX, SHARDS_PER_ITEM_MAX, WAREHOUSES_PER_ITEM_MAX
from inventory.domain.rebalancing import (
    HEAT_AGE_MAX_MS,
    REBALANCED_EVERY_MS,
    SELLING_AGE_MAX_MS,
    claimed,
    cold,
    sells,
    shards_allowed,
    unbalanced,
)
from inventory.domain.stock import Directory, Warehouse

ON_AWS = Thresholds()
PLENTY = 1_000_000


def steady(per_second: float, hops: float = 0.0, *, at: int = 0) -> Heat:
    """The heat of an item that has sold at this rate for long."""
    changes = round(per_second * HEAT_DECAY_MS)
    return Heat(at, changes, round(changes * hops))


class TestWarming:
    def test_a_steady_rate_is_what_it_comes_to(self) -> None:
        heat = warmed(Heat(), [Touch(at, 2) for at in range(0, 30_000, 10)], 29_990)
        assert heat.per_second == pytest.approx(100, rel=0.01)
        assert heat.hops_per_change == pytest.approx(2, rel=0.001)

    def test_it_cools_by_itself_as_time_passes(self) -> None:
        later = warmed(steady(100, 1), [], HEAT_DECAY_MS)
        assert later.per_second == pytest.approx(100 / math.e, rel=0.001)
        assert later.hops_per_change == pytest.approx(1, rel=0.001)

    def test_news_that_comes_late_counts_as_old(self) -> None:
        early, late = Touch(1_000, 1), Touch(5_000, 0)
        one_way = warmed(warmed(Heat(), [early], 1_000), [late], 5_000)
        other_way = warmed(warmed(Heat(), [late], 5_000), [early], 1_000)
        assert one_way == other_way

    def test_nothing_known_is_no_rate(self) -> None:
        assert (Heat().per_second, Heat().hops_per_change) == (0, 0)


class TestFolding:
    KNOWN = Availability("A", "W1", {0: ShardCount(5, 10, 0)}, heat=steady(10, at=1_000))

    def test_a_revision_known_already_warms_nothing(self) -> None:
        news = News().with_shard(0, ShardCount(5, 10, 0), 9_000, Touch(9_000, 3))
        assert fold(self.KNOWN, news) is self.KNOWN

    def test_of_a_batch_given_again_only_what_is_new_warms(self) -> None:
        news = News()
        for rev in (4, 5, 6):
            news = news.with_shard(0, ShardCount(rev, 10, 0), 1_000, Touch(1_000, 7))
        warmer = fold(self.KNOWN, news).heat
        assert (warmer.changes, warmer.hops) == (self.KNOWN.heat.changes + 1_000, 7_000)

    def test_a_change_that_is_no_sale_is_news_but_no_heat(self) -> None:
        heat = fold(self.KNOWN, News().with_shard(1, ShardCount(1, 50, 0), 1_000)).heat
        assert heat.changes == self.KNOWN.heat.changes
        heat = fold(self.KNOWN, News().with_directory(DirectoryCount(2, 4), 7_000)).heat
        assert (heat.at, heat.changes < self.KNOWN.heat.changes) == (7_000, True)


class TestShardsWanted:
    def test_a_calm_item_stays_on_its_shard(self) -> None:
        assert shards_wanted(steady(100, 0.1), 1, PLENTY, ON_AWS) == 1

    def test_contention_goes_straight_to_the_shards_that_take_it_away(self) -> None:
        assert shards_wanted(steady(100, 2), 1, PLENTY, ON_AWS) == 32
        assert shards_wanted(steady(100, 5), 1, PLENTY, ON_AWS) == 128
        assert shards_wanted(steady(3_000, 5), 32, PLENTY, ON_AWS) == SHARDS_MAX

    def test_a_bare_rate_near_what_a_partition_takes_is_enough(self) -> None:
        assert shards_wanted(steady(260), 1, PLENTY, ON_AWS) == 2
        assert shards_wanted(steady(60), 1, PLENTY, Thresholds(changes_per_shard=20)) == 4

    def test_little_evidence_is_none(self) -> None:
        few = Heat(0, ON_AWS.tries * 400, ON_AWS.tries * 599)
        assert shards_wanted(few, 1, PLENTY, ON_AWS) == 1

    def test_where_hardly_anything_succeeds_the_tries_are_evidence(self) -> None:
        collapsed = Heat(0, 6_000, 6_000 * 20)
        assert shards_wanted(collapsed, 1, PLENTY, ON_AWS) == 32

    def test_no_more_shards_than_the_tries_keep_busy(self) -> None:
        assert shards_wanted(steady(12, 1), 16, PLENTY, ON_AWS) == 16

    def test_no_more_shards_than_there_are_units_for(self) -> None:
        assert shards_wanted(steady(100, 5), 1, 5 * ON_AWS.units_per_shard, ON_AWS) == 5
        assert shards_wanted(steady(100, 5), 1, 0, ON_AWS) == 1

    def test_what_it_asks_for_is_enough_by_its_own_measure(self) -> None:
        """With n times the shards, hops fall to 1/n: at once nothing more is asked for."""
        for hops in (0.3, 1.0, 4.0):
            wanted = shards_wanted(steady(200, hops), 1, PLENTY, ON_AWS)
            assert shards_wanted(steady(200, hops / wanted), wanted, PLENTY, ON_AWS) == wanted

    def test_contention_that_may_be_is_no_reason_for_more(self) -> None:
        assert shards_wanted(steady(400, ON_AWS.hops_per_change), 4, PLENTY, ON_AWS) == 4
        assert shards_wanted(steady(400, ON_AWS.hops_per_change + 0.01), 4, PLENTY, ON_AWS) == 8

    def test_never_fewer(self) -> None:
        assert shards_wanted(Heat(), 64, PLENTY, ON_AWS) == 64


class TestShardsAllowed:
    """A shortage is proved over the shards of all warehouses."""

    def _allowed(self, *shards: int) -> int:
        """For the first of warehouses with so many shards."""
        entries = {f"W{number}": Warehouse(each, 0) for number, each in enumerate(shards)}
        return shards_allowed(Directory("A", entries, 1, 1), "W0")

    def test_alone_and_as_a_single_hot_one_of_three_hundred_it_may_have_all_that_it_calls_for(self) -> None:
        assert self._allowed(1) == SHARDS_PER_ITEM_MAX
        assert self._allowed(*[1] * 300) >= SHARDS_MAX

    def test_those_that_are_split_last_have_their_part_of_one_half(self) -> None:
        assert self._allowed(1, 256, 256, 153, *[1] * 6) >= SHARDS_PER_ITEM_MAX // 20

    @pytest.mark.parametrize("warehouses", [1, 2, 3, 10, 100, 512, 513, 1_024])
    def test_whatever_the_order_all_together_stay_within_the_bound(self, warehouses: int) -> None:
        shards = {f"W{number}": Warehouse(1, 0) for number in range(warehouses)}
        for name in list(shards):
            allowed = shards_allowed(Directory("A", shards, 1, 1), name)
            assert allowed >= max(1, SHARDS_PER_ITEM_MAX // 2 // warehouses), "its part of the one half"
            shards[name] = Warehouse(min(allowed, SHARDS_MAX), 0)
        assert sum(each.shards for each in shards.values()) <= SHARDS_PER_ITEM_MAX

    def test_more_warehouses_than_that_are_not_split(self) -> None:
        assert self._allowed(*[1] * WAREHOUSES_PER_ITEM_MAX) < 1


class TestUneven:
    def test_a_shard_nearly_empty_among_full_ones(self) -> None:
        assert uneven({0: 100, 1: 100, 2: 3}, 3, ON_AWS)
        assert uneven({0: 100}, 2, ON_AWS), "a shard that nothing is known of has nothing"

    def test_a_little_more_or_less_is_no_reason(self) -> None:
        assert not uneven({0: 100, 1: 80, 2: 60}, 3, ON_AWS)

    def test_less_than_a_quarter_of_the_mean_is_too_little(self) -> None:
        assert uneven({0: 24, 1: 125, 2: 125, 3: 126}, 4, ON_AWS)
        assert not uneven({0: 25, 1: 125, 2: 125, 3: 125}, 4, ON_AWS)

    def test_so_is_it_from_where_the_average_shard_has_enough_on(self) -> None:
        enough = 4 * ON_AWS.leveled_mean
        assert uneven({0: enough}, 4, ON_AWS)
        assert not uneven({0: enough - 1}, 4, ON_AWS)

    def test_a_little_in_all_is_found_where_it_lies(self) -> None:
        assert not uneven({0: 30, 1: 0}, 2, ON_AWS)
        assert not uneven({0: 1_000}, 1, ON_AWS)


class TestWhen:
    HOT = Availability("A", "W1", {0: ShardCount(9, PLENTY, 0)}, heat=steady(200, 4, at=50_000))

    def test_hot_and_not_looked_after_within_a_second(self) -> None:
        assert unbalanced(self.HOT, 50_000, ON_AWS)
        just_now = claimed(self.HOT, 50_000)
        assert not unbalanced(just_now, 50_000 + REBALANCED_EVERY_MS - 1, ON_AWS)
        assert unbalanced(just_now, 50_000 + REBALANCED_EVERY_MS, ON_AWS)

    def test_not_for_a_rush_that_is_over(self) -> None:
        assert not unbalanced(self.HOT, 50_000 + HEAT_AGE_MAX_MS + 1, ON_AWS)

    def test_uneven_stock_is_levelled_without_any_heat(self) -> None:
        lopsided = Availability("A", "W1", {0: ShardCount(9, 500, 0)}, DirectoryCount(2, 4), Heat(at=1_000))
        assert unbalanced(lopsided, 2_000, ON_AWS)

    def test_cold_after_an_hour_without_any_change_or_try(self) -> None:
        split = Availability("A", "W1", {0: ShardCount(9, 5, 0)}, DirectoryCount(2, 4), Heat(at=1_000))
        assert not cold(split, 1_000 + ON_AWS.cold_after_ms - 1, ON_AWS)
        assert cold(split, 1_000 + ON_AWS.cold_after_ms, ON_AWS)
        assert not cold(claimed(split, 2_000), 1_000 + ON_AWS.cold_after_ms, ON_AWS)

    def test_two_shards_are_merged_as_more_are(self) -> None:
        two = Availability("A", "W1", {number: ShardCount(9, 5, 0) for number in range(2)}, DirectoryCount(1, 2))
        assert cold(two, ON_AWS.cold_after_ms, ON_AWS)

    def test_units_sell_that_were_sold_in_the_last_seconds(self) -> None:
        sold = Availability("A", "W1", {0: ShardCount(9, 5, 0)}, heat=Heat(50_000, changes=1))
        assert sells(sold, 50_000 + SELLING_AGE_MAX_MS)
        assert not sells(sold, 50_000 + SELLING_AGE_MAX_MS + 1)
        assert not sells(replace(sold, heat=Heat(50_000)), 50_000)

    def test_one_shard_has_nothing_to_merge(self) -> None:
        assert not cold(Availability("A", "W1", {0: ShardCount(9, 5, 0)}), ON_AWS.cold_after_ms, ON_AWS)
