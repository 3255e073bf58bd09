"""Which files a snapshot has (docs/history.md): one of each kind for each bucket, even where it has no rows."""

from collections.abc import Iterator
from typing import Any, Final

from inventory.proof.manifest import Manifest, instant_name

_ALWAYS: Final = ("snapshots/items", "holds/holds", "state/shards", "state/directories", "state/holds")
_LEDGER: Final = ("ledger/items", "ledger/holds")
_OPENED: Final = ("opened/lost-holds", "opened/lost-items", "opened/changed-items")
#: So many files are told of each: a manifest can lack thousands.
_TOLD_MAX: Final = 20


def unlike_a_snapshot(manifest: Manifest) -> dict[str, Any]:
    """As evidence: which files a manifest lacks, which it names too many, and how many they are; empty for neither.

    A file that nobody names would be one whose rows nobody compares.
    """
    expected, named = set(_files_of(manifest)), {file.path for file in manifest.files}
    wrong = {"missing": sorted(expected - named), "too_many": sorted(named - expected)}
    return {name: {"files": len(paths), "first": paths[:_TOLD_MAX]} for name, paths in wrong.items() if paths}


def _files_of(manifest: Manifest) -> Iterator[str]:
    adds = () if manifest.ledger_from_ms is None else _LEDGER
    opens = () if manifest.opening is None else _OPENED
    instant = instant_name(manifest.as_of_ms)
    for each in (*_ALWAYS, *adds, *opens):
        folder, kind = each.split("/")
        for number in range(manifest.buckets):
            yield f"{folder}/as_of={instant}/{kind}-{number:04}.parquet"
