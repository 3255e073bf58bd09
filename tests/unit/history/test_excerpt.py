"""An excerpt answers as the whole file would, having read a small part of it."""

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.adapters.objects import Ending
from inventory.adapters.scratch import scratch_database
from inventory.history import columnar, excerpt
from inventory.history.columnar import MEMORY_MB
from inventory.history.excerpt import ExcerptTooLarge, Question, Range, take_excerpt
from support.objects import DirectoryObjects

COLUMNS = {"item_id": "VARCHAR", "at_ms": "BIGINT", "kind": "VARCHAR", "amount": "BIGINT"}
KEY = "ledger/items.parquet"
ROWS = 60_000


class Counted(DirectoryObjects):
    """Counts what is asked of it."""

    requests = 0
    amount = 0

    def read(self, key: str) -> bytes:
        raise AssertionError("the whole object was read")

    def read_end(self, key: str, count: int) -> Ending:
        content = super().read(key)
        self._count(min(count, len(content)))
        return Ending(content[-count:], len(content))

    def read_range(self, key: str, start: int, count: int) -> bytes:
        self._count(count)
        return super().read(key)[start : start + count]

    def _count(self, size: int) -> None:
        self.requests += 1
        self.amount += size


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 30 row groups: some items in many of them, many items in one."""
    root = tmp_path_factory.mktemp("bucket")
    (root / "ledger").mkdir()
    with pytest.MonkeyPatch.context() as patch, scratch_database(memory_mb=MEMORY_MB) as sql:
        patch.setattr(columnar, "ROW_GROUP_ROWS", 2048)
        sql.execute(
            "CREATE TABLE told AS SELECT if(n % 3 = 0, 'hot', 'item-' || (hash(n) % 900)) AS item_id, n * 10 AS at_ms, "
            f"'k' || (n % 5) AS kind, (hash(n * 7) % 1000)::BIGINT AS amount FROM range({ROWS}) AS t(n)"
        )
        columnar.save(sql, "FROM told", COLUMNS, "item_id, at_ms", root / KEY, KEY)
    return root


def answer(sql: duckdb.DuckDBPyConnection, file: Path, question: Question) -> list[tuple[Any, ...]]:
    until = 10**15 if question.until_ms is None else question.until_ms
    rows = "SELECT item_id, at_ms, kind, amount FROM read_parquet($file) WHERE item_id = $item AND at_ms <= $until"
    return sql.execute(f"{rows} ORDER BY at_ms", {"file": str(file), "item": question.item, "until": until}).fetchall()


@pytest.mark.parametrize("end_bytes", [16, 3_000, 128 * 1024])
@pytest.mark.parametrize("gap_bytes", [0, 128 * 1024])
def test_an_excerpt_answers_as_the_whole_file(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end_bytes: int, gap_bytes: int
) -> None:
    monkeypatch.setattr(excerpt, "_END_BYTES", end_bytes)
    monkeypatch.setattr(excerpt, "_GAP_BYTES_MAX", gap_bytes)
    draw = random.Random(end_bytes + gap_bytes)  # noqa: S311 - repeatable, not secret
    names = ["hot", "a", "zzz", "item-", "item-0", *(f"item-{draw.randrange(1000)}" for _ in range(12))]
    found = 0
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        for number, name in enumerate(names):
            question = Question(name, draw.choice((None, draw.randrange(ROWS * 10))), COLUMNS)
            objects = Counted(bucket)
            file = tmp_path / f"{number}.parquet"
            read = take_excerpt(objects, KEY, question, file, sql, bytes_max=10**9)
            told = answer(sql, file, question)
            assert told == answer(sql, bucket / KEY, question)
            assert file.stat().st_size == (bucket / KEY).stat().st_size
            assert objects.amount - end_bytes <= read
            found += len(told)
    assert found > 1_000


class Untold:
    """A database to which the index of a file tells no bounds."""

    def __init__(self, sql: duckdb.DuckDBPyConnection) -> None:
        self._sql = sql

    def execute(self, query: str, values: dict[str, Any]) -> Any:
        bounds = "SELECT * REPLACE (NULL AS stats_min_value, NULL AS stats_max_value) FROM parquet_metadata($file)"
        return self._sql.execute(query.replace("FROM parquet_metadata($file)", f"FROM ({bounds})"), values)


@pytest.mark.parametrize("until_ms", [None, ROWS * 5])
def test_row_groups_that_tell_no_bounds_are_read(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until_ms: int | None
) -> None:
    monkeypatch.setattr(excerpt, "_END_BYTES", 16)
    monkeypatch.setattr(excerpt, "_GAP_BYTES_MAX", 0)
    question = Question("item-77", until_ms, COLUMNS)
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        untold: Any = Untold(sql)
        take_excerpt(Counted(bucket), KEY, question, tmp_path / "e", untold, bytes_max=10**9)
        assert answer(sql, tmp_path / "e", question) == answer(sql, bucket / KEY, question) != []


def test_ranges_that_overlap_or_are_near_are_read_as_one_and_none_is_cut_short() -> None:
    near, far = excerpt._GAP_BYTES_MAX, 10 * excerpt._GAP_BYTES_MAX
    told = [Range(far, far + 5), Range(10, 20), Range(0, 100), Range(100 + near, 200 + near)]
    assert excerpt._merged(iter(told)) == [Range(0, 200 + near), Range(far, far + 5)]


def test_of_a_large_file_a_small_part_is_read_in_a_few_requests(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excerpt, "_END_BYTES", 16 * 1024)
    monkeypatch.setattr(excerpt, "_GAP_BYTES_MAX", 4 * 1024)
    objects = Counted(bucket)
    whole = (bucket / KEY).stat().st_size
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        read = take_excerpt(objects, KEY, Question("item-77", None, COLUMNS), tmp_path / "e", sql, bytes_max=whole)
    assert objects.requests <= 4
    assert read < whole / 5


def test_what_happened_after_the_instant_is_not_read(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excerpt, "_END_BYTES", 16 * 1024)
    monkeypatch.setattr(excerpt, "_GAP_BYTES_MAX", 4 * 1024)
    read = {}
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        for until_ms in (None, ROWS * 10 // 20):
            question = Question("hot", until_ms, COLUMNS)
            read[until_ms] = take_excerpt(Counted(bucket), KEY, question, tmp_path / "e", sql, bytes_max=10**9)
    assert read[ROWS * 10 // 20] < read[None] / 2


@pytest.mark.parametrize("item", ["hot", "item-77", "item-500"])
@pytest.mark.parametrize("before_ms", [-1, 0, 1])
def test_an_instant_around_the_beginning_of_a_row_group_is_answered_as_by_the_whole_file(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: str, before_ms: int
) -> None:
    """Also where one that may have the item, by its bounds, begins after all that is asked for."""
    monkeypatch.setattr(excerpt, "_END_BYTES", 16)
    monkeypatch.setattr(excerpt, "_GAP_BYTES_MAX", 0)
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        begins = sql.execute(
            "SELECT DISTINCT try_cast(stats_min_value AS BIGINT) FROM parquet_metadata($file) "
            "WHERE path_in_schema = 'at_ms' ORDER BY 1",
            {"file": str(bucket / KEY)},
        ).fetchall()
        assert len(begins) > 20
        for begin_ms in (each for (each,) in begins):
            question, file = Question(item, begin_ms - before_ms, COLUMNS), tmp_path / str(begin_ms)
            take_excerpt(Counted(bucket), KEY, question, file, sql, bytes_max=10**9)
            assert answer(sql, file, question) == answer(sql, bucket / KEY, question)


def test_as_much_as_may_be_read_is_read(bucket: Path, tmp_path: Path) -> None:
    question = Question("hot", ROWS * 5, COLUMNS)
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        needed = take_excerpt(Counted(bucket), KEY, question, tmp_path / "e", sql, bytes_max=10**9)
        assert take_excerpt(Counted(bucket), KEY, question, tmp_path / "e", sql, bytes_max=needed) == needed
        with pytest.raises(ExcerptTooLarge, match=f"would be read for {needed} bytes"):
            take_excerpt(Counted(bucket), KEY, question, tmp_path / "e", sql, bytes_max=needed - 1)


def test_a_question_that_needs_too_much_is_refused_before_it_is_read(bucket: Path, tmp_path: Path) -> None:
    objects = Counted(bucket)
    with scratch_database(memory_mb=MEMORY_MB) as sql, pytest.raises(ExcerptTooLarge, match=KEY):
        take_excerpt(objects, KEY, Question("hot", None, COLUMNS), tmp_path / "e", sql, bytes_max=150_000)
    assert objects.amount <= 150_000


def test_what_is_no_parquet_file_is_named(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put("x", b"anything else")
    with scratch_database(memory_mb=MEMORY_MB) as sql, pytest.raises(ValueError, match="x is no Parquet file"):
        take_excerpt(objects, "x", Question("hot", None, COLUMNS), tmp_path / "e", sql, bytes_max=10**9)


def test_a_row_group_that_was_not_read_is_no_answer_but_an_error(bucket: Path, tmp_path: Path) -> None:
    """So that a mistake in the choice of row groups can't pass for stock that never was."""
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        take_excerpt(Counted(bucket), KEY, Question("item-77", None, COLUMNS), tmp_path / "e", sql, bytes_max=10**9)
        with pytest.raises(duckdb.Error):
            answer(sql, tmp_path / "e", Question("hot", None, COLUMNS))


def test_an_index_that_is_too_large_is_not_read(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpt, "_END_BYTES", 16)
    monkeypatch.setattr(excerpt, "_FOOTER_BYTES_MAX", 1000)
    objects = Counted(bucket)
    with scratch_database(memory_mb=MEMORY_MB) as sql, pytest.raises(ExcerptTooLarge, match="footer"):
        take_excerpt(objects, KEY, Question("hot", None, COLUMNS), tmp_path / "e", sql, bytes_max=10**9)
    assert objects.amount == 16
