"""A snapshot made again from the archive's events alone, and compared row by row with the sealed one.

The snapshot workflow folds base and increment, bucket by bucket; here everything is folded at once from the first
event, and the state files that it works with are not looked at.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inventory.proof.columns import COLUMNS, LINES_SHAPE, comparable, counted
from inventory.proof.findings import Check, Finding
from inventory.proof.lives import plain, rename_ended
from inventory.proof.manifest import Manifest
from inventory.proof.names import literal
from inventory.proof.spans import Span
from inventory.proof.sql import bucket_sql, count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


#: Of a line: what its hold took from the stock, and what it keeps from others.
_EXECUTED: Final = "CASE WHEN settled AND status = 'executed' THEN coalesce(executed, quantity) ELSE 0 END"
_HOLDING: Final = "CASE WHEN settled OR removed THEN 0 ELSE list_sum([draw.quantity FOR draw IN drawn]) END"

#: Each statement makes a temporary table from `followed` (the base's records and the events up to the snapshot's
#: instant) and the tables before it; `$shape` is that of a hold's lines.
_RECORDS: Final = {
    # The last event of each shard tells all of it.
    "folded_shard": """
        SELECT item_id, warehouse_id, shard, available_after AS available, held_after AS held, at_ms
        FROM followed WHERE shard IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY rev DESC) = 1
        ORDER BY ALL""",
    # Of a hold, the last event that sets an attribute tells it.
    "folded_hold": """
        SELECT record_key AS hold_id, max(at_ms) AS at_ms,
               max_by(status, rev) FILTER (status IS NOT NULL) AS status,
               max_by(lines, rev) FILTER (lines IS NOT NULL) AS lines,
               max_by(created_ms, rev) FILTER (created_ms IS NOT NULL) AS created_ms,
               max_by(expires_at_ms, rev) FILTER (expires_at_ms IS NOT NULL) AS expires_at_ms,
               min_by(actor, rev) AS actor,
               bool_or(settlement IS NOT NULL) AS settled,
               bool_or(type = 'hold_removed') AS removed
        FROM followed WHERE starts_with(type, 'hold_')
        GROUP BY record_key""",
    "folded_line": """
        SELECT hold_id, settled, removed, status, line - 1 AS line, told[line].item AS item_id,
               told[line].warehouse AS warehouse_id, told[line].quantity AS quantity,
               told[line].executed AS executed, told[line].drawn AS drawn
        FROM (SELECT *, unnest(range(1, len(told) + 1)) AS line
              FROM (SELECT *, from_json(lines, $shape) AS told FROM folded_hold))""",
    # What holds did to each item in a warehouse.
    "effect": f"""
        SELECT item_id, warehouse_id, {counted(_EXECUTED)} AS executed, {counted(_HOLDING)} AS holding
        FROM folded_line GROUP BY item_id, warehouse_id""",  # noqa: S608 our own
}
_BOOKS: Final = {
    # Every side of the books gives its share of each row; nothing is joined away.
    "rebuilt_snapshots": f"""
        SELECT item_id, warehouse_id, sum(available)::BIGINT AS available, sum(held)::BIGINT AS held,
               sum(available + held)::BIGINT AS on_hand, sum(shards)::INTEGER AS shards, max(at_ms) AS at_ms,
               make_timestamp(max(at_ms) * 1000) AS last_event_at, sum(adjusted)::BIGINT AS adjusted,
               {counted("executed")} AS executed, {counted("holding")} AS holding
        FROM (
            SELECT item_id, warehouse_id, available, held, 1 AS shards, at_ms, 0 AS adjusted, 0 AS executed,
                   0 AS holding
            FROM folded_shard WHERE available IS NOT NULL
            UNION ALL
            SELECT item_id, warehouse_id, 0, 0, 0, NULL,
                   CASE WHEN type = 'transfer_made' THEN -quantity ELSE quantity END, 0, 0
            FROM followed WHERE type IN ('adjustment_made', 'transfer_made')
            UNION ALL
            SELECT item_id, to_warehouse_id, 0, 0, 0, NULL, quantity, 0, 0
            FROM followed WHERE type = 'transfer_made'
            UNION ALL
            SELECT item_id, warehouse_id, 0, 0, 0, NULL, 0, executed, holding FROM effect
            UNION ALL
            SELECT item_id, warehouse_id, 0, 0, 0, NULL, adjusted, executed, 0 FROM base_books)
        GROUP BY item_id, warehouse_id""",  # noqa: S608 our own
    # An ended life may not have ended by the instant.
    "rebuilt_holds": f"""
        SELECT {plain("hold_id")} AS hold_id, line::INTEGER AS line, item_id, warehouse_id, draw.shard AS shard,
               draw.quantity AS quantity, line_quantity, line_executed, status, created_ms, expires_at_ms, at_ms,
               make_timestamp(created_ms * 1000) AS created, make_timestamp(expires_at_ms * 1000) AS expires_at,
               actor
        FROM (SELECT line.hold_id, line.line, line.item_id, line.warehouse_id, unnest(line.drawn) AS draw,
                     line.quantity AS line_quantity, line.executed AS line_executed, line.status, hold.created_ms,
                     hold.expires_at_ms, hold.at_ms, hold.actor
              FROM folded_line AS line JOIN folded_hold AS hold USING (hold_id)
              WHERE NOT line.settled AND NOT line.removed)""",  # noqa: S608 our own
}

#: What names a row, for each of the tables that are compared row by row.
_ROW_NAME: Final = {
    "snapshots": ("item_id", "warehouse_id"),
    "holds": ("hold_id", "line", "shard"),
}
_COMPARED_COLUMNS: Final = {
    "snapshots": "item_id, warehouse_id, available, held, on_hand, shards, at_ms, last_event_at, adjusted, executed, "
    "holding",
    "holds": "hold_id, line, item_id, warehouse_id, shard, quantity, line_quantity, line_executed, status, "
    "created_ms, expires_at_ms, at_ms, created, expires_at, actor",
}
#: What ledgers must have: all but what a seal asks no evidence of, a settled hold's expiry, where it came later.
_OWED: Final = """
    CREATE OR REPLACE TEMP TABLE came_after AS
    SELECT event_id FROM event ANTI JOIN sealed_ledger USING (event_id)
    WHERE type = 'hold_removed' AND "by" = 'ttl' AND settled;
    CREATE OR REPLACE TEMP VIEW owed AS FROM event ANTI JOIN came_after USING (event_id)"""


def fold_archive(database: "DuckDBPyConnection", until_ms: int) -> None:
    """Makes `rebuilt_snapshots` and `rebuilt_holds` of an instant, after `begin_from`."""
    fold_records(database, until_ms)
    fold_books(database)


def fold_records(database: "DuckDBPyConnection", until_ms: int) -> None:
    """Makes `followed`, what is known up to an instant, folds each record of it, and makes `effect`: what holds did."""
    followed = f"SELECT * FROM known WHERE at_ms <= {until_ms}"  # noqa: S608 a number
    database.execute(f"CREATE OR REPLACE TEMP VIEW followed AS {followed}")
    _make(database, _RECORDS)


def fold_books(database: "DuckDBPyConnection") -> None:
    """Makes `rebuilt_snapshots` and `rebuilt_holds` from the folded records and `effect`."""
    _make(database, _BOOKS)


def _make(database: "DuckDBPyConnection", tables: Mapping[str, str]) -> None:
    for name, query in tables.items():
        used = {"shape": LINES_SHAPE} if "$shape" in query else {}
        database.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}", used)


def compare_rows(database: "DuckDBPyConnection", folder: Path, manifest: Manifest) -> list[Check]:
    """Compares what `fold_archive` made with the manifest's files, row by row."""
    return [_compare(database, folder, manifest, table) for table in _ROW_NAME]


