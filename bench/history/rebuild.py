"""A full rebuild: from the raw archive by the snapshot's own map and reduce, and from the ledger by one query."""

import gzip
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final

import duckdb
from bench.history.bucket import Bucket

from inventory.domain.events import Source
from inventory.history.map_task import LINES
from inventory.history.plan import Mode
from inventory.history.steps import SnapshotSteps

BUCKETS: Final = 8
CORES: Final = os.cpu_count() or 1
GRACE_MS: Final = 60_000
_START_S_MAX: Final = 60
Answer = list[tuple[str, str, int, int, int, int, int]]

#: What was where, what came and went, and what is held: all of it from the ledger's rows.
FROM_LEDGER: Final = """
WITH stock AS (
    SELECT item_id, warehouse_id, available_after - coalesce(available_before, 0) AS available,
           held_after - coalesce(held_before, 0) AS held, 0 AS adjusted, 0 AS executed, 0 AS holding
    FROM items WHERE shard IS NOT NULL
    UNION ALL
    SELECT item_id, warehouse_id, 0, 0, quantity, 0, 0 FROM items WHERE type = 'adjustment_made'
),
ended AS (
    SELECT arg_max(lines, rev) FILTER (lines IS NOT NULL) AS lines, arg_max(status, rev) AS status,
           bool_or(type = 'hold_settled') AS settled
    FROM holds GROUP BY record_key
),
lined AS (
    SELECT unnest(from_json(lines, '[{"item": "VARCHAR", "warehouse": "VARCHAR", "quantity": "BIGINT",
                                      "executed": "BIGINT"}]')) AS line, status, settled FROM ended
),
counted AS (
    FROM stock
    UNION ALL
    SELECT line.item, line.warehouse, 0, 0, 0,
           CASE WHEN settled AND status = 'executed' THEN coalesce(line.executed, line.quantity) ELSE 0 END,
           CASE WHEN settled THEN 0 ELSE line.quantity END
    FROM lined
)
SELECT item_id, warehouse_id, sum(available)::BIGINT, sum(held)::BIGINT, sum(adjusted)::BIGINT, sum(executed)::BIGINT,
       sum(holding)::BIGINT
FROM counted GROUP BY ALL ORDER BY ALL
"""

#: What is the least that has to be known of a record.
_LATEST: Final = {
    Source.STOCK: 'arg_max("after", "at") AS latest',
    Source.HOLDS: 'arg_max("set".status, "at") AS status, any_value("set".lines) AS lines, any_value("set".settlement)',
    Source.ADJUSTMENTS: 'any_value("set") AS made',
}


@dataclass(frozen=True)
class Took:
    """What a job took, and what it found.

    Attributes:
        seconds: From its beginning to its end.
        cpu_s: Seconds of CPU of all its processes: a busy machine moves them less.
        answer: What was where.
        cpu_s_of: The seconds of CPU of each of its steps, where it has any.
    """

    seconds: float
    cpu_s: float
    answer: Answer
    cpu_s_of: Mapping[str, float] = field(default_factory=dict)


