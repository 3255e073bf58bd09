"""Lives of a hold's id: an Idempotency-Key that is used again, after TTL removed its hold, makes one of the same id.

Its revisions begin at 1 anew, so that events of both have equal ids. What tells them apart is the settled hold's
removal between them: the lives before the last one are called `<id>~1`, `<id>~2`…, and are then records like any other.

Costs a look at removals where nothing was used again, which is the rule.
"""

from typing import Final

import duckdb

from inventory.domain.clock import Milliseconds

#: A removal has the stream's time, and so may seem to come after what was placed a moment later. TTL removes a hold
#: weeks after it was placed, so what it removes within a day of a placement is what was there before.
SLACK_MS: Final[Milliseconds] = 86_400_000
#: Stands between an id and the number of an ended life. No id has it.
ENDED: Final = "~"
#: The last instant at which a row can be of the life before: a removal's own is the stream's.
_AT: Final = f"at_ms - CASE WHEN type = 'hold_removed' THEN {SLACK_MS} ELSE 0 END"
_BEGUN_AGAIN: Final = f"""
CREATE TABLE begun_again AS
SELECT record_key, at_ms AS from_ms, row_number() OVER (PARTITION BY record_key ORDER BY at_ms) AS life
FROM (SELECT DISTINCT record_key, at_ms FROM events AS placed
      SEMI JOIN removed ON placed.record_key = removed.record_key AND removed.at_ms < placed.at_ms + {SLACK_MS}
      WHERE type = 'hold_placed')
"""
_TOLD_APART: Final = f"""
CREATE VIEW events AS
FROM of_every_life ANTI JOIN begun_again USING (record_key)
UNION ALL
SELECT told.* EXCLUDE (until_ms) REPLACE (told.record_key || coalesce('{ENDED}' || life, '') AS record_key)
FROM (SELECT *, {_AT} AS until_ms FROM of_every_life SEMI JOIN begun_again USING (record_key)) AS told
ASOF LEFT JOIN begun_again ON told.record_key = begun_again.record_key AND until_ms < from_ms
"""
_BASE_TOLD_APART: Final = f"""
UPDATE base SET hold_id = base.hold_id || '{ENDED}1' FROM begun_again
WHERE base.hold_id = begun_again.record_key AND life = 1 AND base.at_ms < from_ms
"""
#: A row of `events` as it was archived.
AS_ARCHIVED: Final = f"* REPLACE (split_part(record_key, '{ENDED}', 1) AS record_key)"


def tell_lives_apart(sql: duckdb.DuckDBPyConnection) -> bool:
    """Gives events of `events` the key of their life, where a hold's id was used again; tells whether one was.

    Removals are looked for in `told`, which has those after the instant too: they are told late.
    """
    sql.execute(
        "CREATE TABLE removed AS SELECT record_key, min(at_ms) AS at_ms FROM told "
        "WHERE type = 'hold_removed' AND settled AND \"by\" = 'ttl' GROUP BY record_key"
    )
    sql.execute(_BEGUN_AGAIN)
    if sql.execute("SELECT 1 FROM begun_again LIMIT 1").fetchone() is None:
        return False
    sql.execute("ALTER VIEW events RENAME TO of_every_life")
    sql.execute(_TOLD_APART)
    return True


def tell_lives_of_base_apart(sql: duckdb.DuckDBPyConnection) -> None:
    """The same for what is in `base`: it had not ended yet."""
    sql.execute(_BASE_TOLD_APART)
