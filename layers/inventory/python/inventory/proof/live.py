"""The live tables against the events: what the service works with is what its archived past gives.

A record may be ahead of the archive, never behind it or beside it. A base knows nothing of the holds that were settled
before it, which never change again, nor of adjustments, which never change at all: of those made before it, only an
audit that begins at the first event can tell.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from inventory.proof.checks import Rule, checked
from inventory.proof.findings import Check
from inventory.proof.spans import Span
from inventory.proof.sql import ENTRIES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: What of a live record is looked at.
LIVE_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "live_shard": {
        "record_key": "VARCHAR",
        "available": "BIGINT",
        "held": "BIGINT",
        "inflow": "BIGINT",
        "cause": "VARCHAR",
        "rev": "BIGINT",
        "at_ms": "BIGINT",
    },
    "live_directory": {
        "record_key": "VARCHAR",
        "warehouses": "VARCHAR",
        "cause": "VARCHAR",
        "rev": "BIGINT",
        "at_ms": "BIGINT",
    },
    "live_adjustment": {
        "record_key": "VARCHAR",
        "item": "VARCHAR",
        "warehouse": "VARCHAR",
        "source": "VARCHAR",
        "destination": "VARCHAR",
        "quantity": "BIGINT",
        "counted": "BIGINT",
        "reason": "VARCHAR",
        "reference": "VARCHAR",
        "metadata": "VARCHAR",
        "actor": "VARCHAR",
        "fingerprint": "VARCHAR",
        "rev": "BIGINT",
        "at_ms": "BIGINT",
    },
    "live_hold": {
        "record_key": "VARCHAR",
        "status": "VARCHAR",
        "lines": "VARCHAR",
        "created_ms": "BIGINT",
        "expires_at_ms": "BIGINT",
        "actor": "VARCHAR",
        "metadata": "VARCHAR",
        "fingerprint": "VARCHAR",
        "resolution": "VARCHAR",
        "settlement": "VARCHAR",
        "open": "VARCHAR",
        "due": "VARCHAR",
        "ttl": "BIGINT",
        "rev": "BIGINT",
        "at_ms": "BIGINT",
    },
}

#: Why a record of the stock is as it is, by its table and by its last event. A base does not keep it.
_LIVE_WHY: Final = (
    "CASE WHEN json_valid(cause) THEN json_extract_string(cause, "
    "['$.type', '$.id', '$.actor', '$.reason', '$.reference', '$.hops']) END"
)
_WHY: Final = "[cause_type, cause_id, actor, reason, reference, hops::VARCHAR]"
#: A directory's warehouses in one spelling.
_SPELLED: Final = "string_agg('\"' || name || '\": ' || coalesce(value::VARCHAR, 'null'), ', ' ORDER BY name)"
#: Events give null to what they took out of a directory; a table's entry of null is one that nobody makes.
_GIVEN: Final = f"{_SPELLED} FILTER (coalesce(json_type(value), 'NULL') <> 'NULL')"

#: What a hold's events tell of it, each when it changes; `actor` and `due` are told otherwise.
_TOLD_OF_HOLDS: Final = (
    "status",
    "lines",
    "created_ms",
    "expires_at_ms",
    "metadata",
    "fingerprint",
    "resolution",
    "settlement",
    "open",
    "ttl",
)


def _hold(side: str, made: dict[str, str]) -> str:
    """A hold as one value, so that both sides are compared, and shown, field by field."""
    expressions = {name: f'{side}."{name}"' for name in (*_TOLD_OF_HOLDS, "actor", "due", "at_ms")} | made
    return "{" + ", ".join(f"'{name}': {value}" for name, value in expressions.items()) + "}"


#: As an audit spells what is live, which may be anything: it is not parsed.
_AS_LIVE: Final = {name: f"json(same.{name})::VARCHAR" for name in ("lines", "metadata", "resolution")}
#: Each hold in the table beside what its events up to its revision give. One of an id that expired, and that is of
#: after the snapshot, is another: what tells the two apart may not be archived yet.
_HOLDS: Final = """
WITH expired AS (SELECT record_key FROM known WHERE type = 'hold_removed' AND settled AND "by" = 'ttl'),
last AS (
    SELECT record_key, max(rev) AS rev, max_by(path, rev) AS path,
           record_key IN (FROM expired) AS expired,
           record_key IN (SELECT record_key FROM known WHERE settlement IS NOT NULL UNION FROM expired) AS ended
    FROM hold_event GROUP BY record_key),
