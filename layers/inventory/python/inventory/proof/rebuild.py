"""A snapshot made again from the archive's events alone, and compared row by row with the sealed one.

The snapshot workflow folds base and increment, bucket by bucket; here everything is folded at once from the first
event. So is the state that the next snapshot begins with: what is wrong in it would be wrong in all that follow.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inventory.proof.columns import COLUMNS, LINES_SHAPE, comparable, counted
from inventory.proof.findings import Check, Finding, joined
from inventory.proof.lives import plain, rename_ended
from inventory.proof.manifest import Manifest
from inventory.proof.rows import Rows, compare, difference, load
from inventory.proof.spans import Span
from inventory.proof.sql import ENTRIES, count, each_row

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
        SELECT item_id, warehouse_id, shard, available_after AS available, held_after AS held, inflow_after AS inflow,
               rev, at_ms, type = 'shard_removed' AS removed
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

#: What the next snapshot begins with: each record as its last event left it.
_STATE: Final = {
    "rebuilt_shards": """
        SELECT item_id, warehouse_id, shard, available, held, inflow, rev, at_ms FROM folded_shard WHERE NOT removed""",
    # Events tell the entries that changed, and null for those that went; a removal ends all that were there.
    "rebuilt_directories": f"""
        WITH told AS (SELECT item_id, rev, at_ms, type, after FROM followed WHERE starts_with(type, 'directory_')),
        last AS (
            SELECT item_id, max(rev) AS rev, max_by(at_ms, rev) AS at_ms,
                   coalesce(max(rev) FILTER (type = 'directory_removed'), 0) AS removed_rev
            FROM told GROUP BY item_id),
        changed AS (
            SELECT item_id, told.rev, unnest(map_entries({ENTRIES.format("after")})) AS entry
            FROM told JOIN last USING (item_id) WHERE told.rev > removed_rev),
        latest AS (
            SELECT item_id, entry.key AS name, max_by({{'value': entry.value}}, rev).value AS value
            FROM changed GROUP BY item_id, entry.key),
        spelled AS (
            SELECT item_id, '{{' || string_agg('"' || name || '":' || value::VARCHAR, ',' ORDER BY name) || '}}' AS told
            FROM latest WHERE coalesce(json_type(value), 'NULL') <> 'NULL' GROUP BY item_id)
        SELECT item_id, coalesce(spelled.told, '{{}}') AS warehouses, rev, at_ms
        FROM last LEFT JOIN spelled USING (item_id) WHERE rev > removed_rev""",  # noqa: S608 our own
    # Of most holds nothing is kept: what they have beside their lines is read for those that are not settled.
    "rebuilt_hold_states": f"""
        WITH unsettled AS (
            SELECT hold_id AS record_key, status, lines, actor, created_ms, expires_at_ms, at_ms
            FROM folded_hold WHERE NOT settled AND NOT removed)
        SELECT {plain("record_key")} AS hold_id, any_value(status) AS status, any_value(lines) AS lines,
               max_by(told.metadata, told.rev) FILTER (told.metadata IS NOT NULL) AS metadata,
               max_by(told.resolution, told.rev) FILTER (told.resolution IS NOT NULL) AS resolution,
               any_value(unsettled.actor) AS actor,
               max_by(told.fingerprint, told.rev) FILTER (told.fingerprint IS NOT NULL) AS fingerprint,
               max_by(told.open, told.rev) FILTER (told.open IS NOT NULL) AS open,
               any_value(unsettled.created_ms) AS created_ms, any_value(unsettled.expires_at_ms) AS expires_at_ms,
               max(told.rev) AS rev, any_value(unsettled.at_ms) AS at_ms
        FROM (SELECT record_key, metadata, resolution, fingerprint, open, rev FROM followed
              WHERE starts_with(type, 'hold_')) AS told
        JOIN unsettled USING (record_key) GROUP BY record_key""",  # noqa: S608 our own
}

#: What is compared row by row with the sealed files.
_COMPARED: Final = (
    Rows(
        "snapshots_rows",
        "rebuilt_snapshots",
        "snapshots/",
        "items",
        ("item_id", "warehouse_id"),
        "item_id, warehouse_id, available, held, on_hand, shards, at_ms, last_event_at, adjusted, executed, holding",
    ),
    Rows(
        "holds_rows",
        "rebuilt_holds",
        "holds/",
        "holds",
        ("hold_id", "line", "shard"),
        "hold_id, line, item_id, warehouse_id, shard, quantity, line_quantity, line_executed, status, created_ms, "
        "expires_at_ms, at_ms, created, expires_at, actor",
    ),
    Rows(
        "state_rows",
        "rebuilt_shards",
        "state/",
        "shards",
        ("item_id", "warehouse_id", "shard"),
        "item_id, warehouse_id, shard, available, held, inflow, rev, at_ms",
    ),
    Rows("state_rows", "rebuilt_directories", "state/", "directories", ("item_id",), "item_id, warehouses, rev, at_ms"),
    Rows(
        "state_rows",
        "rebuilt_hold_states",
        "state/",
        "holds",
        ("hold_id",),
        "hold_id, status, lines, metadata, resolution, actor, fingerprint, open, created_ms, expires_at_ms, rev, at_ms",
    ),
)
#: What ledgers must have: all but what a seal asks no evidence of, a settled hold's expiry, where it came later.
_OWED: Final = """
    CREATE OR REPLACE TEMP TABLE came_after AS
    SELECT event_id FROM event ANTI JOIN sealed_ledger USING (event_id)
    WHERE type = 'hold_removed' AND "by" = 'ttl' AND settled;
    CREATE OR REPLACE TEMP VIEW owed AS FROM event ANTI JOIN came_after USING (event_id)"""


def fold_archive(database: "DuckDBPyConnection", until_ms: int) -> None:
    """Makes what `compare_rows` compares, of an instant, after `begin_from`."""
    fold_records(database, until_ms)
    fold_books(database)


def fold_records(database: "DuckDBPyConnection", until_ms: int) -> None:
    """Makes `followed`, what is known up to an instant, folds each record of it, and makes `effect`: what holds did."""
    followed = f"SELECT * FROM known WHERE at_ms <= {until_ms}"  # noqa: S608 a number
    database.execute(f"CREATE OR REPLACE TEMP VIEW followed AS {followed}")
    _make(database, _RECORDS)


def fold_books(database: "DuckDBPyConnection") -> None:
    """Makes what `compare_rows` compares, from the folded records and `effect`."""
    _make(database, {**_BOOKS, **_STATE})


def _make(database: "DuckDBPyConnection", tables: Mapping[str, str]) -> None:
    for name, query in tables.items():
        used = {"shape": LINES_SHAPE} if "$shape" in query else {}
        database.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}", used)


def compare_rows(database: "DuckDBPyConnection", folder: Path, manifest: Manifest) -> list[Check]:
    """Compares what `fold_archive` made with the manifest's files, row by row."""
    return joined(compare(database, folder, manifest, rows) for rows in _COMPARED)


