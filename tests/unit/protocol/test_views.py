"""Looking at stock, holds, adjustments and transfers; page by page while all of it changes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from inventory.domain.availability import Availability, ShardCount, WarehouseStock
from inventory.domain.errors import InvalidRequest, Missing, Overloaded
from inventory.domain.holds import Hold, Status, due
from inventory.domain.limits import RECORDS_PER_READ_MAX, WAREHOUSES_PER_ITEM_MAX
from inventory.protocol.adjustments_view import get_adjustment, get_transfer
from inventory.protocol.holds_view import get_hold, list_holds
from inventory.protocol.resolve import execute
from inventory.protocol.stock_view import list_in_stock, read_stock, read_stocks
from inventory.storage.availability_records import put_availability
from inventory.storage.writes import Write
from support.watched import Watched
from support.wire import BATCH_READS
from support.world import World

QUERIES = frozenset({"Query"})


def _pages(world: Watched, limit: int, between: Callable[[], object] = lambda: None) -> list[str]:
    listed: list[str] = []
    more = True
    while more:
        page = list_holds(world.core, limit=limit, starting_after=listed[-1] if listed else None)
        listed += [hold.id for hold in page.items]
        more = page.has_more
        between()
    return listed


def _placed(world: Watched, number: int) -> list[Hold]:
    world.receive("A", number)
    return [world.place("A", expires_in_s=100 + index * 7 % 31).value for index in range(number)]


def _put_wide(world: World, item: str, warehouses: int, *, projected: bool = True) -> None:
    """An item in many warehouses, as its records say."""
    names = [f"W{number:04d}" for number in range(warehouses)]
    entries = {name: {"shards": 1, "counts": 0} for name in names}
    directory = {"item_id": item, "warehouses": entries, "rev": warehouses, "at": world.clock.now_ms}
    world.core.database.write(Write("Put", world.tables.directory(item), "attribute_not_exists(#at)", item, directory))
    for name in names if projected else ():
        nothing = Availability(item, name)
        known = replace(nothing, shards={0: ShardCount(1, 5, 0)})
        world.core.database.write(put_availability(world.tables, known, nothing))


class TestStock:
    def test_the_projection_is_one_query(self, world: Watched) -> None:
        world.scatter("A", [3, 2])
        world.receive("A", 4, "W2")
        world.place("A", 1, "W2")
        world.flow()
        world.wire.calls.clear()
        stock = read_stock(world.core, "A", consistent=False)
        assert world.wire.calls == ["Query"]
        assert stock.warehouses == (WarehouseStock("W1", 5, 0, 2), WarehouseStock("W2", 3, 1, 1))
        assert (stock.available, stock.held) == (8, 1)

    def test_a_strong_reading_sees_what_is_not_projected_yet(self, world: Watched) -> None:
        world.receive("A", 4)
        world.place("A", 1)
        assert read_stock(world.core, "A", consistent=False).held == 0
        assert read_stock(world.core, "A", consistent=True).held == 1

    def test_an_item_too_new_for_the_projection_is_read_strongly(self, world: Watched) -> None:
        world.adjust("A", 4)
        assert read_stock(world.core, "A", consistent=False).available == 4

    @pytest.mark.parametrize("consistent", [True, False])
    def test_an_unknown_item_is_missing(self, world: Watched, *, consistent: bool) -> None:
        with pytest.raises(Missing):
            read_stock(world.core, "A", consistent=consistent)

    def test_a_strong_reading_is_of_one_instant(self, world: Watched) -> None:
        world.scatter("A", [0, 5])
        left = iter([True, False])
        world.database.unprocessed = lambda _table, key: (
            key.get("stock_id", {}).get("S") == "A#W1#1" and next(left, False)
        )
        world.wire.meanwhile(lambda: world.move("A", 1, 0, 5), BATCH_READS, nth=3)
        assert read_stock(world.core, "A", consistent=True).available == 5

    def test_several_items_come_in_the_order_asked_for_without_the_unknown(self, world: Watched) -> None:
        for item in "ABC":
            world.receive(item, 2)
        found = read_stocks(world.core, ["C", "X", "A", "C"])
        assert [(stock.item, stock.available) for stock in found] == [("C", 2), ("A", 2)]

    def test_of_several_items_one_that_is_not_projected_yet_is_told_as_it_is(self, world: Watched) -> None:
        world.receive("A", 2)
        world.adjust("D", 3)
        found = read_stocks(world.core, ["D", "A"])
        assert [(stock.item, stock.available, len(stock.warehouses)) for stock in found] == [("D", 3, 1), ("A", 2, 1)]

    def test_of_several_items_as_much_is_read_as_there_is_time_for(self) -> None:
        world = World()
        many = [f"A{number}" for number in range(RECORDS_PER_READ_MAX // 100)]
        for item in many:
            _put_wide(world, item, 100)
        _put_wide(world, "B", 1)
        calls: list[str] = []
        world.database.before_call = lambda operation, _request: calls.append(operation)
        found = read_stocks(world.core, many)
        assert sum(len(stock.warehouses) for stock in found) == RECORDS_PER_READ_MAX
        assert calls == ["BatchGetItem"] * (1 + RECORDS_PER_READ_MAX // 100)
        with pytest.raises(InvalidRequest, match="5001 warehouses") as refused:
            read_stocks(world.core, [*many, "B"])
        assert (refused.value.code, refused.value.param) == ("parameter_invalid", "items")

    def test_a_hundred_items_in_a_hundred_warehouses_each_are_refused_after_one_call(self) -> None:
        world = World()
        many = [f"A{number}" for number in range(100)]
        for item in many:
            _put_wide(world, item, 100, projected=False)
        calls: list[str] = []
        world.database.before_call = lambda operation, _request: calls.append(operation)
        with pytest.raises(InvalidRequest):
            read_stocks(world.core, many)
        assert calls == ["BatchGetItem"]

    def test_a_single_item_is_read_strongly_and_with_others_wherever_it_is(self) -> None:
        world = World()
        _put_wide(world, "A", WAREHOUSES_PER_ITEM_MAX)
        assert len(read_stock(world.core, "A", consistent=True).warehouses) == WAREHOUSES_PER_ITEM_MAX
        [stock] = read_stocks(world.core, ["A"])
        assert len(stock.warehouses) == WAREHOUSES_PER_ITEM_MAX

    @pytest.mark.parametrize("limit", range(1, 6))
    def test_a_page_that_ends_where_the_list_does_is_the_last(self, world: Watched, limit: int) -> None:
        for number in range(4):
            world.receive(f"I{number}", 1, "W1")
        page = list_in_stock(world.core, "W1", limit=limit, starting_after=None)
        assert (len(page.items), page.has_more) == (min(limit, 4), limit < 4)
        last = list_in_stock(world.core, "W1", limit=limit, starting_after=f"I{max(3 - limit, 0)}")
        assert (len(last.items), last.has_more) == (min(limit, 3), False)

    def test_what_is_in_stock_in_a_warehouse_comes_page_by_page(self, world: Watched) -> None:
        for number in range(7):
            world.receive(f"I{number}", 1, "W1")
        world.receive("I1", 5, "W2")
        world.place("I3", 1)
        world.flow()
        listed: list[str] = []
        more = True
        while more:
            page = list_in_stock(world.core, "W1", limit=2, starting_after=listed[-1] if listed else None)
            assert all(len(stock.warehouses) == 1 for stock in page.items)
            listed += [stock.item for stock in page.items]
            more = page.has_more
        assert listed == ["I0", "I1", "I2", "I4", "I5", "I6"]

    def test_an_item_that_leaves_a_warehouse_while_its_list_is_made_is_left_out(self, world: Watched) -> None:
        world.ends_well = False
        for number in range(3):
            world.receive(f"I{number}", 1, "W1")
        projected = world.database._tables[world.tables.availability].items
        world.wire.meanwhile(lambda: projected.pop(("I1", "W1")), BATCH_READS)
        page = list_in_stock(world.core, "W1", limit=10, starting_after=None)
        assert [stock.item for stock in page.items] == ["I0", "I2"]


class TestOne:
    def test_a_hold_by_its_id(self, world: Watched) -> None:
        [hold] = _placed(world, 1)
        assert get_hold(world.core, hold.id) == hold

    def test_what_is_not_there_is_missing(self, world: Watched) -> None:
        world.receive("A", 1)
        [adjustment] = [record["adjustment_id"] for record in world.records(world.tables.adjustments)]
        for look, identifier in (
            (get_hold, "hold_" + "0" * 32),
            (get_hold, "x"),
            (get_adjustment, "adj_" + "0" * 32),
            (get_adjustment, "adj_"),
            (get_transfer, "trf_" + "0" * 32),
            (get_transfer, adjustment),
        ):
            with pytest.raises(Missing):
                look(world.core, identifier)


class TestListOfHolds:
    @pytest.mark.parametrize("limit", [1, 2, 5, 100])
    def test_all_active_ones_come_once_soonest_first(self, world: Watched, limit: int) -> None:
        holds = _placed(world, 12)
        expected = sorted(holds, key=lambda hold: (hold.expires_at, hold.id))
        assert _pages(world, limit) == [hold.id for hold in expected]

    def test_none_is_an_empty_page(self, world: Watched) -> None:
        assert list_holds(world.core, limit=10, starting_after=None) == ([], False)

    def test_what_has_ended_or_is_past_its_time_is_left_out(self, world: Watched) -> None:
        holds = _placed(world, 4)
        world.execute(holds[0])
        soon = world.extend(holds[1], 1).value
        world.clock.pass_s(2)
        assert set(_pages(world, 1)) == {holds[2].id, holds[3].id}
        assert world.hold(soon.id).status is Status.ACTIVE

    def test_one_that_was_extended_comes_at_its_new_time(self, world: Watched) -> None:
        holds = sorted(_placed(world, 4), key=lambda hold: (hold.expires_at, hold.id))
        world.extend(holds[0], 1_000)
        assert _pages(world, 1) == [hold.id for hold in (*holds[1:], holds[0])]

    def test_a_slice_that_has_more_than_its_part_is_read_on(self, world: Watched) -> None:
        world.open_slices = 1
        world.core = world.instance()
        holds = sorted(_placed(world, 20), key=lambda hold: (hold.expires_at, hold.id))
        # All that there is lies in the first slice of four, which is expected to have a fourth of it.
        crowded = replace(world.core, open_slices=4)
        page = list_holds(crowded, limit=19, starting_after=None)
        assert [hold.id for hold in page.items] == [hold.id for hold in holds[:19]]
        assert page.has_more
        assert world.wire.calls.count("Query") == 5

    def test_a_page_reads_little_more_of_each_slice_than_its_part(self, world: Watched) -> None:
        world.open_slices = 64
        world.core = world.instance()
        _placed(world, 120)
        read: list[int] = []
        judge = world.database.before_call

        def note(operation: str, request: dict[str, Any]) -> None:
            read.append(request.get("Limit", 0))
            judge(operation, request)

        world.database.before_call = note
        assert len(list_holds(world.core, limit=100, starting_after=None).items) == 100
        assert sum(read) < 6 * 100

    def test_the_slices_are_read_at_once(self, world: Watched) -> None:
        together: list[int] = []

        def at_once(function: Callable[[Any], Any], arguments: Iterable[Any], /) -> Iterator[Any]:
            asked = list(arguments)
            together.append(len(asked))
            return iter([function(each) for each in asked])

        holds = _placed(world, 12)
        page = list_holds(replace(world.core, at_once=at_once), limit=100, starting_after=None)
        assert together == [world.open_slices]
        assert {hold.id for hold in page.items} == {hold.id for hold in holds}

    def test_a_page_that_ended_meanwhile_does_not_end_the_list(self, world: Watched) -> None:
        holds = sorted(_placed(world, 9), key=lambda hold: (hold.expires_at, hold.id))
        first = list_holds(world.core, limit=3, starting_after=None)
        for hold in holds[2:6]:
            world.execute(hold)
        world.flow()
        second = list_holds(world.core, limit=3, starting_after=first.items[-1].id)
        assert [hold.id for hold in second.items] == [hold.id for hold in holds[6:9]]
        assert not second.has_more

    def test_new_ones_meanwhile_move_no_other(self, world: Watched) -> None:
        holds = _placed(world, 6)
        world.receive("B", 20)
        listed = _pages(world, 2, lambda: len(world.holds()) < 12 and world.place("B", expires_in_s=5))
        assert {hold.id for hold in holds} <= set(listed)
        assert len(listed) == len(set(listed))

    def test_one_that_is_extended_while_a_page_is_made_comes_once(self, world: Watched) -> None:
        world.open_slices = 1
        world.core = world.instance()
        holds = sorted(_placed(world, 6), key=lambda hold: (hold.expires_at, hold.id))
        for hold in holds[1:5]:
            world.execute(hold)  # ended, but still among the unfinished: the page must read on in the index
        world.wire.meanwhile(lambda: world.extend(holds[0], 900), QUERIES, nth=2)
        page = list_holds(world.core, limit=3, starting_after=None)
        assert [hold.id for hold in page.items] == [holds[0].id, holds[5].id]

    @pytest.mark.parametrize("cursor", ["hold_" + "0" * 32, "x"])
    def test_a_cursor_that_is_no_hold_is_refused(self, world: Watched, cursor: str) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            list_holds(world.core, limit=10, starting_after=cursor)
        assert refusal.value.param == "starting_after"

    @pytest.mark.parametrize(("ended", "too_many"), [(2_000, False), (2_001, True)])
    def test_too_many_that_are_not_settled_are_an_overload(self, ended: int, *, too_many: bool) -> None:
        world = World()
        world.receive("A", 1)
        hold = world.place("A").value
        execute(world.core, hold.id, None, by=world.by())
        record = world.database._tables[world.tables.holds].items[(hold.id,)]
        for number in range(ended - 1):
            hold_id = f"hold_{number:032x}"
            world.database.client.put_item(
                TableName=world.tables.holds,
                Item={**record, "hold_id": {"S": hold_id}, "due": {"S": due(hold_id, hold.expires_at)}},
            )
        with pytest.raises(Overloaded) if too_many else nullcontext():
            assert list_holds(world.core, limit=99, starting_after=None) == ([], False)
