"""Refuse: only after two strong passes between which stock could only fall (`never_falsely_refused`)."""

from inventory.domain.drawing import ItemView, Shortage
from inventory.domain.errors import Conflict, InsufficientStock
from inventory.domain.limits import READ_PASSES_MAX, REFUSAL_AGE_MAX_MS
from inventory.protocol.core import Core
from inventory.protocol.lookout import read_pass
from inventory.protocol.patience import Patience


def refuse_from_memory(core: Core, short: Shortage) -> None:
    """Refuses where less than is wanted was proved to be there within the last second.

    Raises:
        InsufficientStock: As just proved; no read was made.
    """
    available = core.refusals.recall(short)
    if available is not None:
        raise InsufficientStock(short.item, short.warehouse, short.wanted, available)


def stands(core: Core, refusal: InsufficientStock) -> bool:
    """Whether a refusal's proof is still at most a second old, after whatever was looked up since."""
    short = Shortage(refusal.item, refusal.warehouse, refusal.wanted, refusal.available)
    return core.refusals.recall(short) is not None


def refuse_or_find(core: Core, short: Shortage, patience: Patience) -> ItemView:
    """Proves a shortage, or finds where the stock lies after all.

    An earlier pass must show too little, and this one that since then no shard gained (equal `inflow`) and the
    directory stood still: then there was too little when this one began. One pass alone, read shard by shard, would
    miss stock that moves from a shard not read yet to one already read. The earlier pass may be any that this
    instance remembers, however old, so that an item that stays sold out costs one pass a second. Where this pass
    took so long that its beginning is over a second ago by now, it proves nothing any more.

    Returns:
        What a strong pass saw, where it was enough.

    Raises:
        InsufficientStock: There was an instant, after this call began, with too little.
        Conflict: Stock kept arriving between the passes, or they took too long.
    """
    for _ in range(READ_PASSES_MAX):
        patience.check(short.warehouse)
        earlier = core.passes.get((short.item, short.warehouse))
        current = read_pass(core, short.item, short.warehouse)
        if current.available >= short.wanted:
            return current.view
        fresh = current.ended_ms - current.started_ms <= REFUSAL_AGE_MAX_MS
        if earlier is not None and earlier.available < short.wanted and fresh and earlier.only_fell_until(current):
            core.refusals.remember(short.item, short.warehouse, earlier.available, current.started_ms)
            raise InsufficientStock(short.item, short.warehouse, short.wanted, earlier.available)
    raise Conflict("Stock of this item arrives and leaves too quickly to be sure of it. Try again.")