def compare_ledger(database: "DuckDBPyConnection", folder: Path, ledgers: Sequence[str], span: Span) -> list[Check]:
    """Whether these files of ledgers have the archive's events of a span, each once and as it is.

    An event of the archive that no ledger has came after its snapshot was sealed, or was added later: a late event.
    Only a settled hold's expiry may come whenever it comes.
    Events before the span are looked at where the archive's objects have some: the ledgers of their time must be
    among those given. A file that is not there is one without events.
    """
    rows, late = Check("ledger_rows"), Check("late_events")
    load(database, folder, "sealed_ledger", ledgers, ", ".join(f'"{name}"' for name, _, _ in COLUMNS), like="event")
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
    for event_id, archived_in, sealed_in, archived, sealed in each_row(wrong):
        if sealed_in is None:
            what = "The event is of an instant that is sealed, but in no ledger: it came late."
            late.add(Finding(what, archived_in, event_id, {"archived": json.loads(archived)}))
        elif archived_in is None:
            evidence = {"sealed": json.loads(sealed)}
            rows.add(Finding("The event is in the ledger, but the archive lost it.", sealed_in, event_id, evidence))
        else:
            evidence = {"ledger": sealed_in} | difference(json.loads(archived), json.loads(sealed))
            rows.add(Finding("The event is not what the ledger says it was.", archived_in, event_id, evidence))
    return [rows, late]


def _ledger_twice(database: "DuckDBPyConnection") -> Iterator[Finding]:
    twice = database.execute(
        "SELECT event_id, list(path ORDER BY path) FROM sealed_ledger GROUP BY event_id, stretch_of(at_ms) "
        "HAVING count(*) > 1 ORDER BY 1"
    )
    for event_id, paths in each_row(twice):
        yield Finding("The ledger has the event more than once.", paths[0], event_id, {"paths": paths})


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
