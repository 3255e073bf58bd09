"""What must hold between the records of a history, whoever wrote it: each check a query over the events.

They read what `begin_from` and `fold_archive` make. An event of a transaction is compared with the others of its
instant, so that any instant cuts the history where no transaction is cut. What holds claim to have done to shards is a
table of its own (`claim`), so that holds and shards can be looked at apart from each other.
"""

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from inventory.proof.base import BASE
from inventory.proof.columns import LINES_SHAPE, counted
from inventory.proof.findings import Check, Finding
from inventory.proof.lives import plain
from inventory.proof.spans import Span
from inventory.proof.sql import count, each_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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


#: Tables over `followed` that several rules need. `audited` has the events; the others the base's records too.
_VIEWS: Final = {
    "audited": f"SELECT * FROM followed WHERE NOT ends_with(type, '{BASE}')",  # noqa: S608 our own
    "shard_event": """
        SELECT *, coalesce(available_after, 0) - coalesce(available_before, 0) AS available_change,
               coalesce(held_after, 0) - coalesce(held_before, 0) AS held_change
        FROM followed WHERE shard IS NOT NULL""",
    # What a hold was before each of its events: its status, its time, its lines.
    "hold_event": """
        SELECT *, last_value(status IGNORE NULLS) OVER earlier AS status_before,
               last_value(expires_at_ms IGNORE NULLS) OVER earlier AS expires_before_ms,
               last_value(settlement IGNORE NULLS) OVER earlier AS settlement_before,
               last_value(lines IGNORE NULLS) OVER so_far AS lines_now
        FROM followed WHERE starts_with(type, 'hold_')
        WINDOW earlier AS (PARTITION BY record_key ORDER BY rev ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
               so_far AS (PARTITION BY record_key ORDER BY rev ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)""",
    # Units of each line when a hold was placed and when it was settled. What is executed is taken from a line's draws
    # in their order, so a draw loses what is left after those before it.
    "draw": """
        SELECT record_key, event_id, type, settlement, path, at_ms, status_before, line.item AS item_id,
               line.warehouse AS warehouse_id, line.drawn[position].shard AS shard,
               line.drawn[position].quantity::HUGEINT AS quantity,
               CASE WHEN status_before = 'executed' THEN greatest(0, least(
                   line.drawn[position].quantity,
                   coalesce(line.executed, line.quantity)
                   - coalesce(list_sum([each.quantity FOR each IN line.drawn[1:position - 1]]), 0)))
               ELSE 0 END AS gone
        FROM (SELECT *, unnest(range(1, len(line.drawn) + 1)) AS position
              FROM (SELECT *, unnest(from_json(lines_now, $shape)) AS line
                    FROM hold_event WHERE type IN ('hold_placed', 'hold_settled')))""",
}


#: What holds say that they did to shards: `type` is hold_placed or hold_settled, `cause_id` the hold or settlement.
#: An audit hands it on in Parquet, where a sum that is not cast becomes a double. What is too large for a counter stays
#: the most that there is, which no shard gives: as null it would be as good as nothing claimed.
_CLAIMS: Final = f"""
    SELECT type, CASE WHEN type = 'hold_placed' THEN {plain("record_key")} ELSE settlement END AS cause_id, item_id,
           warehouse_id, shard, at_ms,
           {counted("CASE WHEN type = 'hold_placed' THEN -quantity ELSE quantity - gone END")} AS available,
           {counted("CASE WHEN type = 'hold_placed' THEN quantity ELSE -quantity END")} AS held,
           min(path) AS path
    FROM draw GROUP BY ALL"""  # noqa: S608 our own

_CLAIMED: Final = """
    SELECT cause_id, item_id, warehouse_id, shard, at_ms, sum(available) AS available, sum(held) AS held,
           min(path) AS path
    FROM claim WHERE type = '{type}' GROUP BY ALL"""

_DONE: Final = """
    SELECT cause_id, item_id, warehouse_id, shard, at_ms, sum(available_change) AS available,
           sum(held_change) AS held, min(path) AS path
    FROM shard_event WHERE cause_type IN ({causes}) GROUP BY ALL"""

_DIFFERENT: Final = """
    SELECT coalesce(claimed.cause_id, done.cause_id) || ' ' ||
           concat_ws('#', coalesce(claimed.item_id, done.item_id), coalesce(claimed.warehouse_id, done.warehouse_id),
                     coalesce(claimed.shard, done.shard)) AS record,
           coalesce(claimed.path, done.path) AS path,
           {{'at': coalesce(claimed.at_ms, done.at_ms),
             'expected': {{'available': coalesce(claimed.available, 0), 'held': coalesce(claimed.held, 0)}},
             'found': {{'available': coalesce(done.available, 0), 'held': coalesce(done.held, 0)}}}} AS evidence
    FROM ({claimed}) AS claimed FULL JOIN ({done}) AS done
    ON claimed.cause_id = done.cause_id AND claimed.item_id = done.item_id
       AND claimed.warehouse_id = done.warehouse_id AND claimed.shard IS NOT DISTINCT FROM done.shard
       AND claimed.at_ms = done.at_ms
    WHERE coalesce(claimed.available, 0) <> coalesce(done.available, 0)
          OR coalesce(claimed.held, 0) <> coalesce(done.held, 0)"""