def compare_ledger(database: "DuckDBPyConnection", folder: Path, ledgers: Sequence[str], span: Span) -> list[Check]:
    """Whether these files of ledgers have the archive's events of a span, each once and as it is.

    An event of the archive that no ledger has came after its snapshot was sealed, or was added later: a late event.
    Only a settled hold's expiry may come whenever it comes.
    Events before the span are looked at where the archive's objects have some: the ledgers of their time must be
    among those given. A file that is not there is one without events.
    """
    rows, late = Check("ledger_rows"), Check("late_events")
    _load(database, folder, "sealed_ledger", ledgers, ", ".join(f'"{name}"' for name, _, _ in COLUMNS))
    database.execute("DELETE FROM sealed_ledger WHERE at_ms > ?", [span.until_ms])
    rename_ended(database, "sealed_ledger", "record_key", "(type = 'hold_removed')", "at_ms", also_key=True)
    database.execute(_OWED)
    counted = "SELECT count(*) FROM {} WHERE at_ms > ? AND at_ms <= ?"
    rows.looked_at = count(database, counted.format("sealed_ledger"), span)
    late.looked_at = count(database, counted.format("event"), [0, span.until_ms])
    rows.extend(_ledger_twice(database))
    wrong = database.execute(
        f"""
        SELECT coalesce(told.event_id, sealed.event_id) AS id, told.path, sealed.path,
               to_json({comparable("told")}), to_json({comparable("sealed")})
        FROM (SELECT * FROM owed WHERE at_ms <= $until) AS told
        FULL JOIN sealed_ledger AS sealed
        ON told.event_id = sealed.event_id AND stretch_of(told.at_ms) = stretch_of(sealed.at_ms)
        WHERE (told.event_id IS NULL AND sealed.at_ms > $since) OR sealed.event_id IS NULL
              OR (told.event_id IS NOT NULL AND {comparable("told")} IS DISTINCT FROM {comparable("sealed")})
        ORDER BY id""",  # noqa: S608 the columns are our own
        {"since": span.since_ms, "until": span.until_ms},
    )
    for event_id, archived_in, sealed_in, archived, sealed in wrong.fetchall():
        if sealed_in is None:
            what = "The event is of an instant that is sealed, but in no ledger: it came late."
            late.add(Finding(what, archived_in, event_id, {"archived": json.loads(archived)}))
        elif archived_in is None:
            evidence = {"sealed": json.loads(sealed)}
            rows.add(Finding("The event is in the ledger, but the archive lost it.", sealed_in, event_id, evidence))
        else:
            evidence = {"ledger": sealed_in} | _difference(json.loads(archived), json.loads(sealed))
            rows.add(Finding("The event is not what the ledger says it was.", archived_in, event_id, evidence))
    return [rows, late]


