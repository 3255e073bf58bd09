"""What it takes to archive the sales, to take snapshots of them, and to rebuild one from the first event."""

from typing import NamedTuple

from bench.figures import Figure
from bench.prime_day.archived import archived_events, archived_objects, sold_objects
from bench.prime_day.assumptions import (
    ARCHIVED_BYTES,
    ARCHIVER_S,
    BATCH_WINDOW_S,
    BUCKETS,
    DEFAULT_WINDOW_S,
    EVENTS_PER_SALE,
    GB,
    GET,
    GET_S,
    HOUR_MS,
    HOURS,
    LAMBDA_CALL,
    LAMBDA_GB_S,
    LIST_S,
    MAP_S_PER_EVENT,
    MAPS_AT_ONCE,
    PUT,
    REDUCE_S_PER_EVENT,
    REDUCES_AT_ONCE,
    SALES,
    SNAPSHOT_STARTS_MS,
    TASK_OBJECTS,
    TRANSITION,
)

from inventory.history.plan import first_read_ms


def archive() -> list[Figure]:
    """What archiving the sales and their removals takes."""
    events, objects = archived_events(), archived_objects()
    dollars = objects * (PUT + LAMBDA_CALL + ARCHIVER_S * GB["archiver"] * LAMBDA_GB_S)
    return [
        Figure("archive: events", events / 1e9, "billion", note="removals by TTL 35 days later among them"),
        Figure("archive: size", events * ARCHIVED_BYTES / 1e9, "GB"),
        Figure("archive: objects at most", objects / 1e6, "million", note=f"a window of {BATCH_WINDOW_S} s"),
        Figure("archive: objects at most, by default", archived_objects(DEFAULT_WINDOW_S) / 1e6, "million"),
        Figure("archive: dollars", dollars, "$", note="requests and the archiver"),
    ]


class Work(NamedTuple):
    """What map and reduce take: tasks, seconds of CPU, minutes with as many at once as work, and dollars."""

    tasks: float
    cpu_s: float
    minutes: float
    dollars: float


def work_of(events: float, objects: float) -> Work:
    """What it takes to map and reduce so many events, which lie in so many objects."""
    tasks = objects / TASK_OBJECTS
    map_s, reduce_s = events * MAP_S_PER_EVENT + objects * GET_S, events * REDUCE_S_PER_EVENT
    calls = tasks + 2 * BUCKETS
    parts = tasks * BUCKETS
    requests = objects * GET + parts * (PUT + GET) + tasks * (BUCKETS * GET + 2 * PUT)  # and what tells of them
    minutes = (map_s / MAPS_AT_ONCE + reduce_s / REDUCES_AT_ONCE) / 60
    dollars = (map_s + reduce_s) * GB["columnar"] * LAMBDA_GB_S + called(calls) + requests
    return Work(tasks, map_s + reduce_s, minutes, dollars)


def called(tasks: float) -> float:
    """What it costs that a map's tasks are started."""
    return tasks * (LAMBDA_CALL + 3 * TRANSITION)


def hours_read(until_ms: float) -> float:
    """How many hours of the archive are read for an hour: whole ones, from that of 15 minutes before its beginning.

    Args:
        until_ms: When it is listed, after the end of the hour.
    """
    base_ms = HOUR_MS  # any hour, on the hour
    return (base_ms + HOUR_MS + until_ms - first_read_ms(base_ms) // HOUR_MS * HOUR_MS) / HOUR_MS


def of_hours(hours: float) -> tuple[float, float]:
    """Events and objects of so many hours of the two days."""
    return SALES * EVENTS_PER_SALE * hours / HOURS, sold_objects() * hours / HOURS


def snapshot() -> list[Figure]:
    """What an hourly snapshot takes, without reading the live tables."""
    hours = hours_read(SNAPSHOT_STARTS_MS)
    events, objects = of_hours(hours)
    work = work_of(events, objects)
    return [
        Figure("hourly snapshot: events read", events / 1e6, "million", note=f"{hours:.2f} hours of the archive"),
        Figure("hourly snapshot: map tasks", work.tasks, "", note=f"and 2 × {BUCKETS} reduce tasks"),
        Figure("hourly snapshot: CPU", work.cpu_s / 60, "minutes", note="of many functions at once"),
        Figure(
            "hourly snapshot: minutes by the clock",
            work.minutes,
            note="as many at once as may work; to start them comes on top",
        ),
        Figure("hourly snapshot: dollars without the scan", work.dollars, "$"),
        Figure("hourly snapshots: dollars of all 48 without scans", work.dollars * HOURS, "$"),
    ]


def rebuild() -> list[Figure]:
    """What a full rebuild of both days takes."""
    work = work_of(archived_events(), archived_objects())
    listed_s = archived_objects() / 1000 * LIST_S
    return [
        Figure("full rebuild of both days: map tasks", work.tasks, ""),
        Figure("Plan lists the whole archive: minutes", listed_s / 60, "", 15, note="in one function"),
        Figure("full rebuild: CPU", work.cpu_s / 3600, "hours"),
        Figure(
            "full rebuild: minutes by the clock",
            work.minutes,
            note=f"{MAPS_AT_ONCE} map tasks at once; to start them comes on top",
        ),
        Figure("full rebuild: dollars", work.dollars, "$"),
    ]
