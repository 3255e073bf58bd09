"""A database for one piece of work: nothing of it is left, whatever ended it, though the engine behind it goes on."""

import duckdb
import pytest

from inventory.adapters.scratch import scratch_database

MEMORY_MB = 256


def names_of(sql: duckdb.DuckDBPyConnection, what: str, column: str) -> set[str]:
    return {name for (name,) in sql.execute(f"SELECT {column} FROM {what}").fetchall()}


def test_each_begins_empty_and_knows_nothing_of_the_others() -> None:
    with scratch_database(memory_mb=MEMORY_MB) as one, scratch_database(memory_mb=MEMORY_MB) as other:
        one.execute("CREATE TABLE told AS SELECT 1 AS value; CREATE VIEW seen AS FROM told")
        other.execute("CREATE TABLE told AS SELECT 2 AS value")
        assert one.execute("FROM told").fetchall() == [(1,)]
        assert other.execute("FROM told").fetchall() == [(2,)]
    with scratch_database(memory_mb=MEMORY_MB) as next_one:
        assert names_of(next_one, "duckdb_tables()", "table_name") == set()
        assert len(names_of(next_one, "duckdb_databases()", "database_name") - {"memory", "system", "temp"}) == 1


def test_a_failure_in_the_middle_of_a_transaction_leaves_nothing_and_passes_through() -> None:
    with pytest.raises(duckdb.ConversionException), scratch_database(memory_mb=MEMORY_MB) as sql:
        sql.execute("BEGIN; CREATE TABLE told AS SELECT 1 AS value; SELECT 'x'::INTEGER")
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        assert len(names_of(sql, "duckdb_databases()", "database_name") - {"memory", "system", "temp"}) == 1


def test_an_engine_that_answers_no_more_is_not_asked_again() -> None:
    def fail() -> None:
        with scratch_database(memory_mb=MEMORY_MB) as sql:
            sql.execute("ATTACH ':memory:' AS of_the_first_engine")
            raise duckdb.FatalException

    with pytest.raises(duckdb.FatalException):
        fail()
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        assert "of_the_first_engine" not in names_of(sql, "duckdb_databases()", "database_name")


@pytest.mark.parametrize("ordered", [True, False])
def test_it_has_what_was_asked_for(*, ordered: bool) -> None:
    with scratch_database(memory_mb=MEMORY_MB, ordered=ordered) as sql:
        told = sql.execute(
            "SELECT current_setting('threads'), current_setting('preserve_insertion_order'), "
            "current_setting('TimeZone'), current_setting('memory_limit')"
        ).fetchone()
    assert told == (1, ordered, "UTC", "244.1 MiB")


def test_one_engine_serves_all_with_the_limit_of_whoever_asked_last() -> None:
    limits = []
    for memory_mb in (MEMORY_MB, 2 * MEMORY_MB, MEMORY_MB):
        with scratch_database(memory_mb=memory_mb) as sql:
            sql.execute("ATTACH IF NOT EXISTS ':memory:' AS of_the_engine")
            limits.append(sql.execute("SELECT current_setting('memory_limit')").fetchone())
    assert limits == [("244.1 MiB",), ("488.2 MiB",), ("244.1 MiB",)]
    with scratch_database(memory_mb=3 * MEMORY_MB) as sql:
        assert "of_the_engine" in names_of(sql, "duckdb_databases()", "database_name")
        sql.execute("DETACH of_the_engine")
