"""The fold: a bucket's events over its base, in SQL, proved whole (`gapless`) before anything is made of them.

Each query reads `events` (each once) and what the bucket's base has. `reduce.py` makes the tables each query needs.
"""

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final

import duckdb

from inventory.history.columnar import DIRECTORIES, HOLDS, load

_LINES: Final = (
    '\'[{"item": "VARCHAR", "warehouse": "VARCHAR", "quantity": "BIGINT", "executed": "BIGINT", '
    '"drawn": [{"shard": "INTEGER", "quantity": "BIGINT"}]}]\''
)
#: The same without the shards: what a settled hold took.
_TAKEN: Final = '\'[{"item": "VARCHAR", "warehouse": "VARCHAR", "quantity": "BIGINT", "executed": "BIGINT"}]\''
_GAPS_TOLD_MAX: Final = 20


class EventsDiffer(Exception):
    """Two events have one id and different contents."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"two events called {event_id} differ")
        self.event_id = event_id


def drop_doubles(sql: duckdb.DuckDBPyConnection, made: str) -> None:
    """Keeps one of equal events. Few are ever archived twice, so the rest is left as it is.

    Raises:
        EventsDiffer: Two events have one id and other contents.
    """
    sql.execute("CREATE TABLE doubled AS SELECT record_key, rev FROM events GROUP BY ALL HAVING count(*) > 1")
    if one(sql, "SELECT count(*) FROM doubled") == 0:
        return
    sql.execute(
        "CREATE TABLE single AS SELECT DISTINCT * FROM events SEMI JOIN doubled USING (record_key, rev);"
        f"ALTER {made} events RENAME TO archived;"
        "CREATE VIEW events AS FROM archived ANTI JOIN doubled USING (record_key, rev) UNION ALL FROM single"
    )
    differ = sql.execute(
        "SELECT record_key || '@' || rev FROM single GROUP BY record_key, rev HAVING count(*) > 1 ORDER BY 1"
    ).fetchone()
    if differ is not None:
        raise EventsDiffer(differ[0])


def gaps_of(sql: duckdb.DuckDBPyConnection, base: str, counted: str) -> list[str]:
    """The first missing event of records whose revisions do not follow each other from the base's on (`gapless`).

    Raises:
        EventsDiffer: A revision that the base has already was given out again: its table was restored.
    """
    rows = f"SELECT record_key, rev FROM events WHERE {counted}"
    # No event is there twice: as many as lie between the first and the last are all of them.
    sql.execute(
        f"""
        CREATE OR REPLACE TABLE broken AS
        SELECT record_key, based.rev AS base FROM (
            SELECT record_key, min(rev) AS first, max(rev) AS last, count(*) AS events FROM ({rows}) GROUP BY record_key
        ) LEFT JOIN ({base}) AS based USING (record_key)
        WHERE first <> coalesce(based.rev, 0) + 1 OR events <> last - first + 1
        """
    )
    if one(sql, "SELECT count(*) FROM broken") == 0:
        return []
    # The base is of before all events here, so that its own of these ids have other instants.
    again = sql.execute(
        f"SELECT record_key || '@' || rev FROM ({rows}) JOIN broken USING (record_key) WHERE rev <= base ORDER BY 1"
    ).fetchone()
    if again is not None:
        raise EventsDiffer(again[0])
    found = sql.execute(
        f"""
        WITH followed AS (
            SELECT record_key, rev, base, lag(rev, 1, 0) OVER (PARTITION BY record_key ORDER BY rev) AS before
            FROM (FROM ({rows}) UNION ALL SELECT record_key, base FROM broken WHERE base IS NOT NULL)
            JOIN broken USING (record_key)
        )
        SELECT record_key || '@' || (before + 1) FROM followed
        WHERE rev <> before + 1 AND rev IS DISTINCT FROM base
        ORDER BY 1 LIMIT {_GAPS_TOLD_MAX}
        """
    ).fetchall()
    return [event_id for (event_id,) in found]


#: Every hold of the bucket, and of those that are settled what they did: most holds of a long history are.
END_HOLDS: Final = """
CREATE TABLE ended AS
SELECT hold_id, max(rev) AS rev, min(at_ms) AS first_ms, max(at_ms) AS at_ms, bool_or(final) AS final,
       bool_or(settles) AS settles, arg_max(status, rev) AS status, arg_max(lines, rev) AS lines
