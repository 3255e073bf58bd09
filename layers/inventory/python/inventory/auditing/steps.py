"""The steps of the audit's state machine (statemachines/audit.asl.json): small words in, small words out.

Each can be done again, any number of times, and does the same.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inventory.audit.manifests import SignatureCheck
from inventory.auditing.buckets import audit_bucket, read_objects
from inventory.auditing.chain import check_chain, check_files_of
from inventory.auditing.parts import Part, write_part
from inventory.auditing.plan import AuditPlan, Depth, cut_archive, make_plan, read_plan
from inventory.auditing.scan import segments
from inventory.auditing.workplace import workplace
from inventory.storage.objects import Objects

Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Auditor:
    """What the steps work with.

    Attributes:
        objects: The history's bucket, to read.
        scratch: Where parts hand things to each other.
        now: Milliseconds since 1970.
        trusted: Gives the fingerprints of the keys that may have signed manifests.
        signer_of: Tells who made a signature.
        scan_segments: Into how many parts each live table is read.
    """

    objects: Objects
    scratch: Objects
    now: Callable[[], int]
    trusted: Callable[[], Collection[str]]
    signer_of: SignatureCheck
    scan_segments: int

    def run(self, words: Words) -> dict[str, Any]:
        """Does the step that the words name.

        Raises:
            KeyError: There is no such step.
        """
        if words["step"] == "begin":
            return self._begin(words["input"])
        plan = read_plan(self.scratch, words["run"])
        if words["step"] == "list":
            return self._list(plan)
        parts: dict[str, Callable[[AuditPlan, int, Path], Part]] = {
            "read": self._read,
            "holds": self._holds,
            "items": self._items,
            "files": self._files,
            "chain": self._chain,
        }
        part, number = parts[words["step"]], int(words["number"])
        with workplace() as work:
            write_part(self.scratch, plan.run, words["step"], number, part(plan, number, work))
        return {}

    def _begin(self, asked: Words) -> dict[str, Any]:
        """Input: `audit`, `as_of_ms`, and `depth`: increment after a snapshot; without it, from the first event."""
        plan = make_plan(self.objects, asked["audit"], asked["as_of_ms"], Depth(asked.get("depth", Depth.FULL)))
        self.scratch.put(f"{plan.run}plan.json", plan.to_json())
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
        names = [*lists, "read"]
        return {
            "audit": plan.audit,
            "as_of_ms": plan.as_of_ms,
            "depth": plan.depth,
            "since_ms": plan.since_ms,
            "run": plan.run,
            "found": plan.manifest is not None,
            "live": plan.live,
            "lists": {name: f"{plan.run}{name}.json" for name in names},
        }

    def _list(self, plan: AuditPlan) -> dict[str, Any]:
        """What is archived by now: after the live tables were read, so that most of what they have is there."""
        tasks = list(cut_archive(self.objects, plan, self.now()))
        self.scratch.put(f"{plan.run}tasks.json", json.dumps(tasks).encode())
        self._put_list(plan, "read", [{"number": task} for task in range(len(tasks))])
        return {"tasks": len(tasks)}

    def _put_list(self, plan: AuditPlan, name: str, items: list[dict[str, Any]]) -> None:
        told = [{"run": plan.run, **item} for item in items]
        self.scratch.put(f"{plan.run}{name}.json", json.dumps(told).encode())

    def _read(self, plan: AuditPlan, number: int, work: Path) -> Part:
        keys = json.loads(self.scratch.read(f"{plan.run}tasks.json"))[number]
        return read_objects(self.objects, self.scratch, plan, number, keys, work)

    def _holds(self, plan: AuditPlan, number: int, work: Path) -> Part:
        return audit_bucket(self.objects, self.scratch, plan, "holds", number, work)

    def _items(self, plan: AuditPlan, number: int, work: Path) -> Part:
        return audit_bucket(self.objects, self.scratch, plan, "items", number, work)

    def _files(self, _: AuditPlan, number: int, work: Path) -> Part:
        return check_files_of(self.objects, number, work)

    def _chain(self, plan: AuditPlan, _: int, work: Path) -> Part:
        return check_chain(self.objects, plan, work, self.trusted(), self.signer_of)
