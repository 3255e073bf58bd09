"""What the next snapshot begins with is held against the archive row by row, whoever signed it."""

from pathlib import Path

import pytest

from inventory.proof.findings import Finding
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import verify
from support.auditing import findings
from support.parquet import rows_of
from support.sealed import Sealer, fingerprint_of, rewrite_parquet

NAMES = {
    "state/shards": ("item_id", "warehouse_id", "shard"),
    "state/directories": ("item_id",),
    "state/holds": ("hold_id",),
    "snapshots/items": ("item_id", "warehouse_id"),
    "holds/holds": ("hold_id", "line", "shard"),
}
CHANGES = {
    "state/shards": ["available", "held", "inflow", "rev", "at_ms"],
    "state/directories": ["warehouses", "rev", "at_ms"],
    "state/holds": [
        *("status", "lines", "metadata", "resolution", "actor", "fingerprint", "open"),
        *("created_ms", "expires_at_ms", "rev", "at_ms"),
    ],
}


def largest(bucket: Sealer, kind: str) -> Path:
    """The file of a kind that has the most rows, of the last manifest's instant."""
    folder, name = kind.split("/")
    instant = max(bucket.folder.glob("manifests/*")).read_text().split('"as_of":"')[1][:16]
    files = sorted((bucket.folder / folder / f"as_of={instant}").glob(f"{name}-*"))
    return max(files, key=lambda path: len(rows_of(path)))


def found(bucket: Sealer) -> list[tuple[str, Finding]]:
    return findings(verify(bucket.folder, RsaVerifier({fingerprint_of(bucket.key)}), every=True))


@pytest.mark.parametrize(("kind", "column"), [(kind, name) for kind, names in CHANGES.items() for name in names])
def test_a_changed_value_is_named_though_it_is_signed(bucket: Sealer, kind: str, column: str) -> None:
    path = largest(bucket, kind)
    row = rows_of(path)[0]
    changed = f"coalesce({column}, '') || 'x'" if isinstance(row[column], str | None) else f"{column} + 1000"
    first = " AND ".join(f"{name} = '{row[name]}'" for name in NAMES[kind])
    value = f"CASE WHEN {first} THEN {changed} ELSE {column} END"
    rewrite_parquet(path, f"SELECT * REPLACE ({value} AS {column}) FROM told")
    bucket.reseal(path)
    [(check, finding)] = found(bucket)
    assert (check, finding.what) == ("state_rows", "The row is not what the archive gives.")
    assert finding.path == path.relative_to(bucket.folder).as_posix()
    assert finding.record == " ".join(str(row[name]) for name in NAMES[kind])
    assert set(finding.evidence["found"]) == set(finding.evidence["expected"]) == {column}


@pytest.mark.parametrize("kind", CHANGES)
def test_rows_that_are_missing_or_too_many_are_named_though_they_are_signed(bucket: Sealer, kind: str) -> None:
    path, name = largest(bucket, kind), NAMES[kind][0]
    least = f"(SELECT min({name}) FROM told)"
    rewrite_parquet(path, f"SELECT * REPLACE ('zz' || {name} AS {name}) FROM told WHERE {name} = {least}")
    bucket.reseal(path)
    told = found(bucket)
    assert {check for check, _ in told} == {"state_rows"}
    assert {each.what for _, each in told} == {"The archive gives no such row.", "The row is missing."}
    assert {each.path for _, each in told} == {path.relative_to(bucket.folder).as_posix()}


@pytest.mark.parametrize("kind", NAMES)
def test_a_row_that_is_there_twice_is_named_though_it_is_signed(bucket: Sealer, kind: str) -> None:
    path = largest(bucket, kind)
    row = rows_of(path)[0]
    rewrite_parquet(path, "FROM told UNION ALL (FROM told LIMIT 1)")
    bucket.reseal(path)
    [(check, finding)] = found(bucket)
    table, _, _ = kind.partition("/")
    assert (check, finding.what) == (f"{table}_rows", "The row is there more than once.")
    assert finding.record == " ".join(str(row[name]) for name in NAMES[kind])
    assert finding.evidence == {"paths": [path.relative_to(bucket.folder).as_posix()] * 2}


def test_a_row_in_the_file_of_another_bucket_is_named(bucket: Sealer) -> None:
    path = largest(bucket, "state/directories")
    other = next(each for each in sorted(path.parent.glob("directories-*")) if each != path)
    moved = rows_of(path)[0]["item_id"]
    source = f"read_parquet('{path}', hive_partitioning = false)"
    rewrite_parquet(other, f"FROM told UNION ALL FROM {source} WHERE item_id = '{moved}'")
    rewrite_parquet(path, f"FROM told WHERE item_id <> '{moved}'")
    bucket.reseal(path)
    bucket.reseal(other)
    [(check, finding)] = found(bucket)
    assert (check, finding.what) == ("state_rows", f"The row belongs into file {path.stem[-4:]}.")
    assert (finding.path, finding.record) == (other.relative_to(bucket.folder).as_posix(), moved)
