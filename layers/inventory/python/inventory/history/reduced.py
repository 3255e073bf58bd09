"""What reduce tasks leave, and where: the sealed files of each bucket, what it lacks, and what it adds up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from inventory.adapters.objects import Objects
from inventory.history.manifest import DataFile
from inventory.history.plan import Plan


@dataclass(frozen=True, slots=True)
class Reduced:
    """What became of a bucket.

    Attributes:
        files: What is to be committed; each lies under the run's `sealed/` until then.
        gaps: Ids of events that must exist and are not in the archive; a few of them.
        totals: What the bucket adds to the manifest's totals.
    """

    files: Sequence[DataFile]
    gaps: Sequence[str]
    totals: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """As a file."""
        return _REDUCED.dump_json(self)


_REDUCED: Final = TypeAdapter(Reduced)


def result_path(plan: Plan, kind: str, bucket: int) -> str:
    """Where the result of a bucket lies."""
    return f"{plan.run}results/{kind}-{bucket:04d}.json"


def heads_path(plan: Plan, kind: str, bucket: int) -> str:
    """Where a bucket tells of each of its records; what the seal compares with the live ones."""
    return f"{plan.run}heads/{kind}-{bucket:04d}.parquet"


def sealed_path(plan: Plan, path: str) -> str:
    """Where a file waits for its commit."""
    return f"{plan.run}sealed/{path}"


def read_results(objects: Objects, plan: Plan) -> list[Reduced]:
    """What all reduce tasks left.

    Raises:
        NoSuchObject: One has not been done.
    """
    return [
        _REDUCED.validate_json(objects.read(result_path(plan, kind, bucket)))
        for kind in ("holds", "items")
        for bucket in range(plan.buckets)
    ]
