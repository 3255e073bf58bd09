"""Seal: is every event up to the instant in the archive? Each folded record is held against the live one."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from inventory.adapters.objects import Objects
from inventory.adapters.scratch import scratch_database
from inventory.history.columnar import HEADS, LIVE, MEMORY_MB, load
from inventory.history.layout import PARTIALS
from inventory.history.map_task import download_all
from inventory.history.opening import ADJUSTMENT
from inventory.history.plan import Plan
from inventory.history.reduced import heads_path, read_results
from inventory.history.scan import read_paths

_TOLD_MAX: Final = 20

#: The live tables were read when no write up to the instant could come any more, and before the archive was listed. So
#: a record is complete if the archive has what comes next after the instant, or the live record is what the fold says,
#: or just the one write ahead that came after the instant. A live record that the fold lacks must have begun after it,
#: or have been settled by the base's time: settled holds are final, and so not kept. All others wait for the archiver.
#: A live record newer than a final one is a new life of the id: it must have begun with revision 1. Nor does another
#: life stand for one that is not final, whatever its revision: its instant is another, and where the archive has what
#: came next, that alone tells.
#: Why that is enough, and ends: docs/history.md.
_INCOMPLETE: Final = f"""
SELECT record_key, head.rev AS folded_rev, live.rev AS live_rev,
       CASE WHEN live.rev IS NULL THEN 'the live record is gone, and its removal is not archived'
            WHEN starts_with(record_key, 'hold_') AND live.rev <= folded AND live.at_ms > $as_of_ms
            THEN 'another hold of this id is live, and what ended this one is not archived; or the table was restored'
            WHEN live.rev < folded THEN 'the live record is older than the archive'
            ELSE 'events between are not archived' END AS why
FROM (SELECT *, CASE WHEN final THEN 0 ELSE rev END AS folded FROM head) AS head FULL JOIN live USING (record_key)
WHERE NOT coalesce(
        (head.final AND NOT coalesce(live.at_ms > head.at_ms, false))
        OR later = coalesce(folded, 0) + 1
        OR (live.rev = folded AND live.at_ms = head.at_ms)
        OR (live.rev = coalesce(folded, 0) + 1 AND live.at_ms > $as_of_ms AND later IS NULL)
        OR (head.record_key IS NULL AND live.at_ms <= $base_ms AND (live.settled OR {ADJUSTMENT})),
    false)
"""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A record whose past is not whole in the archive; `why` is for a person."""

    record_key: str
    why: str


_COMPARED: Final = TypeAdapter(list[Incomplete])


def compared_folder(plan: Plan, live: str) -> str:
    """Where it is told what comes of comparing a run with a reading: executions may share the one, not the other."""
    return f"{plan.run}compared/{live.removeprefix(PARTIALS)}"


def compare_bucket(objects: Objects, plan: Plan, live: str, bucket: int, work: Path) -> list[Incomplete]:
    """Holds a bucket against its live records, and writes down the first few that stand in the way of the seal.

    Args:
        objects: The history's bucket.
        plan: The run, reduced.
        live: The folder of what was read of the live tables, before the plan listed the archive.
        bucket: Which one.
        work: A folder on disk.

    Raises:
        NoSuchObject: A reduce or scan task has not been done.
    """
    if plan.sealed:  # nothing was read
        return []
    kinds = ("holds", "items")
    found = [each for kind in kinds for each in _incomplete_in(objects, plan, live, kind, bucket, work / kind)]
    told = found[:_TOLD_MAX]
    objects.put(_compared_path(plan, live, bucket), _COMPARED.dump_json(told))
    return told


def find_incomplete(objects: Objects, plan: Plan, live: str) -> list[Incomplete]:
    """The first few records that stand in the way of the seal; none where the snapshot may be committed.

    Args:
        objects: The history's bucket.
        plan: The run, reduced, and compared bucket by bucket.
        live: The folder of what it was compared with.

    Raises:
        NoSuchObject: A reduce task has not been done, or a bucket not compared.
    """
    gaps = [Incomplete(gap, _why(plan, gap)) for result in read_results(objects, plan) for gap in result.gaps]
    if gaps or plan.sealed:
        return gaps[:_TOLD_MAX]
    found: list[Incomplete] = []
    for bucket in range(plan.buckets):
        found += _COMPARED.validate_json(objects.read(_compared_path(plan, live, bucket)))
        if len(found) >= _TOLD_MAX:
            break
    return found[:_TOLD_MAX]


def _compared_path(plan: Plan, live: str, bucket: int) -> str:
    return f"{compared_folder(plan, live)}{bucket:04d}.json"


def _why(plan: Plan, gap: str) -> str:
    # A base knows nothing of the holds that were settled before it: they never change again.
    if plan.base_ms is not None and gap.startswith("hold_") and gap.endswith("@1"):
        return (
            "the base does not have this hold, and new events of it are archived: those before are lost, or somebody "
            "changed it after it was settled; a rebuild from the first event tells which"
        )
    return "this event is not archived"


def _incomplete_in(objects: Objects, plan: Plan, live: str, kind: str, bucket: int, work: Path) -> list[Incomplete]:
    work.mkdir(parents=True)
    with scratch_database(memory_mb=MEMORY_MB) as sql:
        load(sql, "head", HEADS, download_all(objects, [heads_path(plan, kind, bucket)], work / "heads"))
        scanned = read_paths(objects, live, kind, bucket)
        load(sql, "live", LIVE, download_all(objects, scanned, work / "live"))
        shutil.rmtree(work)  # one kind at a time is on the disk: a bucket's both may be more than it has
        values = {"as_of_ms": plan.as_of_ms, "base_ms": plan.base_ms or 0}
        rows: Sequence[tuple[str, int | None, int | None, str]] = sql.execute(
            f"{_INCOMPLETE} ORDER BY record_key LIMIT {_TOLD_MAX}", values
        ).fetchall()
    return [
        Incomplete(record_key, f"{why} (folded revision {folded}, live {alive})")
        for record_key, folded, alive, why in rows
    ]