FROM (
    SELECT record_key AS hold_id, rev, at_ms, status, lines, settlement IS NOT NULL OR type = 'hold_removed' AS final,
           settlement IS NOT NULL AS settles
    FROM events WHERE NOT (type = 'hold_removed' AND settled)
    UNION ALL
    SELECT hold_id, rev, at_ms, status, lines, false, false FROM base
) GROUP BY hold_id
"""
_LATEST_OF_HOLD: Final = ", ".join(
    f"arg_max({name}, rev) AS {name}" for name in HOLDS if name not in {"hold_id", "rev", "at_ms"}
)
#: The unsettled ones, whole. Most of a long history is older than they are, and is not read again.
FOLD_HOLDS: Final = f"""
CREATE TABLE folded AS
WITH open AS (SELECT hold_id FROM ended WHERE NOT final),
told AS (
    SELECT record_key AS hold_id, rev, at_ms, status, lines, metadata, resolution, fingerprint, open, created_ms,
           expires_at_ms, CASE WHEN created_ms IS NOT NULL THEN actor END AS actor
    FROM events WHERE record_key IN (FROM open) AND at_ms >= (SELECT min(first_ms) FROM ended WHERE NOT final)
    UNION ALL BY NAME
    FROM base WHERE hold_id IN (FROM open)
)
SELECT hold_id, max(rev) AS rev, max(at_ms) AS at_ms, {_LATEST_OF_HOLD}
FROM told GROUP BY hold_id
"""
DRAWS_OF_HOLDS: Final = f"""
WITH lined AS (
    SELECT * EXCLUDE (lines), unnest(from_json(lines, {_LINES})) AS part,
           generate_subscripts(from_json(lines, {_LINES}), 1) - 1 AS line
    FROM folded
)
SELECT hold_id, line, part.item AS item_id, part.warehouse AS warehouse_id, part.quantity AS line_quantity,
       part.executed AS line_executed, status, created_ms, expires_at_ms, at_ms, actor,
       make_timestamp(created_ms * 1000) AS created, make_timestamp(expires_at_ms * 1000) AS expires_at,
       unnest(part.drawn).shard AS shard, unnest(part.drawn).quantity AS quantity
FROM lined
"""
#: What a bucket of holds does to items: units that left with holds settled since the base, and units held now. It is
#: handed on in Parquet, where a sum that is not cast becomes a double, which counts to 2^53.
EFFECTS_OF_HOLDS: Final = f"""
SELECT item_id, warehouse_id, sum(executed)::BIGINT AS executed, sum(holding)::BIGINT AS holding FROM (
    SELECT line.item AS item_id, line.warehouse AS warehouse_id, coalesce(line.executed, line.quantity) AS executed,
           0 AS holding
    FROM (SELECT unnest(from_json(lines, {_TAKEN})) AS line FROM ended WHERE settles AND status = 'executed')
    UNION ALL
    SELECT item_id, warehouse_id, 0, quantity FROM draws
) GROUP BY ALL
"""
BASE_STOCK: Final = """
SELECT item_id || '#' || warehouse_id || '#' || shard AS record_key, rev FROM base_shards
UNION ALL SELECT item_id || '#*', rev FROM base_directories
"""
FOLD_SHARDS: Final = """
CREATE TABLE shards AS
WITH told AS (
    SELECT item_id, warehouse_id, shard, available_after AS available, held_after AS held, inflow_after AS inflow, rev,
           at_ms, type = 'shard_removed' AS gone
    FROM events WHERE shard IS NOT NULL
    UNION ALL BY NAME SELECT *, false AS gone FROM base_shards
)
SELECT item_id, warehouse_id, shard, last.available, last.held, last.inflow, last.rev, last.at_ms FROM (
    SELECT item_id, warehouse_id, shard, arg_max({'available': available, 'held': held, 'inflow': inflow, 'rev': rev,
           'at_ms': at_ms, 'gone': gone}, rev) AS last
    FROM told GROUP BY item_id, warehouse_id, shard
) WHERE NOT last.gone
"""
_ADJUSTED: Final = """
SELECT item_id, warehouse_id, CASE WHEN to_warehouse_id IS NULL THEN quantity ELSE -quantity END AS adjusted
FROM events WHERE type IN ('adjustment_made', 'transfer_made')
UNION ALL
SELECT item_id, to_warehouse_id, quantity FROM events WHERE type = 'transfer_made'
"""
SNAPSHOT_OF_STOCK: Final = f"""
SELECT item_id, warehouse_id, sum(available) AS available, sum(held) AS held, sum(available) + sum(held) AS on_hand,
       sum(shards) AS shards, max(at_ms) AS at_ms, make_timestamp(max(at_ms) * 1000) AS last_event_at,
       sum(adjusted) AS adjusted, sum(executed) AS executed, sum(holding) AS holding
