"""Rebalance: split a hot item and level its stock, merge a cold one. By itself, with no lock, while sales go on.

Whoever writes the projection of an item learns from it that the item needs looking after, and notes in that same
conditional write that it does so: so one does at a time, and if it stops half way, the next one after a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inventory.domain.availability import Availability
from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InventoryError
from inventory.domain.heat import shards_wanted
from inventory.domain.leveling import leveling_moves
from inventory.domain.rebalancing import claimed, cold, shards_allowed
from inventory.domain.stock import Cause, Directory
from inventory.metric import Metric
from inventory.protocol.attempts import Attempts, failed_for_good
from inventory.protocol.core import Core
from inventory.protocol.lookout import entry, read_pass
from inventory.protocol.move import hand_out
from inventory.protocol.split import reshape
from inventory.storage.availability_records import IS_SPLIT, SPLIT_INDEX, availability_from, put_availability
from inventory.storage.database import ConditionFailed, Contended
from inventory.storage.stock_records import directory_from, set_shards

PROJECTOR = "projector"
SWEEPER = "sweeper"
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Resharded:
    """An item whose stock in a warehouse is counted on more shards than before, or on fewer."""

    item: str
    warehouse: str
    before: int
    after: int


def rebalance(core: Core, known: Availability, *, until_ms: Milliseconds) -> Resharded | None:
    """Splits a hot item as far as its heat calls for and is allowed, then gives to the poorest shards from the richest.

    First the directory covers the new shards, in one write; then stock moves onto them, from one shard to as many as
    a transaction takes. Between any two calls all is right; what is not done by `until_ms` others go on with.

    Returns:
        What was split, if it was.

    Raises:
        Conflict, Overloaded: Buyers were faster, or the database refused. What was done so far stands.
    """
    item, warehouse = known.item, known.warehouse
    seen = read_pass(core, item, warehouse)
    shards = entry(seen, item, warehouse).shards
    wanted = shards_wanted(known.heat, shards, seen.available, core.thresholds)
    covered = _cover(core, seen.directory, warehouse, wanted) if seen.directory and wanted > shards else shards
    if covered > shards:
        core.report(Metric.ITEMS_SPLIT, 1)
    for move in leveling_moves(seen.by_number, covered, one_source=True):
        if core.clock.now() >= until_ms:
            break
        core.report(Metric.UNITS_LEVELED, hand_out(core, item, warehouse, move, PROJECTOR, until_ms=until_ms))
    return Resharded(item, warehouse, shards, covered) if covered > shards else None


def _cover(core: Core, directory: Directory, warehouse: str, wanted: int) -> int:
    """Raises the warehouse's number of shards, as far as it is allowed; not, where another changed it meanwhile.

    Warehouses are split at the same time, and it is their sum that is bounded: where the directory changed elsewhere,
    what is allowed is reckoned anew.

    Returns:
        Of how many shards it is known now that the directory covers them.
    """
    shards, cause_id = directory.warehouses[warehouse].shards, core.new_id("spl")
    attempts = Attempts(core.pause, cause_id)
    while directory.warehouses[warehouse].shards == shards:
        covered = min(wanted, shards_allowed(directory, warehouse))
        if covered <= shards:
            break
        attempts.begin()
        at = core.clock.stamp(attempts.seen_at)
        cause = Cause("split", cause_id, PROJECTOR, hops=attempts.hops)
        widened = set_shards(core.tables, directory.item, warehouse, shards, covered, at, cause, rev=directory.rev)
        failed = attempts.transact(core.database, [widened])
        if failed is None:
            return covered
        for reason in failed_for_good(failed, at):
            directory = directory_from(reason.record) if reason.record else directory
    return shards


def merge_cold(core: Core, *, until_ms: Milliseconds) -> list[Resharded]:
    """Merges what nothing has changed for an hour. A merge that cannot be now is tried again in an hour.

    Raises:
        Overloaded: The index of split stock could not be read.
    """
    merged: list[Resharded] = []
    for page in _split_stock(core):
        for known in page:
            now_ms = core.clock.now()
            if now_ms >= until_ms:
                return merged
            if not cold(known, now_ms, core.thresholds):
                continue
            try:
                done = _merge(core, known, now_ms)
            except InventoryError:
                core.report(Metric.REBALANCES_PUT_OFF, 1)
                continue
            if done is not None:
                merged.append(done)
    return merged


def _split_stock(core: Core) -> Iterator[Sequence[Availability]]:
    """Pages of all that is counted on several shards."""
    condition, values = "#split = :split", {"split": IS_SPLIT}
    for listed in core.database.index_pages(core.tables.availability, SPLIT_INDEX, condition, values, size=_LISTED):
        keys = [core.tables.availability_of(record["item_id"], record["warehouse_id"]) for record in listed]
        yield [availability_from(record) for record in core.database.batch_get(keys)]


def _merge(core: Core, known: Availability, now_ms: Milliseconds) -> Resharded | None:
    """Merges down to one shard, or to the highest that carries holds: they end, and an hour later all can go."""
    try:
        core.database.write(put_availability(core.tables, claimed(known, now_ms), known))
    except (ConditionFailed, Contended):
        return None  # it is not cold any more
    item, warehouse = known.item, known.warehouse
    seen = read_pass(core, item, warehouse)
    shards = entry(seen, item, warehouse).shards
    wanted = 1 + max((key.number for key, shard in seen.shards.items() if shard.held), default=0)
    if wanted >= shards:
        return None
    reshape(core, item, warehouse, wanted, SWEEPER)
    core.report(Metric.ITEMS_MERGED, 1)
    return Resharded(item, warehouse, shards, wanted)
