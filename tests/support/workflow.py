"""The snapshot's state machine, played in this process over a folder, in the order of its ASL."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from inventory.domain.events import Source
from inventory.history.manifest import Manifest, head_number, read_manifest
from inventory.history.plan import Mode
from inventory.history.steps import Workshop, conclude, read_plan, scan
from inventory.pipeline.archiver import archive_batch
from support.objects import DirectoryObjects
from support.tape import StreamRecord, Tape


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class KeyInMemory:
    """Signs as the KMS key does."""

    @property
    def public_key_der(self) -> bytes:
        return (
            _private_key()
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )

    def sign(self, message: bytes) -> bytes:
        return _private_key().sign(message, padding.PKCS1v15(), hashes.SHA256())

    def verify(self, signature: bytes, message: bytes) -> None:
        _private_key().public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


class Partitions:
    """A catalogue that remembers."""

    def __init__(self) -> None:
        self.registered: set[tuple[str, str]] = set()

    def register(self, table: str, as_of: str) -> None:
        self.registered.add((table, as_of))


class Incomplete(Exception):
    """The archive lacks something up to the instant."""


class History:
    """One bucket with its archiver and its snapshots, over the tables of a tape's world."""

    def __init__(self, root: Path, tape: Tape, *, buckets: int = 2, grace_ms: int = 60_000) -> None:
        self.objects = DirectoryObjects(root)
        self.tape = tape
        self.signer = KeyInMemory()
        self.catalogue = Partitions()
        self.now_ms = 0
        self.workshop = Workshop(
            objects=self.objects, now=lambda: self.now_ms, grace_ms=grace_ms, buckets=buckets, scan_segments=2
        )

    def archive(self, records: Sequence[tuple[Source, StreamRecord]] | None = None, batch: int = 40) -> None:
        """Archives what the tape has (or only these), in batches."""
        told = self.tape.records if records is None else records
        sources = {table: source for source, table in self.tape.tables.items()}
        for source in Source:
            of_source = [record for which, record in told if which is source]
            for start in range(0, len(of_source), batch):
                archive_batch(self.objects, sources, of_source[start : start + batch], _refuse, 0)

    def snapshot(self, as_of_ms: int, *, mode: Mode = Mode.INCREMENT) -> dict[str, Any]:
        """One run of the state machine, without its waiting."""
        self.now_ms = max(self.now_ms, as_of_ms + self.workshop.grace_ms)
        self.conclude({"step": "finish"})
        planned = self.workshop.run({"step": "plan", "as_of_ms": as_of_ms, "mode": mode})
        if planned["done"]:
            return planned
        for name in ("map", "reduce_holds", "reduce_items"):
            self.each(planned, "map" if name == "map" else "reduce", name)
        if planned["scan"]:
            client = self.tape.world.database.client
            for item in self.items(planned, "scan"):
                scan(self.objects, client, self.tape.tables, item)
        sealed = self.workshop.run({"step": "seal", "run": planned["run"]})
        if not sealed["complete"]:
            raise Incomplete(sealed["incomplete"])
        return planned | self.conclude({"step": "commit", "run": planned["run"]})

    def each(self, planned: dict[str, Any], listed: str, step: str) -> None:
        """A step for every item of a list, as a Distributed Map does."""
        for item in self.items(planned, listed):
            self.workshop.run({"step": step, **item})

    def items(self, planned: dict[str, Any], listed: str) -> list[dict[str, Any]]:
        """What a Distributed Map reads."""
        items: list[dict[str, Any]] = json.loads(self.objects.read(planned["lists"][listed]))
        return items

    def conclude(self, words: dict[str, Any]) -> dict[str, Any]:
        return conclude(self.objects, self.signer, self.catalogue, lambda: self.now_ms, words)

    def head(self) -> Manifest:
        """The newest manifest."""
        return read_manifest(self.objects, head_number(self.objects))

    def rows(self, path: str) -> list[dict[str, Any]]:
        """The rows of files; `path` may have stars."""
        connection = duckdb.connect()
        found = connection.execute(f"SELECT * FROM read_parquet('{self.objects.root}/{path}')")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def visible(self) -> dict[str, str]:
        """Everything that a reader may rely on, by name, with a hash of its bytes."""
        prefixes = ("snapshots/", "holds/", "ledger/", "state/", "manifests/", "published/", "keys/")
        return {key: hashlib.sha256(body).hexdigest() for key, body in self.objects.contents(*prefixes).items()}

    def plan_of(self, planned: dict[str, Any]) -> Any:
        return read_plan(self.objects, planned["run"])


def _refuse(record: StreamRecord, why: str) -> None:
    raise AssertionError(f"{why}: {record}")
