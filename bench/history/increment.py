"""An hour's increment after histories of different age: what it reads."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.history.bucket import Bucket
from bench.history.rebuild import GRACE_MS
from bench.history.recorded import EVENTS_PER_SALE, record

from inventory.history.commit import Publisher
from inventory.history.plan import Mode
from inventory.history.steps import SnapshotSteps
from support.workflow import KeyInMemory, Partitions, Started

_SALES_PER_S: Final = 5
_HOUR_MS: Final = 3_600_000
_EVENTS_PER_HOUR: Final = round(_SALES_PER_S * 3_600 * EVENTS_PER_SALE)
_AGES: Final = (3, 30)
_BUCKETS: Final = 4


@dataclass(frozen=True)
class Increment:
    """What one hour's snapshot took.

    Attributes:
        hours: The age of the history before it.
        new_events: Events since the base.
        read_bytes: What map and reduce read of the bucket.
        objects: In so many objects.
        rebuild_bytes: What a full rebuild of the same instant reads.
    """

    hours: int
    new_events: int
    read_bytes: int
    objects: int
    rebuild_bytes: int


class Counting(Bucket):
    """Counts what is read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read_of: Counter[str] = Counter()

    def read(self, key: str) -> bytes:
        """As the port says."""
        content = super().read(key)
        self._count(key, len(content))
        return content

    def download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        """As the port says."""
        super().download(key, path, tag=tag)
        self._count(key, path.stat().st_size)

    def _count(self, key: str, size: int) -> None:
        if not key.startswith("partials/"):  # what a run writes for itself is as large as what it read
            self.read_of[key] += size


def increments(folder: Path) -> list[Increment]:
    """One increment for each age."""
    return [_after(folder / str(hours), hours) for hours in _AGES]


def _after(folder: Path, hours: int) -> Increment:
    recording = record(folder, _EVENTS_PER_HOUR * (hours + 1), sales_per_s=_SALES_PER_S)
    base_ms = recording.started_ms + hours * _HOUR_MS
    _snapshot(folder, base_ms)
    bucket, new_events = _snapshot(folder, base_ms + _HOUR_MS)
    rebuilt, _ = _snapshot(folder, base_ms + _HOUR_MS, mode=Mode.REBUILD)
    return Increment(
        hours=hours,
        new_events=new_events,
        read_bytes=bucket.read_of.total(),
        objects=len(bucket.read_of),
        rebuild_bytes=rebuilt.read_of.total(),
    )


def _snapshot(folder: Path, as_of_ms: int, *, mode: Mode = Mode.INCREMENT) -> tuple[Counting, int]:
    """All steps but the seal: there are no live tables to compare with."""
    bucket = Counting(folder)
    steps = SnapshotSteps(
        objects=bucket, now=lambda: as_of_ms + GRACE_MS, grace_ms=GRACE_MS, buckets=_BUCKETS, scan_segments=1,
        archive_lag_s=0,
    )  # fmt: skip
    planned = steps.run(steps.run({"step": "begin", "as_of_ms": as_of_ms, "mode": mode}) | {"step": "plan"})
    for step, listed in (("map", "map"), ("reduce_holds", "reduce"), ("reduce_items", "reduce")):
        for task in json.loads((folder / planned["lists"][listed]).read_bytes()):
            steps.run({"step": step, **task})
    words = {"step": "commit", "run": planned["run"]}
    key = KeyInMemory()
    publisher = Publisher(Bucket(folder), key, key, Partitions(), Started(), steps.now)
    committed = publisher.run(words)
    if not committed["manifest"]:
        raise RuntimeError(f"no manifest: {committed}")
    totals = json.loads((folder / f"manifests/{committed['manifest']:08d}.json").read_bytes())["manifest"]["totals"]
    return bucket, sum(totals[f"{kind}_events"] for kind in ("stock", "hold", "adjustment"))
