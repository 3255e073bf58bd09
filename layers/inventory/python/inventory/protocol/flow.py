"""Stock that comes into a warehouse or goes out of it for good: which shards, and what the directory must say."""

from collections.abc import Sequence

from inventory.domain.clock import Milliseconds
from inventory.domain.drawing import Want, plan, shortage, taking_changes
from inventory.domain.errors import InvalidRequest
from inventory.domain.limits import TRANSACTION_RECORDS_MAX, WAREHOUSES_PER_ITEM_MAX
from inventory.domain.passes import Pass
from inventory.domain.stock import Cause, Change, Directory
from inventory.protocol.core import Core
from inventory.protocol.lookout import read_pass
from inventory.protocol.move import gather
from inventory.protocol.patience import Patience
from inventory.protocol.refuse import refuse_or_find
from inventory.storage.stock_records import add_warehouse, change_shard, check_covered, create_directory
from inventory.storage.writes import Write

_DRAWS_MAX = TRANSACTION_RECORDS_MAX - 4  # beside the record itself, a directory and a shard that gains


def taken(core: Core, want: Want, seed: str, actor: str, patience: Patience) -> list[Change] | None:
    """The changes that take the want from its warehouse; None where stock had to be gathered first: look again.

    Raises:
        InsufficientStock: There is too little, proved as for a hold.
        Conflict, Overloaded: Nothing is known to have changed; try again.
    """
    view = read_pass(core, want.item, want.warehouse).view
    short = shortage([want], {want.item: view})
    if short is not None:
        view = refuse_or_find(core, short, patience)
    lines = plan([want], {want.item: view}, seed=seed)
    if sum(len(line.drawn) for line in lines) > _DRAWS_MAX:
        gather(core, lines[0], actor)
        return None
    return taking_changes(lines)


def emptiest(seen: Pass, warehouse: str) -> int:
    """The shard of a warehouse that has the least, and so should gain: receipts level the shards by and by."""
    there = [shard for key, shard in seen.shards.items() if key.warehouse == warehouse]
    return min(there, key=lambda shard: (shard.available, shard.key.number)).key.number if there else 0


def receipt(core: Core, change: Change, directory: Directory | None, at: Milliseconds, cause: Cause) -> list[Write]:
    """The writes that bring stock into a shard; the directory's own, where the warehouse is new to the item.

    Raises:
        InvalidRequest: The item is in too many warehouses already.
    """
    item, warehouse, number = change.key
    writes = [change_shard(core.tables, change, at, cause)]
    if directory is None or warehouse not in directory.warehouses:
        writes.append(directory_write(core, item, warehouse, directory, 0, at, cause))
    elif number > 0:
        writes.append(check_covered(core.tables, item, warehouse, number, at))
    return writes


def directory_write(
    core: Core,
    item: str,
    warehouse: str,
    directory: Directory | None,
    counts: int,
    at: Milliseconds,
    cause: Cause,
) -> Write:
    """The write that enters a new warehouse in an item's directory, or a new item's directory itself.

    Raises:
        InvalidRequest: The item is in too many warehouses already.
    """
    if directory is None:
        return create_directory(core.tables, item, warehouse, counts, at, cause)
    if len(directory.warehouses) >= WAREHOUSES_PER_ITEM_MAX:
        raise InvalidRequest(
            "parameter_invalid", f"An item can be in {WAREHOUSES_PER_ITEM_MAX} warehouses.", param="warehouse"
        )
    return add_warehouse(core.tables, item, warehouse, counts, at, cause)


def shard_writes(core: Core, changes: Sequence[Change], at: Milliseconds, cause: Cause) -> list[Write]:
    """The writes that make these changes."""
    return [change_shard(core.tables, change, at, cause) for change in changes]
