"""The arithmetic of docs/capacity.md: 300 million sales in two days, at list prices. Nothing is measured here.

How many functions work at once, and with how much memory, is read from the state machines and the template.
"""

import json
from math import ceil
from pathlib import Path
from typing import Final, NamedTuple

from bench.figures import Figure, Section

from inventory.history.plan import first_read_ms
from support.template import load_template, properties

_MACHINES: Final = Path(__file__).parents[1] / "statemachines"


def _at_once(machine: str, state: str) -> int:
    """How many functions of a map work at once."""
    told = json.loads((_MACHINES / f"{machine}.asl.json").read_text(encoding="utf-8"))
    return int(told["States"][state]["MaxConcurrency"])


def _gb(function: str) -> float:
    """A function's memory in GB, as it is paid for."""
    usual = load_template()["Globals"]["Function"]["MemorySize"]
    return int(properties(function).get("MemorySize", usual)) / 1024


# What happens
SALES: Final = 300_000_000
HOURS: Final = 48
PEAK_SALES_PER_S: Final = 6_000
EVENTS_PER_SALE: Final = 4.2  # measured mix: `make bench ONLY=rebuild`
REMOVALS_PER_SALE: Final = 1  # TTL's, of the settled hold 35 days later, is archived, too
ARCHIVED_BYTES: Final = 45.8  # an event, as measured there
READS: Final = 11_600 * 3_600 * HOURS
WRITE_UNITS_PER_SALE: Final = 9.2  # `make bench ONLY=units`

# How it is cut
COLLECTED_BYTES: Final = 350  # a hold's record on the collecting stream; each counts as 1 KB when it goes in
COLLECTING_LANES: Final = 100  # 10 shards of it, 10 batches at once of each, a batch a second
STREAM_SHARDS: Final = 80  # 40 of the Holds table, 40 of the Stock table: as many as their partitions at the peak
BATCH_WINDOW_S: Final = 20  # ArchiveWindowSeconds, raised for it
DEFAULT_WINDOW_S: Final = 2
BATCH_EVENTS: Final = 1_000
BUCKETS: Final = 256  # HistoryBuckets, raised for it
TASK_OBJECTS: Final = 500
FILES_PER_BUCKET: Final = 7  # of a manifest: snapshots, holds, two of the ledger, three of the state
HOLD_BYTES: Final = 450
COUNTERS: Final = 5_000_000
SOURCES: Final = 3  # folders of the archive: stock, holds, adjustments
ARCHIVED_DAYS: Final = 4  # the two days, and those on which TTL removes the holds
LIVE_BYTES: Final = {
    "stock": COUNTERS * 300,
    "holds": SALES * HOLD_BYTES,
}  # settled holds stay KEPT_AFTER_SETTLEMENT_S
SCAN_SEGMENTS: Final = 40  # ScanSegments, raised for it
SCANNED_TABLES: Final = 3
SCANS_AT_ONCE: Final = _at_once("snapshot", "Scan")
MAPS_AT_ONCE: Final = _at_once("snapshot", "Map")
REDUCES_AT_ONCE: Final = _at_once("snapshot", "ReduceHolds")
AUDIT_SCANS_AT_ONCE: Final = _at_once("audit", "Scan")
AUDIT_READS_AT_ONCE: Final = _at_once("audit", "Read")
AUDIT_BUCKETS_AT_ONCE: Final = _at_once("audit", "Holds")
AUDIT_FILES_AT_ONCE: Final = _at_once("audit", "Files")
AUDIT_MINUTES_MAX: Final = json.loads((_MACHINES / "audit.asl.json").read_text(encoding="utf-8"))["TimeoutSeconds"] / 60
AUDIT_STEPS: Final = 5  # functions that work alone: Begin, Folders, Tasks, Chain, Report
HOUR_MS: Final = 3_600_000
SNAPSHOT_STARTS_MS: Final = 3 * 60_000  # after the hour: SnapshotMachine's schedule

