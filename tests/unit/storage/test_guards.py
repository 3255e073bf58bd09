"""Each condition of each write by itself: the write is refused where this one condition alone does not hold.

The use cases look before they write, so most of these conditions only ever decide a race. Here no one looks: the
writes meet a record as it stands.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from inventory.domain.adjustments import Adjustment, Transfer
from inventory.domain.availability import Availability, ShardCount
from inventory.domain.holds import Draw, Hold, Line, Resolution, Status
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.storage.adjustment_records import put_adjustment, put_transfer
from inventory.storage.availability_records import availability_from, put_availability
from inventory.storage.codec import Record, encode
from inventory.storage.database import ConditionFailed, Database, TransactionCancelled
from inventory.storage.hold_records import (
    execute_hold,
    expire_hold,
    extend_hold,
    hold_from,
    put_hold,
    release_hold,
    settle_hold,
)
from inventory.storage.request_records import put_request
from inventory.storage.stock_records import (
    add_warehouse,
    apply_count,
    change_shard,
    check_covered,
    create_directory,
    give_up_shard,
    set_shards,
)
from inventory.storage.tables import Tables
from inventory.storage.writes import Write
from support.world import World

AT = 1_000_000
EXPIRES_AT = AT + 5_000
SHARD = ShardKey("A", "W1", 3)
CAUSE = Cause("test", "test_1", "tester")
HOLD = Hold(
    id="hold_1",
    status=Status.ACTIVE,
    lines=(Line("A", "W1", 2, (Draw(3, 2),)),),
    created=AT,
    expires_at=EXPIRES_AT,
    rev=1,
    at=AT,
    actor="key_1",
    fingerprint="f",
)
RESOLUTION = Resolution("token", "f", "key_1")


class Bench:
    """Tables with the records that a test puts there, and the port to them."""

    def __init__(self) -> None:
        self.world = World()
        self.tables: Tables = self.world.tables
        self.database: Database = self.world.core.database

    def put(self, table: str, **attributes: Any) -> None:
        self.world.database.client.put_item(TableName=table, Item=encode(attributes))

    def put_shard(self, **attributes: Any) -> None:
        shard = {"available": 5, "held": 4, "inflow": 1, "rev": 1, "at": AT, **attributes}
        self.put(self.tables.stock, stock_id="A#W1#3", item_id="A", warehouse_id="W1", shard=3, **shard)

    def put_directory(self, **attributes: Any) -> None:
        directory = {"warehouses": {"W1": {"shards": 4, "counts": 2}}, "rev": 1, "at": AT, **attributes}
        self.put(self.tables.stock, stock_id="A#*", item_id="A", **directory)

    def put_hold(self, **attributes: Any) -> None:
        self.database.write(put_hold(self.tables, HOLD, 4))
        [record] = self.world.records(self.tables.holds)
        self.put(self.tables.holds, **{**record, **attributes})

    def made(self, write: Write) -> bool:
        """Whether the write is made, alone (a check: in a transaction)."""
        before = self._everything()
        try:
            if write.kind == "ConditionCheck":
                self.database.transact([write])
            else:
                self.database.write(write)
        except (ConditionFailed, TransactionCancelled):
            assert self._everything() == before
            return False
        return True

    def _everything(self) -> list[Record]:
        tables = (self.tables.stock, self.tables.holds, self.tables.adjustments, self.tables.availability)
        return [record for table in tables for record in self.world.records(table)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestShards:
    """`never_oversold` and `gapless`."""

    def change(self, bench: Bench, available: int, held: int = 0, at: int = AT) -> Write:
        return change_shard(bench.tables, Change(SHARD, available, held), at, CAUSE)

    @pytest.mark.parametrize(("available", "held"), [(-5, 0), (-5, 5), (0, -4), (4, -4), (3, 0), (2, -3)])
    def test_what_is_there_can_be_changed(self, bench: Bench, available: int, held: int) -> None:
        bench.put_shard()
        assert bench.made(self.change(bench, available, held))
        [shard] = bench.world.shards()
        assert (shard.available, shard.held, shard.rev) == (5 + available, 4 + held, 2)
        assert shard.inflow == (2 if available > 0 else 1)

    @pytest.mark.parametrize(("available", "held"), [(-6, 0), (-6, 6)])
    def test_more_than_is_available_is_not_taken(self, bench: Bench, available: int, held: int) -> None:
        bench.put_shard()
        assert not bench.made(self.change(bench, available, held))

    @pytest.mark.parametrize(("available", "held"), [(0, -5), (5, -5), (2, -5)])
    def test_more_than_is_held_is_not_settled(self, bench: Bench, available: int, held: int) -> None:
        bench.put_shard()
        assert not bench.made(self.change(bench, available, held))

    @pytest.mark.parametrize(("available", "held"), [(-1, 1), (-1, 0), (1, 0), (0, -1), (1, -1)])
    def test_time_never_goes_back(self, bench: Bench, available: int, held: int) -> None:
        bench.put_shard(at=AT + 100)
        assert not bench.made(self.change(bench, available, held))
        assert bench.made(self.change(bench, available, held, AT + 100))

    def test_stock_from_outside_makes_the_record(self, bench: Bench) -> None:
        assert bench.made(self.change(bench, 7))
        [shard] = bench.world.shards()
        assert (shard.key, shard.available, shard.held, shard.inflow, shard.rev) == (SHARD, 7, 0, 1, 1)

    @pytest.mark.parametrize(("available", "held"), [(-1, 1), (-1, 0), (0, -1), (1, -1)])
    def test_nothing_else_makes_it(self, bench: Bench, available: int, held: int) -> None:
        assert not bench.made(self.change(bench, available, held))


class TestGivingUpAShard:
    """No unit may be left where nobody looks."""

    @pytest.mark.parametrize(
        ("attributes", "allowed"),
        [
            ({"available": 0, "held": 0}, True),
            ({"available": 1, "held": 0}, False),
            ({"available": 0, "held": 1}, False),
            ({"available": 0, "held": 0, "at": AT + 100}, False),
        ],
    )
    def test_only_an_empty_one_is_given_up(self, bench: Bench, attributes: dict[str, int], *, allowed: bool) -> None:
        bench.put_shard(**attributes)
        assert bench.made(give_up_shard(bench.tables, SHARD, AT)) is allowed

    def test_one_that_never_was_can_be(self, bench: Bench) -> None:
        assert bench.made(give_up_shard(bench.tables, SHARD, AT))


class TestDirectory:
    """Nobody overwrites what another has entered; `gapless`."""

    WRITES: ClassVar[dict[str, Callable[[Tables, int], Write]]] = {
        "add": lambda tables, at: add_warehouse(tables, "A", "W2", 0, at, CAUSE),
        "count": lambda tables, at: apply_count(tables, "A", "W1", 2, 3, at, CAUSE),
        "shards": lambda tables, at: set_shards(tables, "A", "W1", 4, 8, at, CAUSE),
        "covered": lambda tables, at: check_covered(tables, "A", "W1", 3, at),
    }

    def test_the_first_entry_makes_it_once(self, bench: Bench) -> None:
        write = create_directory(bench.tables, "A", "W1", 0, AT, CAUSE)
        assert bench.made(write)
        assert not bench.made(write)

    @pytest.mark.parametrize("name", WRITES)
    def test_as_expected_it_is_changed(self, bench: Bench, name: str) -> None:
        bench.put_directory()
        assert bench.made(self.WRITES[name](bench.tables, AT))

    @pytest.mark.parametrize("name", WRITES)
    def test_time_never_goes_back(self, bench: Bench, name: str) -> None:
        bench.put_directory(at=AT + 100)
        assert not bench.made(self.WRITES[name](bench.tables, AT))

    @pytest.mark.parametrize("name", WRITES)
    def test_without_a_directory_nothing_is_changed(self, bench: Bench, name: str) -> None:
        assert not bench.made(self.WRITES[name](bench.tables, AT))

    def test_a_warehouse_is_added_once(self, bench: Bench) -> None:
        bench.put_directory(warehouses={"W2": {"shards": 9, "counts": 7}})
        assert not bench.made(self.WRITES["add"](bench.tables, AT))

    @pytest.mark.parametrize("counts", [1, 3])
    def test_a_count_applies_only_on_the_one_it_was_taken_after(self, bench: Bench, counts: int) -> None:
        bench.put_directory(warehouses={"W1": {"shards": 4, "counts": counts}})
        assert not bench.made(self.WRITES["count"](bench.tables, AT))

    def test_a_count_writes_only_to_shards_that_are_covered(self, bench: Bench) -> None:
        bench.put_directory(warehouses={"W1": {"shards": 3, "counts": 2}})
        assert not bench.made(self.WRITES["count"](bench.tables, AT))

    @pytest.mark.parametrize("shards", [3, 5])
    def test_shards_change_only_from_the_number_that_was_seen(self, bench: Bench, shards: int) -> None:
        bench.put_directory(warehouses={"W1": {"shards": shards, "counts": 2}})
        assert not bench.made(self.WRITES["shards"](bench.tables, AT))

    @pytest.mark.parametrize("rev", [1, 2])
    def test_they_grow_by_themselves_only_while_the_directory_is_as_it_was_read(self, bench: Bench, rev: int) -> None:
        bench.put_directory(rev=rev)
        assert bench.made(set_shards(bench.tables, "A", "W1", 4, 8, AT, CAUSE, rev=1)) is (rev == 1)

    def test_a_shard_above_the_covered_ones_is_not_covered(self, bench: Bench) -> None:
        bench.put_directory(warehouses={"W1": {"shards": 3, "counts": 2}})
        assert not bench.made(self.WRITES["covered"](bench.tables, AT))


class TestHolds:
    """`resolved_once`, `expiry_exact`, `settled_once` and `gapless`."""

    ENDINGS: ClassVar[dict[str, Callable[[Tables, int], Write]]] = {
        "execute": lambda tables, at: execute_hold(tables, HOLD.id, RESOLUTION, at, [1]),
        "release": lambda tables, at: release_hold(tables, HOLD.id, RESOLUTION, at),
        "extend": lambda tables, at: extend_hold(tables, HOLD, at + 60_000, {}, at),
        "expire": lambda tables, at: expire_hold(tables, HOLD.id, at),
    }

    def due(self, name: str) -> int:
        """An instant when this may be done."""
        return EXPIRES_AT if name == "expire" else AT

    def test_a_hold_is_made_once(self, bench: Bench) -> None:
        assert bench.made(put_hold(bench.tables, HOLD, 4))
        assert not bench.made(put_hold(bench.tables, replace(HOLD, at=AT + 100), 4))

    @pytest.mark.parametrize("name", ENDINGS)
    def test_as_expected_it_is_changed(self, bench: Bench, name: str) -> None:
        bench.put_hold()
        assert bench.made(self.ENDINGS[name](bench.tables, self.due(name)))
        assert bench.world.hold(HOLD.id).rev == 2

    @pytest.mark.parametrize("status", [Status.EXECUTED, Status.RELEASED, Status.EXPIRED])
    @pytest.mark.parametrize("name", ENDINGS)
    def test_what_has_ended_is_not_changed(self, bench: Bench, name: str, status: Status) -> None:
        bench.put_hold(status=status.value)
        assert not bench.made(self.ENDINGS[name](bench.tables, self.due(name)))

    @pytest.mark.parametrize("name", ENDINGS)
    def test_time_never_goes_back(self, bench: Bench, name: str) -> None:
        bench.put_hold(at=self.due(name) + 100)
        assert not bench.made(self.ENDINGS[name](bench.tables, self.due(name)))

    @pytest.mark.parametrize("name", ENDINGS)
    def test_what_never_was_is_not_changed(self, bench: Bench, name: str) -> None:
        assert not bench.made(self.ENDINGS[name](bench.tables, self.due(name)))

    @pytest.mark.parametrize("name", ["execute", "extend"])
    def test_it_is_used_only_before_its_time(self, bench: Bench, name: str) -> None:
        bench.put_hold()
        assert not bench.made(self.ENDINGS[name](bench.tables, EXPIRES_AT))
        assert bench.made(self.ENDINGS[name](bench.tables, EXPIRES_AT - 100))

    def test_it_expires_only_at_its_time(self, bench: Bench) -> None:
        bench.put_hold()
        assert not bench.made(self.ENDINGS["expire"](bench.tables, EXPIRES_AT - 100))
        assert bench.made(self.ENDINGS["expire"](bench.tables, EXPIRES_AT))

    def test_it_is_extended_only_as_it_was_seen(self, bench: Bench) -> None:
        bench.put_hold(rev=2)
        assert not bench.made(self.ENDINGS["extend"](bench.tables, AT))

    def test_what_was_taken_stands_on_each_line(self, bench: Bench) -> None:
        bench.put_hold()
        bench.made(self.ENDINGS["execute"](bench.tables, AT))
        assert [line.executed for line in bench.world.hold(HOLD.id).lines] == [1]


class TestSettlement:
    """`settled_once`."""

    ENDED = replace(HOLD, status=Status.RELEASED)

    def settle(self, bench: Bench, at: int = AT) -> Write:
        return settle_hold(bench.tables, self.ENDED, "stl_1", at)

    def test_an_ended_hold_is_settled(self, bench: Bench) -> None:
        bench.put_hold(status="released")
        assert bench.made(self.settle(bench))
        [record] = bench.world.records(bench.tables.holds)
        assert hold_from(record).settlement == "stl_1"
        assert not {"open", "due"} & record.keys()

    def test_a_settled_one_is_not(self, bench: Bench) -> None:
        bench.put_hold(status="released", settlement="stl_0")
        assert not bench.made(self.settle(bench))

    @pytest.mark.parametrize("status", ["active", "executed"])
    def test_one_that_has_not_ended_so_is_not(self, bench: Bench, status: str) -> None:
        bench.put_hold(status=status)
        assert not bench.made(self.settle(bench))

    def test_time_never_goes_back(self, bench: Bench) -> None:
        bench.put_hold(status="released", at=AT + 100)
        assert not bench.made(self.settle(bench))


class TestMadeOnce:
    """A retry finds what an earlier try made."""

    def test_an_adjustment(self, bench: Bench) -> None:
        write = put_adjustment(bench.tables, Adjustment("adj_1", "A", "W1", 1, "r", AT, "key_1", "f"))
        assert bench.made(write)
        assert not bench.made(write)

    def test_a_transfer(self, bench: Bench) -> None:
        write = put_transfer(bench.tables, Transfer("trf_1", "A", "W1", "W2", 1, AT, "key_1", "f"))
        assert bench.made(write)
        assert not bench.made(write)

    def test_a_keyed_request(self, bench: Bench) -> None:
        write = put_request(bench.tables, bench.world.by("k"), "hold_1", AT)
        assert bench.made(write)
        assert not bench.made(write)


class TestProjection:
    """News is never lost."""

    EMPTY = Availability("A", "W1")
    ONE = replace(EMPTY, shards={0: ShardCount(1, 3, 0)})
    TWO = replace(EMPTY, shards={0: ShardCount(1, 3, 0), 1: ShardCount(1, 4, 0)})

    def test_a_first_record_is_made_once(self, bench: Bench) -> None:
        assert bench.made(put_availability(bench.tables, self.ONE, self.EMPTY))
        assert not bench.made(put_availability(bench.tables, self.TWO, self.EMPTY))

    def test_a_record_is_changed_only_as_it_was_seen(self, bench: Bench) -> None:
        bench.made(put_availability(bench.tables, self.ONE, self.EMPTY))
        assert bench.made(put_availability(bench.tables, self.TWO, self.ONE))
        assert not bench.made(put_availability(bench.tables, self.ONE, self.ONE))
        [record] = bench.world.records(bench.tables.availability)
        assert availability_from(record) == self.TWO
