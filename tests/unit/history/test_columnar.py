"""Equal rows make equal bytes, wherever they come from."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from inventory.adapters.scratch import scratch_database
from inventory.history.columnar import MEMORY_MB, save

COLUMNS = {"id": "BIGINT", "count": "BIGINT", "name": "VARCHAR"}


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same 200 rows, alone, among others with nulls, and in another order."""
    with scratch_database(memory_mb=MEMORY_MB) as connection:
        connection.execute(
            "CREATE TABLE alone AS SELECT i AS id, i AS count, 'n' || i AS name FROM range(200) t(i);"
            "CREATE TABLE among AS FROM alone UNION ALL SELECT i, NULL, NULL FROM range(200, 300) t(i);"
            "CREATE TABLE mixed AS FROM alone ORDER BY hash(id)"
        )
        yield connection


def written(sql: duckdb.DuckDBPyConnection, tmp_path: Path, rows: str) -> str:
    return save(sql, rows, COLUMNS, "id", tmp_path / "rows.parquet", "").sha256


def test_equal_rows_make_equal_bytes_whatever_they_were_read_from(
    sql: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    alone = written(sql, tmp_path, "FROM alone")
    assert written(sql, tmp_path, "FROM among WHERE id < 200") == alone
    assert written(sql, tmp_path, "FROM mixed") == alone
    assert written(sql, tmp_path, "FROM alone WHERE id <> 7") != alone


@pytest.mark.parametrize("rows", ["FROM alone", "FROM among", "FROM alone WHERE false"])
def test_every_column_is_optional_and_no_row_is_added(
    sql: duckdb.DuckDBPyConnection, tmp_path: Path, rows: str
) -> None:
    written(sql, tmp_path, rows)
    file = tmp_path / "rows.parquet"
    told = duckdb.execute(f"SELECT name, repetition_type FROM parquet_schema('{file}')").fetchall()[1:]
    assert told == [(name, "OPTIONAL") for name in COLUMNS]
    assert duckdb.execute(f"FROM '{file}'").fetchall() == sql.execute(f"{rows} ORDER BY id").fetchall()
