"""The snapshot's state machine, played in this process over a folder, in the order of its ASL."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from inventory.domain.events import Source
from inventory.history.commit import Publisher
from inventory.history.manifest import Manifest, Signer, Verifier, fingerprint_of, head_number, read_manifest
from inventory.history.plan import Mode, read_plan
from inventory.history.steps import SnapshotSteps, scan
from inventory.pipeline.archiver import archive_batch
from support.objects import DirectoryObjects
from support.parquet import rows_of
from support.restricted import RestrictedObjects
from support.tape import StreamRecord, Tape

#: As the state machine has it (tests/template).
ATTEMPTS_MAX = 12
_MAPS = (("Map", "map", "map"), ("ReduceHolds", "reduce", "reduce_holds"), ("ReduceItems", "reduce", "reduce_items"))


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key of all tests of a process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class KeyInMemory:
    """Signs as the KMS key does."""

    @property
    def public_key_der(self) -> bytes:
        return (
            private_key()
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )

    def sign(self, message: bytes) -> bytes:
        return private_key().sign(message, padding.PKCS1v15(), hashes.SHA256())

    def verify(self, signature: bytes, message: bytes) -> None:
        private_key().public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())

    def has_signed(self, fingerprint: str, signature: bytes, message: bytes) -> bool:
        try:
            self.verify(signature, message)
        except InvalidSignature:
            return False
        return fingerprint == fingerprint_of(self.public_key_der)


class Partitions:
    """A catalogue that remembers."""

    def __init__(self) -> None:
        self.registered: set[tuple[str, str]] = set()

    def register(self, table: str, as_of: str) -> None:
        self.registered.add((table, as_of))


class Started(dict[str, Any]):
    """A state machine that keeps what it was started with, by the name of the execution."""

    def start(self, execution: str, words: Any) -> int | None:
        return None if self.setdefault(execution, words) is not words else 1

    def find(self, execution: str) -> None:
        return None


class Incomplete(Exception):
    """The archive lacks something up to the instant."""


class Overtaken(Exception):
    """Other snapshots were committed again and again."""


class Workflow:
    """The steps that need a bucket and nothing else: all but reading the live tables.

    Attributes:
        objects: The bucket, a folder.
        audits: Where audits are started.
        now_ms: Milliseconds since 1970.
        verifier: Knows whose manifests commits go on from.
        trusted_head: The SHA-256 of a manifest that commits go on from whoever signed it.
    """

    def __init__(self, root: Path, signer: Signer, *, buckets: int = 2, grace_ms: int = 60_000) -> None:
        self.objects = DirectoryObjects(root)
        self.signer = signer
        self.verifier: Verifier = KeyInMemory()
        self.catalogue = Partitions()
        self.audits = Started()
        self.now_ms = 0
        self.trusted_head = ""
        self.steps = SnapshotSteps(
            objects=self.as_seen_by("snapshot"),
            now=lambda: self.now_ms,
            grace_ms=grace_ms,
            buckets=buckets,
            scan_segments=2,
            archive_lag_s=0,
        )

    def as_seen_by(self, function: str) -> RestrictedObjects:
        """The bucket with the rights of a function's role."""
        return RestrictedObjects(self.objects, function)

    def begin(self, as_of_ms: int | None, mode: Mode = Mode.INCREMENT) -> dict[str, Any]:
        """The step that settles what holds for the whole execution."""
        return self.steps.run({"step": "begin", "as_of_ms": as_of_ms, "mode": mode})

    def reduced(self, words: dict[str, Any], before: Callable[[str], None] = lambda state: None) -> dict[str, Any]:
        """Plans, maps and reduces."""
        before("Plan")
        words = self.steps.run({**words, "step": "plan"})
        if not words["done"]:
            for state, listed, step in _MAPS:
                before(state)
                self.each(words, listed, step)
        return words

    def seal(self, planned: dict[str, Any], before: Callable[[str], None] = lambda state: None) -> dict[str, Any]:
        """Holds what was reduced against what was scanned, and tells whether it may be committed."""
        before("SealBuckets")
        self.each(planned, "seal", "seal_bucket")
        before("Seal")
        return self.steps.run({**planned, "step": "seal"})

    def each(self, planned: dict[str, Any], listed: str, step: str) -> None:
        """A step for every item of a list, as a Distributed Map does."""
        for item in self.items(planned, listed):
            self.steps.run({"step": step, **item})

    def items(self, planned: dict[str, Any], listed: str) -> list[dict[str, Any]]:
        """What a Distributed Map reads."""
        items: list[dict[str, Any]] = json.loads(self.objects.read(planned["lists"][listed]))
        return items

    def conclude(self, words: dict[str, Any]) -> dict[str, Any]:
        publisher = Publisher(
            objects=self.as_seen_by("snapshot_commit"),
            signer=self.signer,
            verifier=self.verifier,
            catalogue=self.catalogue,
            audits=self.audits,
            now=lambda: self.now_ms,
            trusted_head=self.trusted_head,
        )
        return publisher.run(words)

    def finish(self, as_of_ms: int | None = None, mode: Mode = Mode.INCREMENT) -> None:
        """The step that finishes what an earlier execution left undone, before one of the instant and mode begins."""
        self.conclude({"step": "finish", "as_of_ms": as_of_ms, "mode": mode})

    def head(self) -> Manifest:
        """The newest manifest."""
        return read_manifest(self.objects, head_number(self.objects))

    def rows(self, path: str) -> list[dict[str, Any]]:
        """The rows of files; `path` may have stars."""
        return rows_of(f"{self.objects.root}/{path}")

    def visible(self) -> dict[str, str]:
        """Everything that a reader may rely on, by name, with a hash of its bytes."""
        prefixes = ("snapshots/", "holds/", "ledger/", "state/", "manifests/", "published/", "keys/")
        return {key: hashlib.sha256(body).hexdigest() for key, body in self.objects.contents(*prefixes).items()}

    def plan_of(self, planned: dict[str, Any]) -> Any:
        return read_plan(self.objects, planned["run"])


