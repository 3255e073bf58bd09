"""Everything that the streams of a world tell, as functions would receive it, kept beside what flows."""

from collections.abc import Mapping
from typing import Any

from inventory.domain.events import Event, Source, event_of
from inventory.storage.codec import decode
from support.world import World

StreamRecord = Mapping[str, Any]


class Tape:
    """Records a world's three archived streams from now on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tables = {
            Source.STOCK: world.tables.stock,
            Source.HOLDS: world.tables.holds,
            Source.ADJUSTMENTS: world.tables.adjustments,
        }
        self.records: list[tuple[Source, StreamRecord]] = []
        for source, table in self.tables.items():
            self._listen(source, table)

    def _listen(self, source: Source, table: str) -> None:
        stream = self.world.database.stream(table)
        append = stream.append

        def listening(keys: Any, old: Any, new: Any, position: int, now: float) -> None:
            append(keys, old, new, position, now)
            shard = stream._shards[position % len(stream._shards)]
            self.records.append((source, stream._record(shard[-1])))

        stream.append = listening  # type: ignore[method-assign]

    def of(self, source: Source) -> list[StreamRecord]:
        """One stream, in its order."""
        return [record for told, record in self.records if told is source]

    def events(self, source: Source) -> list[Event]:
        """One stream's events, in its order."""
        return [told_event(source, record) for record in self.of(source)]

    def instants(self) -> list[int]:
        """Every `at` that anything happened at."""
        return sorted({event["at"] for source in Source for event in self.events(source)})


def told_event(source: Source, record: StreamRecord) -> Event:
    """The event that a stream's record tells of."""
    stream_ms = round(record["dynamodb"]["ApproximateCreationDateTime"] * 1000)
    return event_of(source, *images(record), stream_ms=stream_ms, by_ttl="userIdentity" in record)


def images(record: StreamRecord) -> tuple[Any, Any]:
    """A stream record's images before and after."""
    told = record["dynamodb"]
    return tuple(decode(told[name]) if name in told else None for name in ("OldImage", "NewImage"))  # type: ignore[return-value]
