"""What an instance remembers: for a second, bounded, and corrected by what it meets."""

import pytest

from inventory.domain.drawing import Shortage, Want
from inventory.domain.holds import Draw, Line
from inventory.protocol import hints
from inventory.protocol.hints import Hints, Refusals
from inventory.protocol.lookout import hinted_views, read_pass
from inventory.protocol.patience import Patience
from support.watched import Watched
from support.world import Clock


def _line(shard: int) -> Line:
    return Line("A", "W1", 1, (Draw(shard, 1),))


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestHints:
    def test_what_was_seen_is_known_for_a_second(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        known.remember("A", "W1", {"W1": {0: 5}})
        clock.now_ms += 999
        assert known.recall("A", "W1") == {"W1": {0: 5}}
        clock.now_ms += 1
        assert known.recall("A", "W1") is None

    def test_what_was_seen_everywhere_serves_for_each_warehouse(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        known.remember("A", None, {"W1": {0: 5}, "W2": {0: 1}})
        assert known.recall("A", "W2") == {"W1": {0: 5}, "W2": {0: 1}}

    def test_what_was_seen_of_one_warehouse_says_nothing_of_all(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        known.remember("A", "W1", {"W1": {0: 5}})
        assert known.recall("A", None) is None
        assert known.recall("B", "W1") is None

    def test_the_oldest_goes_when_there_are_too_many(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        for number in range(2_001):
            known.remember(f"I{number}", None, {})
        assert known.recall("I0", None) is None
        assert known.recall("I1", None) == {}

    def test_what_is_seen_again_is_the_youngest(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hints, "HINTS_KEPT_MAX", 2)
        known = Hints(lambda: clock.now_ms)
        for item in "ABAC":
            known.remember(item, None, {})
        assert [known.recall(item, None) for item in "ABC"] == [{}, None, {}]

    def test_what_is_read_of_one_warehouse_is_a_part_of_all(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        known.remember("A", None, {"W1": {0: 5}, "W2": {0: 1}})
        known.remember("A", "W1", {"W1": {0: 0}})
        assert known.recall("A", None) == {"W1": {0: 0}, "W2": {0: 1}}

    def test_what_is_read_of_all_replaces_what_was_read_of_one(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        known.remember("A", "W1", {"W1": {0: 5}})
        known.remember("A", None, {"W1": {0: 0}})
        assert known.recall("A", "W1") == {"W1": {0: 0}}

    def test_what_is_left_of_a_hot_item_is_known_as_long_as_it_lasts(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        known.remember("A", "W1", {"W1": {0: 10, 1: 10}})
        clock.now_ms += 100
        assert known.recall("A", "W1") == {"W1": {0: 10, 1: 10}}
        clock.now_ms += 1
        assert known.recall("A", "W1") is None

    def test_an_instance_keeps_to_the_shard_where_it_met_nobody_once_it_met_others(self, clock: Clock) -> None:
        known = Hints(lambda: clock.now_ms)
        known.drew([_line(3)], met_others=False)
        assert known.usual("A", "W1") is None, "a calm item is drawn from evenly"
        known.drew([_line(5)], met_others=True)
        clock.now_ms += 999
        assert known.usual("A", "W1") == 5
        known.drew([_line(6)], met_others=False)
        clock.now_ms += 999
        assert known.usual("A", "W1") == 6
        clock.now_ms += 1
        assert known.usual("A", "W1") is None

    def test_what_was_read_strongly_is_not_forgotten_for_a_projection_that_is_behind(self, world: Watched) -> None:
        world.receive("A", 5)
        read_pass(world.core, "A", "W1")
        world.place_all(Want("A", "W1", 4), core=world.instance())
        assert hinted_views(world.core, [Want("A", "W1", 1)], Patience(world.core.clock.elapsed)) == {
            "A": {"W1": {0: 5}}
        }
        read_pass(world.core, "A", "W1")
        world.clock.pass_s(1)
        assert hinted_views(world.core, [Want("A", "W1", 1)], Patience(world.core.clock.elapsed)) == {
            "A": {"W1": {0: 1}}
        }
        world.adjust("A", 2, core=world.instance())
        world.flow()
        assert hinted_views(world.core, [Want("A", "W1", 1)], Patience(world.core.clock.elapsed)) == {
            "A": {"W1": {0: 3}}
        }, "the projection is newer again"

    def test_what_a_try_learns_is_remembered_too(self, world: Watched) -> None:
        world.scatter("A", [1, 1])
        world.place("A")
        world.place("A", 1)
        view = world.core.hints.recall("A", "W1")
        assert view == {"W1": {0: 0, 1: 0}}

    def test_a_try_for_one_scope_does_not_hide_the_warehouses_of_another(self, world: Watched) -> None:
        world.receive("A", 2)
        world.receive("A", 2, "W2")
        world.place("A", 1, None)
        world.place("A", 1, "W1")
        view = world.core.hints.recall("A", None)
        assert view is not None
        assert sum(sum(shards.values()) for shards in view.values()) == 2
        assert world.place_all(Want("A", "W2", 1), Want("A", None, 1)).value.lines


class TestRefusals:
    def test_a_proof_serves_for_a_second_and_for_more_than_there_was(self, clock: Clock) -> None:
        proved = Refusals(lambda: clock.now_ms)
        proved.remember("A", "W1", 3, clock.now_ms)
        assert proved.recall(Shortage("A", "W1", 4, 0)) == 3
        assert proved.recall(Shortage("A", "W1", 3, 0)) is None
        clock.now_ms += 999
        assert proved.recall(Shortage("A", "W1", 4, 0)) == 3
        clock.now_ms += 1
        assert proved.recall(Shortage("A", "W1", 4, 0)) is None

    def test_it_says_nothing_of_other_warehouses_or_items(self, clock: Clock) -> None:
        proved = Refusals(lambda: clock.now_ms)
        proved.remember("A", "W1", 0, clock.now_ms)
        assert proved.recall(Shortage("A", None, 1, 0)) is None
        assert proved.recall(Shortage("A", "W2", 1, 0)) is None
        assert proved.recall(Shortage("B", "W1", 1, 0)) is None

    def test_the_oldest_goes_when_there_are_too_many(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hints, "HINTS_KEPT_MAX", 2)
        proved = Refusals(lambda: clock.now_ms)
        for item in "ABAC":
            proved.remember(item, None, 0, clock.now_ms)
        assert [proved.recall(Shortage(item, None, 1, 0)) for item in "ABC"] == [0, None, 0]
