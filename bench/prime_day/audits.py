"""What audits take: an hour's at the end of the two days, and one from the first event."""

from math import ceil
from typing import NamedTuple

from bench.figures import Figure
from bench.prime_day.archived import archived_events, archived_objects
from bench.prime_day.assumptions import (
    ARCHIVED_DAYS,
    AUDIT_BUCKET_S_PER_EVENT,
    AUDIT_BUCKETS_AT_ONCE,
    AUDIT_FILES_AT_ONCE,
    AUDIT_LIVE_FILES,
    AUDIT_MINUTES_MAX,
    AUDIT_READ_S_PER_EVENT,
    AUDIT_READS_AT_ONCE,
    AUDIT_S_PER_LIVE_HOLD,
    AUDIT_STEPS,
    BUCKETS,
    COUNTERS,
    DOWNLOAD_BYTES_PER_S,
    EVENTS_PER_SALE,
    FILES_PER_BUCKET,
    GB,
    GET,
    GET_S,
    HASHED_BYTES_PER_S,
    HASHED_FILE_S,
    HOURS,
    LAMBDA_GB_S,
    LEDGER_FILE_S,
    LINK_S,
    LIST_S,
    MANIFEST_S,
    PUT,
    SALES,
    SCAN_SEGMENTS,
    SCANNED_TABLES,
    SEALED_COUNTER_BYTES,
    SEALED_LEDGER_BYTES,
    SNAPSHOT_STARTS_MS,
    SOURCES,
    TASK_OBJECTS,
    YEAR_HOURS,
)
from bench.prime_day.history import called, hours_read, of_hours, work_of
from bench.prime_day.reading import audit_scan_s, seal_s, snapshot_scan_s


class _Audit(NamedTuple):
    """What an audit takes beside its scan: as `Work`, with the files that its parts hand to each other."""

    tasks: float
    cpu_s: float
    minutes: float
    dollars: float
    written: float
    files: "_Files"


class _Files(NamedTuple):
    """What hashing sealed files takes: how many, their bytes, and minutes with as many at once as work."""

    number: float
    size: float
    cpu_s: float
    minutes: float


def _hashed(manifests: float, events: float) -> _Files:
    count = manifests * FILES_PER_BUCKET * BUCKETS
    size = manifests * COUNTERS * SEALED_COUNTER_BYTES + events * SEALED_LEDGER_BYTES
    seconds = manifests * LINK_S + count * (GET_S + HASHED_FILE_S)
    seconds += size * (1 / DOWNLOAD_BYTES_PER_S + 1 / HASHED_BYTES_PER_S)
    return _Files(count, size, seconds, seconds / AUDIT_FILES_AT_ONCE / 60)


def _audit(events: float, objects: float, folders: int, ledgers: float, files: _Files, manifests: float) -> _Audit:
    """An audit that reads so many events, and compares them with the ledgers of so many manifests.

    Its functions have one thread for DuckDB: what they wait and reckon is paid with all their memory.
    """
    reads = objects / TASK_OBJECTS + folders / 2  # each folder's last task is half empty
    list_s = objects / 1000 * LIST_S
    read_s = events * AUDIT_READ_S_PER_EVENT + objects * GET_S
    live_s = SALES * AUDIT_S_PER_LIVE_HOLD
    parts = 2 * BUCKETS
    ledger_files = parts * ledgers  # one of each for each part
    bucket_s = events * AUDIT_BUCKET_S_PER_EVENT + live_s + ledger_files * (GET_S + LEDGER_FILE_S)
    alone_s = manifests * (MANIFEST_S + 2 * GET_S)  # Begin reads them; Chain and Report, what was found of each
    tasks = folders + reads + parts + manifests
    lines, claims, live = reads * BUCKETS, 2 * BUCKETS**2, SCAN_SEGMENTS * AUDIT_LIVE_FILES * BUCKETS
    written = lines + claims + live
    requests = written * (PUT + GET) + (objects + files.number + ledger_files) * GET + manifests * 9 * PUT
    seconds = list_s + read_s + bucket_s + files.cpu_s + alone_s
    started = called(tasks + SCANNED_TABLES * SCAN_SEGMENTS + AUDIT_STEPS)
    mapped_s = list_s / folders + read_s / AUDIT_READS_AT_ONCE + bucket_s / AUDIT_BUCKETS_AT_ONCE
    minutes = (mapped_s + alone_s) / 60 + files.minutes
    dollars = seconds * GB["audit"] * LAMBDA_GB_S + started + requests
    return _Audit(tasks, seconds, minutes, dollars, written, files)


