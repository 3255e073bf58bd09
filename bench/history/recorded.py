"""An archive of sales, made up in the archiver's own words: as large as asked for, the same each time.

The mix: sales of one line and one to three units over 1,000 items of four shards each, holds with random ids; nine of
ten executed, the others released or expired; settled five at a time. A sale makes 4.2 events.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import duckdb

from inventory.domain.events import Source
from inventory.pipeline.archiver import compressed

ITEMS: Final = 1_000
SHARDS: Final = 4
SETTLED_AT_ONCE: Final = 5
EVENTS_PER_SALE: Final = 3 + 1 + 1 / SETTLED_AT_ONCE
#: What a batch of a stream brings at most: 6 MB of records with both images.
EVENTS_PER_OBJECT: Final = 3_000
_START_MS: Final = 1_795_370_400_000
_OBJECTS_AT_ONCE: Final = 20
_SQL: Final = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class Recording:
    """An archive in a folder.

    Attributes:
        folder: The bucket's root.
        events: How many events it has.
        archived_bytes: Their size in the archive.
        until_ms: A whole second, just after the last sale began: some holds are unsettled then.
    """

    folder: Path
    events: int
    archived_bytes: int
    until_ms: int

    @property
    def started_ms(self) -> int:
        """When the first sale began, less a minute."""
        return _START_MS


def record(folder: Path, events: int, *, per_object: int = EVENTS_PER_OBJECT, sales_per_s: int = 1_740) -> Recording:
    """Writes an archive of about so many events into a new folder."""
    folder.mkdir(parents=True)
    sales = round(events / EVENTS_PER_SALE)
    variables = {"sales": sales, "per_s": sales_per_s, "items": ITEMS, "shards": SHARDS, "start_ms": _START_MS}
    counted = 0
    with duckdb.connect(config={"temp_directory": str(folder / "spill")}) as sql:
        sql.execute("SET enable_progress_bar = false")
        for name, value in (variables | {"settled_at_once": SETTLED_AT_ONCE}).items():
            sql.execute(f"SET VARIABLE {name} = {value}")
        sql.execute(_SQL.read_text())
        for source in Source:
            [(rows,)] = sql.execute(
                f"COPY (SELECT *, row_number() OVER (ORDER BY at_ms, line) - 1 AS number FROM {source}) "
                f"TO '{folder / source}.parquet' (ROW_GROUP_SIZE {per_object})"
            ).fetchall()
            counted += rows
        [(last_ms,)] = sql.execute("SELECT max(placed) FROM sales").fetchall()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        archived = sum(pool.map(_write_part, *zip(*_parts(folder, per_object), strict=True)))
    for source in Source:
        (folder / f"{source}.parquet").unlink()
    return Recording(folder, counted, archived, last_ms // 1000 * 1000 + 1000)


def _parts(folder: Path, per_object: int) -> Iterator[tuple[Path, Source, int, int]]:
    for source in Source:
        rows = duckdb.read_parquet(f"{folder / source}.parquet").shape[0]
        for first in range(0, rows, per_object * _OBJECTS_AT_ONCE):
            yield folder, source, first, per_object


def _write_part(folder: Path, source: Source, first: int, per_object: int) -> int:
    with duckdb.connect(config={"threads": 1}) as sql:
        sql.execute("SET enable_progress_bar = false")
        rows = sql.execute(
            f"SELECT number // {per_object}, at_ms // 3600000 * 3600, line FROM '{folder / source}.parquet' "
            f"WHERE number >= {first} AND number < {first + per_object * _OBJECTS_AT_ONCE} ORDER BY number"
        ).fetchall()
    size = 0
    for (batch, hour_s), told in groupby(rows, key=lambda row: row[:2]):
        hour = datetime.fromtimestamp(hour_s, UTC)
        path = folder / f"archive/{source}/{hour:dt=%Y-%m-%d/hour=%H}/{batch:016x}-{batch}-{batch}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = compressed(line for _, _, line in told)
        path.write_bytes(body)
        size += len(body)
    return size
