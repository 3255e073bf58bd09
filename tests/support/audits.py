"""The audit's state machine, played in this process over a folder, in the order of its ASL."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inventory.audit.report import Reporter
from inventory.audit.scan import scan
from inventory.audit.steps import Auditor
from inventory.history.layout import audit_path, stamp_of
from inventory.history.manifest import fingerprint_of
from inventory.proof.signatures import RsaVerifier
from support.parquet import rows_of
from support.workflow import History, Partitions


@dataclass
class Audits:
    """Audits of a history, and what they told others.

    Attributes:
        history: What is audited.
        announced: What others were told: what happened, and the details.
        counted: Discrepancies by check.
    """

    history: History
    announced: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    catalogue: Partitions = field(default_factory=Partitions)

    def run(self, as_of_ms: int, *, depth: str | None = None, meanwhile: Callable[[], None] = lambda: None) -> Any:
        """One execution; `meanwhile` happens between the reading of the tables and that of the archive."""
        created_ms = self.history.now_ms
        told = f"{as_of_ms}/{depth}/{len(list(self.history.objects.list('audits/')))}"
        audit = f"audit_{created_ms:012x}{hashlib.sha256(told.encode()).hexdigest()[:20]}"
        asked = {"audit": audit, "as_of_ms": as_of_ms} | ({"depth": depth} if depth else {})
        began = self.auditor.run({"step": "begin", "input": asked})
        if began["found"]:
            self._scan(began)
            meanwhile()
            self.auditor.run({"step": "folders", "run": began["run"]})
            self._each(began, "list")
            self.auditor.run({"step": "tasks", "run": began["run"]})
            for step in ("read", "holds", "items"):
                self._each(began, step)
        self._each(began, "files")
        self.auditor.run({"step": "chain", "run": began["run"], "number": 0})
        self.reporter.run(began["run"])
        return json.loads(self.history.objects.read(audit_path(audit)))

    @property
    def auditor(self) -> Auditor:
        return Auditor(
            objects=self.history.as_seen_by("audit"),
            now=lambda: self.history.now_ms,
            verifier=RsaVerifier({fingerprint_of(self.history.signer.public_key_der)}),
            scan_segments=2,
        )

    @property
    def reporter(self) -> Reporter:
        return Reporter(
            objects=self.history.as_seen_by("audit_report"),
            catalogue=self.catalogue,
            announce=lambda what, detail: self.announced.append((what, detail)),
            count=lambda name, _, discrepancies: self.counted.update({name: discrepancies}),
        )

    def findings(self, as_of_ms: int) -> list[dict[str, Any]]:
        """The rows of the table of findings, of all audits of an instant, as a reader of the table sees them."""
        files = f"{self.history.objects.root}/audit_findings/as_of={stamp_of(as_of_ms)}/*.parquet"
        if not list(Path(files).parent.glob("*.parquet")):
            return []
        return rows_of(files)

    def _scan(self, began: Mapping[str, Any]) -> None:
        tape = self.history.tape
        for item in self._items(began, "scan"):
            scan(self.history.as_seen_by("audit_scan"), tape.world.database.client, tape.tables, item)

    def _each(self, began: Mapping[str, Any], step: str) -> None:
        for item in self._items(began, step):
            self.auditor.run({"step": step, **item})

    def _items(self, began: Mapping[str, Any], listed: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self.history.objects.read(began["lists"][listed]))
        return items
