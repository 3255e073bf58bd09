"""What an opening snapshot says was lost, held against the archive and against the snapshots on both sides."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inventory.proof.findings import Check, Finding
from inventory.proof.manifest import Manifest
from inventory.proof.names import literal
from inventory.proof.sql import KEY, REV, count, each_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES: Final = {
    "lost": "record_key VARCHAR, what VARCHAR, from_rev BIGINT, until_rev BIGINT, path VARCHAR",
    "changed": "item_id VARCHAR, warehouse_id VARCHAR, available_before BIGINT, held_before BIGINT, "
    "available_after BIGINT, held_after BIGINT, on_hand_change BIGINT, path VARCHAR",
    "sealed": "record_key VARCHAR, rev BIGINT",
    "opened": "record_key VARCHAR, rev BIGINT",
    "stock_before": "item_id VARCHAR, warehouse_id VARCHAR, available BIGINT, held BIGINT",
    "stock_after": "item_id VARCHAR, warehouse_id VARCHAR, available BIGINT, held BIGINT",
}
_STATES: Final = {
    "shards": "concat_ws('#', item_id, warehouse_id, shard), rev",
    "directories": "item_id || '#*', rev",
    "holds": "hold_id, rev",
}
#: Of each record that both sides or the opening alone knows: the revisions that neither has and the archive lacks.
_MISSING: Final = f"""
WITH archived AS (
    SELECT DISTINCT {KEY} AS record_key, {REV}::BIGINT AS rev
    FROM hole_event WHERE at_ms > $since AND at_ms <= $until),
known AS (
    SELECT record_key, opened.rev, coalesce(sealed.rev, 0) AS sealed_rev
    FROM opened LEFT JOIN sealed USING (record_key) WHERE coalesce(sealed.rev, 0) <= opened.rev),
points AS (
    SELECT record_key, sealed_rev AS rev FROM known
    UNION SELECT record_key, rev + 1 FROM known
    UNION SELECT record_key, archived.rev FROM archived JOIN known USING (record_key)
          WHERE archived.rev > sealed_rev AND archived.rev <= known.rev),
steps AS (SELECT record_key, rev, lead(rev) OVER (PARTITION BY record_key ORDER BY rev) AS next FROM points),
expected AS (SELECT record_key, rev + 1 AS from_rev, next - 1 AS until_rev FROM steps WHERE next > rev + 1),
told AS (
    SELECT record_key, from_rev, until_rev, path FROM lost
    WHERE what = 'missing' AND record_key IN (SELECT record_key FROM known))
SELECT coalesce(told.record_key, expected.record_key) || '@' || coalesce(told.from_rev, expected.from_rev), told.path,
       to_json({{'expected': {{'from': expected.from_rev, 'until': expected.until_rev}},
                'found': {{'from': told.from_rev, 'until': told.until_rev}}}})
FROM told FULL JOIN expected USING (record_key, from_rev, until_rev)
WHERE told.record_key IS NULL OR expected.record_key IS NULL
UNION ALL
SELECT record_key || '@' || archived.rev, lost.path, to_json({{'missing': {{'from': from_rev, 'until': until_rev}}}})
FROM lost JOIN archived USING (record_key) WHERE what = 'missing' AND archived.rev BETWEEN from_rev AND until_rev
ORDER BY 1"""  # noqa: S608 our own
_CHANGED: Final = """
WITH expected AS (
    SELECT item_id, warehouse_id, coalesce(old.available, 0) AS available_before, coalesce(old.held, 0) AS held_before,
           coalesce(new.available, 0) AS available_after, coalesce(new.held, 0) AS held_after,
           coalesce(new.available + new.held, 0) - coalesce(old.available + old.held, 0) AS on_hand_change
    FROM stock_after AS new FULL JOIN stock_before AS old USING (item_id, warehouse_id)
    WHERE (coalesce(new.available, 0), coalesce(new.held, 0)) <> (coalesce(old.available, 0), coalesce(old.held, 0)))
SELECT coalesce(changed.item_id, expected.item_id) || ' ' || coalesce(changed.warehouse_id, expected.warehouse_id),
       changed.path, to_json({'expected': expected, 'found': changed})
FROM changed FULL JOIN expected USING (item_id, warehouse_id)
WHERE (changed.available_before, changed.held_before, changed.available_after, changed.held_after,
       changed.on_hand_change) IS DISTINCT FROM
      (expected.available_before, expected.held_before, expected.available_after, expected.held_after,
       expected.on_hand_change)
ORDER BY 1"""


def check_openings(database: "DuckDBPyConnection", folder: Path, manifests: Sequence[Manifest]) -> list[Check]:
    """Whether each opening names all that is missing between it and the snapshot before, and nothing that is there.

    The table `hole_event` has to be there. Where no manifest opens the history, there is no check.

    Args:
        database: Has the archive.
        folder: A copy of the bucket.
        manifests: The chain.
    """
    check = Check("openings")
    by_number = {manifest.number: manifest for manifest in manifests}
    for manifest in manifests:
        if manifest.opening is not None:
            after = manifest.opening.after
            _load(database, folder, manifest, None if after is None else by_number.get(after.number))
            check.extend(_wrong(database, manifest))
            for table in ("lost", "changed", "opened"):
                check.looked_at += count(database, f"SELECT count(*) FROM {table}")  # noqa: S608 our own
    return [check] if check.looked_at or check.discrepancies else []


def _wrong(database: "DuckDBPyConnection", manifest: Manifest) -> Iterator[Finding]:
    hole = manifest.hole
    if hole is None:
        return
    span = {"since": hole.since_ms, "until": hole.until_ms}
    for record, path, evidence in each_row(database.execute(_MISSING, span)):
        what = "What the opening says is missing is not what the archive lacks."
        yield Finding(what, path or manifest.path, record, json.loads(evidence))
    for record, path, evidence in each_row(database.execute(_CHANGED)):
        what = "What the opening says has changed is not how the snapshots on both sides differ."
        yield Finding(what, path or manifest.path, record, json.loads(evidence))


def _load(database: "DuckDBPyConnection", folder: Path, manifest: Manifest, before: Manifest | None) -> None:
    for table, columns in _TABLES.items():
        database.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")
    _insert(database, folder, manifest, "opened", "lost-", "lost", "*, $path")
    _insert(database, folder, manifest, "opened", "changed-", "changed", "*, $path")
    for each, states, stock in ((manifest, "opened", "stock_after"), (before, "sealed", "stock_before")):
        if each is not None:
            for kind, columns in _STATES.items():
                _insert(database, folder, each, "state", f"{kind}-", states, columns)
            _insert(database, folder, each, "snapshots", "", stock, "item_id, warehouse_id, available, held")


def _insert(
    database: "DuckDBPyConnection", folder: Path, manifest: Manifest, table: str, kind: str, into: str, columns: str
) -> None:
    """What cannot be read is left out: it is found as a file."""
    from duckdb import Error

    for file in manifest.under(f"{table}/as_of={manifest.as_of}/{kind}"):
        path = folder / file.path
        with suppress(Error):
            if path.is_file():
                rows = "read_parquet($file, hive_partitioning = false)"
                values = {"file": literal(path)} | ({"path": file.path} if "$path" in columns else {})
                database.execute(f"INSERT INTO {into} SELECT {columns} FROM {rows}", values)  # noqa: S608 our own
