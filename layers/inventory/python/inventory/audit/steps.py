"""The steps of the audit's state machine (statemachines/audit.asl.json): small words in, small words out.

Each can be done again, any number of times, and does the same.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inventory.adapters.objects import Objects
from inventory.adapters.workplace import workplace
from inventory.audit.buckets import audit_bucket, read_objects
from inventory.audit.chain import check_chain, check_files_of
from inventory.audit.layout import count_path, keys_path, tasks_path
from inventory.audit.listing import archive_folders, cut_folder
from inventory.audit.parts import Part, read_parts, write_part
from inventory.audit.plan import AuditPlan, Depth, make_plan, read_plan
from inventory.audit.scan import segments
from inventory.proof.chain import Verifier
from inventory.proof.findings import joined

Words = Mapping[str, Any]

_READS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Auditor:
    """What the steps work with.

    Attributes:
        objects: The history's bucket; under `partials/` the parts hand things to each other.
        now: Milliseconds since 1970.
        verifier: Knows who may have signed manifests, and who did.
        scan_segments: Into how many parts each live table is read.
    """

    objects: Objects
    now: Callable[[], int]
    verifier: Verifier
    scan_segments: int

    def run(self, words: Words) -> dict[str, Any]:
        """Does the step that the words name.

        Raises:
            KeyError: There is no such step.
        """
        if words["step"] == "begin":
            return self._begin(words["input"])
        plan = read_plan(self.objects, words["run"])
        steps = {"folders": self._folders, "list": self._list, "tasks": self._tasks}
        if words["step"] in steps:
            return steps[words["step"]](plan, words)
        parts: dict[str, Callable[[AuditPlan, Words, Path], Part]] = {
            "read": self._read,
            "holds": self._holds,
            "items": self._items,
            "files": self._files,
            "chain": self._chain,
        }
        part = parts[words["step"]]
        with workplace() as work:
            write_part(self.objects, plan.run, words["step"], words["number"], part(plan, words, work))
        return {}

    def _begin(self, asked: Words) -> dict[str, Any]:
        """Input: `audit`, `as_of_ms`, and `depth`: increment after a snapshot; without it, full."""
        plan = make_plan(self.objects, asked["audit"], asked["as_of_ms"], Depth(asked.get("depth", Depth.FULL)))
        self.objects.put(f"{plan.run}plan.json", plan.to_json())
        scanned = segments(self.scan_segments) if plan.live else []
        scans = [segment._asdict() | {"buckets": plan.buckets} for segment in scanned]
        lists = {
            "scan": scans,
            "holds": [{"number": bucket} for bucket in range(plan.buckets)],
            "items": [{"number": bucket} for bucket in range(plan.buckets)],
            "files": [{"number": number} for number in plan.files],
        }
        for name, items in lists.items():
            self._put_list(plan, name, items)
        names = [*lists, "list", "read"]
        return {
            "audit": plan.audit,
            "as_of_ms": plan.as_of_ms,
            "depth": plan.depth,
            "since_ms": plan.since_ms,
            "run": plan.run,
            "found": plan.manifest is not None,
            "live": plan.live,
            "manifests": len(plan.files),
            "lists": {name: f"{plan.run}{name}.json" for name in names},
        }

    def _folders(self, plan: AuditPlan, _: Words) -> dict[str, Any]:
        """Where archived objects are, after the live tables were read, so that most of what they have is there."""
        folders = list(archive_folders(self.objects, plan, self.now()))
        items: list[dict[str, Any]] = [{"number": number, "folder": folder} for number, folder in enumerate(folders)]
        self._put_list(plan, "list", items)
        return {"folders": len(folders)}

    def _list(self, plan: AuditPlan, words: Words) -> dict[str, Any]:
        """Cuts one folder of the archive into tasks. Each gets names of its own to read, and never those of all."""
        number, tasks = words["number"], 0
        for keys in cut_folder(self.objects, words["folder"]):
            self.objects.put(keys_path(plan.run, number, tasks), json.dumps(keys).encode())
            tasks += 1
        self.objects.put(count_path(plan.run, number), json.dumps(tasks).encode())
        return {}

    def _tasks(self, plan: AuditPlan, _: Words) -> dict[str, Any]:
        """Numbers the tasks of all folders."""
        folders = range(len(json.loads(self.objects.read(f"{plan.run}list.json"))))
        with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
            counts = pool.map(lambda folder: json.loads(self.objects.read(count_path(plan.run, folder))), folders)
            keys = [keys_path(plan.run, folder, task) for folder, count in enumerate(counts) for task in range(count)]
        self._put_list(plan, "read", [{"number": number, "keys": path} for number, path in enumerate(keys)])
        self.objects.put(tasks_path(plan.run), json.dumps(len(keys)).encode())
        return {"tasks": len(keys)}

    def _put_list(self, plan: AuditPlan, name: str, items: list[dict[str, Any]]) -> None:
        entries = [{"run": plan.run, **item} for item in items]
        self.objects.put(f"{plan.run}{name}.json", json.dumps(entries).encode())

    def _read(self, plan: AuditPlan, words: Words, work: Path) -> Part:
        keys = json.loads(self.objects.read(words["keys"]))
        return read_objects(self.objects, plan, words["number"], keys, work)

    def _holds(self, plan: AuditPlan, words: Words, work: Path) -> Part:
        """Also joins this bucket's share of what the reading tasks found: the report cannot look at each of them."""
        tasks = json.loads(self.objects.read(tasks_path(plan.run)))
        read = read_parts(self.objects, plan.run, "read", range(words["number"], tasks, plan.buckets))
        share = joined(check for each in read for check in each.checks)
        part = audit_bucket(self.objects, plan, "holds", words["number"], work)
        return Part(joined([*share, *part.checks]), part.totals)

    def _items(self, plan: AuditPlan, words: Words, work: Path) -> Part:
        return audit_bucket(self.objects, plan, "items", words["number"], work)

    def _files(self, plan: AuditPlan, words: Words, work: Path) -> Part:
        return check_files_of(self.objects, plan.run, words["number"], self.verifier, work)

    def _chain(self, plan: AuditPlan, _: Words, __: Path) -> Part:
        return check_chain(self.objects, plan, self.verifier)
