"""Move: stock from shard to shard of one warehouse, to spread it or to gather it. Total and holds stay the same."""

from collections.abc import Sequence

from inventory.domain.holds import Line
from inventory.domain.leveling import leveling_moves
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.attempts import Attempts, failed_for_good
from inventory.protocol.core import Core
from inventory.protocol.lookout import Pass, read_pass
from inventory.storage.stock_records import change_shard, check_covered

_GATHERED_AT_ONCE = 48


def shift(core: Core, changes: Sequence[Change], cause: Cause) -> bool:
    """Moves stock between shards of one warehouse in one transaction; what is taken and given must be equal.

    Returns:
        Whether it was done. Not, where a shard had less by then, or the directory no longer covers the shard that
        was to gain: the caller looks again and decides anew.

    Raises:
        Conflict: Others were faster, try after try.
        Overloaded: The database refused or did not answer.
    """
    item, warehouse, _ = changes[0].key
    highest = max(change.key.number for change in changes if change.available > 0)
    attempts = Attempts(core.pause, cause.id)
    for _ in attempts:
        at = core.clock.stamp(attempts.seen_at)
        writes = [change_shard(core.tables, change, at, cause) for change in changes]
        if highest > 0:
            writes.append(check_covered(core.tables, item, warehouse, highest, at))
        failed = attempts.transact(core.database, writes)
        if failed is None:
            return True
        if failed_for_good(failed, at):
            return False
    raise AssertionError("the tries end by an error of their own")


def spread(core: Core, item: str, warehouse: str, actor: str, shards: int) -> Pass:
    """Levels a warehouse's stock over its first shards by moves of two shards each.

    It can stop anywhere and go on later: each move by itself leaves everything right.

    Returns:
        The strong reading that the moves were made from.

    Raises:
        Conflict: A shard is too contended to move from or to now.
        Overloaded: The database refused or did not answer.
    """
    seen = read_pass(core, item, warehouse)
    available = {key.number: shard.available for key, shard in seen.shards.items()}
    for move in leveling_moves(available, shards):
        source, destination = (ShardKey(item, warehouse, number) for number in (move.source, move.destination))
        changes = [Change(source, -move.quantity), Change(destination, move.quantity)]
        shift(core, changes, Cause("move", core.new_id("mov"), actor))
    return seen


def gather(core: Core, line: Line, actor: str) -> int:
    """Moves what a line would be drawn from into one shard, as far as one transaction reaches.

    Returns:
        How many draws fewer the line then needs, unless others were faster.

    Raises:
        Conflict: The shards are too contended to gather from now.
        Overloaded: The database refused or did not answer.
    """
    fullest, *others = sorted(line.drawn, key=lambda draw: (-draw.quantity, draw.shard))
    moved = others[-_GATHERED_AT_ONCE:]
    changes = [Change(ShardKey(line.item, line.warehouse, draw.shard), -draw.quantity) for draw in moved]
    total = sum(draw.quantity for draw in moved)
    changes.append(Change(ShardKey(line.item, line.warehouse, fullest.shard), total))
    shift(core, changes, Cause("move", core.new_id("mov"), actor))
    return len(moved)
