"""Records that somebody edited or deleted by hand: what stops snapshots, what mends it, and how the history goes on.

What docs/runbook.md tells whoever finds such a thing is what is done here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from inventory.domain.adjustments import AdjustmentRequest
from inventory.domain.errors import InvalidRequest
from inventory.domain.events import KEY_OF, Source
from inventory.history.fold import EventsDiffer
from inventory.history.plan import Mode
from inventory.history.scan import RecordDamaged
from inventory.protocol.count import count
from inventory.protocol.resolve import execute
from inventory.storage.codec import Record, encode
from support.audits import Audits
from support.handiwork import is_shard
from support.reopened import Shop
from support.workflow import Incomplete

pytestmark = pytest.mark.timeout(300)

ITEM, PLACE, HELD = "vase", "W1", 3


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop whose history has a snapshot of ten units of an item; nothing was done since."""
    shop = Shop(tmp_path)
    shop.world.receive(ITEM, 10, PLACE)
    shop.archive()
    shop.sealed = shop.seal()
    return shop


def record(shop: Shop, source: Source, wanted: Callable[[Record], bool]) -> Record:
    return next(each for each in shop.world.records(shop.tape.tables[source]) if wanted(each))


def counter(shop: Shop) -> Record:
    return record(shop, Source.STOCK, lambda each: is_shard(each) and each["item_id"] == ITEM)


def directory(shop: Shop) -> Record:
    return record(shop, Source.STOCK, lambda each: "warehouses" in each and each["item_id"] == ITEM)


def hold(shop: Shop) -> Record:
    return record(shop, Source.HOLDS, lambda each: each["lines"][0]["item"] == ITEM)


def put(shop: Shop, source: Source, put: Record) -> list[str]:
    """Puts a record into a table by hand, and archives that; tells why a record was set aside."""
    shop.world.database.client.put_item(TableName=shop.tape.tables[source], Item=encode(put))
    return archived(shop)


def delete(shop: Shop, source: Source, deleted: Record) -> list[str]:
    key = KEY_OF[source]
    shop.world.database.client.delete_item(TableName=shop.tape.tables[source], Key=encode({key: deleted[key]}))
    return archived(shop)


def archived(shop: Shop) -> list[str]:
    aside: list[str] = []
    told = shop.tape.records[shop.archived :]
    shop.history.archive(told, set_aside=lambda _, why: aside.append(why))
    shop.archived = len(shop.tape.records)
    return aside


def sell(shop: Shop, *, execute_it: bool = False, expires_in_s: int = 900) -> None:
    """A hold of the item; if it is executed, it is not settled yet."""
    world = shop.world
    shop.pass_s(60)
    placed = world.place(ITEM, HELD, PLACE, expires_in_s=expires_in_s).value
    world.flow()
    if execute_it:
        execute(world.core, placed.id, None, by=world.by())
        world.database.stream(world.tables.holds).drain()
    shop.archive()


def found(shop: Shop, as_of_ms: int, depth: str | None = None) -> set[str]:
    """The checks of an audit that found something."""
    shop.history.now_ms = max(shop.history.now_ms, shop.world.clock.now_ms)
    audits = Audits(shop.history)
    audits.run(as_of_ms, depth=depth)
    return {name for name, discrepancies in audits.counted.items() if discrepancies}


def opened(shop: Shop) -> int:
    """Opens the history anew, some time after what was done."""
    shop.pass_s(600)
    return shop.open()


def goes_on(shop: Shop) -> int:
    """The snapshot of what is sold next; gives its instant."""
    shop.pass_s(600)
    sell(shop)
    return shop.seal()


def on_hand(shop: Shop) -> Mapping[str, int]:
    return {"available": shop.world.available(ITEM), "held": shop.world.held(ITEM)}


def test_a_record_that_lost_its_revision_is_named_by_snapshots_openings_and_audits(shop: Shop) -> None:
    sound = counter(shop)
    assert len(put(shop, Source.STOCK, {**sound, "rev": None})) == 1, "the archiver cannot read it either"
    named = f"^table {shop.world.tables.stock}, record '{sound['stock_id']}': no attribute 'rev'$"
    with pytest.raises(RecordDamaged, match=named):
        shop.seal()
    with pytest.raises(RecordDamaged, match=named):
        opened(shop)
    assert found(shop, shop.sealed, "increment") == {"live_stock"}


def test_one_that_was_sealed_and_is_put_back_as_it_was_stops_only_rebuilds_until_an_opening(shop: Shop) -> None:
    """To put it back tells its last event again, otherwise."""
    sound = counter(shop)
    put(shop, Source.STOCK, {**sound, "rev": None})
    assert put(shop, Source.STOCK, sound) == []
    shop.pass_s(60)
    assert found(shop, shop.seal()) == {"equal_twins"}
    shop.pass_s(60)
    with pytest.raises(EventsDiffer, match=f"{sound['stock_id']}@"):
        shop.seal(Mode.REBUILD)
    opened(shop)
    goes_on(shop)


def test_one_that_changed_since_the_last_snapshot_and_is_put_back_stops_all_until_an_opening(shop: Shop) -> None:
    sell(shop)
    sound = counter(shop)
    put(shop, Source.STOCK, {**sound, "rev": None})
    put(shop, Source.STOCK, sound)
    with pytest.raises(EventsDiffer, match=f"{sound['stock_id']}@"):
        shop.seal()
    assert found(shop, opened(shop)) == set()
    goes_on(shop)


