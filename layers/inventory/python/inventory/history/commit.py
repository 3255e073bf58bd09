"""Commit: the one step that makes a snapshot visible. The manifest decides; files and partitions follow it."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from inventory.adapters.catalogue import Catalogue
from inventory.adapters.executions import Machine
from inventory.adapters.objects import NoSuchObject, Objects
from inventory.domain.clock import Milliseconds
from inventory.history.audits import start_audit
from inventory.history.columnar import writer
from inventory.history.layout import KEYS, PARTIALS, TABLES, listed_path, manifest_path, published_path, stamp_of
from inventory.history.listed import listed_manifest
from inventory.history.manifest import (
    DataFile,
    Manifest,
    Signer,
    Verifier,
    body_of,
    fingerprint_of,
    head_number,
    parsed,
    read_manifest,
    read_signed,
    signed,
)
from inventory.history.plan import Mode, Plan, read_plan
from inventory.history.reduced import Reduced, read_results

_COPIES_AT_ONCE: Final = 8
#: What the buckets of an opening snapshot add up that is no stock.
_OF_OPENING: Final = frozenset({"lost_records", "lost_revisions"})
_DIFFERENCES_TOLD_MAX: Final = 20


class Outcome(StrEnum):
    """How a commit ended."""

    COMMITTED = "committed"
    OVERTAKEN = "overtaken"  # another snapshot was committed meanwhile: plan again
    EXISTED = "existed"  # this very snapshot was there, and the rebuild found the same bytes


class Committed(NamedTuple):
    """How a commit ended, and the manifest that now stands for the instant, if it is this one's."""

    outcome: Outcome
    number: int | None


