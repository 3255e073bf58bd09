"""What came after a snapshot's instant, as the seal and audits are told of it."""

from pathlib import Path
from typing import Any

import duckdb

from inventory.adapters.scratch import scratch_database
from inventory.domain.events import Source
from inventory.history.columnar import MEMORY_MB
from inventory.history.reduce_task import ReduceTask
from inventory.history.reduced import heads_path
from support.archived import AS_OF_MS, archive, mapped
from support.objects import DirectoryObjects

FOLDED = f"SELECT 'hold_1' AS record_key, 1::BIGINT AS rev, {AS_OF_MS}::BIGINT AS at_ms, true AS final"


def line(hold: int, rev: int, after_ms: int, kind: str = "executed", **more: Any) -> dict[str, Any]:
    event_id = f"hold_{hold}@{rev}"
    return {"v": 1, "event_id": event_id, "type": f"hold_{kind}", "at": AS_OF_MS + after_ms, **more}


def test_of_each_record_the_first_write_after_the_instant_is_told_and_no_expiry_of_a_settled_hold(
    tmp_path: Path,
) -> None:
    """Though another hold of the id was placed since, or the record is not known yet at the instant."""
    objects = DirectoryObjects(tmp_path / "bucket")
    lines = [
        *(line(1, 1, 0), line(1, 3, 2), line(1, 2, 2), line(1, 1, 3, "placed")),
        *(line(2, 9, 0), line(2, 10, 1, "removed", by="ttl", settled=True)),
        *(line(3, 8, 1, "removed", by="someone", settled=False),),
    ]
    archive(objects, Source.HOLDS, lines)
    plan = mapped(objects, tmp_path / "map", buckets=1)
    task = ReduceTask(objects, plan, "holds", 0, tmp_path / "reduce")
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        task.load_events(sql)
        folded = sql.execute("SELECT record_key, rev FROM events ORDER BY ALL").fetchall()
        task.save_heads(sql, FOLDED)
    assert folded == [("hold_1", 1), ("hold_2", 9)]
    heads = objects.root / heads_path(plan, "holds", 0)
    assert duckdb.execute(f"FROM read_parquet('{heads}')").fetchall() == [
        ("hold_1", 1, AS_OF_MS, True, 2),
        ("hold_3", 0, None, False, 8),
    ]
