"""What the history takes: a full rebuild, its memory, how it grows, and the archive's size."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure, KnownMiss, Section
from bench.history import memory, spark
from bench.history.increment import Increment, increments
from bench.history.rebuild import CORES, Took, counting, decompress, from_archive, from_ledger, grouping, pool
from bench.history.recorded import Recording, record

#: INVENTORY_BENCH_EVENTS makes it smaller for a first look.
EVENTS: Final = int(os.environ.get("INVENTORY_BENCH_EVENTS", "10000000"))
_MEGABYTE: Final = 2**20
_LARGE_OBJECT_EVENTS: Final = 1_900_000
_LEDGER_ROUNDS: Final = 5


def rebuild(work: Path) -> Section:
    """The whole history at once, beside PySpark and beside merely reading it; and a tenth of it, for growth."""
    folder = _emptied(work / "history")
    small, large = record(folder / "small", EVENTS // 10), record(folder / "large", EVENTS)
    with pool() as executor:
        folded = from_archive(large.folder, large.until_ms, executor, ledger=False)
        shutil.rmtree(large.folder / "partials")
        archive_small, archive_large = (from_archive(each.folder, each.until_ms, executor) for each in (small, large))
    ledger_small, ledger_large = (_best_from_ledger(each.folder) for each in (small, large))
    decompress(large.folder, folder / "plain")
    counted, grouped = (
        min((job(folder / "plain") for _ in range(2)), key=lambda took: took.seconds) for job in (counting, grouping)
    )
    shutil.rmtree(folder / "plain")
    figures = [
        _rate("from the raw archive", large, archive_large, 300_000),
        *_by_step(large, archive_large),
        _rate("from the ledger's Parquet", large, ledger_large, 5_000_000),
        _beside_counting("from the archive ÷ merely counting its lines", archive_large, counted, 2.5,
                         KnownMiss("parsing into columns and writing them takes longer already", worst=14.5)),
        _rate("from the archive, the ledger written before", large, folded),
        _beside_counting("… ÷ merely counting its lines", folded, counted),
        _beside_counting("merely parsing and grouping by record ÷ merely counting", grouped, counted),
        _growth("archive", small, large, archive_small, archive_large),
        _growth("ledger", small, large, ledger_small, ledger_large),
        Figure("archive, with and without its ledger, and ledger give one answer",
               archive_large.answer == ledger_large.answer == folded.answer, "", 1, at_least=True,
               note=f"{len(archive_large.answer):,} rows"),
        Figure("size of an archived event", large.archived_bytes / large.events, "bytes", 64,
               note="sales of one line, random ids: placed, ended, settled by fives"),
    ]  # fmt: skip
    figures += _beside_spark(large, archive_large, ledger_large)
    shutil.rmtree(folder)
    return Section(
        f"A full rebuild of {large.events:,} events",
        f"{CORES} processes, files on this machine's disk. From the archive: decompress, parse, drop doubles, prove "
        "revisions gapless, sort, write ledger, state and snapshot. From the ledger: fold it. The ledger written "
        "before: as for an instant before the newest snapshot's, of which state and snapshot alone are written.",
        tuple(figures),
    )


def increment(work: Path) -> Section:
    """What an hourly snapshot reads: of a young history, and of one ten times as old."""
    folder = _emptied(work / "increment")
    young, old = increments(folder)
    shutil.rmtree(folder)
    return Section(
        "An incremental snapshot",
        f"The same hour of sales after {young.hours} and after {old.hours} hours of history.",
        (
            *(
                Figure(f"bytes read after {each.hours} hours", each.read_bytes / _MEGABYTE, "MB", note=_told(each))
                for each in (young, old)
            ),
            Figure("old ÷ young", old.read_bytes / young.read_bytes, "×", 1.2, note="never the whole history"),
            Figure("full rebuild of the old one ÷ its increment", old.rebuild_bytes / old.read_bytes, "×"),
        ),
    )


def map_memory(work: Path) -> Section:
    """The peak of mapping one very large object."""
    folder = _emptied(work / "memory") / "bucket"
    recording = record(folder, _LARGE_OBJECT_EVENTS, per_object=_LARGE_OBJECT_EVENTS)
    size = memory.largest_object(folder).stat().st_size / _MEGABYTE
    peak = memory.peak_bytes(folder, recording.until_ms) / _MEGABYTE
    shutil.rmtree(folder.parent)
    return Section(
        "Memory of a map task",
        "In a process of its own, its highest resident memory, Python and DuckDB included.",
        (
            Figure("size of the object", size, "MB", 64, at_least=True),
            Figure("peak", peak, "MB", 1024),
        ),
    )


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _best_from_ledger(folder: Path) -> Took:
    return min((from_ledger(folder) for _ in range(_LEDGER_ROUNDS)), key=lambda took: took.seconds)


def _rate(name: str, recording: Recording, took: Took, bound: float | None = None) -> Figure:
    rate = recording.events / took.seconds
    return Figure(name, rate, "events/s", bound, at_least=True, timed=True, note=_took(took))


def _took(took: Took) -> str:
    return f"{took.seconds:.1f} s, {took.cpu_s:.1f} s of CPU"


def _by_step(recording: Recording, took: Took) -> Sequence[Figure]:
    """What docs/capacity.md reckons with."""
    return [
        Figure(f"CPU an event, {step.replace('_', ' ')}", cpu_s / recording.events * 1e6, "µs")
        for step, cpu_s in took.cpu_s_of.items()
    ]


def _beside_counting(
    name: str, took: Took, counted: Took, bound: float | None = None, known: KnownMiss | None = None
) -> Figure:
    return Figure(
        name, took.seconds / counted.seconds, "×", bound, timed=True, known=known,
        note=f"decompressed before; {_took(counted)}: {took.cpu_s / counted.cpu_s:.1f} × by CPU",
    )  # fmt: skip


def _growth(name: str, small: Recording, large: Recording, small_took: Took, large_took: Took) -> Figure:
    ratio = (large_took.seconds / large.events) / (small_took.seconds / small.events)
    return Figure(
        f"time per event, {large.events / small.events:.0f} times as many ({name})", ratio, "×", 1.2, timed=True
    )


def _beside_spark(large: Recording, archive: Took, ledger: Took) -> Sequence[Figure]:
    ours = {"from_archive": archive, "from_ledger": ledger}
    try:
        told = spark.rebuilt(large.folder, large.until_ms, ledger_rounds=_LEDGER_ROUNDS)
    except spark.NoSpark as reason:
        lacking = str(reason)
        return [*(_ratio_to_spark(name, None, lacking) for name in ours), _same_as_spark(None, lacking)]
    return [
        *(
            _ratio_to_spark(name, told[name].seconds / took.seconds, f"local mode, as many cores: {_took(told[name])}, "
                            f"{told[name].cpu_s / took.cpu_s:.1f} × by CPU")
            for name, took in ours.items()
        ),
        _same_as_spark(all(told[name].answer == took.answer for name, took in ours.items())),
    ]  # fmt: skip


def _ratio_to_spark(job: str, ratio: float | None, note: str) -> Figure:
    name = f"PySpark's time ÷ ours, {job.replace('_', ' ')}"
    return Figure(name, ratio, "×", 3, at_least=True, timed=True, note=note)


def _same_as_spark(same: float | None, note: str = "") -> Figure:
    return Figure("PySpark gives the same answer", same, "", 1, at_least=True, note=note)


def _told(increment: Increment) -> str:
    return f"{increment.objects:,} objects, {increment.new_events:,} new events"
