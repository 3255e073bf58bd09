"""Looking where stock lies: by hints, cheap and perhaps a second old, or by strong reads."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from inventory.domain.availability import Availability
from inventory.domain.drawing import ItemView, Want, lasts_ms
from inventory.domain.errors import Missing
from inventory.domain.passes import Pass
from inventory.domain.rebalancing import sells
from inventory.domain.stock import Directory, Shard, ShardKey, Warehouse, empty_shard
from inventory.protocol.core import Core
from inventory.protocol.patience import Patience
from inventory.storage.availability_records import availability_from
from inventory.storage.stock_records import directory_from, is_directory, shard_from

PROJECTED_WITHIN_MS: Final = 1_000  # how far the projection lags; more in a rush

#: An item in a warehouse, or (None) in all.
Place = tuple[str, str | None]


def hinted_views(core: Core, wants: Sequence[Want], patience: Patience) -> dict[str, ItemView]:
    """Where the wanted items are thought to lie, from memory or one read of the projection.

    Wants that all name their warehouse cost one batch read together; one that names none costs a query for its item.

    The projection is a second behind, and what little is left of a hot item may be gone by then. So where it shows
    little of an item that sells, the counters are read strongly after it. Where the last strong reading of this
    instance showed little, they are read strongly in its place. Both only while the request has time: after that the
    projection has to do.

    Raises:
        Conflict: So many items, in so many warehouses, that they could not be looked at in time.
        Overloaded: The database did not answer.
    """
    views = {place: core.hints.recall(*place) for place in _places(wants)}
    views |= {place: _read_again(core, place, patience) for place, view in views.items() if view is None}
    unknown = [place for place, view in views.items() if view is None]
    named = _named(core, sorted((item, warehouse) for item, warehouse in unknown if warehouse is not None))
    for item, warehouse in unknown:
        if warehouse is None:
            patience.check(None)
        projected = everywhere(core, item) if warehouse is None else named.get((item, warehouse), [])
        views[item, warehouse] = _seen(core, (item, warehouse), projected, patience)
    by_item: dict[str, ItemView] = {}
    for (item, _), view in views.items():
        by_item.setdefault(item, {}).update(view or {})
    return by_item


def _places(wants: Sequence[Want]) -> list[Place]:
    """Each item with the warehouses to look into; with None alone, where one of its wants names none."""
    anywhere = {want.item for want in wants if want.warehouse is None}
    return sorted({(want.item, None if want.item in anywhere else want.warehouse) for want in wants}, key=str)


def _read_again(core: Core, place: Place, patience: Patience) -> ItemView | None:
    """A strong reading where the last one saw little; None where there was none, it saw enough, or time is up."""
    last = core.passes.get(place)
    return _read(core, place) if last is not None and _runs_out(last.view) and not patience.is_spent(place[1]) else None


def _seen(core: Core, place: Place, projected: Sequence[Availability], patience: Patience) -> ItemView:
    """What the projection says; a strong reading where that is little and sells, and there is time."""
    view = {each.warehouse: _latest(core, each) for each in projected}
    core.hints.remember(*place, view)  # so that its shards are read along with the directory, too
    runs_out = _runs_out(view) and any(sells(each, core.clock.now()) for each in projected)
    return _read(core, place) if runs_out and not patience.is_spent(place[1]) else view


def _read(core: Core, place: Place) -> ItemView:
    view = read_pass(core, *place).view
    core.hints.remember(*place, view)
    return view


def _runs_out(view: ItemView) -> bool:
    """Whether a hot item has so little that it may be gone before the projection hears of it."""
    lasts = lasts_ms(view)
    return lasts is not None and lasts <= PROJECTED_WITHIN_MS


def _named(core: Core, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Availability]]:
    if not pairs:
        return {}
    keys = [core.tables.availability_of(item, warehouse) for item, warehouse in pairs]
    found = [availability_from(record) for record in core.database.batch_get(keys, consistent=False)]
    return {(each.item, each.warehouse): [each] for each in found}


def everywhere(core: Core, item: str) -> list[Availability]:
    """What the projection says of an item in all its warehouses, by one query."""
    records = core.database.query(core.tables.availability, "#item_id = :item", {"item": item})
    return list(map(availability_from, records))


def _latest(core: Core, projected: Availability) -> dict[int, int]:
    """Units by shard, each as the projection says, or this instance's own last strong reading, where that is newer.

    The projection is a second behind, and more in a rush: without what was read, stock that was seen to be gone
    would be tried for again, once a second.
    """
    latest = projected.by_shard
    read = core.passes.get((projected.item, projected.warehouse))
    for key, shard in read.shards.items() if read else ():
        known = projected.shards.get(key.number)
        if shard.rev > (known.rev if known else 0):
            latest[key.number] = shard.available
    return latest


def read_pass(core: Core, item: str, warehouse: str | None) -> Pass:
    """Reads directory and shards strongly: shards known of are read together with it, any others in a second batch."""
    tables, read_all = core.tables, partial(core.database.batch_get, at_once=core.at_once)
    started_ms = core.clock.elapsed()
    expected = _expected(core, item, warehouse)
    directory: Directory | None = None
    shards: dict[ShardKey, Shard] = {}
    read = set(expected)
    for record in read_all([tables.directory(item), *map(tables.shard, expected)]):
        if is_directory(record):
            directory = directory_from(record)
        else:
            shard = shard_from(record)
            shards[shard.key] = shard
    wanted = directory.shard_keys(warehouse) if directory else []
    missed = [key for key in wanted if key not in read]
    for record in read_all([tables.shard(key) for key in missed]):
        shard = shard_from(record)
        shards[shard.key] = shard
    covered = {key: shards.get(key, empty_shard(key)) for key in wanted}
    seen = Pass(directory, covered, started_ms, core.clock.elapsed())
    core.passes.put((item, warehouse), seen)
    return seen


def _expected(core: Core, item: str, warehouse: str | None) -> list[ShardKey]:
    """The shards that there were when they were read last, strongly or by the projection."""
    earlier = core.passes.get((item, warehouse))
    if earlier is not None and earlier.shards:
        return list(earlier.shards)
    hinted = core.hints.recall(item, warehouse) or {}
    return [
        ShardKey(item, name, number)
        for name, shards in hinted.items()
        if warehouse in (None, name)
        for number in shards
    ]


def entry(seen: Pass, item: str, warehouse: str) -> Warehouse:
    """What the directory says of a warehouse.

    Raises:
        Missing: The item is unknown, or not in this warehouse.
    """
    if seen.directory is None:
        raise Missing("item", item, param="item")
    if warehouse not in seen.directory.warehouses:
        raise Missing("warehouse", warehouse, param="warehouse")
    return seen.directory.warehouses[warehouse]
