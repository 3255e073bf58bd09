"""The most memory that a map task takes, in a process of its own.

python -m bench.history.memory FOLDER UNTIL_MS: maps the largest object of FOLDER's archive, prints the peak in bytes.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.history.bucket import Bucket

from inventory.adapters.workplace import workplace
from inventory.domain.events import Source
from inventory.history.layout import PARTIALS
from inventory.history.map_task import run_map_task
from inventory.history.plan import MapTask, Mode, Plan

_BUCKETS: Final = 64


def peak_bytes(folder: Path, until_ms: int) -> int:
    """The peak of mapping the largest object."""
    command = [sys.executable, "-m", "bench.history.memory", str(folder), str(until_ms)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def largest_object(folder: Path) -> Path:
    """The largest object of an archive."""
    return max((folder / "archive").rglob("*.gz"), key=lambda path: path.stat().st_size)


def _map(folder: Path, until_ms: int) -> None:
    key = largest_object(folder).relative_to(folder).as_posix()
    task = MapTask(Source(key.split("/")[1]), f"{PARTIALS}map/largest/")
    objects = Bucket(folder)
    objects.put(f"{task.folder}objects.json", json.dumps(list(objects.list(key))).encode())
    plan = Plan(
        run="", as_of_ms=until_ms, mode=Mode.REBUILD, head=0, exists=None, base_ms=None, fold_from_ms=0,
        ledger_from_ms=0, sealed=True, buckets=_BUCKETS, tasks=(task,),
    )  # fmt: skip
    with workplace() as work:
        run_map_task(objects, plan, task, work)


def _peak() -> int:
    """The most memory so far. (`getrusage` would tell the parent's peak, if that was higher.)"""
    [kib] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(kib) * 1024


if __name__ == "__main__":
    _map(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(str(_peak()))
