"""An excerpt of a Parquet file: a local file of the same size, of which only what one question reads is filled in.

Files are sorted by item, so that of a large one a question about one item needs the index at its end and a few row
groups. DuckDB takes the excerpt for the file itself: it passes over the other row groups by the very bounds that were
used to choose. Where it ever read what is not filled in, it would find no page header there, and fail.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import duckdb

from inventory.adapters.objects import Objects
from inventory.domain.clock import Milliseconds
from inventory.history.columnar import Columns

_END_BYTES: Final = 128 * 1024
_FOOTER_TAIL_BYTES: Final = 8  # the footer's length, and PAR1
_FOOTER_BYTES_MAX: Final = 16 * 1024 * 1024
_GAP_BYTES_MAX: Final = 128 * 1024  # reading on over a gap costs less than another request


class ExcerptTooLarge(Exception):
    """The question needs more of the file than may be read."""


class Question(NamedTuple):
    """What is asked of files that are sorted by item.

    Attributes:
        item: Rows of this item.
        until_ms: Rows up to this instant; None for files that tell no instants to choose by.
        columns: These columns of them, `item_id` (and `at_ms`) among them.
    """

    item: str
    until_ms: Milliseconds | None
    columns: Columns


class Range(NamedTuple):
    """Bytes of an object."""

    start: int
    end: int


def take_excerpt(
    objects: Objects, key: str, question: Question, file: Path, sql: duckdb.DuckDBPyConnection, *, bytes_max: int
) -> int:
    """Makes a local file that answers the question as the object itself would; gives the bytes that it read.

    Raises:
        ExcerptTooLarge: It would have to read more than `bytes_max`.
        NoSuchObject: There is no such object.
        ValueError: It is no Parquet file.
    """
    ending = objects.read_end(key, _END_BYTES)
    if ending.content[-4:] != b"PAR1":
        raise ValueError(f"{key} is no Parquet file")
    footer = int.from_bytes(ending.content[-8:-4], "little") + _FOOTER_TAIL_BYTES
    if footer > _FOOTER_BYTES_MAX:
        raise ExcerptTooLarge(f"the footer of {key} has {footer} bytes")
    index = ending.content
    if footer > len(index):
        index = objects.read_range(key, ending.size - footer, footer)
    there = ending.size - len(index)  # what lies after this has been read
    file.write_bytes(b"PAR1")
    os.truncate(file, ending.size)
    _fill(file, {there: index})
    ranges = _merged(each for each in _needed(sql, file, question) if each.start < there)
    total = len(index) + sum(each.end - each.start for each in ranges)
    if total > bytes_max:
        raise ExcerptTooLarge(f"{key} would be read for {total} bytes")
    _fill(file, {each.start: objects.read_range(key, each.start, each.end - each.start) for each in ranges})
    return total


def _fill(file: Path, parts: dict[int, bytes]) -> None:
    with file.open("r+b") as written:
        for start, content in parts.items():
            written.seek(start)
            written.write(content)


def _needed(sql: duckdb.DuckDBPyConnection, file: Path, question: Question) -> list[Range]:
    """The columns of the row groups that may have such rows, and the filters by which DuckDB looks into them.

    It looks into the filter of a row group whose bounds leave open whether it has the item, also where all that is in
    there came after the instant.
    """
    of_item = (
        "SELECT row_group_id FROM chunks WHERE path_in_schema = 'item_id' "
        "AND coalesce(stats_min_value <= $item, true) AND coalesce(stats_max_value >= $item, true)"
    )
    chosen = "FROM of_item"
    if question.until_ms is not None:
        chosen += (
            " INTERSECT SELECT row_group_id FROM chunks WHERE path_in_schema = 'at_ms' "
            "AND coalesce(try_cast(stats_min_value AS BIGINT) <= $until_ms, true)"
        )
    asked = {"file": str(file), "item": question.item, "columns": list(question.columns)}
    found = sql.execute(
        f"""
        WITH chunks AS (FROM parquet_metadata($file)), of_item AS ({of_item}), chosen AS ({chosen}),
        needed AS (FROM chunks WHERE row_group_id IN (FROM chosen) AND list_contains($columns, path_in_schema)),
        filters AS (
            FROM needed UNION ALL
            FROM chunks WHERE row_group_id IN (FROM of_item) AND row_group_id NOT IN (FROM chosen)
                              AND path_in_schema = 'item_id' AND coalesce(stats_min_value <> stats_max_value, true)
        )
        SELECT coalesce(dictionary_page_offset, data_page_offset) AS start, start + total_compressed_size FROM needed
        UNION ALL
        SELECT bloom_filter_offset, bloom_filter_offset + bloom_filter_length FROM filters
        WHERE bloom_filter_offset IS NOT NULL
        """,
        asked if question.until_ms is None else asked | {"until_ms": question.until_ms},
    ).fetchall()
    return [Range(start, end) for start, end in found]


def _merged(ranges: Iterator[Range]) -> Sequence[Range]:
    merged: list[Range] = []
    for each in sorted(ranges):
        if merged and each.start - merged[-1].end <= _GAP_BYTES_MAX:
            merged[-1] = Range(merged[-1].start, max(each.end, merged[-1].end))
        else:
            merged.append(each)
    return merged
