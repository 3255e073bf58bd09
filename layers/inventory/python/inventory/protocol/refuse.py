"""Refuse: only after two strong passes between which stock could only fall (`never_falsely_refused`)."""

from collections.abc import Sequence

from inventory.domain.drawing import ItemView, Shortage
from inventory.domain.errors import Conflict, InsufficientStock
from inventory.domain.limits import READ_PASSES_MAX, REFUSAL_AGE_MAX_MS
from inventory.domain.stock import ShardKey
from inventory.protocol.core import Core
from inventory.protocol.lookout import Pass, read_pass


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


def refuse_or_find(core: Core, short: Shortage) -> ItemView:
    """Proves a shortage, or finds where the stock lies after all.

    The first pass must show too little, and the second that since then no shard gained (equal `inflow`) and the
    directory stood still: then at the instant between them there was too little. One pass alone, read shard by
    shard, would miss stock that moves from a shard not read yet to one already read. Where the reads took so long
    that this instant is over a second ago by now, it proves nothing any more.

    Returns:
        What a strong pass saw, where it was enough.

    Raises:
        InsufficientStock: There was an instant, after this call began, with too little.
        Conflict: Stock kept arriving between the passes, or they took too long.
    """
    expected: Sequence[ShardKey] = ()
    earlier: Pass | None = None
    for _ in range(READ_PASSES_MAX):
        current = read_pass(core, short.item, short.warehouse, expected)
        fresh = earlier is not None and current.ended_ms - earlier.ended_ms <= REFUSAL_AGE_MAX_MS
        if earlier is not None and fresh and earlier.only_fell_until(current):
            core.refusals.remember(short.item, short.warehouse, earlier.available, earlier.ended_ms)
            raise InsufficientStock(short.item, short.warehouse, short.wanted, earlier.available)
        if current.available >= short.wanted:
            return current.view
        earlier, expected = current, list(current.shards)
    raise Conflict("Stock of this item arrives and leaves too quickly to be sure of it. Try again.")
