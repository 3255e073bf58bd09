"""Reduce: base and partials of one bucket to the snapshot's files. First all buckets of holds, then those of items."""

from pathlib import Path
from typing import Final

from inventory.adapters.objects import Objects
from inventory.adapters.scratch import scratch_database
from inventory.history.columnar import DIRECTORIES, DRAWS, HOLDS, SHARDS, SNAPSHOT
from inventory.history.fold import (
    BASE_STOCK,
    DRAWS_OF_HOLDS,
    EFFECTS_OF_HOLDS,
    END_HOLDS,
    FOLD_HOLDS,
    FOLD_SHARDS,
    SNAPSHOT_OF_STOCK,
    STOCK_HEADS,
    fold_directories,
    gaps_of,
    item_totals,
    one,
)
from inventory.history.opening_task import OpeningTask
from inventory.history.plan import Plan
from inventory.history.reduce_task import ReduceTask
from inventory.history.reduced import Reduced

#: What DuckDB may take of a function that has 1,769 MB: what it sorts is copied once more where it takes half of it.
REDUCER_MEMORY_MB: Final = 1_200


def reduce_holds(objects: Objects, plan: Plan, bucket: int, work: Path) -> Reduced:
    """Folds a bucket of holds: those unsettled at the instant, their draws, the ledger, what they do to items.

    Raises:
        EventsDiffer: The archive has, or has had for the base, two events of one id with other contents.
        NoSuchObject: A map task has not been done, or a part that it wrote is gone: mapping again brings it back.
    """
    task = _task(objects, plan, "holds", bucket, work)
    with scratch_database(memory_mb=REDUCER_MEMORY_MB) as sql:
        gaps = task.load_events(sql)
        task.load_base(sql, "base", HOLDS, "state", "holds")
        gaps += gaps_of(sql, "SELECT hold_id AS record_key, rev FROM base", "NOT (type = 'hold_removed' AND settled)")
        sql.execute(END_HOLDS)
        sql.execute(FOLD_HOLDS)
        sql.execute(f"CREATE TABLE draws AS {DRAWS_OF_HOLDS}")
        files = [
            task.save(sql, "state", "holds", "FROM folded", HOLDS, "hold_id"),
            task.save(sql, "holds", "holds", "FROM draws", DRAWS, "hold_id, line, shard"),
            *task.save_ledger(sql),
            *task.save_lost(sql),
        ]
        task.save_heads(sql, "SELECT hold_id AS record_key, rev, at_ms, final FROM ended")
        task.save_effects(sql, EFFECTS_OF_HOLDS)
        totals = {
            "unsettled_holds": one(sql, "SELECT count(*) FROM folded"),
            "hold_events": one(sql, f"SELECT count(*) FROM events WHERE {task.in_ledger}"),
            **task.totals_of_lost(sql),
        }
    return task.finish(Reduced(files, gaps, totals))


def reduce_items(objects: Objects, plan: Plan, bucket: int, work: Path) -> Reduced:
    """Folds a bucket of items: shards, directories, what was where, the ledger. All holds must be reduced already.

    Raises:
        EventsDiffer: The archive has, or has had for the base, two events of one id with other contents.
        NoSuchObject: A map task has not been done, or a part that it wrote is gone: mapping again brings it back.
    """
    task = _task(objects, plan, "items", bucket, work)
    with scratch_database(memory_mb=REDUCER_MEMORY_MB) as sql:
        gaps = task.load_events(sql)
        task.load_base(sql, "base_shards", SHARDS, "state", "shards")
        task.load_base(sql, "base_directories", DIRECTORIES, "state", "directories")
        task.load_base(sql, "base_snapshot", SNAPSHOT, "snapshots", "items")
        task.load_effects(sql)
        gaps += gaps_of(sql, BASE_STOCK, "cause_type IS NOT NULL OR type IN ('shard_removed', 'directory_removed')")
        sql.execute(FOLD_SHARDS)
        fold_directories(sql)
        sql.execute(f"CREATE TABLE snapshot AS {SNAPSHOT_OF_STOCK}")
        changed = task.begin_books(sql)
        files = [
            task.save(sql, "state", "shards", "SELECT * FROM shards", SHARDS, "item_id, warehouse_id, shard"),
            task.save(sql, "state", "directories", "SELECT * FROM directories", DIRECTORIES, "item_id"),
            task.save(sql, "snapshots", "items", "SELECT * FROM snapshot", SNAPSHOT, "item_id, warehouse_id"),
            *task.save_ledger(sql),
            *task.save_lost(sql),
            *changed,
        ]
        task.save_heads(sql, STOCK_HEADS)
        totals = item_totals(sql, task.in_ledger) | task.totals_of_lost(sql)
    return task.finish(Reduced(files, gaps, totals))


def _task(objects: Objects, plan: Plan, kind: str, bucket: int, work: Path) -> ReduceTask:
    if plan.opening is None:
        return ReduceTask(objects, plan, kind, bucket, work)
    return OpeningTask(objects, plan, kind, bucket, work, plan.opening)
