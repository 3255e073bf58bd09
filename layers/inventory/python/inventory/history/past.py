"""Stock of one item at an instant of the past: from the nearest snapshot before it, and the ledger from there on."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from inventory.adapters.objects import Objects
from inventory.adapters.scratch import scratch_database
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InstantNotSealed, InvariantBroken, Missing, SnapshotNeeded
from inventory.domain.limits import PAST_BYTES_MAX
from inventory.history.columnar import DIRECTORIES, LEDGER, SHARDS, Columns, load, named
from inventory.history.excerpt import ExcerptTooLarge, Question, take_excerpt
from inventory.history.fold import changed_directory
from inventory.history.layout import (
    LISTED,
    bucket_of,
    data_path,
    folder_path,
    instant_of_listed,
    instant_of_path,
    listed_before,
    listed_path,
)
from inventory.history.listed import listed_manifest
from inventory.history.manifest import Manifest, read_manifest
from inventory.history.standing import openings

_MANIFESTS_KEPT_MAX: Final = 64
_MEMORY_MB: Final = 512

_EVENTS: Final[Columns] = {
    name: LEDGER[name]
    for name in ["type", "rev", "at_ms", "item_id", "warehouse_id", "shard", "available_after", "held_after", "after"]
}


class Sources(NamedTuple):
    """What an instant is made from.

    Attributes:
        base: The snapshot at or before it; None where nothing but the first events is.
        ledger: The snapshot whose part of the ledger goes on from the base to the instant; None where the base is of
            this very instant.
    """

    base: Manifest | None
    ledger: Manifest | None


class Past:
    """The published history.

    Args:
        objects: The history's bucket.
        bytes_max: How much one question may read.
    """

    def __init__(self, objects: Objects, *, bytes_max: int = PAST_BYTES_MAX) -> None:
        self._objects = objects
        self._bytes_max = bytes_max
        self._manifest = lru_cache(_MANIFESTS_KEPT_MAX)(lambda number: read_manifest(objects, number))

    def stock_of(self, item: str, at_ms: Milliseconds, work: Path) -> ItemStock:
        """What there was of an item at an instant: every write up to it, and none after it.

        Args:
            item: Which item.
            at_ms: The instant, a whole second, in milliseconds since 1970.
            work: A folder for what is read.

        Raises:
            InstantNotSealed: No snapshot of it, or of a later instant, is published.
            Missing: The item was not known then.
            SnapshotNeeded: Too much happened since the snapshot before it.
        """
        sources = self._sources(at_ms)
        with scratch_database(memory_mb=_MEMORY_MB) as sql:
            try:
                self._load(sql, sources, item, at_ms, work)
            except ExcerptTooLarge as error:
                raise SnapshotNeeded(item) from error
            directory = _directory(sql)
            if directory is None:
                raise Missing("item", item, param="item")
            return ItemStock(item, tuple(_warehouses(sql, directory)), at_ms)

    def _sources(self, at_ms: Milliseconds) -> Sources:
        """Each part of the ledger begins at a snapshot, where the one before it ends: one part and one base will do.

        Raises:
            InstantNotSealed: No snapshot of it, or of a later instant, is published; or what was then is lost.
            InvariantBroken: A published snapshot is not listed.
        """
        latest = self._objects.first(LISTED)
        latest_ms = None if latest is None else instant_of_listed(latest.key)
        if latest_ms is None or at_ms > latest_ms:
            raise InstantNotSealed(None if latest_ms is None else latest_ms // 1000)
        nearest = self._objects.page(LISTED, after=listed_before(at_ms), limit=1)
        base = self._listed(nearest[0].key) if nearest else None
        if base is not None and base.as_of_ms == at_ms:
            return Sources(base, None)
        base_ms = base.as_of_ms if base else 0
        parts = self._objects.page("ledger/", after=folder_path("ledger", at_ms), limit=1)
        ledger = self._listed(listed_path(instant_of_path(parts[0].key))) if parts else None
        if ledger is None or base_ms < ledger.body["ledger_from_ms"]:
            for opened in openings(self._objects):
                if opened.lost(at_ms):
                    raise InstantNotSealed(opened.since_ms // 1000, lost_until_s=opened.as_of_ms // 1000)
            raise InvariantBroken(f"a snapshot after {base_ms} is not listed")
        return Sources(base, ledger)

    def _listed(self, path: str) -> Manifest:
        return listed_manifest(self._objects, path, self._manifest)

    def _load(
        self, sql: duckdb.DuckDBPyConnection, sources: Sources, item: str, at_ms: Milliseconds, work: Path
    ) -> None:
        """Makes the tables `base_shards`, `base_directories` and `events`, of this item alone.

        Events that the base has already do no harm: revisions decide, and all of them up to the instant are told again.

        Raises:
            ExcerptTooLarge: They would be too much to read.
        """
        left = self._bytes_max
        for table, columns, snapshot, folder, kind, rows in (
            ("base_shards", SHARDS, sources.base, "state", "shards", "true"),
            ("base_directories", DIRECTORIES, sources.base, "state", "directories", "true"),
            ("events", _EVENTS, sources.ledger, "ledger", "items", f"at_ms <= {at_ms}"),
        ):
            if snapshot is None:
                load(sql, table, columns, [])
                continue
            key = data_path(folder, snapshot.as_of_ms, kind, bucket_of(item, snapshot.buckets))
            question = Question(item, at_ms if table == "events" else None, columns)
            file = work / f"{table}.parquet"
            left -= take_excerpt(self._objects, key, question, file, sql, bytes_max=left)
            sql.execute(
                f"CREATE TABLE {table} AS SELECT {named(columns)} FROM read_parquet($file) "
                f"WHERE item_id = $item AND {rows}",
                {"file": str(file), "item": item},
            )


def _directory(sql: duckdb.DuckDBPyConnection) -> Mapping[str, Any] | None:
    """The item's warehouses with their number of shards; None where there was no such item."""
    base = sql.execute("SELECT warehouses FROM base_directories").fetchone()
    warehouses = None if base is None else json.loads(base[0])
    changes = sql.execute("SELECT type, after FROM events WHERE type LIKE 'directory%' ORDER BY rev")
    for kind, after in changes.fetchall():
        warehouses = changed_directory(warehouses, kind, after)
    return warehouses


def _warehouses(sql: duckdb.DuckDBPyConnection, directory: Mapping[str, Any]) -> Iterator[WarehouseStock]:
    counted = {name: (available, held) for name, available, held in sql.execute(_COUNTED).fetchall()}
    for name, entry in sorted(directory.items()):
        available, held = counted.get(name, (0, 0))
        yield WarehouseStock(name, available, held, entry["shards"])


_COUNTED: Final = """
WITH told AS (
    SELECT warehouse_id, shard, available, held, rev FROM base_shards
    UNION ALL
    SELECT warehouse_id, shard, available_after, held_after, rev FROM events WHERE shard IS NOT NULL
),
last AS (
    SELECT warehouse_id, arg_max({'available': available, 'held': held}, rev) AS of
    FROM told GROUP BY warehouse_id, shard
)
SELECT warehouse_id, coalesce(sum(last.of.available), 0)::BIGINT, coalesce(sum(last.of.held), 0)::BIGINT
FROM last GROUP BY warehouse_id
"""
