"""Looking at stock: the projection, as read within the last second; or strongly, from directory and shards."""

from collections.abc import Sequence

from inventory.domain.availability import Availability, ItemStock, WarehouseStock
from inventory.domain.errors import InvalidRequest, Missing
from inventory.domain.limits import READ_PASSES_MAX, RECORDS_PER_READ_MAX
from inventory.domain.passes import Pass
from inventory.domain.stock import Directory
from inventory.protocol.core import Core, Page
from inventory.protocol.lookout import everywhere, read_pass
from inventory.protocol.patience import Patience
from inventory.storage.availability_records import IN_STOCK_INDEX, availability_from
from inventory.storage.stock_records import directory_from


def read_stock(core: Core, item: str, *, consistent: bool) -> ItemStock:
    """What is in stock of an item: by one query of the projection, or by none; or, `consistent`, read strongly.

    What this instance read of the projection within the last second it may tell again; `as_of_ms` says when that was.
    A consistent reading is of one instant where two passes over the shards agree. On an item that never stands
    still it is the last of several passes: each shard exact, their sum of no one instant.

    Raises:
        Missing: Unknown item.
        Overloaded: The database did not answer.
    """
    if not consistent:
        stock = core.stocks.get(item) or _projected(core, item)
        if stock.warehouses:
            return stock
    # Not projected: unknown, or so new that only a strong reading knows it.
    return read_strongly(core, item, Patience(core.clock.elapsed))


def read_stocks(core: Core, items: Sequence[str]) -> list[ItemStock]:
    """What is in stock of some items (at most 100), in the order asked for; unknown ones are left out.

    One batch read for the directories, then one for each 100 records of the projection, several at a time. An item so
    new that nothing of it is projected is read strongly, by itself.

    Raises:
        InvalidRequest: They are in too many warehouses together to be read in time.
        Overloaded: The database did not answer.
    """
    asked = list(dict.fromkeys(items))
    records = core.database.batch_get([core.tables.directory(item) for item in asked], consistent=False)
    directories = {directory.item: directory for directory in map(directory_from, records)}
    records_count = sum(len(directory.warehouses) for directory in directories.values())
    if records_count > RECORDS_PER_READ_MAX:
        raise InvalidRequest(
            "parameter_invalid",
            f"These items are in {records_count} warehouses together; at most {RECORDS_PER_READ_MAX} can be read in "
            "one request. Ask for fewer items at a time.",
            param="items",
        )
    keys = [
        core.tables.availability_of(item, warehouse)
        for item in asked
        if item in directories
        for warehouse in sorted(directories[item].warehouses)
    ]
    found: dict[str, list[Availability]] = {}
    for each in map(availability_from, core.database.batch_get(keys, consistent=False, at_once=core.at_once)):
        found.setdefault(each.item, []).append(each)
    now_ms, patience = core.clock.now(), Patience(core.clock.elapsed)
    return [
        _item(item, found[item], now_ms) if item in found else read_strongly(core, item, patience)
        for item in asked
        if item in directories
    ]


def list_in_stock(core: Core, warehouse: str, *, limit: int, starting_after: str | None) -> Page[ItemStock]:
    """A page of the items available in a warehouse, by item id; each with its stock in that warehouse alone."""
    condition, values = "#in_stock = :warehouse", {"warehouse": warehouse}
    if starting_after is not None:
        condition, values = condition + " AND #item_id > :after", {**values, "after": starting_after}
    # One more than is asked for tells whether more follow: a query that stops at its limit does not know it.
    found, _ = core.database.query_index(core.tables.availability, IN_STOCK_INDEX, condition, values, limit=limit + 1)
    found, has_more = found[:limit], len(found) > limit
    keys = [core.tables.availability_of(record["item_id"], warehouse) for record in found]
    stocked = {each.item: each for each in map(availability_from, core.database.batch_get(keys, consistent=False))}
    now_ms = core.clock.now()
    listed = [
        _item(item, [stocked[item]], now_ms) for item in (record["item_id"] for record in found) if item in stocked
    ]
    return Page(listed, has_more)


def _projected(core: Core, item: str) -> ItemStock:
    now_ms, asked_ms = core.clock.now(), core.clock.elapsed()
    stock = _item(item, everywhere(core, item), now_ms)
    core.stocks.put(item, stock, at_ms=asked_ms)
    return stock


def _item(item: str, known: Sequence[Availability], now_ms: int) -> ItemStock:
    warehouses = [
        WarehouseStock(each.warehouse, each.available, each.held, each.shard_count)
        for each in sorted(known, key=lambda each: each.warehouse)
    ]
    return ItemStock(item, tuple(warehouses), now_ms)


def read_strongly(core: Core, item: str, patience: Patience) -> ItemStock:
    """What directory and shards say: of one instant where two passes over them agree in time, else the last pass.

    Raises:
        Missing: Unknown item.
        Overloaded: The database did not answer.
    """
    earlier = read_pass(core, item, None)
    for _ in range(READ_PASSES_MAX):
        if patience.is_spent(None):
            break
        current = read_pass(core, item, None)
        agreed, earlier = earlier.same_as(current), current
        if agreed:
            break
    if earlier.directory is None:
        raise Missing("item", item, param="item")
    return _summed(earlier, earlier.directory, core.clock.now())


def _summed(seen: Pass, directory: Directory, now_ms: int) -> ItemStock:
    shards = seen.shards.values()
    warehouses = [
        WarehouseStock(
            name,
            sum(shard.available for shard in shards if shard.key.warehouse == name),
            sum(shard.held for shard in shards if shard.key.warehouse == name),
            entry.shards,
        )
        for name, entry in sorted(directory.warehouses.items())
    ]
    return ItemStock(directory.item, tuple(warehouses), now_ms)
