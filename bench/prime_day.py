"""The arithmetic of docs/capacity.md: 300 million sales in two days, at list prices. Nothing is measured here."""

from typing import Final

from bench.figures import Figure, Section

from inventory.history.plan import first_read_ms

# What happens
SALES: Final = 300_000_000
HOURS: Final = 48
PEAK_SALES_PER_S: Final = 6_000
EVENTS_PER_SALE: Final = 4.2  # measured mix: `make bench ONLY=rebuild`
REMOVALS_PER_SALE: Final = 1  # TTL's, of the settled hold 35 days later, is archived, too
ARCHIVED_BYTES: Final = 44  # an event, as measured there
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
HOLD_BYTES: Final = 450
LIVE_BYTES: Final = {
    "stock": 5_000_000 * 300,
    "holds": SALES * HOLD_BYTES,
}  # settled holds stay KEPT_AFTER_SETTLEMENT_S
SCAN_SEGMENTS: Final = 40  # ScanSegments, raised for it
SCANS_AT_ONCE: Final = 24  # MaxConcurrency of the snapshot's Scan; the audit's has 16
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
GB: Final = {"columnar": 1.769, "scan": 1.024, "archiver": 1.024, "collector": 1.024, "api": 1.024, "streams": 1.024}

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
        (*_archive(), *_snapshot(), *_rebuild(), *_scan(), *_seal(), *_service(), *_functions()),
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


def _work(events: float, objects: float) -> tuple[float, float, float]:
    """Map tasks, their and the reducers' seconds of CPU, and dollars."""
    tasks = objects / TASK_OBJECTS
    seconds = events * (MAP_S_PER_EVENT + REDUCE_S_PER_EVENT) + objects * GET_S
    calls = tasks + 2 * BUCKETS
    parts = tasks * BUCKETS * 2  # events, and what is later
    requests = objects * GET + parts * (PUT + GET) + tasks * (BUCKETS * GET + 2 * PUT)  # and what tells of them
    return tasks, seconds, seconds * GB["columnar"] * LAMBDA_GB_S + calls * (LAMBDA_CALL + 3 * TRANSITION) + requests


def _snapshot() -> list[Figure]:
    base_ms = HOUR_MS  # any hour, on the hour
    read_from_ms = first_read_ms(base_ms) // HOUR_MS * HOUR_MS
    hours = (base_ms + HOUR_MS + SNAPSHOT_STARTS_MS - read_from_ms) / HOUR_MS
    events, objects = (total * hours / HOURS for total in (SALES * EVENTS_PER_SALE, _objects()))
    tasks, seconds, dollars = _work(events, objects)
    return [
        Figure("hourly snapshot: events read", events / 1e6, "million", note=f"{hours:.2f} hours of the archive"),
        Figure("hourly snapshot: map tasks", tasks, "", note=f"and 2 × {BUCKETS} reduce tasks"),
        Figure("hourly snapshot: CPU", seconds / 60, "minutes", note="of many functions at once"),
        Figure("hourly snapshot: dollars without the scan", dollars, "$", note=f"{dollars * HOURS:.0f} $ for all 48"),
    ]


def _rebuild() -> list[Figure]:
    tasks, seconds, dollars = _work(_archived_events(), _archived_objects())
    listed_s = _archived_objects() / 1000 * LIST_S
    return [
        Figure("full rebuild of both days: map tasks", tasks, ""),
        Figure("Plan lists the whole archive: minutes", listed_s / 60, "", 15, note="in one function"),
        Figure(
            "full rebuild: CPU", seconds / 3600, "hours", note=f"{seconds / 1000 / 60:.0f} minutes at 1,000 functions"
        ),
        Figure("full rebuild: dollars", dollars, "$", note="an audit from the first event costs about the same again"),
    ]


def _scan() -> list[Figure]:
    read = sum(LIVE_BYTES.values())
    seconds = read / scan_bytes_per_s()
    a_segment_s = max(LIVE_BYTES.values()) / scan_bytes_per_s() / SCAN_SEGMENTS
    audited_s = max(LIVE_BYTES.values()) / audited_bytes_per_s() / SCAN_SEGMENTS
    holds_at_most = audited_bytes_per_s() * 900 / HOLD_BYTES
    audit_dollars = read / 4096 * READ_UNIT + read / audited_bytes_per_s() * GB["columnar"] * LAMBDA_GB_S
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


def scan_bytes_per_s() -> float:
    """What one function reads: a page is answered, then looked at, by the share of a CPU that its memory brings."""
    return _page_bytes_per_s(SCAN_RECORDS_PER_S * GB["scan"] / GB["columnar"])


def audited_bytes_per_s() -> float:
    """The same of an audit's function, which has a whole CPU."""
    return _page_bytes_per_s(AUDIT_SCAN_RECORDS_PER_S)


def _page_bytes_per_s(records_per_s: float) -> float:
    return SCAN_PAGE_BYTES / (SCAN_PAGE_S + SCAN_PAGE_BYTES / HOLD_BYTES / records_per_s)


def _seal() -> list[Figure]:
    seconds = SALES * (SEAL_S_PER_HOLD + LIVE_HOLD_BYTES / DOWNLOAD_BYTES_PER_S)
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
