"""The ledgers of a long history, as one bucket of an audit takes them: by their files' names, all at once."""

from pathlib import Path
from threading import Barrier

import pytest

from inventory.audit.buckets import audit_bucket
from inventory.audit.plan import Depth, make_plan
from inventory.domain.events import Source
from inventory.proof.manifest import instant_name, manifest_path
from support.objects import DirectoryObjects
from support.sealed import Sealer

HOUR_MS = 3_600_000
INSTANTS = tuple(1_800_000_000_000 + hours * HOUR_MS for hours in range(4))


class Together(DirectoryObjects):
    """A bucket that gives no file of a ledger before so many were asked for."""

    def __init__(self, root: Path, ledgers: int) -> None:
        super().__init__(root)
        self.asked = Barrier(ledgers, timeout=10)
        self.read_manifests: list[str] = []
        self.taken: list[str] = []

    def read(self, key: str) -> bytes:
        if key.startswith("manifests/"):
            self.read_manifests.append(key)
        return super().read(key)

    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        if key.startswith("ledger/"):
            self.taken.append(key)
            self.asked.wait()
        super().download(key, path, tag=tag)


@pytest.mark.parametrize("kind", ["holds", "items"])
def test_a_bucket_takes_its_files_of_all_ledgers_at_once_and_reads_no_manifest_for_them(
    tmp_path: Path, kind: str
) -> None:
    """After years there are tens of thousands: a function that takes them one by one is never done."""
    sealer = Sealer(tmp_path / "bucket", {source: [] for source in Source}, buckets=2)
    for instant in INSTANTS:
        sealer.buckets = 6 if instant == INSTANTS[1] else 2
        sealer.seal(instant)
    plan = make_plan(DirectoryObjects(sealer.folder), "audit_x", INSTANTS[-1], Depth.FULL)
    objects, work = Together(sealer.folder, ledgers=6), tmp_path / "work"
    work.mkdir()
    part = audit_bucket(objects, plan, kind, 1, work)
    assert [check.name for check in part.checks if check.discrepancies] == []
    assert objects.read_manifests == [manifest_path(4)]
    of_bucket = {instant: [1, 3, 5] if instant == INSTANTS[1] else [1] for instant in INSTANTS}
    assert sorted(objects.taken) == [
        f"ledger/as_of={instant_name(instant)}/{kind}-{number:04}.parquet"
        for instant, numbers in of_bucket.items()
        for number in numbers
    ]
