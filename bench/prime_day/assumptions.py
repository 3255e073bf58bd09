"""What the arithmetic assumes: 300 million sales in two days, sizes and seconds from the other benchmarks, list prices.

How many functions work at once, and with how much memory, is read from the state machines and the template.
"""

import json
from pathlib import Path
from typing import Final

from support.template import load_template, properties

_MACHINES: Final = Path(__file__).parents[2] / "statemachines"


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
SEALS_AT_ONCE: Final = _at_once("snapshot", "SealBuckets")
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
GET_ALONE_S: Final = 0.03
GET_S: Final = GET_ALONE_S / 8  # eight at once
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
LEDGER_FILE_S: Final = 0.0003  # to begin one of 8,760 small files in DuckDB, measured
MANIFEST_S: Final = 0.03 / 16 + 0.013  # sixteen GETs at once, and taking apart the names of 1,792 files, measured
#: One by itself: five folders listed, four more requests and KMS's answer, and its Merkle tree and form, measured.
LINK_S: Final = 10 * 0.03 + 0.03
YEAR_HOURS: Final = 365 * 24

# The seal holds all live holds against the fold, each bucket in a function of its own
LIVE_HOLD_BYTES: Final = 19.7  # of Parquet, as the scan leaves it; measured
SEAL_S_PER_HOLD: Final = 0.27e-6  # a bucket of 1.2 million live holds and 120,000 new ones, measured
LIVE_COUNTER_BYTES: Final = 25  # likewise
SEAL_S_PER_COUNTER: Final = 0.5e-6
COUNTER_SEGMENTS: Final = 128  # ScanSegments for 100 million counters
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
