"""Lives of a hold's id: an Idempotency-Key that is used again, after TTL removed its hold, makes one of the same id.

The events of both have equal ids. They are told apart by the settled hold's removal between them: events of the lives
before the last one are called `<id>~1@…`, `<id>~2@…` here, so that each life is followed as a record of its own.
"""

from typing import TYPE_CHECKING, Final

from inventory.proof.sql import AT, KEY, REV

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ENDED: Final = "~"
#: A removal has the stream's time, and so may seem to come after what was placed a moment later. TTL removes a hold
#: weeks after it was placed, so what it removes within a day of a placement is what was there before.
_SLACK_MS: Final = 86_400_000


def plain(name: str) -> str:
    """SQL for the id that a life has, whichever it is."""
    return f"split_part({name}, '{_ENDED}', 1)"


def tell_lives_apart(database: "DuckDBPyConnection") -> None:
    """Makes `begun_again` (`id`, `from_ms`, and which `life` ended before), and renames events in `line`."""
    database.execute(f"""
        CREATE OR REPLACE TEMP TABLE begun_again AS
        WITH removed AS (
            SELECT {KEY} AS record_key, min({AT}) AS at_ms FROM line
            WHERE kind = 'hold_removed' AND text->>'$.settled' = 'true' AND text->>'$.by' = 'ttl' GROUP BY ALL),
        placed AS (SELECT {KEY} AS record_key, {AT} AS at_ms FROM line WHERE kind = 'hold_placed'),
        again AS (SELECT DISTINCT record_key, at_ms FROM placed SEMI JOIN removed
                  ON placed.record_key = removed.record_key AND removed.at_ms < placed.at_ms + {_SLACK_MS})
        SELECT record_key AS id, at_ms AS from_ms, row_number() OVER (PARTITION BY record_key ORDER BY at_ms) AS life
        FROM again""")  # noqa: S608 the expressions are our own
    if database.execute("SELECT 1 FROM begun_again LIMIT 1").fetchone() is not None:
        rename_ended(database, "line", f"({KEY})", "(kind = 'hold_removed')", AT)


def rename_ended(
    database: "DuckDBPyConnection", table: str, key: str, removal: str, at_ms: str, *, also_key: bool = False
) -> None:
    """Gives the events in a table the id of their life.

    Args:
        database: Has `begun_again`.
        table: Which table.
        key: SQL for the record's key.
        removal: SQL for whether it tells of a removal.
        at_ms: SQL for its instant.
        also_key: Whether the table has the record's key as a column too.
    """
    renamed = f"{key} || '{_ENDED}' || life"
    database.execute(f"""
        UPDATE {table} SET event_id = renamed.name || '@' || {REV}
               {", record_key = renamed.name" if also_key else ""}
        FROM (SELECT told.rowid AS row, min_by({renamed}, life) AS name
              FROM {table} AS told JOIN begun_again ON {key} = begun_again.id
              AND {at_ms} - CASE WHEN {removal} THEN {_SLACK_MS} ELSE 0 END < from_ms
              GROUP BY told.rowid) AS renamed
        WHERE {table}.rowid = renamed.row""")  # noqa: S608 the names are our own
