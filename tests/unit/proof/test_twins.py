"""Of two events with one id that differ the one archived first is believed, whatever their objects are called."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.domain.events import line_of
from inventory.proof.archive import archived_objects, read_archive, unequal_twins

KEY = "cup#berlin#0"
HOUR = "archive/stock/dt=2026-11-22/hour=08"


def told(available: int) -> dict[str, Any]:
    """An event of one id; each number is another content."""
    after = {"available": available, "held": 0, "inflow": 1}
    cause = {"type": "adjustment", "id": "adj_1", "actor": "acct"}
    return {"v": 1, "event_id": f"{KEY}@1", "type": "shard_changed", "at": 100, "before": None} | {
        "after": after,
        "cause": cause,
    }


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        database.execute("SET preserve_insertion_order = false")
        yield database


def archive(folder: Path, name: str, *available: int) -> None:
    path = folder / f"{name}.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(line_of(told(each)) + "\n" for each in available).encode()))


@pytest.mark.parametrize("spelled", [json.dumps, lambda event: json.dumps(dict(reversed(event.items())))])
def test_the_same_event_in_another_spelling_is_nothing_of_the_archiver_s(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, spelled: Callable[[dict[str, Any]], str]
) -> None:
    archive(tmp_path, f"{HOUR}/{'0' * 16}-1-2", 7)
    other = tmp_path / f"{HOUR}/{'1' * 16}-3-4.jsonl.gz"
    other.write_bytes(gzip.compress(spelled(told(7)).encode() + b"\n"))
    read_archive(database, tmp_path, archived_objects(tmp_path))
    [finding] = unequal_twins(database).findings
    assert finding.what == "Lines of this id differ, in what they say or in how they spell it."
    assert [json.loads(line) for line in finding.evidence["events"]] == [told(7), told(7)]


def believed(database: duckdb.DuckDBPyConnection, folder: Path) -> list[tuple[int, str]]:
    read_archive(database, folder, archived_objects(folder))
    return database.execute("SELECT available_after, path FROM event").fetchall()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(f"{HOUR}/{'f' * 16}-7-9", f"{HOUR}/{'0' * 16}-10-12", id="numbers are no text"),
        pytest.param(f"{HOUR}/{'f' * 16}-0000100-0000109", f"{HOUR}/{'0' * 16}-0000110-0000119", id="padded"),
        pytest.param(
            f"{HOUR}/{'f' * 16}-500-510",
            f"{HOUR.replace('hour=08', 'hour=09')}/{'0' * 16}-400-410",
            id="an earlier hour",
        ),
        pytest.param(
            f"{HOUR.replace('-22', '-21').replace('hour=08', 'hour=23')}/{'f' * 16}-500-510",
            f"{HOUR}/{'0' * 16}-400-410",
            id="an earlier day",
        ),
    ],
)
def test_the_event_that_was_archived_first_is_believed(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, first: str, second: str
) -> None:
    archive(tmp_path, first, 10)
    archive(tmp_path, second, 99)
    assert believed(database, tmp_path) == [(10, f"{first}.jsonl.gz")]
    [finding] = unequal_twins(database).findings
    assert finding.record == f"{KEY}@1"
    assert finding.path == f"{first}.jsonl.gz"
    assert finding.evidence["paths"] == [f"{first}.jsonl.gz", f"{second}.jsonl.gz"]
    assert [f'"available":{each}' in text for each, text in zip((10, 99), finding.evidence["events"], strict=True)] == [
        True,
        True,
    ]


def test_what_the_archiver_never_called_so_is_believed_in_nothing(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    archive(tmp_path, f"{HOUR}/{'f' * 16}-500-510", 10)
    archive(tmp_path, f"{HOUR}/0000", 99)
    assert believed(database, tmp_path) == [(10, f"{HOUR}/{'f' * 16}-500-510.jsonl.gz")]
    assert unequal_twins(database).findings == []


@pytest.mark.parametrize("order", [(10, 99, 50), (99, 10, 50), (50, 99, 10), (10, 99, 10), (99, 10, 99)])
def test_within_one_object_the_first_line_is_believed(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, order: tuple[int, ...]
) -> None:
    archive(tmp_path, f"{HOUR}/{'a' * 16}-1-3", *order)
    assert believed(database, tmp_path) == [(order[0], f"{HOUR}/{'a' * 16}-1-3.jsonl.gz")]


def test_a_batch_that_was_cut_otherwise_when_it_was_tried_again_changes_nothing(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    archive(tmp_path, f"{HOUR}/{'f' * 16}-1-9", 10, 99)
    archive(tmp_path, f"{HOUR}/{'0' * 16}-5-9", 99)
    archive(tmp_path, f"{HOUR}/{'1' * 16}-1-4", 10)
    assert [available for available, _ in believed(database, tmp_path)] == [10]


def test_of_many_long_lines_no_more_is_told_than_memory_holds(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """An object of a megabyte may have a thousand times as much in it; it is named, and has the rest."""
    cause = {"type": "adjustment", "id": "adj_1", "actor": "acct", "reason": "x" * 100_000}
    twins = [line_of(told(each) | {"cause": cause}) for each in range(30)]
    strange = line_of({"event_id": "y" * 100_000})
    path = tmp_path / f"{HOUR}/{'0' * 16}-1-2.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in [*twins, strange]).encode()))
    (no_event,) = read_archive(database, tmp_path, archived_objects(tmp_path)).findings
    assert no_event.record == "y" * 4_096 + "…"
    assert no_event.evidence == {"line": strange[:4_096] + "…"}
    (differing,) = unequal_twins(database).findings
    assert differing.evidence["events"] == [f"{line[:4_096]}…" for line in twins[:20]]
    assert differing.evidence["paths"] == [str(path.relative_to(tmp_path))] * 20
