"""Project: the stock stream folded, in whatever order, however often, by however many projectors at once."""

from dataclasses import replace

import pytest

from inventory.domain.availability import Availability, DirectoryCount, News, ShardCount
from inventory.domain.errors import Conflict, Overloaded
from inventory.domain.limits import ATTEMPTS_MAX, THROTTLED_MAX
from inventory.protocol.project import news_of, project
from inventory.storage.availability_records import availability_from
from support.together import Together
from support.watched import Watched
from support.wire import WRITES, Fault, conflicting, throttling

PUTS = frozenset({"PutItem"})


def _projection(world: Watched, item: str = "A", warehouse: str = "W1") -> Availability:
    records = world.records(world.tables.availability)
    known = [each for each in map(availability_from, records) if (each.item, each.warehouse) == (item, warehouse)]
    return known[0] if known else Availability(item, warehouse)


def _news(shard: int, rev: int, available: int, held: int = 0) -> dict[tuple[str, str], News]:
    return {("A", "W1"): News({shard: ShardCount(rev, available, held)})}


class TestFolding:
    def test_it_says_what_the_shards_say(self, world: Watched) -> None:
        world.scatter("A", [4, 2])
        world.place("A", 3)
        world.project()
        seen = _projection(world)
        assert (seen.available, seen.held, seen.shard_count) == (3, 3, 2)

    def test_a_batch_is_one_write_for_each_item_and_warehouse(self, world: Watched) -> None:
        world.receive("A", 100)
        world.receive("B", 100)
        for _ in range(10):
            world.place("A")
            world.place("B")
        world.wire.calls.clear()
        assert world.project() == 2
        assert world.wire.calls == ["BatchGetItem", "PutItem", "PutItem"]

    def test_old_news_changes_nothing(self, world: Watched) -> None:
        project(world.core, _news(0, 5, 10))
        world.wire.calls.clear()
        assert project(world.core, _news(0, 4, 99)).written == 0
        assert project(world.core, _news(0, 5, 10)).written == 0
        assert "PutItem" not in world.wire.calls
        assert _projection(world).available == 10
        world.ends_well = False

    def test_the_sparse_index_has_it_only_while_something_is_available(self, world: Watched) -> None:
        world.receive("A", 1)
        assert [record.get("in_stock") for record in world.records(world.tables.availability)] == ["W1"]
        world.place("A", 1)
        world.flow()
        assert [record.get("in_stock") for record in world.records(world.tables.availability)] == [None]

    def test_a_directory_s_news_reaches_only_the_warehouse_that_changed(self, world: Watched) -> None:
        world.receive("A", 4)
        world.receive("A", 4, "W2")
        world.split("A", 2)
        world.project()
        assert _projection(world).directory.shards == 2
        assert _projection(world, "A", "W2").directory == DirectoryCount(2, 1)

    def test_news_of_nothing_is_nothing(self, world: Watched) -> None:
        assert project(world.core, news_of([])).written == 0


class TestOthersMeanwhile:
    def test_what_another_projector_wrote_meanwhile_is_kept(self, world: Watched) -> None:
        project(world.core, _news(0, 1, 3))
        world.wire.meanwhile(lambda: project(world.instance(), _news(1, 1, 4)), PUTS)
        project(world.core, _news(2, 1, 5))
        assert _projection(world).available == 12
        world.ends_well = False

    def test_a_first_record_made_meanwhile_is_kept(self, world: Watched) -> None:
        world.wire.meanwhile(lambda: project(world.instance(), _news(1, 1, 4)), PUTS)
        project(world.core, _news(2, 1, 5))
        assert _projection(world).available == 9
        world.ends_well = False

    @pytest.mark.parametrize(("fault", "times"), [(conflicting(), 3), (throttling, THROTTLED_MAX - 1)])
    def test_a_short_disturbance_is_waited_for(self, world: Watched, fault: Fault, times: int) -> None:
        world.adjust("A", 5)
        world.wire.refuse(fault, WRITES, times=times)
        world.project()
        assert _projection(world).available == 5

    def test_one_record_that_is_contended_does_not_keep_the_others_waiting(self, world: Watched) -> None:
        world.adjust("A", 5)
        world.adjust("B", 5)
        records = world.database.stream(world.tables.stock).drain()
        world.wire.refuse(conflicting(), PUTS, times=ATTEMPTS_MAX)
        from inventory.pipeline.projector import project_batch

        with pytest.raises(Conflict):
            project_batch(world.core, records, world._set_aside)
        assert (_projection(world, "A").available, _projection(world, "B").available) == (0, 5)
        project_batch(world.core, records, world._set_aside)
        assert _projection(world, "A").available == 5

    def test_records_are_written_several_at_a_time(self, world: Watched) -> None:
        at_once = Together()
        news = {(item, "W1"): News({0: ShardCount(1, 5, 0)}) for item in "ABC"}
        assert project(replace(world.core, at_once=at_once), news).written == 3
        assert at_once.calls == [3]
        world.ends_well = False

    def test_after_a_lost_answer_the_batch_is_given_again(self, world: Watched) -> None:
        news = _news(0, 1, 3)
        world.wire.lose(PUTS)
        with pytest.raises(Overloaded):
            project(world.core, news)
        assert project(world.core, news).written == 0
        assert _projection(world).available == 3
        world.ends_well = False