FROM (
    SELECT item_id, warehouse_id, available, held, 1 AS shards, at_ms, 0 AS adjusted, 0 AS executed, 0 AS holding
    FROM shards
    UNION ALL SELECT item_id, warehouse_id, 0, 0, 0, NULL, adjusted, 0, 0 FROM ({_ADJUSTED})
    UNION ALL SELECT item_id, warehouse_id, 0, 0, 0, NULL, adjusted, executed, 0 FROM base_snapshot
    UNION ALL SELECT item_id, warehouse_id, 0, 0, 0, NULL, 0, executed, holding FROM effects
) GROUP BY item_id, warehouse_id
"""
STOCK_HEADS: Final = """
SELECT item_id || '#' || warehouse_id || '#' || shard AS record_key, rev, at_ms, false AS final FROM shards
UNION ALL SELECT item_id || '#*', rev, at_ms, false FROM directories
UNION ALL SELECT record_key, max(rev), max(at_ms), true FROM events
WHERE type LIKE 'adjustment%' OR type LIKE 'transfer%' OR type IN ('shard_removed', 'directory_removed')
GROUP BY record_key
"""


def fold_directories(sql: duckdb.DuckDBPyConnection) -> None:
    """Directories change with splits, counts and new warehouses only: few enough to fold one by one."""
    load(sql, "directories", DIRECTORIES, [])
    rows = sql.execute(
        "SELECT item_id, rev, at_ms, type, after FROM events WHERE type LIKE 'directory%' ORDER BY item_id, rev"
    ).fetchall()
    bases = dict(
        sql.execute(
            "SELECT item_id, warehouses FROM base_directories "
            "WHERE item_id IN (SELECT item_id FROM events WHERE type LIKE 'directory%')"
        ).fetchall()
    )
    folded: list[tuple[str, str, int, int]] = []
    for item, changes in groupby(rows, key=lambda row: row[0]):
        warehouses: dict[str, Any] | None = json.loads(bases.get(item, "{}"))
        rev = at_ms = 0
        for _, rev, at_ms, kind, after in changes:  # noqa: B007 - the last ones are the record's
            warehouses = changed_directory(warehouses, kind, after)
        if warehouses is not None:
            folded.append((item, json.dumps(warehouses, sort_keys=True, separators=(",", ":")), rev, at_ms))
    if folded:  # all at once: a row at a time takes half a millisecond each
        columns = ", ".join(f"unnest(${number}::{kind}[])" for number, kind in enumerate(DIRECTORIES.values(), 1))
        sql.execute(f"INSERT INTO directories SELECT {columns}", [list(column) for column in zip(*folded, strict=True)])
    sql.execute(
        "INSERT INTO directories SELECT item_id, warehouses, rev, at_ms FROM base_directories "
        "WHERE item_id NOT IN (SELECT item_id FROM events WHERE type LIKE 'directory%')"
    )


def changed_directory(warehouses: Mapping[str, Any] | None, kind: str, after: str) -> dict[str, Any] | None:
    """A directory's warehouses after one more event; None for no directory. `after` is JSON: what became of some."""
    if kind == "directory_removed":
        return None
    merged = {**(warehouses or {}), **json.loads(after)}
    return {name: entry for name, entry in merged.items() if entry is not None}


def item_totals(sql: duckdb.DuckDBPyConnection, in_ledger: str) -> dict[str, int]:
    """What a bucket of items adds to the manifest's totals; `in_ledger`: the condition of events new to the ledger."""
    summed = ("available", "held", "on_hand", "adjusted", "executed", "holding", "shards")
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in summed)
    [row] = sql.execute(f"SELECT {sums}, count(DISTINCT item_id) FROM snapshot").fetchall()
    of_stock = "type LIKE 'shard%' OR type LIKE 'directory%'"
    return dict(zip((*summed, "items"), row, strict=True)) | {
        "stock_events": one(sql, f"SELECT count(*) FROM events WHERE {in_ledger} AND ({of_stock})"),
        "adjustment_events": one(sql, f"SELECT count(*) FROM events WHERE {in_ledger} AND NOT ({of_stock})"),
    }


def one(sql: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one number that a query gives."""
    [(value,)] = sql.execute(query).fetchall()
    return int(value)