#: An adjustment does not say to which shard it went.
_BY_WAREHOUSE: Final = """
    SELECT cause_id, item_id, warehouse_id, NULL::INTEGER AS shard, at_ms, sum(available) AS available,
           sum(held) AS held, min(path) AS path
    FROM ({parts}) GROUP BY ALL"""

_ADJUSTED: Final = """
    SELECT record_key AS cause_id, item_id, warehouse_id, NULL::INTEGER AS shard, at_ms,
           CASE WHEN type = 'transfer_made' THEN -quantity ELSE quantity END AS available, 0 AS held, path
    FROM audited WHERE type IN ('adjustment_made', 'transfer_made')
    UNION ALL
    SELECT record_key, item_id, to_warehouse_id, NULL, at_ms, quantity, 0, path
    FROM audited WHERE type = 'transfer_made'"""

RULES: Final = (
    Rule(
        "counts_continue",
        "A shard's event does not begin with the counts that the one before it left.",
        "SELECT count(*) FROM audited WHERE shard IS NOT NULL",
        """
        SELECT event_id, path, {'expected': {'available': available_left, 'held': held_left},
                                'found': {'available': available_before, 'held': held_before}}
        FROM (SELECT *, lag(rev) OVER w AS last_rev, lag(available_after) OVER w AS available_left,
                     lag(held_after) OVER w AS held_left
              FROM shard_event WINDOW w AS (PARTITION BY record_key ORDER BY rev))
        WHERE rev = coalesce(last_rev, 0) + 1 AND type <> 'shard_base'
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
        "SELECT count(DISTINCT (cause_id, item_id, warehouse_id, shard)) FROM claim WHERE type = 'hold_placed'",
        _DIFFERENT.format(
            claimed=_CLAIMED.format(type="hold_placed"),
            done=_DONE.format(causes="'hold'"),
        ),
    ),
    Rule(
        "settlements_match",
        "What a settlement did to a shard is not the sum over its holds.",
        "SELECT count(DISTINCT (cause_id, item_id, warehouse_id, shard)) FROM claim WHERE type = 'hold_settled'",
        _DIFFERENT.format(
            claimed=_CLAIMED.format(type="hold_settled"),
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
        "SELECT count(*) FROM audited WHERE starts_with(type, 'hold_')",
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
            WHEN 'hold_base' THEN true
            ELSE false END, false)""",
    ),
    Rule(
        "lines_legal",
        "A hold's line has no units, was drawn in other quantities than it has, or executed for more.",
        "SELECT count(*) FROM audited WHERE lines IS NOT NULL",
        """
        SELECT event_id, path, {'line': line}
        FROM (SELECT event_id, path, unnest(from_json(lines, $shape)) AS line FROM audited WHERE lines IS NOT NULL)
        WHERE coalesce(line.quantity, 0) < 1 OR list_min([each.quantity FOR each IN line.drawn]) < 1
              OR line.quantity IS DISTINCT FROM list_sum([each.quantity FOR each IN line.drawn])
              OR list_count([each.quantity FOR each IN line.drawn]) < len(line.drawn)
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
        FROM rebuilt_snapshots WHERE on_hand IS DISTINCT FROM adjusted::HUGEINT - executed""",
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


def check_events(database: "DuckDBPyConnection") -> list[Check]:
    """Every rule over the events up to the instant that `fold_archive` was done for."""
    make_claims(database)
    return check_rules(database)


def make_claims(database: "DuckDBPyConnection") -> None:
    """Makes what the rules read, `claim` among it: what the holds that are here did to shards, by their own account."""
    for name, query in {**_VIEWS, "claim": _CLAIMS}.items():
        database.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}", _used(query, None))


def check_rules(database: "DuckDBPyConnection") -> list[Check]:
    """Every rule, after `fold_archive` and `make_claims`."""
    return [checked(database, rule) for rule in RULES]


def checked(database: "DuckDBPyConnection", rule: Rule, span: Span | None = None) -> Check:
    """What one rule finds; `$since` and `$until` in its queries are the span's."""
    check = Check(rule.name)
    check.looked_at = count(database, rule.looked_at, _used(rule.looked_at, span))
    wrong = f"({rule.wrong}) AS wrong (record, path, evidence)"
    query = f"SELECT record, path, to_json(evidence) FROM {wrong} ORDER BY record, path"  # noqa: S608 our own
    for record, path, evidence in each_row(database.execute(query, _used(rule.wrong, span))):
        check.add(Finding(rule.what, path, record, json.loads(evidence)))
    return check


def _used(query: str, span: Span | None) -> dict[str, Any]:
    parameters: dict[str, Any] = {"shape": LINES_SHAPE}
    if span is not None:
        parameters |= {"since": span.since_ms, "until": span.until_ms}
    return {name: value for name, value in parameters.items() if f"${name}" in query}
