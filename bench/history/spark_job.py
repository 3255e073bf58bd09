"""The same rebuild in PySpark, local mode: run by the Python of .venvs/spark, which knows nothing else of this product.

python spark_job.py FOLDER CORES UNTIL_MS LEDGER_ROUNDS: reads FOLDER/archive, writes FOLDER/spark-ledger, then folds
that, too, so many times; prints what each took and found, in its fastest round, as JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from operator import itemgetter
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

BUCKETS = 4
CAUSE = "struct<type:string,id:string,actor:string,reason:string,reference:string,hops:int>"
COUNTS = "struct<available:bigint,held:bigint,inflow:bigint>"
LINE = "array<struct<item:string,warehouse:string,quantity:bigint,executed:bigint>>"
EVERY = "v int, event_id string, type string, at bigint"
LINES = {
    # What a directory's event has before and after is kept as text, a shard's is parsed: as in the ledger.
    "stock": f"{EVERY}, before string, after string, cause {CAUSE}",
    "holds": f"{EVERY}, set struct<status:string,lines:string,created:bigint,expires_at:bigint,actor:string,"
    "metadata:string,fingerprint:string,open:string,resolution:string,settlement:string,ttl:bigint>, unset string",
    "adjustments": f"{EVERY}, set struct<item:string,warehouse:string,quantity:bigint,reason:string,actor:string,"
    "metadata:string,fingerprint:string>",
}
EVENT = [
    "event_id",
    "split_part(event_id, '@', 1) AS record_key",
    "type",
    "CAST(split_part(event_id, '@', 2) AS bigint) AS rev",
    "at AS at_ms",
    "timestamp_millis(at) AS happened_at",
]


def main() -> None:
    """Both jobs, one after the other."""
    folder, cores, until_ms, ledger_rounds = sys.argv[1:]
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.driver.memory", "8g")
        .config("spark.sql.shuffle.partitions", str(4 * int(cores)))
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("inventory.until", until_ms)
        .config("spark.local.dir", f"{folder}/spark-scratch")
        .getOrCreate()
    )
    spark.range(1).count()  # it has started
    rounds = {from_archive: 1, from_ledger: int(ledger_rounds)}
    took = {
        job.__name__: min((_timed(job, spark, folder) for _ in range(times)), key=itemgetter("seconds"))
        for job, times in rounds.items()
    }
    print(json.dumps(took))
    spark.stop()


def _timed(job: Callable[[SparkSession, str], DataFrame], spark: SparkSession, folder: str) -> dict[str, object]:
    started, cpu_s = time.perf_counter(), _cpu_s()
    answer = [list(row) for row in job(spark, folder).collect()]
    return {"seconds": time.perf_counter() - started, "cpu_s": _cpu_s() - cpu_s, "answer": answer}


def _cpu_s() -> float:
    """Seconds of CPU that this process and its Java took so far."""
    ticks = 0
    for told in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            fields = told.read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12]) if int(fields[1]) == os.getpid() else 0
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def from_archive(spark: SparkSession, folder: str) -> DataFrame:
    """Reads the lines, keeps one of equal events, writes the ledger by bucket and order, and folds."""
    until = f"at <= {spark.conf.get('inventory.until')}"
    told = {name: _read(spark, folder, name).where(until).dropDuplicates(["event_id"]) for name in LINES}
    is_shard = "type = 'shard_changed'"
    stock = told["stock"].selectExpr(
        *EVENT,
        "split_part(event_id, '#', 1) AS item_id",
        f"CASE WHEN {is_shard} THEN split_part(event_id, '#', 2) END AS warehouse_id",
        f"CASE WHEN {is_shard} THEN CAST(split_part(split_part(event_id, '@', 1), '#', 3) AS int) END AS shard",
        *(
            f"CASE WHEN {is_shard} THEN CAST(get_json_object({when}, '$.{name}') AS bigint) END AS {name}_{when}"
            for when in ("before", "after")
            for name in ("available", "held")
        ),
        f"CASE WHEN {is_shard} THEN CAST(get_json_object(after, '$.inflow') AS bigint) END AS inflow_after",
        "cause.type AS cause_type", "cause.id AS cause_id", "cause.actor AS actor", "cause.reason AS reason",
        "cause.reference AS reference", "cause.hops AS hops", "CAST(NULL AS bigint) AS quantity",
        f"CASE WHEN NOT {is_shard} THEN before END AS before", f"CASE WHEN NOT {is_shard} THEN after END AS after",
    )  # fmt: skip
    adjustments = told["adjustments"].selectExpr(
        *EVENT, "set.item AS item_id", "set.warehouse AS warehouse_id", "set.quantity AS quantity",
        "set.reason AS reason", "set.actor AS actor", "set.metadata AS metadata", "set.fingerprint AS fingerprint",
    )  # fmt: skip
    holds = told["holds"].selectExpr(
        *EVENT, "set.status AS status", "set.settlement AS settlement", "set.lines AS lines",
        "set.metadata AS metadata", "set.resolution AS resolution", "set.actor AS actor", "set.created AS created_ms",
        "set.expires_at AS expires_at_ms", "set.ttl AS ttl", "set.open AS open", "set.fingerprint AS fingerprint",
        "unset",
    )  # fmt: skip
    items = stock.unionByName(adjustments, allowMissingColumns=True)
    _write(items, "item_id", ["item_id", "at_ms", "record_key", "rev"], f"{folder}/spark-ledger/items")
    _write(holds, "record_key", ["at_ms", "record_key", "rev"], f"{folder}/spark-ledger/holds")
    return from_ledger(spark, folder)


def from_ledger(spark: SparkSession, folder: str) -> DataFrame:
    """Folds the ledger."""
    for name in ("items", "holds"):
        spark.read.parquet(f"{folder}/spark-ledger/{name}").createOrReplaceTempView(name)
    return spark.sql(
        f"""
        WITH stock AS (
            SELECT item_id, warehouse_id, available_after - coalesce(available_before, 0) AS available,
                   held_after - coalesce(held_before, 0) AS held, 0 AS adjusted, 0 AS executed, 0 AS holding
            FROM items WHERE shard IS NOT NULL
            UNION ALL
            SELECT item_id, warehouse_id, 0, 0, quantity, 0, 0 FROM items WHERE type = 'adjustment_made'
        ),
        ended AS (
            SELECT max_by(lines, rev) FILTER (WHERE lines IS NOT NULL) AS lines, max_by(status, rev)
                   FILTER (WHERE status IS NOT NULL) AS status, bool_or(type = 'hold_settled') AS settled
            FROM holds GROUP BY record_key
        ),
        lined AS (SELECT explode(from_json(lines, '{LINE}')) AS line, status, settled FROM ended),
        counted AS (
            SELECT * FROM stock
            UNION ALL
            SELECT line.item, line.warehouse, 0, 0, 0,
                   CASE WHEN settled AND status = 'executed' THEN coalesce(line.executed, line.quantity) ELSE 0 END,
                   CASE WHEN settled THEN 0 ELSE line.quantity END
            FROM lined
        )
        SELECT item_id, warehouse_id, sum(available), sum(held), sum(adjusted), sum(executed), sum(holding)
        FROM counted GROUP BY item_id, warehouse_id ORDER BY item_id, warehouse_id
        """
    )


def _read(spark: SparkSession, folder: str, name: str) -> DataFrame:
    return spark.read.schema(LINES[name]).option("recursiveFileLookup", "true").json(f"{folder}/archive/{name}")


def _write(rows: DataFrame, bucketed_by: str, order: list[str], path: str) -> None:
    bucket = sql.pmod(sql.hash(bucketed_by), sql.lit(BUCKETS))
    rows.repartition(BUCKETS, bucket).sortWithinPartitions(*order).write.mode("overwrite").parquet(path)


if __name__ == "__main__":
    main()
