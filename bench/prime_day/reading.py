"""What it takes to read the live tables, for a snapshot or an audit, and to hold them against the fold."""

from math import ceil

from bench.figures import Figure
from bench.prime_day.assumptions import (
    AUDIT_SCAN_RECORDS_PER_S,
    AUDIT_SCANS_AT_ONCE,
    BUCKETS,
    COUNTER_SEGMENTS,
    DOWNLOAD_BYTES_PER_S,
    GB,
    GET_ALONE_S,
    GET_S,
    HOLD_BYTES,
    LAMBDA_GB_S,
    LIVE_BYTES,
    LIVE_COUNTER_BYTES,
    LIVE_HOLD_BYTES,
    READ_UNIT,
    SALES,
    SCAN_PAGE_BYTES,
    SCAN_PAGE_S,
    SCAN_RECORDS_PER_S,
    SCAN_SEGMENTS,
    SCANNED_TABLES,
    SCANS_AT_ONCE,
    SEAL_S_PER_COUNTER,
    SEAL_S_PER_HOLD,
    SEALS_AT_ONCE,
)


def scan() -> list[Figure]:
    """What it takes to read the live tables, for a snapshot and for an audit."""
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


def snapshot_scan_s() -> float:
    """How long a snapshot reads live tables: in rounds."""
    return ceil(SCAN_SEGMENTS / SCANS_AT_ONCE) * _segment_s(scan_bytes_per_s())


def audit_scan_s() -> float:
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


def seal_s() -> float:
    """How many seconds the seal takes: all buckets' tasks, as many at once as work, and what reads their results."""
    return BUCKETS * _sealed_bucket_s() / SEALS_AT_ONCE + 3 * BUCKETS * GET_ALONE_S


def _sealed_bucket_s() -> float:
    """The same of one bucket's task."""
    holds = SALES / BUCKETS
    return holds * (SEAL_S_PER_HOLD + LIVE_HOLD_BYTES / DOWNLOAD_BYTES_PER_S) + SCANNED_TABLES * SCAN_SEGMENTS * GET_S


def seal() -> list[Figure]:
    """What it takes to hold all live records against the fold."""
    files = SCANNED_TABLES * SCAN_SEGMENTS * BUCKETS
    counters = 100e6 / BUCKETS * (SEAL_S_PER_COUNTER + LIVE_COUNTER_BYTES / DOWNLOAD_BYTES_PER_S)
    counters_s = counters + SCANNED_TABLES * COUNTER_SEGMENTS * GET_S
    return [
        Figure("seal, at the end: downloaded", SALES * LIVE_HOLD_BYTES / 1e9, "GB", note="19.7 bytes a hold"),
        Figure("seal: files", files, note="one for each table, segment and bucket, whatever is in it"),
        Figure("seal: seconds by the clock", seal_s(), note="most of them to read results one by one"),
        Figure("seal: minutes of a bucket", _sealed_bucket_s() / 60, "", 15, note="the download's speed is assumed"),
        Figure("seal, 100 million counters: seconds of a bucket", counters_s, "", 900, note="at most"),
    ]
