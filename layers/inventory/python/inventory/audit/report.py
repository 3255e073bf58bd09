"""The end of an audit: what its parts found becomes rows, counts, an event, and the result that the API shows."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inventory.adapters.catalogue import Catalogue
from inventory.adapters.objects import NoSuchObject, Objects
from inventory.adapters.scratch import scratch_database
from inventory.adapters.workplace import workplace
from inventory.audit.layout import KINDS
from inventory.audit.parts import read_parts
from inventory.audit.plan import AuditPlan, read_manifest, read_plan
from inventory.history.layout import audit_path, instant_of_audit, snapshot_id
from inventory.proof.findings import Check, Finding, joined
from inventory.proof.manifest import instant_name, manifest_path
from inventory.proof.rebuild import compare_totals

FINDINGS: Final = "audit_findings"
ANNOUNCED: Final = "Audit found discrepancies"
#: An event may have 256 KB. So many findings are told in it, each with so many characters of evidence, and of other
#: texts, which may quote whatever lies in the archive: a character can take 12 bytes in JSON.
_TOLD_MAX: Final = 20
_EVIDENCE_MAX: Final = 1_000
_TEXT_MAX: Final = 200
_MEMORY_MB: Final = 256
_COLUMNS: Final = ("check_name", "what", "path", "record", "evidence", "audit")


@dataclass(frozen=True, slots=True)
class Reporter:
    """What a report is made with.

    Attributes:
        objects: The history's bucket: manifests and what the parts found are read, findings and results written.
        catalogue: Has the partitions of the findings' table.
        announce: Tells others of discrepancies: what happened, and its details.
        count: Counts a check by its name: how many records it looked at, and how many discrepancies it found.
    """

    objects: Objects
    catalogue: Catalogue
    announce: Callable[[str, Mapping[str, Any]], None]
    count: Callable[[str, int, int], None]

    def run(self, run: str) -> dict[str, Any]:
        """Reports an audit whose parts are all done, and gives how it ended. Done again, it says the same again.

        Raises:
            NoSuchObject: A part has not been done.
        """
        plan = read_plan(self.objects, run)
        checks = self._checks(plan)
        result = _result(plan, checks)
        if result["discrepancies"]:
            self._publish(plan, checks)
            self.announce(ANNOUNCED, result | {"findings": list(_told(checks))})
        for check in checks:
            self.count(check.name, check.looked_at, check.discrepancies)
        self.objects.put_new(audit_path(plan.audit), json.dumps(result).encode())
        return {"audit": plan.audit, "discrepancies": result["discrepancies"]}

    def _checks(self, plan: AuditPlan) -> list[Check]:
        """What is joined is let go: where much is wrong, the parts' findings are more than there is memory for."""
        totals = Counter[str]()
        steps: dict[str, Iterable[int]] = {"chain": [0], "files": plan.files}
        if plan.manifest is not None:  # else there was nothing that events could be held against
            steps |= dict.fromkeys(KINDS, range(plan.buckets))

        def found() -> Iterator[Check]:
            for step, numbers in steps.items():
                for part in read_parts(self.objects, plan.run, step, numbers):
                    totals.update(part.totals)
                    yield from part.checks

        checks = joined(found())
        if plan.manifest is None:
            return checks
        manifest = read_manifest(self.objects, plan.manifest)
        if manifest is None:
            raise NoSuchObject(manifest_path(plan.manifest))
        return joined([*checks, compare_totals(totals, manifest)])

    def _publish(self, plan: AuditPlan, checks: Sequence[Check]) -> None:
        as_of = instant_name(plan.as_of_ms)
        with workplace() as work:
            file = work / "findings.parquet"
            write_findings(file, plan.audit, checks)
            self.objects.upload(file, f"{FINDINGS}/as_of={as_of}/{plan.audit}.parquet")
        self.catalogue.register(FINDINGS, as_of)


def write_findings(file: Path, audit: str, checks: Sequence[Check]) -> None:
    """Writes the findings as rows of the table `audit_findings`."""
    rows = [
        (
            check.name,
            _spelled(each.what),
            _spelled(each.path),
            _spelled(each.record),
            json.dumps(each.evidence, sort_keys=True),
            audit,
        )
        for check in checks
        for each in check.findings
    ]
    with scratch_database(memory_mb=_MEMORY_MB) as database:
        database.execute(f"CREATE TABLE finding ({', '.join(f'{name} VARCHAR' for name in _COLUMNS)})")
        database.executemany(f"INSERT INTO finding VALUES ({', '.join('?' for _ in _COLUMNS)})", rows)
        database.execute(f"COPY finding TO '{file}' (FORMAT parquet, COMPRESSION zstd)")


def _result(plan: AuditPlan, checks: Sequence[Check]) -> dict[str, Any]:
    return {
        "id": plan.audit,
        "object": "audit",
        "snapshot": snapshot_id(plan.as_of_ms),
        "as_of_ms": plan.as_of_ms,
        "depth": plan.depth,
        "since_ms": plan.since_ms,
        "created": (instant_of_audit(plan.audit) or 0) // 1000,
        "checks": [
            {"name": each.name, "looked_at": each.looked_at, "discrepancies": each.discrepancies} for each in checks
        ],
        "discrepancies": sum(each.discrepancies for each in checks),
    }


def _told(checks: Sequence[Check]) -> Iterator[dict[str, Any]]:
    """The first findings, of each check in turn."""
    ranked: list[tuple[int, Check, Finding]] = [
        (place, check, each) for check in checks for place, each in enumerate(check.findings[:_TOLD_MAX])
    ]
    for _, check, each in sorted(ranked, key=lambda entry: entry[0])[:_TOLD_MAX]:
        texts = {"what": each.what, "path": each.path, "record": each.record}
        shortened = {name: text and _spelled(text[:_TEXT_MAX]) for name, text in texts.items()}
        evidence = json.dumps(each.evidence, sort_keys=True)[:_EVIDENCE_MAX]
        yield {"check": check.name, **shortened, "evidence": evidence}


def _spelled(text: str | None) -> str | None:
    """A text that anything can write. Half of a surrogate pair stands for what was no text: its number is told."""
    return None if text is None else text.encode(errors="backslashreplace").decode()
