"""An opening snapshot: the history begins anew with the live tables, and says what is lost of the time before.

The tables are read whole, while sales go on; what is archived from the beginning of that reading on is folded onto it,
so that an instant after the reading is told exactly, and sealed as any other is. What came before is not folded: it
is only held against the snapshot before, to name each revision that nobody can prove any more (docs/history.md).
"""

from typing import TYPE_CHECKING, Final

import duckdb

from inventory.history.columnar import DIRECTORIES, HOLDS, SHARDS, Columns, named

if TYPE_CHECKING:
    from inventory.history.plan import Opening

#: What was lost, record by record: `what` is missing (revisions that no archive has), given_again (revisions that were
#: archived, and then given out once more: the table was restored), or gone (the record is not there any more, and
#: nothing tells how it ended: no `until_rev`).
LOST: Final[Columns] = {
    "record_key": "VARCHAR",
    "what": "VARCHAR",
    "from_rev": "BIGINT",
    "until_rev": "BIGINT",
}
#: Where stock is another than in the snapshot before.
CHANGED: Final[Columns] = {
    "item_id": "VARCHAR",
    "warehouse_id": "VARCHAR",
    "available_before": "BIGINT",
    "held_before": "BIGINT",
    "available_after": "BIGINT",
    "held_after": "BIGINT",
    "on_hand_change": "BIGINT",
}
#: An item may be called as adjustments are; the keys of its counters and directory have a # then, which no id has.
ADJUSTMENT: Final = "(record_key[:4] IN ('adj_', 'trf_') AND NOT contains(record_key, '#'))"
#: Records of a reading that are final: a fold knows them no more, and nothing may come after them.
FINAL_READ: Final = f"SELECT record_key, rev, at_ms, true AS final FROM whole WHERE settled OR {ADJUSTMENT}"
_GAPS_TOLD_MAX: Final = 20

#: What a revision of the snapshot before is followed by: archived ones up to the one that was read. Records already
#: final at the base are not compared: a base does not keep them. Revisions given out again prove nothing of those read.
_LOST: Final = f"""
CREATE TABLE lost AS
WITH archived AS (SELECT record_key, rev, at_ms, {{ends}} AS ends FROM events WHERE at_ms <= $read_from_ms),
known AS (
    SELECT whole.record_key, whole.rev, coalesce(sealed.rev, 0) AS sealed_rev
    FROM whole LEFT JOIN sealed USING (record_key)
    WHERE NOT (at_ms <= $since_ms AND (settled OR {ADJUSTMENT.replace("record_key", "whole.record_key")}))
),
points AS (
    SELECT record_key, sealed_rev AS rev FROM known WHERE sealed_rev <= rev
    UNION SELECT record_key, rev + 1 FROM known WHERE sealed_rev <= rev
    UNION SELECT events.record_key, events.rev FROM events JOIN known USING (record_key)
          WHERE events.rev <= known.rev AND events.rev > sealed_rev AND sealed_rev <= known.rev
),
steps AS (SELECT record_key, rev, lead(rev) OVER (PARTITION BY record_key ORDER BY rev) AS next FROM points),
again AS (
    SELECT record_key, rev FROM archived JOIN sealed USING (record_key, rev)
    UNION SELECT record_key, archived.rev FROM archived JOIN sealed USING (record_key) WHERE archived.rev < sealed.rev
    UNION SELECT record_key, rev FROM archived GROUP BY ALL HAVING count(DISTINCT at_ms) > 1
    UNION SELECT record_key, archived.rev FROM archived JOIN known USING (record_key)
          WHERE archived.rev > known.rev AND NOT {ADJUSTMENT}
    UNION SELECT record_key, unnest(range(known.rev + 1, sealed_rev + 1)) FROM known WHERE sealed_rev > known.rev
),
present AS (SELECT record_key, rev, false AS ends FROM sealed UNION ALL SELECT record_key, rev, ends FROM archived)
SELECT record_key, 'missing' AS what, rev + 1 AS from_rev, next - 1 AS until_rev FROM steps WHERE next > rev + 1
UNION ALL
SELECT record_key, 'given_again', min(rev), max(rev) FROM again GROUP BY record_key
UNION ALL
SELECT record_key, 'gone', max(rev) + 1, NULL FROM present ANTI JOIN whole USING (record_key)
GROUP BY record_key HAVING NOT bool_or(ends)
"""
_SEALED: Final = {
    "holds": "SELECT hold_id AS record_key, rev FROM sealed_holds",
    "items": """
        SELECT item_id || '#' || warehouse_id || '#' || shard AS record_key, rev FROM sealed_shards
        UNION ALL SELECT item_id || '#*', rev FROM sealed_directories""",
}
_ENDS: Final = {"holds": 'settlement IS NOT NULL OR "by" IS NOT NULL', "items": '"by" IS NOT NULL'}
#: The tables that a fold begins with, and which of what was read is in them.
_BASES: Final = {
    "holds": {"base": (HOLDS, "hold_id IS NOT NULL AND NOT settled")},
    "items": {
        "base_shards": (SHARDS, "shard IS NOT NULL"),
        "base_directories": (DIRECTORIES, "warehouses IS NOT NULL"),
    },
}

