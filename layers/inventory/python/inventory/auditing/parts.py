"""What one part of an audit found, as it lies in the scratch until the report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inventory.audit.findings import Check, Finding
from inventory.auditing.layout import result_path
from inventory.storage.objects import Objects


@dataclass(frozen=True, slots=True)
class Part:
    """The checks that a part did, and its share of the snapshot's totals."""

    checks: Sequence[Check]
    totals: Mapping[str, int] = field(default_factory=dict)


def write_part(scratch: Objects, run: str, step: str, number: int, part: Part) -> None:
    """Keeps what a part found; done again, it is the same."""
    told = [[check.name, check.looked_at, check.discrepancies, check.findings] for check in part.checks]
    content = json.dumps({"checks": told, "totals": part.totals})
    scratch.put(result_path(run, step, number), content.encode())


def read_part(scratch: Objects, run: str, step: str, number: int) -> Part:
    """What a part found.

    Raises:
        NoSuchObject: It has not been done.
    """
    told = json.loads(scratch.read(result_path(run, step, number)))
    checks = [
        Check(name, looked_at, discrepancies, [Finding(*each) for each in findings])
        for name, looked_at, discrepancies, findings in told["checks"]
    ]
    return Part(checks, told["totals"])