# What a function takes: seconds of one virtual CPU, at 1,769 MB
MAP_S_PER_EVENT: Final = 3.5e-6
REDUCE_S_PER_EVENT: Final = 3.5e-6
GET_S: Final = 0.03 / 8  # eight at once
LIST_S: Final = 0.17  # a page of 1,000 names of the archive, read and taken apart: measured
SCAN_RECORDS_PER_S: Final = 46_000  # `scan_segment` behind botocore with pages of 2,300 holds, measured
AUDIT_SCAN_RECORDS_PER_S: Final = 11_000  # the audit's, of all attributes, measured on a machine under load
SCAN_PAGE_BYTES: Final = 1_000_000
SCAN_PAGE_S: Final = 0.03  # until a page is answered: reckoned, not measured
ARCHIVER_S: Final = 0.15
COLLECTOR_S: Final = 0.2  # six tries of a transaction on a shard that is kept 80 % of the time
GB: Final = {
    "columnar": _gb("SnapshotFunction"),
    "scan": _gb("SnapshotScanFunction"),
    "audit": _gb("AuditFunction"),
    "audit scan": _gb("AuditScanFunction"),
    "archiver": _gb("ArchiverFunction"),
    "collector": _gb("CollectorFunction"),
    "api": _gb("HoldsFunction"),
    "streams": _gb("SettlerFunction"),
}

# An audit, measured once and roughly: 510,192 events in four buckets, in one process of a machine under load. Reading
# took 2.5 times the CPU of a snapshot's map there, and buckets 4.3 times that of its reducers: so is reckoned here.
AUDIT_READ_S_PER_EVENT: Final = 2.5 * MAP_S_PER_EVENT
AUDIT_BUCKET_S_PER_EVENT: Final = 4.3 * REDUCE_S_PER_EVENT
AUDIT_S_PER_LIVE_HOLD: Final = 12e-6  # read as JSON, and held against its events
AUDIT_LIVE_FILES: Final = 4  # of a segment of each table and a bucket: stock records come in two kinds
SEALED_COUNTER_BYTES: Final = 42  # in all files of a manifest
SEALED_LEDGER_BYTES: Final = 49  # an event
HASHED_BYTES_PER_S: Final = 850e6
HASHED_FILE_S: Final = 0.0025  # beside its bytes: how many rows it has
MANIFEST_S: Final = 0.03 + 0.013  # a GET, assumed, and taking apart the names of 1,792 files, measured
YEAR_HOURS: Final = 365 * 24

# The seal holds all live holds against the fold, bucket by bucket, in one function
LIVE_HOLD_BYTES: Final = 19.7  # of Parquet, as the scan leaves it; measured
SEAL_S_PER_HOLD: Final = 0.27e-6  # a bucket of 1.2 million live holds and 120,000 new ones, measured
DOWNLOAD_BYTES_PER_S: Final = 75e6  # from S3 into one function; assumed

# A request, by its function's duration and what it writes to the logs
SALE_S: Final = 0.05  # a place or an execute: docs/capacity.md reckons instances with the same
READ_S: Final = 0.01
STREAM_LANES: Final = (
    (4 + 2) * STREAM_SHARDS // 2
)  # settler and projector (ParallelizationFactor), were they busy all the time
SALE_LOG_BYTES: Final = 1_033  # in 5 lines, of which START, END and REPORT are Lambda's own; counted on the local stack
READ_LOG_BYTES: Final = 714  # in 4 lines
ACCESS_LOG_BYTES: Final = 600  # the stage's access log, with names and ids filled in
TRACED: Final = 0.05  # X-Ray's default rule, beside one request a second

# List prices, us-east-1, arm64
PUT: Final = 5.0e-6
GET: Final = 0.4e-6
LAMBDA_GB_S: Final = 13.3334e-6
LAMBDA_CALL: Final = 0.2e-6
TRANSITION: Final = 25e-6
WRITE_UNIT: Final = 0.625e-6
READ_UNIT: Final = 0.125e-6
LOG_GB: Final = 0.5  # CloudWatch Logs, ingestion of standard logs
TRACE: Final = 5e-6  # X-Ray, a trace recorded
KINESIS_HOUR: Final = 0.04
KINESIS_GB_IN: Final = 0.08
KINESIS_GB_OUT: Final = 0.04
REST_TIERS: Final = ((333e6, 3.5e-6), (667e6, 2.8e-6), (19e9, 2.38e-6), (float("inf"), 1.51e-6))
HTTP_TIERS: Final = ((300e6, 1e-6), (float("inf"), 0.9e-6))