#: Nobody can sum up what came before, so the books begin with what is there: as if it had just been adjusted so.
BEGIN_BOOKS: Final = """
DELETE FROM snapshot WHERE shards = 0 AND holding = 0;
UPDATE snapshot SET adjusted = on_hand, executed = 0
"""
#: What has changed in the table `snapshot` since `sealed_snapshot`.
CHANGED_ITEMS: Final = """
SELECT item_id, warehouse_id, coalesce(old.available, 0) AS available_before, coalesce(old.held, 0) AS held_before,
       coalesce(new.available, 0) AS available_after, coalesce(new.held, 0) AS held_after,
       coalesce(new.on_hand, 0) - coalesce(old.on_hand, 0) AS on_hand_change
FROM snapshot AS new FULL JOIN sealed_snapshot AS old USING (item_id, warehouse_id)
WHERE (coalesce(new.available, 0), coalesce(new.held, 0)) <> (coalesce(old.available, 0), coalesce(old.held, 0))
"""


class ReadTooLate(Exception):
    """A record was read in a state that came after the snapshot's instant: open again, with a later one."""


def begin_with_reading(
    sql: duckdb.DuckDBPyConnection, opening: "Opening", since_ms: int, as_of_ms: int, kind: str
) -> list[str]:
    """Makes `lost` and the fold's bases, and leaves in `events` what comes after the reading.

    The tables `whole` (what was read), `events` (what is archived since the snapshot before) and `sealed_…` (that
    snapshot's state) have to be there.

    Args:
        sql: Where they are.
        opening: What is opened.
        since_ms: The instant of the snapshot before; 0 for none.
        as_of_ms: The instant of the opening.
        kind: Of bucket: holds or items.

    Returns:
        A few ids of events that the archive will have in a moment, or what is lost would be told wrongly.

    Raises:
        ReadTooLate: See there.
    """
    late = sql.execute("SELECT record_key FROM whole WHERE at_ms > ? LIMIT 1", [as_of_ms]).fetchone()
    if late is not None:
        raise ReadTooLate(late[0])
    sql.execute(f"CREATE TABLE sealed AS {_SEALED[kind]}")
    values = {"read_from_ms": opening.read_from_ms, "since_ms": since_ms}
    sql.execute(_LOST.format(ends=_ENDS[kind]), values)
    coming = sql.execute(
        f"""
        SELECT record_key || '@' || rev FROM whole ANTI JOIN events USING (record_key, rev)
        WHERE at_ms > ? ORDER BY ALL LIMIT {_GAPS_TOLD_MAX}""",
        [opening.read_from_ms],
    ).fetchall()
    sql.execute(
        """
        DELETE FROM events WHERE at_ms <= $read_from_ms OR EXISTS (
            SELECT 1 FROM whole WHERE whole.record_key = events.record_key AND events.rev <= whole.rev)""",
        {"read_from_ms": opening.read_from_ms},
    )
    for table, (columns, wanted) in _BASES[kind].items():
        sql.execute(f"CREATE TABLE {table} AS SELECT {named(columns)} FROM whole WHERE {wanted}")
    return [event_id for (event_id,) in coming]


def totals_of_lost(sql: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """What a bucket adds to what the manifest says of the loss."""
    [(records, revisions)] = sql.execute(
        "SELECT count(DISTINCT record_key), coalesce(sum(until_rev - from_rev + 1), 0)::BIGINT FROM lost"
    ).fetchall()
    return {"lost_records": records, "lost_revisions": revisions}
