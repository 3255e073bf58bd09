"""The invariants, each by its name: what must hold after every single call, and what at the end.

They judge the recorded history and the tables alone, and know nothing of how the service does it. After a call each
looks at what that call changed: what held before, and was not touched, still holds.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from inventory.domain.errors import InsufficientStock
from inventory.domain.holds import Hold, Status, settling_changes
from inventory.domain.limits import REFUSAL_AGE_MAX_MS
from inventory.domain.stock import ShardKey
from inventory.storage.codec import Record, decode
from inventory.storage.tables import Tables
from simulated_dynamodb import TIME_TO_LIVE, SimulatedDynamoDB
from support.history import Call, Event, History, moved

#: A clock is refused when more than 2 s off, as far as the database's whole seconds can tell; a tick is 100 ms.
CLOCK_BOUND_MS = 2_000 + 1_000 + 100


def never_oversold(_history: History, call: Call) -> None:
    """No counter falls below zero."""
    for _, shard in call.shards:
        assert shard.available >= 0, f"{shard.key} has {shard.available} available"
        assert shard.held >= 0, f"{shard.key} has {shard.held} held"


def resolved_once(_history: History, call: Call) -> None:
    """What has ended stays as it ended, until it is removed; what a hold reserved never changes."""
    for before, after in call.holds:
        if before is None:
            assert after is not None
            assert after.status is Status.ACTIVE, f"{after.id} began as {after.status}"
            continue
        if after is None:
            assert before.settlement is not None, f"{before.id} was removed, and had not settled"
            continue
        assert _reserved(before) == _reserved(after), f"the lines of {before.id} changed"
        if before.status is not Status.ACTIVE:
            assert _ending(before) == _ending(after), f"{before.id} was {before.status} and became {after.status}"


def expiry_exact(_history: History, call: Call) -> None:
    """Executed and extended before its time, expired at or after it."""
    for before, after in call.holds:
        if before is None or after is None or before.status is not Status.ACTIVE:
            continue
        if after.status is Status.EXPIRED:
            assert after.at >= before.expires_at, f"{after.id} expired {before.expires_at - after.at} ms too soon"
        elif after.status in (Status.EXECUTED, Status.ACTIVE):
            assert after.at < before.expires_at, f"{after.id} was used {after.at - before.expires_at} ms too late"
        if after.status is not Status.ACTIVE:
            assert after.expires_at == before.expires_at, f"the time of {after.id} changed as it ended"


def settled_once(_history: History, call: Call) -> None:
    """A hold is settled once, when it has ended, and the counters change by just what the settled holds say."""
    expected: Counter[tuple[ShardKey, str]] = Counter()
    for before, after in call.holds:
        if before is None or after is None or before.settlement == after.settlement:
            continue
        assert before.settlement is None, f"{before.id} was settled twice"
        assert before.status is not Status.ACTIVE, f"{before.id} was settled while active"
        for change in settling_changes(before):
            expected[(change.key, "available")] += change.available
            expected[(change.key, "held")] += change.held
    causes = {
        event.key: event.after["cause"]["type"] for event in call.events if event.after and "cause" in event.after
    }
    for earlier, shard in call.shards:
        if causes["#".join(map(str, shard.key))] == "settlement":
            expected[(shard.key, "available")] -= shard.available - (earlier.available if earlier else 0)
            expected[(shard.key, "held")] -= shard.held - (earlier.held if earlier else 0)
    assert not any(expected.values()), f"counters and settled holds differ: {expected}"


def held_matches_holds(history: History, call: Call) -> None:
    """Each shard holds just what its unsettled holds drew from it."""
    drawn_from = {key for change in call.holds for hold in change if hold for key in hold.shard_keys()}
    for key in drawn_from.union(shard.key for _, shard in call.shards):
        held = history.shards[key].held if key in history.shards else 0
        assert held == history.drawn[key], f"{key} holds {held}, but {history.drawn[key]} were drawn from it"


def stock_conserved(history: History, call: Call) -> None:
    """What is on hand is what came in less what left by executed and settled holds."""
    places = {(line.item, line.warehouse) for change in call.holds for hold in change if hold for line in hold.lines}
    places.update((shard.key.item, shard.key.warehouse) for _, shard in call.shards)
    places.update(place for event in call.events for place, _ in moved(event.after))
    for place in places:
        there, expected = history.on_hand[place], history.expected[place]
        assert there == expected, f"{place} has {there}, its adjustments and sales say {expected}"


def gapless(_history: History, call: Call) -> None:
    """Each write raises `rev` by one and never sets `at` back; nothing is removed before its time to live is over."""
    for event in call.events:
        before = event.before or {"rev": 0, "at": 0}
        if event.after is None:
            assert _outlived(event, call), f"{event.key} was removed: {event.before}"
            continue
        assert event.after["rev"] == before["rev"] + 1, f"{event.key}: rev {before['rev']} → {event.after['rev']}"
        assert event.after["at"] >= before["at"], f"{event.key}: at went back by {before['at'] - event.after['at']} ms"


def atomic_instant(_history: History, call: Call) -> None:
    """All that one call writes has one `at`, no earlier than that of what it checked."""
    if call.operation == TIME_TO_LIVE:
        return  # it writes nothing that could have an instant
    instants = {event.after["at"] for event in call.events if event.after}
    assert len(instants) == 1, f"one transaction, several instants: {sorted(instants)}"
    assert max(call.checked_at, default=0) <= min(instants), "a checked record is later than the transaction"


def nothing_hidden(history: History, call: Call) -> None:
    """No unit lies on a shard that the directory does not cover (else `never_falsely_refused` could not hold)."""
    touched = {shard.key for _, shard in call.shards}
    for directory in call.directories:
        touched.update(key for key in history.shards if key.item == directory.item)
    for key in touched:
        entry = history.directories[key.item].warehouses.get(key.warehouse)
        covered = entry is not None and key.number < entry.shards
        assert covered or history.shards[key].on_hand == 0, f"{history.shards[key]} is not in the directory"


def true_time(_history: History, call: Call) -> None:
    """What is written at once carries the true time, as far as a clock may be off."""
    for event in call.events:
        assert event.after is not None
        assert abs(event.after["at"] - call.now_ms) <= CLOCK_BOUND_MS, f"{event.key} was written by a wrong clock"


EVERY_CALL: tuple[Callable[[History, Call], None], ...] = (
    never_oversold,
    resolved_once,
    expiry_exact,
    settled_once,
    held_matches_holds,
    stock_conserved,
    gapless,
    atomic_instant,
    nothing_hidden,
)


def never_falsely_refused(history: History, refusal: InsufficientStock, answered_ms: int) -> None:
    """At some instant, at most 1 s before the answer, there was less than was wanted."""
    lowest = history.lowest((refusal.item, refusal.warehouse), answered_ms - REFUSAL_AGE_MAX_MS)
    assert lowest < refusal.wanted, f"refused {refusal.wanted}, but there were never fewer than {lowest}"


def archive_complete(history: History, database: SimulatedDynamoDB, tables: Tables) -> None:
    """The events, folded, give the tables; and each began where the one before had ended."""
    records: dict[tuple[str, str], Record] = {}
    for call in history.calls:
        for event in call.events:
            known = records.get((event.table, event.key))
            assert known == event.before, f"an event of {event.key} is missing"
            if event.after is not None:
                records[(event.table, event.key)] = event.after
            else:
                del records[(event.table, event.key)]
    for table in (tables.stock, tables.holds, tables.adjustments):
        stored = [record for record in map(decode, database.items(table)) if not _is_foreign(record, history)]
        folded = history.folded(table)
        assert len(stored) == len(folded), f"{table} has {len(stored)} records, its events make {len(folded)}"
        assert all(record in folded.values() for record in stored), f"{table} is not what its events make it"


def everything_settles(holds: Iterable[Hold], open_records: Iterable[Record]) -> None:
    """No hold is left unsettled, none past its time unresolved, and nothing stands among the unfinished."""
    unsettled = [hold.id for hold in holds if hold.settlement is None]
    assert not unsettled, f"unsettled: {unsettled}"
    left = [record["hold_id"] for record in open_records if "open" in record or "due" in record]
    assert not left, f"settled, but still open: {left}"


def _outlived(event: Event, call: Call) -> bool:
    """Whether a record was removed by TTL, and its time was over."""
    ttl_s = (event.before or {}).get("ttl")
    return call.operation == TIME_TO_LIVE and ttl_s is not None and int(ttl_s) * 1000 <= call.now_ms


def _is_foreign(record: Record, history: History) -> bool:
    keys = (record.get(name) for name in ("stock_id", "hold_id", "adjustment_id"))
    return any(key in history.foreign for key in keys)


def _reserved(hold: Hold) -> list[tuple[object, ...]]:
    return [(line.item, line.warehouse, line.quantity, line.drawn) for line in hold.lines]


def _ending(hold: Hold) -> tuple[object, ...]:
    return hold.status, hold.lines, hold.resolution, hold.expires_at, hold.metadata