def _ledger_twice(database: "DuckDBPyConnection") -> Iterator[Finding]:
    twice = database.execute(
        "SELECT event_id, list(path ORDER BY path) FROM sealed_ledger GROUP BY event_id, stretch_of(at_ms) "
        "HAVING count(*) > 1 ORDER BY 1"
    )
    for event_id, paths in twice.fetchall():
        yield Finding("The ledger has the event more than once.", paths[0], event_id, {"paths": paths})


def _compare(database: "DuckDBPyConnection", folder: Path, manifest: Manifest, table: str) -> Check:
    check = Check(f"{table}_rows")
    columns = _COMPARED_COLUMNS[table]
    _load(database, folder, f"sealed_{table}", [file.path for file in manifest.under(f"{table}/")], columns)
    names = _ROW_NAME[table]
    check.looked_at = count(database, f"SELECT count(*) FROM rebuilt_{table}")  # noqa: S608 our own
    row = ", ".join(f"{name} := {{0}}.{name}" for name in columns.split(", "))
    made, sealed = (f"struct_pack({row.format(side)})" for side in ("made", "sealed"))
    bucket = bucket_sql(f"made.{names[0]}", manifest.buckets)
    wrong = database.execute(
        f"""
        SELECT concat_ws(' ', {", ".join(f"coalesce(made.{name}, sealed.{name})" for name in names)}) AS name,
               sealed.path, {bucket}, to_json({made}), to_json({sealed}), made.{names[0]} IS NULL,
               sealed.{names[0]} IS NULL
        FROM rebuilt_{table} AS made
        FULL JOIN sealed_{table} AS sealed
        ON {" AND ".join(f"made.{name} = sealed.{name}" for name in names)}
        WHERE made.{names[0]} IS NULL OR sealed.{names[0]} IS NULL OR {made} IS DISTINCT FROM {sealed}
              OR NOT contains(sealed.path, printf('-%04d.parquet', {bucket}))
        ORDER BY name"""  # noqa: S608 the columns are our own
    )
    for name, path, number, rebuilt, sealed, only_sealed, only_made in wrong.fetchall():
        if only_sealed:
            evidence = {"sealed": json.loads(sealed)}
            check.add(Finding("The archive gives no such row.", path, name, evidence))
        elif only_made:
            kind = "items" if table == "snapshots" else table
            where = f"{table}/as_of={manifest.as_of}/{kind}-{number:04}.parquet"
            check.add(Finding("The row is missing.", where, name, {"rebuilt": json.loads(rebuilt)}))
        elif rebuilt == sealed:
            check.add(Finding(f"The row belongs into file {number:04}.", path, name))
        else:
            evidence = _difference(json.loads(rebuilt), json.loads(sealed))
            check.add(Finding("The row is not what the archive gives.", path, name, evidence))
    return check


