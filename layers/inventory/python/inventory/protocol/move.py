"""Move: stock from shard to shard of one warehouse, to spread it or to gather it. Total and holds stay the same."""

from collections.abc import Sequence

from inventory.domain.clock import Milliseconds
from inventory.domain.holds import Line
from inventory.domain.leveling import Move, leveling_moves
from inventory.domain.passes import Pass
from inventory.domain.stock import Cause, Change, ShardKey
from inventory.protocol.attempts import Attempts, failed_for_good
from inventory.protocol.core import Core
from inventory.protocol.lookout import read_pass
from inventory.storage.stock_records import change_shard, check_covered

_GATHERED_AT_ONCE = 48
_HANDING_OUT_TRIES_MAX = 100  # more than a buyer has: it competes with many of them for the same shard
_PERSISTENCE_S = 0.005  # less than a buyer waits (attempts.py), for the same reason


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
    while True:
        attempts.begin()
        at = core.clock.stamp(attempts.seen_at)
        writes = [change_shard(core.tables, change, at, cause) for change in changes]
        if highest > 0:
            writes.append(check_covered(core.tables, item, warehouse, highest, at))
        failed = attempts.transact(core.database, writes)
        if failed is None:
            return True
        if failed_for_good(failed, at):
            return False


def spread(core: Core, item: str, warehouse: str, actor: str, shards: int) -> Pass:
    """Levels a warehouse's stock over its first shards, as many shards in each move as a transaction takes.

    It can stop anywhere and go on later: each move by itself leaves everything right.

    Returns:
        The strong reading that the moves were made from.

    Raises:
        Conflict: A shard is too contended to move from or to now.
        Overloaded: The database refused or did not answer.
    """
    seen = read_pass(core, item, warehouse)
    for move in leveling_moves(seen.by_number, shards):
        shift(core, _changes(item, warehouse, move), Cause("move", core.new_id("mov"), actor))
    return seen


def hand_out(core: Core, item: str, warehouse: str, move: Move, actor: str, *, until_ms: Milliseconds) -> int:
    """Makes a move from one shard while buyers draw from it and others: again and again, as far as it goes.

    A shard that would gain and is contended is left out of the next try: who is drawn from is not in need.

    Returns:
        The units moved: 0, where the source had less by then, the directory no longer covers what was to gain, or
        the time was up before a try won.

    Raises:
        Conflict: Others were faster, try after try.
        Overloaded: The database refused for load, once, or did not answer: no buyer is helped by asking it more.
    """
    (source, _), given = next(iter(move.taken.items())), dict(move.given)
    cause_id = core.new_id("mov")
    attempts = Attempts(core.pause, cause_id, most=_HANDING_OUT_TRIES_MAX)
    while True:
        attempts.begin()
        units = sum(given.values())
        at = core.clock.stamp(attempts.seen_at)
        cause = Cause("move", cause_id, actor, hops=attempts.hops)
        changes = _changes(item, warehouse, Move({source: units}, given))
        writes = [change_shard(core.tables, change, at, cause) for change in changes]
        writes.append(check_covered(core.tables, item, warehouse, max(given), at))
        failed = attempts.transact(core.database, writes)
        if failed is None:
            return units
        if attempts.was_throttled:
            raise attempts.failure()
        attempts.wait_s = min(attempts.wait_s, _PERSISTENCE_S)
        for reason in failed:
            if reason.contended and isinstance(reason.write.about, ShardKey):
                given.pop(reason.write.about.number, None)
        if not given or failed_for_good(failed, at) or core.clock.now() >= until_ms:
            return 0


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


def _changes(item: str, warehouse: str, move: Move) -> list[Change]:
    given = [Change(ShardKey(item, warehouse, number), units) for number, units in move.given.items()]
    return given + [Change(ShardKey(item, warehouse, number), -units) for number, units in move.taken.items()]