def figures() -> Section:
    """Objects, tasks, minutes and dollars."""
    return Section(
        "Prime Day by arithmetic: 300 million sales in 48 hours",
        "List prices; sizes and seconds from the other benchmarks; docs/capacity.md says what to make of it.",
        (*_archive(), *_snapshot(), *_rebuild(), *_scan(), *_seal(), *_audits(), *_service(), *_functions()),
    )


def _archive() -> list[Figure]:
    events, objects = _archived_events(), _archived_objects()
    dollars = objects * (PUT + LAMBDA_CALL + ARCHIVER_S * GB["archiver"] * LAMBDA_GB_S)
    return [
        Figure("archive: events", events / 1e9, "billion", note="removals by TTL 35 days later among them"),
        Figure("archive: size", events * ARCHIVED_BYTES / 1e9, "GB"),
        Figure("archive: objects at most", objects / 1e6, "million", note=f"a window of {BATCH_WINDOW_S} s"),
        Figure("archive: objects at most, by default", _archived_objects(DEFAULT_WINDOW_S) / 1e6, "million"),
        Figure("archive: dollars", dollars, "$", note="requests and the archiver"),
    ]


class _Work(NamedTuple):
    """What map and reduce take: tasks, seconds of CPU, minutes with as many at once as work, and dollars."""

    tasks: float
    cpu_s: float
    minutes: float
    dollars: float


def _work(events: float, objects: float) -> _Work:
    tasks = objects / TASK_OBJECTS
    map_s, reduce_s = events * MAP_S_PER_EVENT + objects * GET_S, events * REDUCE_S_PER_EVENT
    calls = tasks + 2 * BUCKETS
    parts = tasks * BUCKETS
    requests = objects * GET + parts * (PUT + GET) + tasks * (BUCKETS * GET + 2 * PUT)  # and what tells of them
    minutes = (map_s / MAPS_AT_ONCE + reduce_s / REDUCES_AT_ONCE) / 60
    dollars = (map_s + reduce_s) * GB["columnar"] * LAMBDA_GB_S + _called(calls) + requests
    return _Work(tasks, map_s + reduce_s, minutes, dollars)


def _called(tasks: float) -> float:
    """What it costs that a map's tasks are started."""
    return tasks * (LAMBDA_CALL + 3 * TRANSITION)


