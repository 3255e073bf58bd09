"""What must be true when the faults have stopped and time has passed: in the tables, the archive and the projection."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator

from inventory.domain.events import KEY_OF, Event, Source, record_key
from inventory.domain.holds import Status
from inventory.history.fold import EventsDiffer
from inventory.storage.availability_records import availability_from
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import hold_from
from simulation.service import Service
from support import invariants
from support.folding import EventMissing, fold


def check_the_end(service: Service) -> None:
    """Judges the end of a run.

    Raises:
        Violation: Something has not settled, is not in the archive, or readers do not see it.
    """
    holds = list(_records(service, service.tables.holds))
    service.judged(invariants.everything_settles, map(hold_from, holds), holds)
    service.judged(in_good_time, service)
    service.judged(invariants.archive_complete, service.history, service.database, service.tables)
    service.judged(archive_complete, service)
    service.judged(projection_complete, service)


def archive_complete(service: Service) -> None:
    """What the archiver wrote, folded, is the tables."""
    events = _archived(service)
    for table, source in service.sources.items():
        try:
            folded = fold(events[source])
        except (EventMissing, EventsDiffer) as error:
            raise AssertionError(f"{source}: {error}") from error
        key_name = KEY_OF[source]
        stored = {str(record[key_name]): record for record in _records(service, table)}
        assert folded == stored, f"the archive's {source} are not those of the table"
    ends = [event for source in Source for event in events[source] if "by" in event]
    told = {(record_key(event), event["by"], event.get("settled")) for event in ends}
    removed = {(hold["hold_id"], "ttl", True) for hold in service.history.removed}
    assert told == removed, f"the archive tells of the removals {told}, there were {removed}"


def _archived(service: Service) -> dict[Source, list[Event]]:
    """What the archiver wrote, but for what somebody else's records made it write."""
    events: dict[Source, list[Event]] = {source: [] for source in Source}
    for key, body in service.objects.items():
        told = map(json.loads, gzip.decompress(body).splitlines())
        own = (event for event in told if record_key(event) not in service.history.foreign)
        events[Source(key.split("/")[1])] += own
    return events


def in_good_time(service: Service) -> None:
    """Holds were settled soon after their end, where the circumstances allow it."""
    setting, ended_ms = service.setting, {}
    for call in service.history.calls:
        for before, after in call.holds:
            if after is None or before is None:
                continue
            if before.status is Status.ACTIVE and after.status is not Status.ACTIVE:
                ended_ms[after.id] = call.now_ms
            if after.settlement is not None and setting.settled_within_s is not None:
                late_s = (call.now_ms - ended_ms[after.id]) / 1000
                assert late_s <= setting.settled_within_s, f"everything_settles: {after.id} settled {late_s} s late"


def projection_complete(service: Service) -> None:
    """Readers see what the shards say."""
    seen = {
        (each.item, each.warehouse): (each.available, each.held, each.shard_count)
        for each in map(availability_from, _records(service, service.tables.availability))
    }
    available: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for shard in service.history.shards.values():
        available[shard.key.item, shard.key.warehouse] += shard.available
        held[shard.key.item, shard.key.warehouse] += shard.held
    told = {
        (directory.item, name): (available[directory.item, name], held[directory.item, name], entry.shards)
        for directory in service.history.directories.values()
        for name, entry in directory.warehouses.items()
    }
    assert seen == told, f"the projection has {seen}, the shards {told}"


def _records(service: Service, table: str) -> Iterator[Record]:
    """A table, but for what somebody else wrote there."""
    foreign = service.history.foreign
    return (
        record
        for record in map(decode, service.database.items(table))
        if foreign.isdisjoint(str(value) for name, value in record.items() if name.endswith("_id"))
    )
