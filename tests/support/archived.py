"""An archive of lines made by hand, and what is mapped of it."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from inventory.domain.events import Source
from inventory.history.layout import archive_hour
from inventory.history.map_task import run_map_task
from inventory.history.plan import Mode, Plan, make_plan
from support.objects import DirectoryObjects

AS_OF_MS: Final = 1_764_000_000_000


def archive(objects: DirectoryObjects, source: Source, *batches: Sequence[dict[str, Any]]) -> list[str]:
    """An object of a table's archive for each batch of lines; gives their names."""
    hour = archive_hour(source, AS_OF_MS)
    keys = [f"{hour}{number:016x}-1-2.jsonl.gz" for number in range(len(batches))]
    for key, lines in zip(keys, batches, strict=True):
        objects.put(key, gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode()))
    return keys


def mapped(objects: DirectoryObjects, work: Path, *, buckets: int) -> Plan:
    """The plan of the first snapshot, as of `AS_OF_MS`, its map tasks done."""
    plan = make_plan(objects, as_of_ms=AS_OF_MS, mode=Mode.INCREMENT, now_ms=AS_OF_MS, buckets=buckets)
    for number, task in enumerate(plan.tasks):
        run_map_task(objects, plan, task, work / str(number))
    return plan
