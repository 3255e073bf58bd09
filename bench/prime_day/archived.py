"""What the archive holds: events, and the objects that they come in."""

from bench.prime_day.assumptions import (
    BATCH_EVENTS,
    BATCH_WINDOW_S,
    EVENTS_PER_SALE,
    HOURS,
    REMOVALS_PER_SALE,
    SALES,
    STREAM_SHARDS,
)


def archived_events() -> float:
    """How many there are in the end: those of the sales, and their holds' removals."""
    return SALES * (EVENTS_PER_SALE + REMOVALS_PER_SALE)


def archived_objects(window_s: float = BATCH_WINDOW_S) -> float:
    """At most: those of the sales, and of their removals from the Holds table, over as many hours again."""
    removals = _batches(SALES * REMOVALS_PER_SALE, STREAM_SHARDS / 2, window_s)
    return sold_objects(window_s) + removals


def sold_objects(window_s: float = BATCH_WINDOW_S) -> float:
    """At most: those of the sales alone."""
    return _batches(SALES * EVENTS_PER_SALE, STREAM_SHARDS, window_s)


def _batches(events: float, shards: float, window_s: float) -> float:
    """At most: each ends because it is full, or because its window is over."""
    return events / BATCH_EVENTS + shards / window_s * HOURS * 3600
