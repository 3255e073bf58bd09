"""How proofs and audits look at a chain of manifests that somebody changed: whole, or at the chain alone."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from inventory.audit.parts import read_part
from inventory.audit.report import Reporter
from inventory.audit.steps import Auditor
from inventory.history.layout import audit_path
from inventory.proof.chain import read_chain
from inventory.proof.findings import Finding
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import verify
from support.objects import DirectoryObjects
from support.parquet import rows_of
from support.sealed import Sealer, fingerprint_of

#: What was found: where, which record, and what.
Named = tuple[str | None, str | None, str]
Look = Callable[[Sealer], list[Named]]

HOUR_MS: Final = 3_600_000
INSTANTS: Final = tuple(1_800_000_000_000 + hours * HOUR_MS for hours in range(3))
AUDIT: Final = "audit_" + "0" * 32
_CHAIN: Final = "manifest_chain"


def auditor_of(bucket: Sealer) -> Auditor:
    """Audits a bucket while its first snapshot is made, by its key."""
    return Auditor(DirectoryObjects(bucket.folder), lambda: INSTANTS[0], _verifier(bucket), scan_segments=1)


def verified(bucket: Sealer) -> list[Named]:
    """What a whole proof, of each snapshot, finds in the chain."""

    def begin(_name: str, size: int) -> Callable[[int], None]:
        assert float(size) >= 0, "as whoever shows the progress reckons"
        return lambda _done: None

    proof = verify(bucket.folder, _verifier(bucket), every=True, begin=begin)
    return _named(next(check.findings for check in proof.checks if check.name == _CHAIN))


def audited(bucket: Sealer) -> list[Named]:
    """What a whole audit from the first event finds in the chain, as its table of findings has it."""
    objects, auditor = DirectoryObjects(bucket.folder), auditor_of(bucket)
    began = auditor.run({"step": "begin", "input": {"audit": AUDIT, "as_of_ms": INSTANTS[-1]}})

    def each(listed: str, step: str) -> None:
        for item in json.loads(objects.read(began["lists"][listed])):
            auditor.run({"step": step, **item})

    if began["found"]:
        auditor.run({"step": "folders", "run": began["run"]})
        each("list", "list")
        auditor.run({"step": "tasks", "run": began["run"]})
        for step in ("read", "holds", "items"):
            each(step, step)
    each("files", "files")
    auditor.run({"step": "chain", "run": began["run"], "number": 0})
    Reporter(objects, Nobody(), Nobody().announce, lambda *_: None).run(began["run"])
    if not json.loads(objects.read(audit_path(AUDIT)))["discrepancies"]:
        return []
    told = [row for row in rows_of(f"{bucket.folder}/audit_findings/*/*.parquet") if row["check_name"] == _CHAIN]
    return [(row["path"], row["record"], row["what"]) for row in told]


def read(bucket: Sealer) -> list[Named]:
    """What a proof finds in the chain, which it looks at before all else; the rest of the proof is not made."""
    return _named(read_chain(bucket.folder, _verifier(bucket))[1].findings)


def followed(bucket: Sealer) -> list[Named]:
    """What the steps of an audit from the first event that look at the chain find in it; the others are not done."""
    objects, auditor = DirectoryObjects(bucket.folder), auditor_of(bucket)
    began = auditor.run({"step": "begin", "input": {"audit": AUDIT, "as_of_ms": INSTANTS[-1]}})
    for item in json.loads(objects.read(began["lists"]["files"])):
        auditor.run({"step": "files", **item})
    auditor.run({"step": "chain", "run": began["run"], "number": 0})
    [chain] = [each for each in read_part(objects, began["run"], "chain", 0).checks if each.name == _CHAIN]
    return _named(chain.findings)


class Nobody:
    """Hears of an audit, as far as it can be written down."""

    def register(self, table: str, as_of: str) -> None:
        """Nobody looks at tables here."""

    def announce(self, what: str, detail: Mapping[str, object]) -> None:
        """Nobody is told."""
        json.dumps([what, detail], ensure_ascii=False).encode()


def _verifier(bucket: Sealer) -> RsaVerifier:
    return RsaVerifier({fingerprint_of(bucket.key)})


def _named(findings: list[Finding]) -> list[Named]:
    return [(each.path, each.record, each.what) for each in findings]
