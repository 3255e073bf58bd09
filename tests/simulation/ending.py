"""What must be true when the faults have stopped and time has passed: in the tables, the archive and the projection."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator

from inventory.domain.events import KEY_OF, Event, EventMissing, EventsDiffer, Source, fold
from inventory.storage.availability_records import availability_from
from inventory.storage.codec import Record, decode
from inventory.storage.hold_records import hold_from
from simulation.service import Service
from support import invariants


def check_the_end(service: Service) -> None:
    """Judges the end of a run.

    Raises:
        Violation: Something has not settled, is not in the archive, or readers do not see it.
    """
    holds = list(_records(service, service.tables.holds))
    service.judged(invariants.everything_settles, map(hold_from, holds), holds)
    service.judged(invariants.archive_complete, service.history, service.database, service.tables)
    service.judged(archive_complete, service)
    service.judged(projection_complete, service)


def archive_complete(service: Service) -> None:
    """What the archiver wrote, folded, is the tables."""
    events: dict[Source, list[Event]] = {source: [] for source in Source}
    for key, body in service.objects.items():
        events[Source(key.split("/")[1])] += map(json.loads, gzip.decompress(body).splitlines())
    for table, source in service.sources.items():
        try:
            folded = fold(events[source])
        except (EventMissing, EventsDiffer) as error:
            raise AssertionError(f"{source}: {error}") from error
        key_name = KEY_OF[source]
        stored = {str(record[key_name]): record for record in _records(service, table)}
        assert folded == stored, f"the archive's {source} are not those of the table"


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
    return map(decode, service.database.items(table))
