"""docs/capacity.md prints what bench/prime_day reckons: who replaces a constant there changes the page, too."""

from math import floor, log10
from pathlib import Path

import pytest
from bench.prime_day import figures
from bench.prime_day.assumptions import (
    ARCHIVED_BYTES,
    AUDIT_BUCKET_S_PER_EVENT,
    AUDIT_READ_S_PER_EVENT,
    AUDIT_S_PER_LIVE_HOLD,
    BUCKETS,
    HOURS,
    MANIFEST_S,
    SEALED_LEDGER_BYTES,
    YEAR_HOURS,
)

PAGE = (Path(__file__).parents[3] / "docs/capacity.md").read_text(encoding="utf-8")
FIGURES = figures().figures
_TEN = 10
SCAN, AUDIT_SCAN = "scan: dollars", "an audit's scan: dollars"


def value(name: str) -> float:
    [found] = [figure.value for figure in FIGURES if figure.name == name]
    assert found is not None
    return found


def whole(name: str) -> str:
    return f"{value(name):,.0f}"


def about(name: str) -> str:
    """Two digits of it: 5,194 is 5,200."""
    exact = value(name)
    places = 1 - floor(log10(exact))
    return f"{round(exact, places):,.{max(places, 0)}f}"


def dollars(name: str) -> str:
    """Whole ones; below ten dollars the tenths, too."""
    exact = value(name)
    return f"${exact:,.0f}" if exact >= _TEN else f"${round(exact, 1):.2f}"


PRINTED = [
    ("| events | {} billion | 5.2 a sale", f"{value('archive: events'):.2f}"),
    ("| archive | {} GB | 45.8 bytes an event", whole("archive: size")),
    ("| objects of the archive | {} million at most |", about("archive: objects at most")),
    ("[{} million](#how-many-objects", whole("archive: objects at most, by default")),
    ("| **archive** | **{}** |", dollars("archive: dollars")),
    ("| an hourly snapshot reads | {} million events |", whole("hourly snapshot: events read")),
    ("| … in | {} map and 512 reduce tasks |", about("hourly snapshot: map tasks")),
    ("| … takes | {} minutes of CPU | less than one by the clock", whole("hourly snapshot: CPU")),
    ("| **48 hourly snapshots** | **{}** |", dollars("hourly snapshots: dollars of all 48 without scans")),
    (
        "| a full rebuild of both days | {} map and 512 reduce tasks, {} hours of CPU |",
        about("full rebuild of both days: map tasks"),
        about("full rebuild: CPU"),
    ),
    (
        "| {} minutes with as many tasks at once, after {} minutes of listing",
        whole("full rebuild: minutes by the clock"),
        whole("Plan lists the whole archive: minutes"),
    ),
    ("| **a full rebuild** | **{}** |", dollars("full rebuild: dollars")),
    ("grows with it: {} a day", dollars("full rebuild: dollars")),
    ("| scan of the live tables, at the end | {} GB |", f"{floor(value('scan of the live tables, at the end'))}"),
    ("| … takes | {} minutes a segment of 40, in two rounds of 24 |", whole("scan: minutes")),
    ("reads some {} MB/s of holds", whole("scan: a function's speed")),
    ("| … for an audit | {} minutes a segment of 40, in three rounds of 16 |", whole("an audit's scan: minutes")),
    ("a segment has {} million holds at most", about("an audit's scan: holds a segment")),
    ("| **a scan** | **{}**, an audit's **{}** |", dollars(SCAN), dollars(AUDIT_SCAN)),
    ("makes one: {} for all of them", f"${HOURS * (value(SCAN) + value(AUDIT_SCAN)):,.0f}"),
    ("a table | {} while 24 segments scan at once", about("scan: read units a second")),
    ("| the seal, at the end | {} GB to download |", about("seal, at the end: downloaded")),
    ("in {} files, 120 for each of 256 tasks", whole("seal: files")),
    ("| … takes | {} seconds | a bucket's task takes 1", whole("seal: seconds by the clock")),
    ("2.5 GB in 98,304 files, {} s a bucket", about("seal, 100 million counters: seconds of a bucket")),
    (
        "| Read, 40 at once: 500 objects each | {} tasks, {} million events | {} tasks, 1.56 billion events |",
        about("hourly audit: Read tasks"),
        whole("hourly audit: events read"),
        about("full rebuild of both days: map tasks"),
    ),
    (
        "| files that these hand to each other | {} | {} million |",
        about("hourly audit: files between its parts"),
        about("full audit: files between its parts"),
    ),
    (
        "| CPU and waiting, without the scan | {} minutes | {} hours |",
        whole("hourly audit: CPU without the scan"),
        whole("full audit: CPU without the scan"),
    ),
    (
        "| by the clock | {} minutes, 39 of them the scan | {} minutes, 39 of them the scan |",
        whole("hourly audit: minutes by the clock"),
        whole("full audit: minutes by the clock"),
    ),
    (
        "| **{}**, {} for all 48 at most | **{}** |",
        dollars("hourly audit: dollars without the scan"),
        dollars("hourly audits: dollars of all 48 without scans"),
        dollars("full audit: dollars without the scan"),
    ),
    ("follows each rebuild: {}, and as much", dollars("full audit: dollars without the scan")),
    (
        "these are {} files of {} GB: as many GETs ($0.03), and half a minute by the clock",
        about("full audit: sealed files"),
        whole("full audit: sealed files' size"),
    ),
    (
        "it is {} million files of {} TB",
        f"{value('… of a year of hourly snapshots: sealed files'):.1f}",
        about("… of a year: sealed files' size"),
    ),
    ("| hashing | {} minutes by the clock |", whole("… of a year: hashing, minutes by the clock")),
    ("| {} of its function's 15 minutes |", about("… of a year: minutes in which Begin reads manifests")),
    ("all ledgers | {} s of its", whole("… of a year: seconds in which a bucket takes ledgers")),
    ("follows the manifests | {} s of its", whole("… of a year: seconds in which Chain follows them")),
    ("| {} minutes of its four hours", whole("… of a year: minutes by the clock")),
    ("| **{}** | $12 after the two days |", dollars("… of a year: dollars without the scan")),
    ("**{} years of hourly snapshots fit", about("full audit: hourly snapshots that fit")),
    ("| write units a second at the peak | {},", about("DynamoDB: write units/s at the peak")),
    ("meet in a batch | **{}** |", dollars("DynamoDB: dollars")),
    ("invocations of the collector | **{}** |", dollars("collecting: dollars")),
    ("| API requests | {} billion |", about("API requests")),
    ("then $2.80 and $2.38 | **{}** |", dollars("REST API: dollars")),
    ("then $0.90 | {} |", dollars("HTTP API: dollars")),
    ("at 1,024 MB | **{}** |", dollars("Lambda, requests: dollars")),
    ("for all of the 48 hours | **{}** |", dollars("Lambda, settler and projector: dollars at most")),
    ("$0.50/GB | **{}** |", dollars("functions' logs: dollars")),
    ("600 bytes a request | **{}** |", dollars("access log: dollars")),
    ("$5 a million traces | **{}** |", dollars("X-Ray: dollars")),
]