def _hours_read(until_ms: float) -> float:
    """How many hours of the archive are read for an hour: whole ones, from that of 15 minutes before its beginning.

    Args:
        until_ms: When it is listed, after the end of the hour.
    """
    base_ms = HOUR_MS  # any hour, on the hour
    return (base_ms + HOUR_MS + until_ms - first_read_ms(base_ms) // HOUR_MS * HOUR_MS) / HOUR_MS


def _of_hours(hours: float) -> tuple[float, float]:
    """Events and objects of so many hours of the two days."""
    return SALES * EVENTS_PER_SALE * hours / HOURS, _objects() * hours / HOURS


def _snapshot() -> list[Figure]:
    hours = _hours_read(SNAPSHOT_STARTS_MS)
    events, objects = _of_hours(hours)
    work = _work(events, objects)
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


def _rebuild() -> list[Figure]:
    work = _work(_archived_events(), _archived_objects())
    listed_s = _archived_objects() / 1000 * LIST_S
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


class _Audit(NamedTuple):
    """What an audit takes beside its scan: as `_Work`, with the files that its parts hand to each other."""

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
    seconds = count * (GET_S + HASHED_FILE_S) + size * (1 / DOWNLOAD_BYTES_PER_S + 1 / HASHED_BYTES_PER_S)
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
    bucket_s = events * AUDIT_BUCKET_S_PER_EVENT + live_s + parts * ledgers * (MANIFEST_S + GET_S)
    tasks = folders + reads + parts + manifests
    lines, claims, live = reads * BUCKETS, 2 * BUCKETS**2, SCAN_SEGMENTS * AUDIT_LIVE_FILES * BUCKETS
    written = lines + claims + live
    requests = written * (PUT + GET) + (objects + files.number + parts * 2 * ledgers) * GET
    seconds = list_s + read_s + bucket_s + files.cpu_s
    started = _called(tasks + SCANNED_TABLES * SCAN_SEGMENTS + AUDIT_STEPS)
    minutes = (list_s / folders + read_s / AUDIT_READS_AT_ONCE + bucket_s / AUDIT_BUCKETS_AT_ONCE) / 60 + files.minutes
    dollars = seconds * GB["audit"] * LAMBDA_GB_S + started + requests
    return _Audit(tasks, seconds, minutes, dollars, written, files)


def _audits() -> list[Figure]:
    """An hour's audit at the end of the two days, and one from the first event; each looks at all live records."""
    scan_s = _audit_scan_s()
    snapshot_s = _snapshot_scan_s() + _seal_s() + _work(*_of_hours(_hours_read(SNAPSHOT_STARTS_MS))).minutes * 60
    hours = _hours_read(SNAPSHOT_STARTS_MS + (snapshot_s + scan_s) * 1000)
    events, objects = _of_hours(hours)
    hourly = _audit(events, objects, SOURCES * ceil(hours), 3, _hashed(2, 2 * SALES * EVENTS_PER_SALE / HOURS), 2)
    full, year = (
        _audit(
            _archived_events(), _archived_objects(), SOURCES * ARCHIVED_DAYS, manifests,
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
        Figure("full audit: hourly snapshots that fit into its time", fitting / 24, "days", note=f"{BUCKETS} buckets"),
        Figure("… of a year of hourly snapshots: sealed files", year.files.number / 1e6, "million"),
        Figure("… of a year: sealed files' size", year.files.size / 1e12, "TB"),
        Figure("… of a year: hashing, minutes by the clock", year.files.minutes),
        Figure("… of a year: minutes in which a bucket reads manifests", YEAR_HOURS * MANIFEST_S / 60, "", 15),
        Figure("… of a year: dollars without the scan", year.dollars, "$", note="with no sales but these"),
    ]


def _scan() -> list[Figure]:
    read = sum(LIVE_BYTES.values())
    seconds = read / scan_bytes_per_s()
    a_segment_s = _segment_s(scan_bytes_per_s())
    audited_s = _segment_s(audited_bytes_per_s())
    holds_at_most = audited_bytes_per_s() * 900 / HOLD_BYTES
    audit_dollars = read / 4096 * READ_UNIT + read / audited_bytes_per_s() * GB["audit scan"] * LAMBDA_GB_S
    dollars = read / 4096 * READ_UNIT + seconds * GB["scan"] * LAMBDA_GB_S
    return [
        Figure("scan of the live tables, at the end", read / 1e9, "GB", note="settled holds are there until their TTL"),
        Figure("scan: a function's speed", scan_bytes_per_s() / 1e6, "MB/s", note="of holds"),
        Figure("scan: minutes", a_segment_s / 60, "", 15, note=f"a segment of {SCAN_SEGMENTS}; at most"),
        Figure("an audit's scan: minutes", audited_s / 60, "", 15, note="likewise"),
        Figure("an audit's scan: holds a segment", holds_at_most / 1e6, "million", note="at most"),
        Figure(
            "scan: read units a second", scan_bytes_per_s() * SCANS_AT_ONCE / 4096, note="a table has 40,000 by default"
        ),
        Figure("scan: dollars", dollars, "$", note="each snapshot"),
        Figure("an audit's scan: dollars", audit_dollars, "$", note="each audit"),
    ]


def _segment_s(bytes_per_s: float) -> float:
    """How long a segment of the largest table takes."""
    return max(LIVE_BYTES.values()) / bytes_per_s / SCAN_SEGMENTS


def _snapshot_scan_s() -> float:
    """How long a snapshot reads live tables: in rounds."""
    return ceil(SCAN_SEGMENTS / SCANS_AT_ONCE) * _segment_s(scan_bytes_per_s())


def _audit_scan_s() -> float:
    """The same of an audit."""
    return ceil(SCAN_SEGMENTS / AUDIT_SCANS_AT_ONCE) * _segment_s(audited_bytes_per_s())


def scan_bytes_per_s() -> float:
    """What one function reads: a page is answered, then looked at, by the share of a CPU that its memory brings."""
    return _page_bytes_per_s(SCAN_RECORDS_PER_S * GB["scan"] / GB["columnar"])


def audited_bytes_per_s() -> float:
    """The same of an audit's function, which has a whole CPU."""
    return _page_bytes_per_s(AUDIT_SCAN_RECORDS_PER_S)


def _page_bytes_per_s(records_per_s: float) -> float:
    return SCAN_PAGE_BYTES / (SCAN_PAGE_S + SCAN_PAGE_BYTES / HOLD_BYTES / records_per_s)


def _seal_s() -> float:
    return SALES * (SEAL_S_PER_HOLD + LIVE_HOLD_BYTES / DOWNLOAD_BYTES_PER_S)


def _seal() -> list[Figure]:
    seconds = _seal_s()
    return [
        Figure("seal, at the end: downloaded", SALES * LIVE_HOLD_BYTES / 1e9, "GB", note="a bucket at a time on disk"),
        Figure("seal: minutes", seconds / 60, "", 15, note="in one function; the download's speed is assumed; at most"),
    ]


def _functions() -> list[Figure]:
    """What runs for each request, and what it leaves behind."""
    writes, stream_s = 2 * SALES, STREAM_LANES * HOURS * 3600
    seconds = writes * SALE_S + READS * READ_S
    functions = seconds * GB["api"] * LAMBDA_GB_S + (writes + READS) * LAMBDA_CALL
    logged = writes * SALE_LOG_BYTES + READS * READ_LOG_BYTES
    accessed = (writes + READS) * ACCESS_LOG_BYTES
    return [
        Figure("Lambda, requests: dollars", functions, "$", note=f"{seconds * GB['api'] / 1e6:.0f} million GB-s"),
        Figure("Lambda, settler and projector: dollars at most", stream_s * GB["streams"] * LAMBDA_GB_S, "$"),
        Figure("functions' logs: dollars", logged / 1e9 * LOG_GB, "$", note=f"{logged / 1e12:.1f} TB"),
        Figure("access log: dollars", accessed / 1e9 * LOG_GB, "$", note=f"{accessed / 1e12:.1f} TB"),
        Figure("X-Ray: dollars", (writes + READS) * TRACED * TRACE, "$", note=f"{TRACED:.0%} of all requests"),
    ]


def _service() -> list[Figure]:
    requests = READS + 2 * SALES
    return [
        Figure("DynamoDB: write units/s at the peak", PEAK_SALES_PER_S * WRITE_UNITS_PER_SALE, note="both tables"),
        Figure("DynamoDB: dollars", SALES * WRITE_UNITS_PER_SALE * WRITE_UNIT, "$", note="sales only"),
        Figure("collecting: dollars", _collecting(), "$", note="were all sales of hot items"),
        Figure("API requests", requests / 1e9, "billion", note=f"{READS / 1e9:.1f} billion of them reads"),
        Figure("REST API: dollars", _tiered(requests, REST_TIERS), "$"),
        Figure("HTTP API: dollars", _tiered(requests, HTTP_TIERS), "$", note="what it would be: docs/adr/rest-api.md"),
    ]  # fmt: skip


def _collecting() -> float:
    kinesis = SALES * (1024 * KINESIS_GB_IN + COLLECTED_BYTES * KINESIS_GB_OUT) / 2**30 + HOURS * KINESIS_HOUR
    calls = COLLECTING_LANES * HOURS * 3600
    return kinesis + calls * (LAMBDA_CALL + COLLECTOR_S * GB["collector"] * LAMBDA_GB_S)


def _archived_events() -> float:
    return SALES * (EVENTS_PER_SALE + REMOVALS_PER_SALE)


def _archived_objects(window_s: float = BATCH_WINDOW_S) -> float:
    """At most: those of the sales, and of their removals from the Holds table, over as many hours again."""
    removals = _batches(SALES * REMOVALS_PER_SALE, STREAM_SHARDS / 2, window_s)
    return _objects(window_s) + removals


def _objects(window_s: float = BATCH_WINDOW_S) -> float:
    return _batches(SALES * EVENTS_PER_SALE, STREAM_SHARDS, window_s)


def _batches(events: float, shards: float, window_s: float) -> float:
    """At most: each ends because it is full, or because its window is over."""
    return events / BATCH_EVENTS + shards / window_s * HOURS * 3600


def _tiered(requests: float, tiers: tuple[tuple[float, float], ...]) -> float:
    dollars = 0.0
    for size, price in tiers:
        taken = min(requests, size)
        dollars += taken * price
        requests -= taken
    return dollars