def _refuse(record: StreamRecord, why: str) -> None:
    raise AssertionError(f"{why}: {record}")


class History(Workflow):
    """One bucket with its archiver and its snapshots, over the tables of a tape's world."""

    def __init__(self, root: Path, tape: Tape, *, buckets: int = 2, grace_ms: int = 60_000) -> None:
        super().__init__(root, KeyInMemory(), buckets=buckets, grace_ms=grace_ms)
        self.tape = tape

    def archive(
        self,
        records: Sequence[tuple[Source, StreamRecord]] | None = None,
        batch: int = 40,
        *,
        set_aside: Callable[[StreamRecord, str], None] = _refuse,
    ) -> None:
        """Archives what the tape has (or only these), in batches."""
        told = self.tape.records if records is None else records
        sources = {table: source for source, table in self.tape.tables.items()}
        archive = self.as_seen_by("archiver")
        for source in Source:
            of_source = [record for which, record in told if which is source]
            for start in range(0, len(of_source), batch):
                archive_batch(archive, sources, of_source[start : start + batch], set_aside, 0)

    def snapshot(
        self,
        as_of_ms: int,
        *,
        mode: Mode = Mode.INCREMENT,
        attempts: int = 1,
        before: Callable[[str], None] = lambda state: None,
    ) -> dict[str, Any]:
        """One execution of the state machine; it does not wait for the archive.

        Args:
            as_of_ms: The instant.
            mode: How it begins.
            attempts: How often it may plan; nothing comes of a second one where nothing moves.
            before: Told each state before it is entered, and Scan before each segment: the world need not stand still.

        Raises:
            Incomplete: The archive still lacked something after as many attempts as it is given.
        """
        self.now_ms = max(self.now_ms, as_of_ms + self.steps.grace_ms)
        before("Finish")
        self.finish(as_of_ms, mode)
        before("Begin")
        words = self.begin(as_of_ms, mode)
        return self._audited(words, attempts, before)

    def open(
        self,
        reason: str = "the archiver was down",
        actor: str = "operator",
        *,
        attempts: int = 1,
        before: Callable[[str], None] = lambda state: None,
    ) -> dict[str, Any]:
        """One execution that opens the history anew; time goes on by as long as it waits."""
        self.now_ms = max(self.now_ms, self.tape.world.clock.now_ms)
        self.finish(None, Mode.OPENING)
        before("Open")
        opening = self.steps.run({"step": "open", "reason": reason, "actor": actor})
        for item in json.loads(self.objects.read(opening["list"])):
            before("Read")
            scan(
                self.as_seen_by("snapshot_scan"),
                self.tape.world.database.client,
                self.tape.tables,
                {**item, "whole": True},
            )
        before("WaitAfterReading")
        self.now_ms = max(self.now_ms, self.tape.world.clock.now_ms) + opening["wait_s"] * 1000
        words = self.steps.run({"step": "begin", "as_of_ms": None, "mode": Mode.OPENING, "opening": opening})
        return self._audited(words, attempts, before)

    def _audited(self, words: dict[str, Any], attempts: int, before: Callable[[str], None]) -> dict[str, Any]:
        done = self._sealed(words, attempts, before)
        before("Audit")
        self.conclude({"step": "audit", "as_of_ms": words["as_of_ms"], "mode": words["mode"]})
        return done

    def _sealed(self, words: dict[str, Any], attempts: int, before: Callable[[str], None]) -> dict[str, Any]:
        if words["done"]:
            return words
        if words["scan"]:
            self.scan(words, before)
        for attempt in range(attempts):
            words, sealed = self._attempt(words, before)
            if words["done"]:
                return words
            if sealed["complete"]:
                before("Commit")
                committed = self.conclude({"step": "commit", "run": words["run"]})
                if committed["outcome"] != "overtaken":
                    return words | committed
            elif attempt == attempts - 1:
                raise Incomplete(sealed["incomplete"])
        raise Overtaken

    def scan(self, words: dict[str, Any], before: Callable[[str], None] = lambda state: None) -> None:
        """Reads the live tables, segment by segment."""
        client = self.tape.world.database.client
        for item in self.items(words, "scan"):
            before("Scan")
            scan(self.as_seen_by("snapshot_scan"), client, self.tape.tables, item)

    def _attempt(self, words: dict[str, Any], before: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:
        before("WaitForArchive")
        words = self.reduced(words, before)
        if words["done"]:
            return words, {}
        return words, self.seal(words, before)