def pool() -> Executor:
    """As many processes as cores, already started, with everything imported: as is PySpark's when its time begins."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(CORES + 1)
    executor = ProcessPoolExecutor(CORES, mp_context=context, initializer=_begin, initargs=(ready,))
    for _ in range(CORES):
        executor.submit(int)
    ready.wait(timeout=_START_S_MAX)
    return executor


def _begin(ready: Barrier) -> None:
    """To have this, a process imports all that is imported here."""
    ready.wait(timeout=_START_S_MAX)


def from_archive(
    folder: Path, until_ms: int, executor: Executor, *, mode: Mode = Mode.REBUILD, ledger: bool = True
) -> Took:
    """Plans, maps and reduces as the state machine does, as many tasks at once as there are cores.

    Args:
        folder: The bucket's root.
        until_ms: The snapshot's instant.
        executor: See `pool`.
        mode: How it begins.
        ledger: Whether the ledger has none of it yet, as for a first snapshot; else it has all of it, as for an
            instant before the newest snapshot's, and nothing is written there.
    """
    started, own_s = time.perf_counter(), time.process_time()
    begun = _step(folder, until_ms, {"step": "begin", "as_of_ms": until_ms, "mode": mode})
    planned = _step(folder, until_ms, begun | {"step": "plan"})
    if not ledger:
        plan = folder / planned["run"] / "plan.json"
        plan.write_text(json.dumps(json.loads(plan.read_bytes()) | {"ledger_from_ms": None}))
    cpu_s_of = {"plan": time.process_time() - own_s}
    for step, listed in (("map", "map"), ("reduce_holds", "reduce"), ("reduce_items", "reduce")):
        tasks = json.loads((folder / planned["lists"][listed]).read_bytes())
        words = [{"step": step, **task} for task in tasks]
        if step == "map":
            words = _longest_first(folder, planned["run"], words)
        cpu_s_of[step] = sum(executor.map(partial(_cpu_of_step, folder, until_ms), words))
    seconds = time.perf_counter() - started
    answer = _answer(
        "SELECT item_id, warehouse_id, available, held, adjusted, executed, holding "
        f"FROM '{sealed(folder)}/snapshots/*/*.parquet' ORDER BY ALL"
    )
    return Took(seconds, sum(cpu_s_of.values()), answer, cpu_s_of)


def _longest_first(folder: Path, run: str, words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """On AWS all tasks begin at once. With a few cores the order decides how long the last one is waited for."""
    tasks = json.loads((folder / run / "plan.json").read_bytes())["tasks"]

    def size(told: dict[str, Any]) -> int:
        stored = json.loads((folder / tasks[told["task"]]["folder"] / "objects.json").read_bytes())
        return sum(size for _, size, _ in stored)

    return sorted(words, key=size, reverse=True)


def from_ledger(folder: Path) -> Took:
    """Folds the ledger that `from_archive` made: all of it, by one query."""
    started, cpu_s = time.perf_counter(), time.process_time()
    with duckdb.connect(config={"threads": CORES}) as sql:
        sql.execute("SET enable_progress_bar = false")
        for kind in ("items", "holds"):
            sql.execute(f"CREATE VIEW {kind} AS FROM '{sealed(folder)}/ledger/*/{kind}-*.parquet'")
        answer = sql.execute(FROM_LEDGER).fetchall()
    return Took(time.perf_counter() - started, time.process_time() - cpu_s, answer)


def counting(plain: Path) -> Took:
    """What DuckDB takes to parse and count the archive's lines, decompressed beforehand."""
    started, cpu_s = time.perf_counter(), time.process_time()
    with duckdb.connect(config={"threads": CORES}) as sql:
        sql.execute("SET enable_progress_bar = false")
        for source, columns in LINES.items():
            spec = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            counts = ", ".join(f'count("{name}")' for name in columns)
            sql.execute(f"SELECT {counts} FROM read_json('{plain}/{source}.jsonl', columns = {{{spec}}})").fetchall()
    return Took(time.perf_counter() - started, time.process_time() - cpu_s, [])


def grouping(plain: Path) -> Took:
    """What parsing and grouping by record takes, in memory: nothing is shuffled, proved or written."""
    started, cpu_s = time.perf_counter(), time.process_time()
    with duckdb.connect(config={"threads": CORES}) as sql:
        sql.execute("SET enable_progress_bar = false")
        for source, latest in _LATEST.items():
            spec = ", ".join(f"'{name}': '{kind}'" for name, kind in LINES[source].items())
            sql.execute(
                f"CREATE TABLE {source} AS SELECT split_part(event_id, '@', 1) AS record_key, count(*) AS events, "
                f"max(split_part(event_id, '@', 2)::BIGINT) AS rev, {latest} "
                f"FROM read_json('{plain}/{source}.jsonl', columns = {{{spec}}}) GROUP BY record_key"
            )
    return Took(time.perf_counter() - started, time.process_time() - cpu_s, [])


def decompress(folder: Path, plain: Path) -> None:
    """Writes the archive's lines as they are, a file for each table."""
    plain.mkdir(exist_ok=True)
    for source in Source:
        with (plain / f"{source}.jsonl").open("wb") as lines:
            for path in sorted((folder / f"archive/{source}").rglob("*.gz")):
                with gzip.open(path) as archived:
                    shutil.copyfileobj(archived, lines)


def sealed(folder: Path) -> Path:
    """Where the run of a rebuild left its files."""
    [found] = (folder / "partials/run").glob("*/sealed")
    return found


def _answer(query: str) -> Answer:
    with duckdb.connect() as sql:
        sql.execute("SET enable_progress_bar = false")
        return sql.execute(query).fetchall()


def _cpu_of_step(folder: Path, until_ms: int, words: dict[str, Any]) -> float:
    """Does a step, and tells how many seconds of CPU it took."""
    cpu_s = time.process_time()
    _step(folder, until_ms, words)
    return time.process_time() - cpu_s


def _step(folder: Path, until_ms: int, words: dict[str, Any]) -> dict[str, Any]:
    steps = SnapshotSteps(
        objects=Bucket(folder),
        now=lambda: until_ms + GRACE_MS,
        grace_ms=GRACE_MS,
        buckets=BUCKETS,
        scan_segments=1,
        archive_lag_s=0,
    )
    return steps.run(words)