def rebuilt_totals(database: "DuckDBPyConnection", manifest: Manifest) -> dict[str, int]:
    """What the manifest's totals must be, after `compare_ledger` and `fold_archive`; those of parts add up."""
    sums = ("available", "held", "on_hand", "adjusted", "executed", "holding", "shards")
    row = database.execute(f"""
        SELECT count(DISTINCT item_id), {", ".join(f"coalesce(sum({name}), 0)" for name in sums)},
               (SELECT count(DISTINCT hold_id) FROM folded_hold WHERE NOT settled AND NOT removed)
        FROM rebuilt_snapshots""").fetchone()  # noqa: S608 the columns are our own
    rebuilt: dict[str, int] = dict(zip(("items", *sums, "unsettled_holds"), row or (), strict=True))
    kinds = {
        "stock_events": "^(shard|directory)_",
        "hold_events": "^hold_",
        "adjustment_events": "^(adjustment|transfer)_",
    }
    for name, pattern in kinds.items():
        rebuilt[name] = 0 if manifest.ledger_from_ms is None else _count(database, manifest, pattern)
    return rebuilt


def compare_totals(rebuilt: Mapping[str, int], manifest: Manifest) -> Check:
    """The manifest's totals against those that the archive gives."""
    check = Check("totals", looked_at=len(rebuilt))
    for name, expected in rebuilt.items():
        if manifest.totals.get(name) != expected:
            evidence = {"found": manifest.totals.get(name), "expected": expected}
            check.add(Finding("The total is not what the archive gives.", manifest.path, name, evidence))
    return check


def _count(database: "DuckDBPyConnection", manifest: Manifest, pattern: str) -> int:
    events = "SELECT count(*) FROM owed WHERE at_ms > ? AND at_ms <= ? AND regexp_matches(type, ?)"
    return count(database, events, [manifest.ledger_from_ms, manifest.as_of_ms, pattern])


def _load(database: "DuckDBPyConnection", folder: Path, table: str, paths: Sequence[str], columns: str) -> None:
    """Makes a table of all rows of the files. What cannot be read is left out: it is found where files are hashed.

    An increment hashes only those of its own snapshot and its base; of another's ledger it misses the rows.
    """
    from duckdb import Error

    like = "event" if table == "sealed_ledger" else table.replace("sealed", "rebuilt")
    empty = f"SELECT {columns}, NULL::VARCHAR AS path FROM {like} WHERE false"  # noqa: S608 the columns are our own
    database.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {empty}")
    source = "read_parquet(?, filename = true, hive_partitioning = false)"
    insert = f"INSERT INTO {table} SELECT {columns}, filename[length(?) + 2:] FROM {source}"  # noqa: S608 as above
    present = [literal(folder / path) for path in paths if (folder / path).is_file()]
    if not present:
        return
    try:
        database.execute(insert, [str(folder), present])
    except Error:
        for path in present:
            with suppress(Error):
                database.execute(insert, [str(folder), [path]])


def _difference(expected: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in expected if expected[name] != found[name]]
    return {"expected": {name: expected[name] for name in names}, "found": {name: found[name] for name in names}}
