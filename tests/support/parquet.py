"""What is in Parquet files, as any reader of them sees it."""

from pathlib import Path
from typing import Any

from inventory.adapters.scratch import scratch_database

_MEMORY_MB = 512


def rows_of(files: Path | str) -> list[dict[str, Any]]:
    """The rows of files, whose names may have stars; no column is made of a folder's name."""
    with scratch_database(memory_mb=_MEMORY_MB) as sql:
        found = sql.execute(f"SELECT * FROM read_parquet('{files}', hive_partitioning = false)")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
