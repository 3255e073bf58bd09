"""The parts of an audit that look at events: read the archive, then follow holds, and then items, bucket by bucket.

Holds come first, because what they claim to have done to shards is held against the shards' own events.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inventory.adapters.objects import NoSuchObject, Objects
from inventory.adapters.scratch import scratch_database
from inventory.audit.chain import download_present, files_in_bucket
from inventory.audit.layout import claims_prefix, lines_prefix, live_prefix
from inventory.audit.parts import Part
from inventory.audit.plan import AuditPlan, read_manifest
from inventory.proof.archive import (
    LINE_COLUMNS,
    create_lines,
    make_events,
    missing_revisions,
    read_lines,
    unequal_twins,
)
from inventory.proof.base import begin_from
from inventory.proof.checks import check_rules, make_claims
from inventory.proof.findings import Finding
from inventory.proof.live import LIVE_COLUMNS, check_live_tables, create_live_tables
from inventory.proof.lives import tell_lives_apart
from inventory.proof.manifest import Manifest, manifest_path
from inventory.proof.names import NOT_PLAIN, is_plain
from inventory.proof.rebuild import compare_ledger, compare_rows, fold_books, fold_records, rebuilt_totals
from inventory.proof.sql import KEY, bucket_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_MB: Final = 1_200
#: Of each kind of bucket: files of the audited snapshot and of the base, and which live tables.
_FILES: Final = {
    "holds": (("holds/holds", "state/holds"), ("state/holds",), ("live_hold",)),
    "items": (
        ("snapshots/items", "state/shards", "state/directories"),
        ("state/shards", "state/directories", "snapshots/items"),
        ("live_shard", "live_directory", "live_adjustment"),
    ),
}
_LINE: Final = ", ".join(LINE_COLUMNS)
#: Whose bucket a line belongs to: an adjustment that names no item goes by its own key.
_NAME: Final = {
    "holds": KEY,
    "items": f"""
        CASE WHEN starts_with(path, 'archive/stock/') THEN split_part({KEY}, '#', 1)
             ELSE coalesce(json_extract_string(text, '$.set.item'), {KEY}) END""",
}


def read_objects(objects: Objects, plan: AuditPlan, task: int, keys: Sequence[str], work: Path) -> Part:
    """Reads archived objects, and writes their lines by bucket. One that is gone since is found as its events are."""
    plain = [key for key in keys if is_plain(key)]
    download_present(objects, plain, work)
    with scratch_database(memory_mb=MEMORY_MB, ordered=False) as database:
        present = [work / key for key in plain if (work / key).is_file()]
        check = read_lines(database, work, present, holes=plan.holes)
        check.looked_at += len(keys) - len(plain)
        check.extend(Finding(NOT_PLAIN, key) for key in keys if not is_plain(key))
        for kind, name in _NAME.items():
            of_kind = "starts_with(path, 'archive/holds/')"
            wanted = of_kind if kind == "holds" else f"NOT {of_kind}"
            columns = f"{_LINE}, {bucket_sql(name, plan.buckets)} AS bucket"
            rows = f"SELECT {columns} FROM line WHERE kind IS NOT NULL AND {wanted}"
            for bucket, file in _by_bucket(database, rows, work / f"{kind}-lines"):
                objects.upload(file, f"{lines_prefix(plan.run, kind, bucket)}{task:05}-{file.name}")
    return Part([check])


def audit_bucket(objects: Objects, plan: AuditPlan, kind: str, bucket: int, work: Path) -> Part:
    """Follows the records of one bucket of `holds` or of `items`, and holds them against all that tells of them.

    Raises:
        NoSuchObject: A manifest that was there when the audit was planned is gone, or is none.
    """
    of_snapshot, of_base, live = _FILES[kind]
    target = _in_bucket(objects, plan, plan.manifest, of_snapshot, bucket)
    base = None if plan.base is None else _in_bucket(objects, plan, plan.base, of_base, bucket)
    ledgers = [path for ledger in plan.ledgers for path in ledger.files(kind, bucket, plan.buckets)]
    sealed = [file.path for manifest in (target, base) if manifest for file in manifest.files]
    download_present(objects, {*sealed, *ledgers}, work)
    with scratch_database(memory_mb=MEMORY_MB, ordered=False) as database:
        lines = _download(objects, lines_prefix(plan.run, kind, bucket), work)
        create_lines(database, plan.holes)
        _insert(database, "line", _LINE, lines)
        tell_lives_apart(database)
        make_events(database)
        begin_from(database, work, base)
        checks = [unequal_twins(database), missing_revisions(database, plan.span)]
        checks += compare_ledger(database, work, ledgers, plan.span)
        fold_records(database, plan.as_of_ms)
        make_claims(database)
        _exchange_claims(objects, plan, kind, bucket, database, work)
        fold_books(database)
        checks += compare_rows(database, work, target)
        checks += check_rules(database)
        if plan.live:
            create_live_tables(database)
            for table in live:
                _load_live(database, table, _download(objects, live_prefix(plan.run, table, bucket), work))
            checks += check_live_tables(database, plan.span)
        return Part(checks, rebuilt_totals(database, target))


def _exchange_claims(
    objects: Objects, plan: AuditPlan, kind: str, bucket: int, database: "DuckDBPyConnection", work: Path
) -> None:
    """Holds give their claims away, to the buckets of the items; items take them."""
    for table in ("claim", "effect"):
        if kind == "holds":
            rows = f"SELECT *, {bucket_sql('item_id', plan.buckets)} AS bucket FROM {table}"
            for number, file in _by_bucket(database, rows, work / table):
                objects.upload(file, f"{claims_prefix(plan.run, table, number)}{bucket:04}-{file.name}")
            database.execute(f"DELETE FROM {table}")
        else:
            _insert(database, table, "*", _download(objects, claims_prefix(plan.run, table, bucket), work))


def _load_live(database: "DuckDBPyConnection", loaded: str, files: Sequence[Path]) -> None:
    """Loads what was read of a table. Where a number should be and is none, there is null: no event gives that."""
    if files:
        columns = LIVE_COLUMNS[loaded]
        values = ", ".join(f"TRY_CAST({name} AS {kind})" for name, kind in columns.items())
        texts = ", ".join(f"'{name}': 'VARCHAR'" for name in columns)
        source = f"read_ndjson(?, compression = 'gzip', columns = {{{texts}}})"
        database.execute(f"INSERT INTO {loaded} SELECT {values} FROM {source}", [[str(file) for file in files]])


def _in_bucket(objects: Objects, plan: AuditPlan, number: int | None, kinds: Sequence[str], bucket: int) -> Manifest:
    manifest = None if number is None else read_manifest(objects, number)
    if manifest is None:
        raise NoSuchObject(manifest_path(number or 0))
    return replace(manifest, files=files_in_bucket(manifest, kinds, bucket, plan.buckets))


def _download(objects: Objects, prefix: str, work: Path) -> list[Path]:
    keys = [stored.key for stored in objects.list(prefix)]
    download_present(objects, keys, work)
    return [work / key for key in keys]


def _insert(database: "DuckDBPyConnection", table: str, columns: str, files: Sequence[Path]) -> None:
    if files:
        rows = f"SELECT {columns} FROM read_parquet(?, hive_partitioning = false)"
        database.execute(f"INSERT INTO {table} {rows}", [[str(file) for file in files]])


def _by_bucket(database: "DuckDBPyConnection", rows: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """Writes rows to files for each value of their column `bucket`, which is left out."""
    database.execute(f"COPY ({rows}) TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (bucket))")
    for part in sorted(folder.glob("bucket=*")):
        for file in sorted(part.glob("*.parquet")):
            yield int(part.name.removeprefix("bucket=")), file