@pytest.mark.parametrize("printed", PRINTED, ids=lambda printed: printed[0])
def test_the_page_prints_what_is_reckoned(printed: tuple[str, ...]) -> None:
    told, *values = printed
    assert told.format(*values) in PAGE


def test_what_the_page_says_of_the_constants() -> None:
    assert f"{ARCHIVED_BYTES} bytes an event" in PAGE
    assert f"2 × {BUCKETS} buckets" in PAGE
    assert f"{MANIFEST_S * 1000:.0f} ms each" in PAGE
    assert f"an audit's event costs {(AUDIT_READ_S_PER_EVENT + AUDIT_BUCKET_S_PER_EVENT) * 1e6:.0f} µs" in PAGE
    assert f"A live hold takes {AUDIT_S_PER_LIVE_HOLD * 1e6:.0f} µs" in PAGE
    assert f"{SEALED_LEDGER_BYTES} bytes of ledger an event" in PAGE


def test_a_full_audit_costs_a_fifth_more_than_a_rebuild() -> None:
    assert 1.15 < value("full audit: dollars without the scan") / value("full rebuild: dollars") < 1.25


def test_the_days_after_the_two_are_hashed_in_half_a_minute() -> None:
    assert 0.35 < value("full audit: hashing, minutes by the clock") < 0.55


def test_begin_is_out_of_time_after_more_than_60_000_manifests() -> None:
    assert 60_000 < 15 / value("… of a year: minutes in which Begin reads manifests") * YEAR_HOURS < 65_000


def test_nothing_that_is_reckoned_misses_its_bound() -> None:
    assert all(figure.verdict.good for figure in FIGURES)
