"""The rows of sealed files, held one by one against those that the archive gives."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from inventory.proof.findings import Check, Finding
from inventory.proof.manifest import Manifest
from inventory.proof.names import literal
from inventory.proof.sql import bucket_sql, count, each_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Rows(NamedTuple):
    """Rows that are compared.

    Attributes:
        check: The name of the check that tells of them.
        made: The table that has them as the archive gives them.
        folder: The folder that their files are in.
        kind: What their files are called, before the bucket's number.
        names: The columns that name a row; by the first of them it falls into a bucket.
        columns: All columns, as SQL lists them.
    """

    check: str
    made: str
    folder: str
    kind: str
    names: Sequence[str]
    columns: str

    def sealed(self, manifest: Manifest) -> list[str]:
        """The files of a manifest that have them: all in the folder, unless it has files of other kinds, too."""
        prefix = f"state/as_of={manifest.as_of}/{self.kind}-" if self.folder == "state/" else self.folder
        return [file.path for file in manifest.under(prefix)]


def compare(database: "DuckDBPyConnection", folder: Path, manifest: Manifest, rows: Rows) -> Check:
    """Compares rows with those of a manifest's files: each is there once, as it is made, and in its bucket's file."""
    check, names = Check(rows.check), rows.names
    load(database, folder, "sealed_rows", rows.sealed(manifest), rows.columns, like=rows.made)
    check.looked_at = count(database, f"SELECT count(*) FROM {rows.made}")  # noqa: S608 our own
    check.extend(_twice(database, names))
    row = ", ".join(f"{name} := {{0}}.{name}" for name in rows.columns.split(", "))
    made, sealed = (f"struct_pack({row.format(side)})" for side in ("made", "sealed"))
    bucket = bucket_sql(f"made.{names[0]}", manifest.buckets)
    wrong = database.execute(
        f"""
        SELECT concat_ws(' ', {", ".join(f"coalesce(made.{name}, sealed.{name})" for name in names)}) AS name,
               sealed.path, {bucket}, to_json({made}), to_json({sealed}), made.{names[0]} IS NULL,
               sealed.{names[0]} IS NULL
        FROM {rows.made} AS made
        FULL JOIN sealed_rows AS sealed
        ON {" AND ".join(f"made.{name} = sealed.{name}" for name in names)}
        WHERE made.{names[0]} IS NULL OR sealed.{names[0]} IS NULL OR {made} IS DISTINCT FROM {sealed}
              OR NOT contains(sealed.path, printf('-%04d.parquet', {bucket}))
        ORDER BY name"""  # noqa: S608 the columns are our own
    )
    for name, path, number, rebuilt, found, only_sealed, only_made in each_row(wrong):
        if only_sealed:
            check.add(Finding("The archive gives no such row.", path, name, {"sealed": json.loads(found)}))
        elif only_made:
            where = f"{rows.folder}as_of={manifest.as_of}/{rows.kind}-{number:04}.parquet"
            check.add(Finding("The row is missing.", where, name, {"rebuilt": json.loads(rebuilt)}))
        elif rebuilt == found:
            check.add(Finding(f"The row belongs into file {number:04}.", path, name))
        else:
            evidence = difference(json.loads(rebuilt), json.loads(found))
            check.add(Finding("The row is not what the archive gives.", path, name, evidence))
    return check


def _twice(database: "DuckDBPyConnection", names: Sequence[str]) -> Iterator[Finding]:
    named = ", ".join(names)
    twice = database.execute(
        f"SELECT concat_ws(' ', {named}), list(path ORDER BY path) FROM sealed_rows GROUP BY {named} "  # noqa: S608 our own
        "HAVING count(*) > 1 ORDER BY 1"
    )
    for name, paths in each_row(twice):
        yield Finding("The row is there more than once.", paths[0], name, {"paths": paths})


def load(
    database: "DuckDBPyConnection", folder: Path, table: str, paths: Sequence[str], columns: str, *, like: str
) -> None:
    """Makes a table of all rows of the files, and `path`. What cannot be read is left out: it is found as a file.

    An increment hashes only those of its own snapshot and its base; of another's ledger it misses the rows.

    Args:
        database: Where to make it.
        folder: A copy of the bucket.
        table: What it is called.
        paths: The files, as the bucket names them; one that is not there is one without rows.
        columns: Its columns, as SQL lists them.
        like: A table that has them, each of its type.
    """
    from duckdb import Error

    empty = f"SELECT {columns}, NULL::VARCHAR AS path FROM {like} WHERE false"  # noqa: S608 the columns are our own
    database.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {empty}")
    source = "read_parquet(?, filename = true, hive_partitioning = false)"
    insert = f"INSERT INTO {table} SELECT {columns}, filename[length(?) + 2:] FROM {source}"  # noqa: S608 as above
    present = [literal(folder / path) for path in paths if (folder / path).is_file()]
    if not present:
        return
    try:
        database.execute(insert, [str(folder), present])
    except Error:
        for path in present:
            with suppress(Error):
                database.execute(insert, [str(folder), [path]])


def difference(expected: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The fields of two rows that differ, as evidence."""
    names = [name for name in expected if expected[name] != found[name]]
    return {"expected": {name: expected[name] for name in names}, "found": {name: found[name] for name in names}}
