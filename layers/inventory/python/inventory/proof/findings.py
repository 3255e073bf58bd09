"""What a check says: how much it looked at, and what was wrong, each with its evidence."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

#: Of each check, at most so many findings are kept; all are counted.
FINDINGS_KEPT_MAX: Final = 1_000

#: Called with how much was looked at since the last call, in whatever is counted.
Progress = Callable[[int], None]


class Finding(NamedTuple):
    """One discrepancy.

    Attributes:
        what: One sentence for a person.
        path: The file where it is, as the bucket names it, or None.
        record: The event, record or row it is about, or None.
        evidence: What was found and what was expected: JSON values.
    """

    what: str
    path: str | None = None
    record: str | None = None
    evidence: Mapping[str, Any] = {}


@dataclass
class Check:
    """One question that was put to the history.

    Attributes:
        name: As in docs/audit.md.
        looked_at: How many records (files, rows, events) it compared.
        discrepancies: How many of them are wrong.
        findings: What is wrong with them; of very many, the first.
    """

    name: str
    looked_at: int = 0
    discrepancies: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Notes a discrepancy."""
        self.discrepancies += 1
        if len(self.findings) < FINDINGS_KEPT_MAX:
            self.findings.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Notes several."""
        for finding in findings:
            self.add(finding)


def joined(checks: Iterable[Check]) -> list[Check]:
    """Checks of one name, over several parts of a history, as one; they are taken one by one, and not kept."""
    together: dict[str, Check] = {}
    for check in checks:
        so_far = together.setdefault(check.name, Check(check.name))
        so_far.looked_at += check.looked_at
        so_far.discrepancies += check.discrepancies - len(check.findings)
        so_far.extend(check.findings)
    return list(together.values())