def audits() -> list[Figure]:
    """An hour's audit at the end of the two days, and one from the first event; each looks at all live records."""
    scan_s = audit_scan_s()
    snapshot_s = snapshot_scan_s() + seal_s() + work_of(*of_hours(hours_read(SNAPSHOT_STARTS_MS))).minutes * 60
    hours = hours_read(SNAPSHOT_STARTS_MS + (snapshot_s + scan_s) * 1000)
    events, objects = of_hours(hours)
    hourly = _audit(events, objects, SOURCES * ceil(hours), 3, _hashed(2, 2 * SALES * EVENTS_PER_SALE / HOURS), 2)
    full, year = (
        _audit(
            archived_events(), archived_objects(), SOURCES * ARCHIVED_DAYS, manifests,
            _hashed(manifests, SALES * EVENTS_PER_SALE), manifests,
        )
        for manifests in (HOURS, YEAR_HOURS)
    )  # fmt: skip
    a_manifest = (year.minutes - full.minutes) / (YEAR_HOURS - HOURS)
    fitting = HOURS + (AUDIT_MINUTES_MAX - full.minutes - scan_s / 60) / a_manifest
    scans = f"and {SCANNED_TABLES} × {SCAN_SEGMENTS} of Scan"
    scanned = f"{scan_s / 60:.0f} of them the scan"
    return [
        Figure(
            "hourly audit: events read", events / 1e6, "million", note=f"{hours:.2f} hours of the archive, at the end"
        ),
        Figure("hourly audit: Read tasks", objects / TASK_OBJECTS, note=f"of {SOURCES * ceil(hours)} folders"),
        Figure("hourly audit: tasks", hourly.tasks, note=f"{scans}; 2 × {BUCKETS} of Holds and Items, 2 of Files"),
        Figure("hourly audit: CPU without the scan", hourly.cpu_s / 60, "minutes"),
        Figure("hourly audit: files between its parts", hourly.written, note="under partials/, gone after 7 days"),
        Figure("hourly audit: minutes by the clock", hourly.minutes + scan_s / 60, note=scanned),
        Figure("hourly audit: dollars without the scan", hourly.dollars, "$"),
        Figure("hourly audits: dollars of all 48 without scans", hourly.dollars * HOURS, "$", note="at most"),
        Figure("full audit of both days: tasks", full.tasks, note=f"{scans}; one of Files for each manifest"),
        Figure("full audit: CPU without the scan", full.cpu_s / 3600, "hours"),
        Figure("full audit: files between its parts", full.written / 1e6, "million"),
        Figure("full audit: minutes by the clock", full.minutes + scan_s / 60, "", AUDIT_MINUTES_MAX, note=scanned),
        Figure("full audit: dollars without the scan", full.dollars, "$"),
        Figure("full audit: sealed files", full.files.number, note="a GET each"),
        Figure("full audit: sealed files' size", full.files.size / 1e9, "GB"),
        Figure("full audit: hashing, minutes by the clock", full.files.minutes, note=f"{AUDIT_FILES_AT_ONCE} at once"),
        Figure("full audit: hourly snapshots that fit", fitting / YEAR_HOURS, "years", note=f"{BUCKETS} buckets"),
        Figure("… of a year of hourly snapshots: sealed files", year.files.number / 1e6, "million"),
        Figure("… of a year: sealed files' size", year.files.size / 1e12, "TB"),
        Figure("… of a year: hashing, minutes by the clock", year.files.minutes),
        Figure("… of a year: minutes in which Begin reads manifests", YEAR_HOURS * MANIFEST_S / 60, "", 15),
        Figure("… of a year: seconds in which Chain follows them", YEAR_HOURS * GET_S, "", 900),
        Figure("… of a year: seconds in which a bucket takes ledgers", YEAR_HOURS * (GET_S + LEDGER_FILE_S), "", 900),
        Figure("… of a year: seconds in which Report reads parts", (YEAR_HOURS + 2 * BUCKETS) * GET_S, "", 300),
        Figure("… of a year: minutes by the clock", year.minutes + scan_s / 60, "", AUDIT_MINUTES_MAX, note=scanned),
        Figure("… of a year: dollars without the scan", year.dollars, "$", note="with no sales but these"),
    ]
