"""Where the parts of an audit find each other's work, and how records fall into buckets (docs/history.md)."""

import hashlib
from typing import Final

KINDS: Final = ("holds", "items")


def bucket_of(name: str, buckets: int) -> int:
    """The bucket of an item or of a hold, as `inventory.proof.sql.bucket_sql` has it."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % buckets


def live_prefix(run: str, table: str, bucket: int) -> str:
    """What scans found for a bucket, a file for each segment; `table` as in `inventory.proof.live.LIVE_COLUMNS`."""
    return f"{run}live/{table}-{bucket:04}-"


def lines_prefix(run: str, kind: str, bucket: int) -> str:
    """The archive's lines of a bucket, a file for each task that read some."""
    return f"{run}lines/{kind}-{bucket:04}-"


def claims_prefix(run: str, table: str, bucket: int) -> str:
    """What holds say of the items of a bucket, a file for each bucket of holds; `table` is claim or effect."""
    return f"{run}{table}/{bucket:04}-"


def result_path(run: str, step: str, number: int) -> str:
    """What one part found."""
    return f"{run}results/{step}-{number:05}.json"


def link_path(run: str, number: int) -> str:
    """What was found of a manifest by itself: its place in the chain, and what is wrong inside of it."""
    return f"{run}links/{number:08}.json"


def keys_path(run: str, folder: int, task: int) -> str:
    """The names of the archived objects that a task reads, from this folder of the archive."""
    return f"{run}keys/{folder:05}-{task:05}.json"


def count_path(run: str, folder: int) -> str:
    """How many tasks a folder of the archive was cut into."""
    return f"{run}keys/{folder:05}.json"


def tasks_path(run: str) -> str:
    """How many tasks read the archive in all."""
    return f"{run}tasks.json"