def test_a_record_that_the_service_never_wrote_is_deleted_and_the_history_goes_on(shop: Shop) -> None:
    stray = {"stock_id": "vase#W2#0", "available": 4}
    assert len(put(shop, Source.STOCK, stray)) == 1
    with pytest.raises(RecordDamaged, match=r"vase#W2#0': no attribute 'rev'"):
        shop.seal()
    assert len(delete(shop, Source.STOCK, stray)) == 1
    assert found(shop, shop.seal()) == set()


def test_a_hold_that_lost_what_only_an_opening_reads_is_named_by_the_opening(shop: Shop) -> None:
    sell(shop)
    sound = hold(shop)
    put(shop, Source.HOLDS, {**sound, "created": None})
    with pytest.raises(RecordDamaged, match=f"record '{sound['hold_id']}': no attribute 'created'"):
        opened(shop)
    assert "live_holds" in found(shop, shop.sealed, "increment")
    put(shop, Source.HOLDS, sound)
    assert found(shop, opened(shop)) == set()


def test_a_counter_edited_while_it_sells_shows_as_equal_twins_alone_and_no_snapshot_seals_until_an_opening(
    shop: Shop,
) -> None:
    sell(shop)
    sound = counter(shop)
    put(shop, Source.STOCK, {**sound, "available": sound["available"] + 5})
    sell(shop)
    assert found(shop, shop.sealed, "increment") == found(shop, shop.sealed) == {"equal_twins"}
    with pytest.raises(EventsDiffer, match=f"{sound['stock_id']}@{sound['rev']}"):
        shop.seal()
    assert found(shop, opened(shop)) == set()
    goes_on(shop)


def test_a_counter_edited_after_its_last_change_was_sealed_stops_only_rebuilds_until_an_opening(shop: Shop) -> None:
    sound = counter(shop)
    put(shop, Source.STOCK, {**sound, "available": sound["available"] + 5})
    sell(shop)
    assert found(shop, shop.sealed, "increment") == {"equal_twins"}
    assert found(shop, shop.seal(), "increment") == {"equal_twins", "counts_continue", "stock_conserved"}
    shop.pass_s(60)
    with pytest.raises(EventsDiffer, match=f"{sound['stock_id']}@{sound['rev']}"):
        shop.seal(Mode.REBUILD)
    opened(shop)
    goes_on(shop)


@pytest.mark.parametrize("mode", [Mode.INCREMENT, Mode.REBUILD])
def test_a_directory_edited_and_put_back_stops_snapshots_or_only_rebuilds_until_an_opening(
    shop: Shop, mode: Mode
) -> None:
    if mode is Mode.INCREMENT:
        shop.world.receive(ITEM, 1, "W2")  # its last change is not sealed
        shop.archive()
    sound = directory(shop)
    edited = {name: {**each, "counts": each["counts"] + 7} for name, each in sound["warehouses"].items()}
    put(shop, Source.STOCK, {**sound, "warehouses": edited})
    assert found(shop, shop.sealed, "increment") == {"equal_twins", "live_directories"}
    put(shop, Source.STOCK, sound)
    if mode is Mode.REBUILD:
        shop.pass_s(60)
        assert found(shop, shop.seal()) == {"equal_twins"}
    shop.pass_s(60)
    with pytest.raises(EventsDiffer, match=f"@{sound['rev']}"):
        shop.seal(mode)
    opened(shop)
    goes_on(shop)


@pytest.mark.parametrize("sold", [False, True])
@pytest.mark.parametrize("sealed_between", [False, True])
def test_a_deleted_hold_that_is_put_back_as_it_was_settles_and_after_an_opening_nothing_is_wrong(
    shop: Shop, *, sold: bool, sealed_between: bool
) -> None:
    sell(shop, execute_it=sold, expires_in_s=300)
    gone = hold(shop)
    delete(shop, Source.HOLDS, gone)
    shop.world.flow()
    assert on_hand(shop) == {"available": 10 - HELD, "held": HELD}
    if sealed_between:
        shop.pass_s(60)
        assert "held_matches_holds" in found(shop, shop.seal(), "increment")
    put(shop, Source.HOLDS, gone)
    for _ in range(2):  # it expires; what is resolved for a minute is settled
        shop.pass_s(400)
        shop.world.sweep()
        shop.world.flow()
    shop.archive()
    assert on_hand(shop) == {"available": 10 - (HELD if sold else 0), "held": 0}
    with pytest.raises(Incomplete if sealed_between else EventsDiffer):
        shop.seal()
    told_again = {"equal_twins"} if sealed_between and sold else set()  # what it said before it was deleted is sealed
    assert found(shop, opened(shop)) == told_again
    goes_on(shop)


def test_a_deleted_hold_that_cannot_be_put_back_leaves_units_held_for_good_that_each_count_has_to_add(
    shop: Shop,
) -> None:
    world = shop.world
    sell(shop)
    delete(shop, Source.HOLDS, hold(shop))
    world.receive(ITEM, HELD, PLACE)  # the correction, as it was not sold: all ten are on the shelf
    assert on_hand(shop) == {"available": 10, "held": HELD}
    shop.archive()
    assert "held_matches_holds" in found(shop, shop.seal())
    assert found(shop, opened(shop)) == {"held_matches_holds"}

    def counted(units: int) -> Mapping[str, int]:
        world.flow()
        count(world.core, AdjustmentRequest(ITEM, PLACE, "stocktake", world.by()), units)
        world.flow()
        return on_hand(shop)

    assert counted(10 + HELD) == {"available": 10, "held": HELD}
    assert counted(10) == {"available": 10 - HELD, "held": HELD}, "what is on the shelf alone books them away"
    with pytest.raises(InvalidRequest, match="held"):
        counted(HELD - 1)