same AS (
    SELECT known.record_key, max(known.rev) AS rev, max_by(known.at_ms, known.rev) AS at_ms,
           {latest}, max_by(known.actor, known.rev) FILTER (known.created_ms IS NOT NULL) AS actor
    FROM known JOIN live_hold ON known.record_key = live_hold.record_key AND known.rev <= live_hold.rev
    GROUP BY known.record_key),
expected AS (
    SELECT *, CASE WHEN settlement IS NULL THEN "open" END AS open_now,
           CASE WHEN settlement IS NULL THEN printf('%015d#%s', expires_at_ms, record_key) END AS due FROM same)
SELECT coalesce(live.record_key, last.record_key), last.path,
       {{'live': {live}, 'archive': {archived}}}
FROM live_hold AS live
FULL JOIN last ON live.record_key = last.record_key
LEFT JOIN expected AS same ON same.record_key = live.record_key AND same.rev = live.rev
WHERE NOT coalesce(last.expired AND live.rev > 0 AND live.at_ms > $until, false) AND (
      (live.record_key IS NULL AND NOT last.ended)
      OR (live.record_key IS NOT NULL AND (live.rev IS NULL OR live.at_ms IS NULL))
      OR live.rev < last.rev
      OR (live.at_ms <= $until AND same.rev IS NULL
          AND NOT (live.at_ms <= $since AND coalesce(live.settlement, '') <> ''))
      OR (same.rev IS NOT NULL AND {live} IS DISTINCT FROM {archived}))"""

LIVE_RULES: Final = (
    Rule(
        "live_stock",
        "A counter in the table is not what its events give.",
        "SELECT count(*) FROM live_shard",
        f"""
        WITH last AS (
            SELECT record_key, max(rev) AS rev, max_by(path, rev) AS path FROM shard_event GROUP BY record_key),
        alive AS (SELECT *, {_LIVE_WHY} AS why FROM live_shard),
        same AS (SELECT *, {_WHY} AS why FROM known)
        SELECT coalesce(live.record_key, last.record_key), coalesce(same.path, last.path),
               {{'live': {{'available': live.available, 'held': live.held, 'inflow': live.inflow, 'cause': live.why,
                         'rev': live.rev, 'at': live.at_ms}},
                'archive': {{'available': same.available_after, 'held': same.held_after,
                            'inflow': same.inflow_after, 'cause': same.why, 'rev': last.rev, 'at': same.at_ms}}}}
        FROM alive AS live
        FULL JOIN last ON live.record_key = last.record_key
        LEFT JOIN same ON same.record_key = live.record_key AND same.rev = live.rev
        WHERE live.record_key IS NULL
              OR (live.record_key IS NOT NULL AND (live.rev IS NULL OR live.at_ms IS NULL))
              OR live.rev < last.rev
              OR (live.at_ms <= $until AND same.rev IS NULL)
              OR (same.rev IS NOT NULL AND (live.available IS DISTINCT FROM same.available_after
                  OR live.held IS DISTINCT FROM same.held_after
                  OR live.inflow IS DISTINCT FROM same.inflow_after
                  OR live.at_ms IS DISTINCT FROM same.at_ms
                  OR (same.type <> 'shard_base' AND live.why IS DISTINCT FROM same.why)))""",  # noqa: S608 our own
    ),
    Rule(
        "live_directories",
        "A directory in the table is not what its events give.",
        "SELECT count(*) FROM live_directory",
        f"""
        WITH last AS (
            SELECT record_key, max(rev) AS rev, max_by(path, rev) AS path
            FROM followed WHERE starts_with(type, 'directory_') GROUP BY record_key),
        changed AS (
            SELECT known.record_key, known.rev, unnest(map_entries({ENTRIES.format("known.after")})) AS entry
            FROM known JOIN live_directory AS live ON known.record_key = live.record_key AND known.rev <= live.rev
            WHERE starts_with(known.type, 'directory_')),
        folded AS (
            SELECT record_key, {_GIVEN} AS warehouses
            FROM (SELECT record_key, name, last.value AS value FROM (
                SELECT record_key, entry.key AS name, max_by({{'value': entry.value}}, rev) AS last
                FROM changed GROUP BY ALL))
            GROUP BY record_key),
        alive AS (SELECT *, {_LIVE_WHY} AS why FROM live_directory),
        same AS (SELECT *, {_WHY} AS why FROM known),
        told AS (
            SELECT record_key, {_SPELLED} AS warehouses
            FROM (SELECT record_key, entry.key AS name, entry.value AS value
                  FROM (SELECT record_key, unnest(map_entries({ENTRIES.format("warehouses")})) AS entry
                        FROM live_directory))
            GROUP BY record_key)
        SELECT coalesce(live.record_key, last.record_key), coalesce(same.path, last.path),
               {{'live': {{'warehouses': live.warehouses, 'cause': live.why, 'rev': live.rev, 'at': live.at_ms}},
                 'archive': {{'warehouses': folded.warehouses, 'cause': same.why, 'rev': last.rev,
                              'at': same.at_ms}}}}
        FROM alive AS live
        FULL JOIN last ON live.record_key = last.record_key
        LEFT JOIN same ON same.record_key = live.record_key AND same.rev = live.rev
        LEFT JOIN folded ON folded.record_key = live.record_key
        LEFT JOIN told ON told.record_key = live.record_key
        WHERE live.record_key IS NULL
              OR (live.record_key IS NOT NULL AND (live.rev IS NULL OR live.at_ms IS NULL))
              OR live.rev < last.rev
              OR (live.at_ms <= $until AND same.rev IS NULL)
              OR (same.rev IS NOT NULL AND (told.warehouses IS DISTINCT FROM folded.warehouses
                  OR live.at_ms IS DISTINCT FROM same.at_ms
                  OR (same.type <> 'directory_base' AND live.why IS DISTINCT FROM same.why)))""",  # noqa: S608 our own
    ),
    Rule(
        "live_adjustments",
        "An adjustment or transfer in the table is not what its event says.",
        "SELECT count(*) FROM live_adjustment WHERE coalesce(at_ms > $since, true)",
        """
        WITH made AS (
            SELECT record_key, path, item_id, warehouse_id, to_warehouse_id, quantity, "count", reason, reference,
                   json(metadata)::VARCHAR AS metadata, actor, fingerprint, at_ms
            FROM known WHERE type IN ('adjustment_made', 'transfer_made')),
        live AS (
            SELECT *, coalesce(warehouse, source) AS warehouse_id FROM live_adjustment
            WHERE coalesce(at_ms > $since, true))
        SELECT coalesce(live.record_key, made.record_key), made.path,
               {'live': {'item': live.item, 'warehouse': live.warehouse_id, 'to': live.destination,
                         'quantity': live.quantity, 'count': live.counted, 'reason': live.reason,
                         'reference': live.reference, 'metadata': live.metadata, 'actor': live.actor,
                         'fingerprint': live.fingerprint, 'rev': live.rev, 'at': live.at_ms},
                'archive': {'item': made.item_id, 'warehouse': made.warehouse_id, 'to': made.to_warehouse_id,
                            'quantity': made.quantity, 'count': made."count", 'reason': made.reason,
                            'reference': made.reference, 'metadata': made.metadata, 'actor': made.actor,
                            'fingerprint': made.fingerprint, 'at': made.at_ms}}
        FROM live FULL JOIN made ON live.record_key = made.record_key
        WHERE (live.record_key IS NULL AND made.at_ms <= $until)
              OR (live.record_key IS NOT NULL AND (live.rev IS DISTINCT FROM 1 OR live.at_ms IS NULL))
              OR (live.at_ms <= $until AND made.record_key IS NULL)
              OR (live.record_key IS NOT NULL AND made.record_key IS NOT NULL AND
                  (live.item, live.warehouse_id, live.destination, live.quantity, live.counted, live.reason,
                   live.reference, live.metadata, live.actor, live.fingerprint, live.at_ms) IS DISTINCT FROM
                  (made.item_id, made.warehouse_id, made.to_warehouse_id, made.quantity, made."count", made.reason,
                   made.reference, made.metadata, made.actor, made.fingerprint, made.at_ms))""",
    ),
    Rule(
        "live_holds",
        "A hold in the table is not what its events give.",
        "SELECT count(*) FROM live_hold",
        _HOLDS.format(
            latest=", ".join(
                f'max_by(known."{name}", known.rev) FILTER (known."{name}" IS NOT NULL) AS "{name}"'
                for name in _TOLD_OF_HOLDS
            ),
            live=_hold("live", {}),
            archived=_hold("same", {**_AS_LIVE, "open": "same.open_now"}),
        ),
    ),
)


def create_live_tables(database: "DuckDBPyConnection") -> None:
    """Makes the tables of `LIVE_COLUMNS`, with nothing in them."""
    for table, columns in LIVE_COLUMNS.items():
        spelled = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        database.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({spelled})")


def check_live_tables(database: "DuckDBPyConnection", span: Span) -> list[Check]:
    """The live tables against the events, after `fold_archive` and `make_claims`.

    Args:
        database: Has the events, and what is live in the tables of `LIVE_COLUMNS`.
        span: Up to its end every event is archived: a later record may be ahead of the archive.
    """
    return [checked(database, rule, span) for rule in LIVE_RULES]
