"""What must hold between the records of a history, whoever wrote it: each check a query over the events.

They read the tables that `read_archive` and `load_live` make: `event`, each event once; and `live_shard` and
`live_hold`, what the service's own tables say. An event of a transaction is compared with the others of its instant, so
that any instant cuts the history where no transaction is cut.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from inventory.audit.findings import Check, Finding

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LINES_SHAPE: Final = (
    '[{"item": "VARCHAR", "warehouse": "VARCHAR", "quantity": "BIGINT", "executed": "BIGINT", '
    '"drawn": [{"shard": "INTEGER", "quantity": "BIGINT"}]}]'
)


class Rule(NamedTuple):
    """A check as a query.

    Attributes:
        name: The check's name, as in docs/audit.md.
        what: What a finding says.
        looked_at: Counts what it compares.
        wrong: Gives record, path and evidence (a struct) of each discrepancy.
    """

    name: str
    what: str
    looked_at: str
    wrong: str


#: Views over `event` that several rules need. `$until` is the instant that is audited.
_VIEWS: Final = {
    "audited": "SELECT * FROM event WHERE at_ms <= $until",
    "shard_event": """
        SELECT *, coalesce(available_after, 0) - coalesce(available_before, 0) AS available_change,
               coalesce(held_after, 0) - coalesce(held_before, 0) AS held_change
        FROM audited WHERE shard IS NOT NULL""",
    # What a hold was before each of its events: its status, its time, its lines.
    "hold_event": """
        SELECT *, last_value(status IGNORE NULLS) OVER earlier AS status_before,
               last_value(expires_at_ms IGNORE NULLS) OVER earlier AS expires_before_ms,
               last_value(settlement IGNORE NULLS) OVER earlier AS settlement_before,
               last_value(lines IGNORE NULLS) OVER so_far AS lines_now
        FROM audited WHERE starts_with(type, 'hold_')
        WINDOW earlier AS (PARTITION BY record_key ORDER BY rev ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
               so_far AS (PARTITION BY record_key ORDER BY rev ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)""",
    # Units of each line when a hold was placed and when it was settled. What is executed is taken from a line's draws
    # in their order, so a draw loses what is left after those before it.
    "draw": """
        SELECT record_key, event_id, type, settlement, path, status_before, line.item AS item_id,
               line.warehouse AS warehouse_id, line.drawn[position].shard AS shard,
               line.drawn[position].quantity AS quantity,
               CASE WHEN status_before = 'executed' THEN greatest(0, least(
                   line.drawn[position].quantity,
                   coalesce(line.executed, line.quantity)
                   - coalesce(list_sum([each.quantity FOR each IN line.drawn[1:position - 1]]), 0)))
               ELSE 0 END AS gone
        FROM (SELECT *, unnest(range(1, len(line.drawn) + 1)) AS position
              FROM (SELECT *, unnest(from_json(lines_now, $shape)) AS line
                    FROM hold_event WHERE type IN ('hold_placed', 'hold_settled')))""",
}

_DONE: Final = """
    SELECT cause_id, item_id, warehouse_id, shard, sum(available_change) AS available, sum(held_change) AS held,
           min(path) AS path
    FROM shard_event WHERE cause_type IN ({causes}) GROUP BY ALL"""

_DIFFERENT: Final = """
    SELECT coalesce(claimed.cause_id, done.cause_id) || ' ' ||
           concat_ws('#', coalesce(claimed.item_id, done.item_id), coalesce(claimed.warehouse_id, done.warehouse_id),
                     coalesce(claimed.shard, done.shard)) AS record,
           coalesce(claimed.path, done.path) AS path,
           {{'expected': {{'available': coalesce(claimed.available, 0), 'held': coalesce(claimed.held, 0)}},
             'found': {{'available': coalesce(done.available, 0), 'held': coalesce(done.held, 0)}}}} AS evidence
    FROM ({claimed}) AS claimed FULL JOIN ({done}) AS done
    ON claimed.cause_id = done.cause_id AND claimed.item_id = done.item_id
       AND claimed.warehouse_id = done.warehouse_id AND claimed.shard IS NOT DISTINCT FROM done.shard
    WHERE coalesce(claimed.available, 0) <> coalesce(done.available, 0)
          OR coalesce(claimed.held, 0) <> coalesce(done.held, 0)"""

#: An adjustment does not say to which shard it went.
_BY_WAREHOUSE: Final = """
    SELECT cause_id, item_id, warehouse_id, NULL::INTEGER AS shard, sum(available) AS available, sum(held) AS held,
           min(path) AS path
    FROM ({parts}) GROUP BY ALL"""

_ADJUSTED: Final = """
    SELECT record_key AS cause_id, item_id, warehouse_id, NULL::INTEGER AS shard,
           CASE WHEN type = 'transfer_made' THEN -quantity ELSE quantity END AS available, 0 AS held, path
    FROM audited WHERE type IN ('adjustment_made', 'transfer_made')
    UNION ALL
    SELECT record_key, item_id, to_warehouse_id, NULL, quantity, 0, path FROM audited WHERE type = 'transfer_made'"""

RULES: Final = (
    Rule(
        "counts_continue",
        "A shard's event does not begin with the counts that the one before it left.",
        "SELECT count(*) FROM shard_event",
        """
        SELECT event_id, path, {'expected': {'available': available_left, 'held': held_left},
                                'found': {'available': available_before, 'held': held_before}}
        FROM (SELECT *, lag(rev) OVER w AS last_rev, lag(available_after) OVER w AS available_left,
                     lag(held_after) OVER w AS held_left
              FROM shard_event WINDOW w AS (PARTITION BY record_key ORDER BY rev))
        WHERE rev = coalesce(last_rev, 0) + 1
              AND (available_before IS DISTINCT FROM available_left OR held_before IS DISTINCT FROM held_left)""",
    ),
    Rule(
        "never_oversold",
        "A counter is below zero.",
        "SELECT count(*) FROM shard_event",
        """
        SELECT event_id, path, {'available': available_after, 'held': held_after}
        FROM shard_event WHERE available_after < 0 OR held_after < 0""",
    ),
    Rule(
        "placements_match",
        "What a hold drew is not what its shards gave.",
        "SELECT count(DISTINCT record_key) FROM draw WHERE type = 'hold_placed'",
        _DIFFERENT.format(
            claimed="""
                SELECT record_key AS cause_id, item_id, warehouse_id, shard, -sum(quantity) AS available,
                       sum(quantity) AS held, min(path) AS path
                FROM draw WHERE type = 'hold_placed' GROUP BY ALL""",
            done=_DONE.format(causes="'hold'"),
        ),
    ),
    Rule(
        "settlements_match",
        "What a settlement did to a shard is not the sum over its holds.",
        "SELECT count(DISTINCT settlement) FROM hold_event WHERE type = 'hold_settled'",
        _DIFFERENT.format(
            claimed="""
                SELECT settlement AS cause_id, item_id, warehouse_id, shard, sum(quantity - gone) AS available,
                       -sum(quantity) AS held, min(path) AS path
                FROM draw WHERE type = 'hold_settled' GROUP BY ALL""",
            done=_DONE.format(causes="'settlement'"),
        ),
    ),
    Rule(
        "adjustments_match",
        "What an adjustment or transfer says is not what it did to the shards.",
        "SELECT count(*) FROM audited WHERE type IN ('adjustment_made', 'transfer_made')",
        _DIFFERENT.format(
            claimed=_BY_WAREHOUSE.format(parts=_ADJUSTED),
            done=_BY_WAREHOUSE.format(parts=_DONE.format(causes="'adjustment', 'count', 'transfer'")),
        ),
    ),
    Rule(
        "moves_balance",
        "A move between shards made or lost units, or moved what is held.",
        "SELECT count(DISTINCT cause_id) FROM shard_event WHERE cause_type IN ('move', 'split', 'merge')",
        """
        SELECT cause_id, min(path), {'available': sum(available_change), 'held': sum(abs(held_change))}
        FROM shard_event WHERE cause_type IN ('move', 'split', 'merge') GROUP BY cause_id, item_id, warehouse_id
        HAVING sum(available_change) <> 0 OR sum(abs(held_change)) <> 0""",
    ),
    Rule(
        "known_causes",
        "Nothing that the service does has this cause.",
        "SELECT count(*) FROM shard_event WHERE type = 'shard_changed'",
        """
        SELECT event_id, path, {'cause': cause_type, 'id': cause_id} FROM shard_event
        WHERE type = 'shard_changed' AND coalesce(cause_type, '') NOT IN
              ('hold', 'settlement', 'adjustment', 'count', 'transfer', 'move', 'split', 'merge')""",
    ),
    Rule(
        "holds_legal",
        "A hold went a way that no hold may go (resolved_once, expiry_exact, settled_once).",
        "SELECT count(*) FROM hold_event",
        """
        SELECT event_id, path, {'type': type, 'at': at_ms, 'status_before': status_before,
                                'expires_before': expires_before_ms, 'settlement_before': settlement_before}
        FROM hold_event
        WHERE NOT coalesce(CASE type
            WHEN 'hold_placed' THEN rev = 1 AND status = 'active' AND expires_at_ms > at_ms
            WHEN 'hold_extended' THEN status_before = 'active' AND at_ms < expires_before_ms
            WHEN 'hold_executed' THEN status_before = 'active' AND at_ms < expires_before_ms
            WHEN 'hold_released' THEN status_before = 'active'
            WHEN 'hold_expired' THEN status_before = 'active' AND at_ms >= expires_before_ms
            WHEN 'hold_settled' THEN status_before <> 'active' AND settlement_before IS NULL
            WHEN 'hold_removed' THEN true
            ELSE false END, false)""",
    ),
    Rule(
        "lines_legal",
        "A hold's line was drawn in other quantities than it has, or executed for more.",
        "SELECT count(*) FROM hold_event WHERE lines IS NOT NULL",
        """
        SELECT event_id, path, {'line': line}
        FROM (SELECT event_id, path, unnest(from_json(lines, $shape)) AS line FROM hold_event WHERE lines IS NOT NULL)
        WHERE line.quantity IS DISTINCT FROM list_sum([each.quantity FOR each IN line.drawn])::BIGINT
              OR line.executed NOT BETWEEN 0 AND line.quantity""",
    ),
    Rule(
        "removals",
        "A record was removed, and not by the table's own expiry of a settled hold.",
        'SELECT count(*) FROM audited WHERE "by" IS NOT NULL',
        """
        SELECT event_id, path, {'type': type, 'by': "by", 'settled': settled}
        FROM audited
        WHERE "by" IS NOT NULL AND NOT coalesce(type = 'hold_removed' AND "by" = 'ttl' AND settled, false)""",
    ),
    Rule(
        "alterations",
        "A record was changed in a way that no part of the service changes it.",
        "SELECT count(*) FROM audited",
        """
        SELECT event_id, path, {'type': type, 'other': other}
        FROM audited WHERE other IS NOT NULL OR type IN ('hold_altered', 'adjustment_altered')""",
    ),
    Rule(
        "stock_conserved",
        "What is on hand is not what was adjusted less what was executed.",
        "SELECT count(*) FROM rebuilt_snapshots",
        """
        SELECT item_id || ' ' || warehouse_id, NULL, {'on_hand': on_hand, 'adjusted': adjusted, 'executed': executed}
        FROM rebuilt_snapshots WHERE on_hand IS DISTINCT FROM adjusted - executed""",
    ),
    Rule(
        "held_matches_holds",
        "What is held is not what unsettled holds drew.",
        "SELECT count(*) FROM rebuilt_snapshots",
        """
        SELECT item_id || ' ' || warehouse_id, NULL, {'held': held, 'holding': holding}
        FROM rebuilt_snapshots WHERE held IS DISTINCT FROM holding""",
    ),
)

#: The live tables against the events: a record may be ahead of the archive, never behind it or beside it.
LIVE_RULES: Final = (
    Rule(
        "live_stock",
        "A counter in the table is not what its events give.",
        "SELECT count(*) FROM live_shard",
        """
        WITH last AS (
            SELECT record_key, max(rev) AS rev, max_by(path, rev) AS path,
                   max_by(type, rev) = 'shard_removed' AS removed
            FROM shard_event GROUP BY record_key)
        SELECT coalesce(live.record_key, last.record_key), coalesce(same.path, last.path),
               {'live': {'available': live.available, 'held': live.held, 'rev': live.rev},
                'archive': {'available': same.available_after, 'held': same.held_after, 'rev': last.rev}}
        FROM live_shard AS live
        FULL JOIN last ON live.record_key = last.record_key
        LEFT JOIN event AS same ON same.record_key = live.record_key AND same.rev = live.rev
        WHERE (live.record_key IS NULL AND NOT last.removed)
              OR live.rev < last.rev
              OR (live.at_ms <= $until AND same.rev IS NULL)
              OR live.available <> same.available_after OR live.held <> same.held_after""",
    ),
    Rule(
        "live_holds",
        "A hold in the table is not what its events give.",
        "SELECT count(*) FROM live_hold",
        """
        WITH last AS (
            SELECT record_key, max(rev) AS rev, max_by(path, rev) AS path, bool_or(settlement IS NOT NULL) AS settled,
                   bool_or(type = 'hold_removed') AS removed
            FROM hold_event GROUP BY record_key),
        same AS (
            SELECT event.record_key, max(event.rev) AS rev,
                   max_by(event.status, event.rev) FILTER (event.status IS NOT NULL) AS status,
                   max_by(event.expires_at_ms, event.rev) FILTER (event.expires_at_ms IS NOT NULL) AS expires_at_ms,
                   max_by(event.settlement, event.rev) FILTER (event.settlement IS NOT NULL) AS settlement
            FROM event JOIN live_hold ON event.record_key = live_hold.record_key AND event.rev <= live_hold.rev
            GROUP BY event.record_key)
        SELECT coalesce(live.record_key, last.record_key), last.path,
               {'live': {'status': live.status, 'expires_at': live.expires_at_ms, 'settlement': live.settlement,
                         'rev': live.rev},
                'archive': {'status': same.status, 'expires_at': same.expires_at_ms, 'settlement': same.settlement,
                            'rev': last.rev}}
        FROM live_hold AS live
        FULL JOIN last ON live.record_key = last.record_key
        LEFT JOIN same ON same.record_key = live.record_key AND same.rev = live.rev
        WHERE (live.record_key IS NULL AND NOT last.removed AND NOT last.settled)
              OR live.rev < last.rev
              OR (live.at_ms <= $until AND same.rev IS NULL)
              OR (same.rev IS NOT NULL AND (live.status IS DISTINCT FROM same.status
                  OR live.expires_at_ms IS DISTINCT FROM same.expires_at_ms
                  OR live.settlement IS DISTINCT FROM same.settlement))""",
    ),
)


def check_events(database: "DuckDBPyConnection", until_ms: int) -> list[Check]:
    """Every rule over the events up to an instant. `fold_archive` has to be done for the same instant before."""
    _make_views(database, until_ms)
    return [_checked(database, rule, until_ms) for rule in RULES]


def check_live(
    database: "DuckDBPyConnection",
    until_ms: int,
    stock: Iterable[Mapping[str, Any]],
    holds: Iterable[Mapping[str, Any]],
) -> list[Check]:
    """The live tables against the events, after `check_events`.

    Args:
        database: Has the events.
        until_ms: Up to here every event is archived: a later record may be ahead of the archive.
        stock: The stock table's records, directories among them, which are passed over.
        holds: The holds table's records.
    """
    shards = [
        (each["stock_id"], each["available"], each["held"], each["rev"], each["at"])
        for each in stock
        if "available" in each
    ]
    names = ("hold_id", "status", "expires_at", "settlement", "rev", "at")
    kept = [tuple(each.get(name) for name in names) for each in holds]
    _fill(database, "live_shard", "record_key VARCHAR, available BIGINT, held BIGINT, rev BIGINT, at_ms BIGINT", shards)
    columns = "record_key VARCHAR, status VARCHAR, expires_at_ms BIGINT, settlement VARCHAR, rev BIGINT, at_ms BIGINT"
    _fill(database, "live_hold", columns, kept)
    return [_checked(database, rule, until_ms) for rule in LIVE_RULES]


def _fill(database: "DuckDBPyConnection", table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    database.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 the names are our own


def _make_views(database: "DuckDBPyConnection", until_ms: int) -> None:
    for name, query in _VIEWS.items():
        database.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}", _used(query, until_ms))


def _checked(database: "DuckDBPyConnection", rule: Rule, until_ms: int) -> Check:
    check = Check(rule.name)
    (check.looked_at,) = database.execute(rule.looked_at).fetchone() or (0,)
    wrong = f"({rule.wrong}) AS wrong (record, path, evidence)"
    query = f"SELECT record, path, to_json(evidence) FROM {wrong} ORDER BY record, path"  # noqa: S608 our own
    for record, path, evidence in database.execute(query, _used(rule.wrong, until_ms)).fetchall():
        check.add(Finding(rule.what, path, record, json.loads(evidence)))
    return check


def _used(query: str, until_ms: int) -> dict[str, Any]:
    parameters = {"until": until_ms, "shape": LINES_SHAPE}
    return {name: value for name, value in parameters.items() if f"${name}" in query}