class RebuildDiffers(Exception):
    """A rebuild from the first event made other bytes than the snapshot has; names the files."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(f"the rebuild differs from the snapshot in {', '.join(paths)}")
        self.paths = list(paths)


class FilesForgotten(Exception):
    """A manifest stands whose files never came to their places, and wait nowhere any more."""

    def __init__(self, number: int, missing: str, as_of_ms: Milliseconds) -> None:
        super().__init__(
            f"manifest {number} is not published, and {missing} is gone. Do: run the snapshot's state machine with "
            f'{{"as_of_ms": {as_of_ms}, "align_ms": 1000, "mode": "rebuild"}}, which makes its files again (An '
            "unpublished manifest, in docs/runbook.md); no other snapshot can be made before."
        )


@dataclass(frozen=True, slots=True)
class Publisher:
    """Makes snapshots visible, and has them audited: what the first and the last steps of the machine work with.

    Attributes:
        objects: The history's bucket.
        signer: Signs manifests.
        verifier: Knows whose signature the chain goes on from.
        catalogue: Has the tables' partitions.
        audits: Where audits run.
        now: Milliseconds since 1970.
        trusted_head: The SHA-256 of a manifest that the chain goes on from although its key is gone; empty for none.
    """

    objects: Objects
    signer: Signer
    verifier: Verifier
    catalogue: Catalogue
    audits: Machine
    now: Callable[[], Milliseconds]
    trusted_head: str = ""

    def run(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Does the step that the words name.

        They `finish` what an earlier run left undone, `commit`, and start the `audit`. Publishing has started the one
        that looks back to the snapshot before; what a rebuild has proved from the first event is audited from there,
        too.

        Raises:
            KeyError: There is no such step.
        """
        steps: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "finish": self._finish,
            "commit": self._commit,
            "audit": self._audit,
        }
        return steps[words["step"]](words)

    def _finish(self, words: Mapping[str, Any]) -> dict[str, Any]:
        self.finish(words["as_of_ms"] if words["mode"] == Mode.REBUILD else None)
        return {}

    def _commit(self, words: Mapping[str, Any]) -> dict[str, Any]:
        committed = self.commit(read_plan(self.objects, words["run"]))
        return {"outcome": committed.outcome, "manifest": committed.number}

    def _audit(self, words: Mapping[str, Any]) -> dict[str, Any]:
        full = words["mode"] == Mode.REBUILD
        return {"audit": start_audit(self.objects, self.audits, words["as_of_ms"], full=full)}

    def commit(self, plan: Plan) -> Committed:
        """Writes the manifest of a sealed run and publishes its files; done again, it does the same.

        Raises:
            NoSuchObject: A reduce task has not been done; or its number was given, and somebody hid that manifest.
            ManifestDamaged: The manifest that it goes on from, or publishes again, is none of the service's.
            RebuildDiffers: The snapshot existed, and its bytes are not those of the rebuild.
            AuditNotStarted: The manifest is written, and it is not published.
        """
        results = read_results(self.objects, plan)
        files = sorted(file for result in results for file in result.files)
        if plan.exists is not None:
            standing = read_manifest(self.objects, plan.exists)
            compared = _compare(standing, files)  # nothing goes on from it: its key may be gone
            if not self._published(plan.exists):
                standing = self._signed(plan.exists)
                # Its own files were forgotten: these are the same.
                self.objects.put(_pointer(standing.content), plan.run.encode())
                self.publish(standing)
            return compared
        previous = self._signed(plan.head) if plan.head else None
        totals = _totals(results)
        body = body_of(
            previous=previous,
            as_of_ms=plan.as_of_ms,
            ledger_from_ms=plan.ledger_from_ms,
            buckets=plan.buckets,
            writer=writer(),
            files=files,
            totals={name: value for name, value in totals.items() if name not in _OF_OPENING},
            opening=self._opening(plan, totals),
        )
        content = signed(body, self.signer)
        number = int(body["number"])
        if previous is not None:
            self.publish(previous)  # so that only the newest can ever be left unpublished
        key = self.signer.public_key_der
        self.objects.put_new(f"{KEYS}{fingerprint_of(key)}.pem", _pem(key))
        self.objects.put(_pointer(content), plan.run.encode())
        given = head_number(self.objects) > number or self._published(number)
        if given or not self.objects.put_new(manifest_path(number), content):
            standing = read_manifest(self.objects, number)
            if standing.content != content:
                return Committed(Outcome.OVERTAKEN, None)
        self.publish(parsed(content))
        return Committed(Outcome.COMMITTED, number)

    def finish(self, remade_ms: Milliseconds | None = None) -> None:
        """Publishes the newest manifest where its commit died before it had.

        Args:
            remade_ms: The instant of a snapshot that is about to be made again from the first event. Where it is that
                of the newest manifest, what is forgotten stands in nobody's way: it is what will be made.

        Raises:
            FilesForgotten: It died so long ago that what it had made is gone.
            AuditNotStarted: It is still not published.
            NoSuchObject: Somebody hid the newest manifest: its number is never given again.
            ManifestDamaged: The newest manifest is none of the service's.
        """
        number = head_number(self.objects)
        if self._published(number + 1):
            read_manifest(self.objects, number + 1)
        if number:
            newest = self._signed(number)
            try:
                self.publish(newest)
            except NoSuchObject as error:
                if newest.as_of_ms != remade_ms:
                    raise FilesForgotten(number, error.key, newest.as_of_ms) from error

    def publish(self, manifest: Manifest) -> None:
        """Brings a manifest's files to their places, registers partitions, lists it, starts its audit, and says so.

        Whoever publishes it starts its audit: the audit of the next snapshot begins with what this one looks at.
        """
        objects = self.objects
        if self._published(manifest.number):
            return
        run = objects.read(_pointer(manifest.content)).decode()

        def brought(file: DataFile) -> None:
            objects.copy_new(f"{run}sealed/{file.path}", file.path, file.sha256)

        with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
            list(pool.map(brought, manifest.files))
        for table in TABLES:
            if any(file.path.startswith(f"{table}/") for file in manifest.files):
                self.catalogue.register(table, stamp_of(manifest.as_of_ms))
        objects.put_new(listed_path(manifest.as_of_ms), _entry(manifest, self.now()))
        start_audit(objects, self.audits, manifest.as_of_ms)
        objects.put_new(published_path(manifest.number), b"")

    def _published(self, number: int) -> bool:
        return self.objects.first(published_path(number)) is not None

    def _signed(self, number: int) -> Manifest:
        return read_signed(self.objects, number, self.verifier, self.trusted_head)

    def _opening(self, plan: Plan, totals: Mapping[str, int]) -> dict[str, Any] | None:
        """What an opening snapshot's manifest says of it: why, who says so, what it comes after, and how much is lost.

        What it comes after is told by that manifest: what is listed of it is signed by nobody.
        """
        if plan.opening is None:
            return None
        after = None
        if plan.base_ms is not None:
            before = listed_manifest(self.objects, listed_path(plan.base_ms), self._signed)
            after = {"as_of_ms": before.as_of_ms, "number": before.number, "sha256": before.sha256}
        said = {"reason": plan.opening.reason, "actor": plan.opening.actor, "after": after}
        return said | {name: totals[name] for name in sorted(_OF_OPENING)}


def _entry(manifest: Manifest, created_ms: Milliseconds) -> bytes:
    """What is told of a snapshot without reading its manifest. Proofs take nothing from it."""
    entry = {
        "id": manifest.body["snapshot"],
        "as_of_ms": manifest.as_of_ms,
        "created_ms": created_ms,
        "totals": manifest.body["totals"],
        "manifest": {"number": manifest.number, "sha256": manifest.sha256},
    }
    return json.dumps(entry).encode()


def _pointer(content: bytes) -> str:
    """What tells where the files of a manifest wait until they are published."""
    return f"{PARTIALS}commit/{hashlib.sha256(content).hexdigest()}"


def _compare(manifest: Manifest, files: Sequence[DataFile]) -> Committed:
    differing = sorted({file.path for file in set(manifest.files) ^ set(files)})
    if differing:
        raise RebuildDiffers(differing[:_DIFFERENCES_TOLD_MAX])
    return Committed(Outcome.EXISTED, manifest.number)


def _totals(results: Sequence[Reduced]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for result in results:
        for name, value in result.totals.items():
            totals[name] = totals.get(name, 0) + value
    return totals


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()
