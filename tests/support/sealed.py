"""A bucket as docs/history.md has it, made the plain way from a recorded day: what verification and audits look at.

Slow and simple: everything is folded one by one (`support.folding`), from the first event, for every snapshot. It
shares nothing with the snapshot workflow but the documents.
"""

import gzip
import hashlib
import json
import shutil
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from inventory.adapters.scratch import scratch_database
from inventory.domain.events import Event, Source, line_of, record_key
from inventory.proof.chain import ALGORITHM
from inventory.proof.manifest import canonical, instant_name
from inventory.proof.merkle import merkle_root
from inventory.storage.hold_records import hold_from
from support.folding import fold, revision
from support.parquet import rows_of

Row = dict[str, Any]

SNAPSHOTS = (
    "item_id VARCHAR, warehouse_id VARCHAR, available BIGINT, held BIGINT, on_hand BIGINT, shards INTEGER, "
    "at_ms BIGINT, last_event_at TIMESTAMP, adjusted BIGINT, executed BIGINT, holding BIGINT"
)
HOLDS = (
    "hold_id VARCHAR, line INTEGER, item_id VARCHAR, warehouse_id VARCHAR, shard INTEGER, quantity BIGINT, "
    "line_quantity BIGINT, line_executed BIGINT, status VARCHAR, created_ms BIGINT, expires_at_ms BIGINT, "
    "at_ms BIGINT, created TIMESTAMP, expires_at TIMESTAMP, actor VARCHAR"
)
LEDGER = (
    "event_id VARCHAR, record_key VARCHAR, type VARCHAR, rev BIGINT, at_ms BIGINT, happened_at TIMESTAMP, "
    "item_id VARCHAR, warehouse_id VARCHAR, to_warehouse_id VARCHAR, shard INTEGER, available_before BIGINT, "
    "held_before BIGINT, available_after BIGINT, held_after BIGINT, inflow_after BIGINT, cause_type VARCHAR, "
    "cause_id VARCHAR, reason VARCHAR, reference VARCHAR, hops INTEGER, actor VARCHAR, quantity BIGINT, count BIGINT, "
    "status VARCHAR, settlement VARCHAR, lines VARCHAR, metadata VARCHAR, resolution VARCHAR, created_ms BIGINT, "
    'expires_at_ms BIGINT, ttl BIGINT, open VARCHAR, fingerprint VARCHAR, "before" VARCHAR, "after" VARCHAR, '
    'unset VARCHAR, other VARCHAR, "by" VARCHAR, settled BOOLEAN'
)
SHARDS = (
    "item_id VARCHAR, warehouse_id VARCHAR, shard INTEGER, available BIGINT, held BIGINT, inflow BIGINT, rev BIGINT, "
    "at_ms BIGINT"
)
DIRECTORIES = "item_id VARCHAR, warehouses VARCHAR, rev BIGINT, at_ms BIGINT"
HOLD_STATES = (
    "hold_id VARCHAR, status VARCHAR, lines VARCHAR, metadata VARCHAR, resolution VARCHAR, actor VARCHAR, "
    "fingerprint VARCHAR, open VARCHAR, created_ms BIGINT, expires_at_ms BIGINT, rev BIGINT, at_ms BIGINT"
)


@cache
def signing_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A key of the tests' own; another number, another key."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def fingerprint_of(key: rsa.RSAPrivateKey) -> str:
    """The SHA-256 of the public key's DER."""
    return hashlib.sha256(_public(key, serialization.Encoding.DER)).hexdigest()


@dataclass
class Sealer:
    """Writes a bucket into a folder.

    Attributes:
        folder: Where.
        events: What happened, of each archived table, in any order.
        buckets: Into how many buckets files are cut.
        key: What signs.
    """

    folder: Path
    events: Mapping[Source, Sequence[Event]]
    buckets: int = 3
    key: rsa.RSAPrivateKey = field(default_factory=signing_key)
    manifests: int = 0
    sealed_until_ms: int = 0

    def copied_to(self, folder: Path) -> "Sealer":
        """The same bucket once more, to do what one likes with."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def archive(self, batch: int = 50) -> None:
        """Writes all events, so many to an object."""
        for source, events in self.events.items():
            for first in range(0, len(events), batch):
                self.archive_object(source, f"{first:016x}-{first}-{first + batch}", events[first : first + batch])

    def archive_object(self, source: Source, name: str, events: Sequence[Event]) -> Path:
        """Writes one object of the archive."""
        hour = datetime.fromtimestamp(events[0]["at"] / 1000, UTC)
        path = self.folder / f"archive/{source}/dt={hour:%Y-%m-%d}/hour={hour:%H}/{name}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("".join(line_of(event) + "\n" for event in events).encode(), mtime=0))
        return path

    def seal(self, as_of_ms: int) -> Path:
        """Writes the snapshot of an instant, and its manifest."""
        name = instant_name(as_of_ms)
        adds = as_of_ms > self.sealed_until_ms
        new = [self.sealed_until_ms, as_of_ms] if adds else [0, 0]
        rows, totals = self._rows(as_of_ms, new)
        files = []
        for prefix, (columns, order, bucket_by, all_rows) in rows.items():
            table, kind = prefix.split("/")
            if table == "ledger" and not adds:
                continue
            for number in range(self.buckets):
                path = f"{table}/as_of={name}/{kind}-{number:04}.parquet"
                mine = [row for row in all_rows if self._bucket(row[bucket_by]) == number]
                write_parquet(self.folder / path, columns, order, mine)
                files.append(self._file(path, len(mine)))
        manifest = self._manifest(as_of_ms, sorted(files, key=lambda file: file["path"]), totals, adds=adds)
        self.sealed_until_ms = max(self.sealed_until_ms, as_of_ms)
        return self.commit(manifest)

    def commit(self, manifest: Mapping[str, Any]) -> Path:
        """Signs a manifest, and adds it to the chain."""
        signature = self.key.sign(canonical(manifest), padding.PKCS1v15(), hashes.SHA256())
        fingerprint = fingerprint_of(self.key)
        signed = {"algorithm": ALGORITHM, "key": fingerprint, "value": b64encode(signature).decode()}
        self.manifests += 1
        path = self.folder / f"manifests/{self.manifests:08}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(canonical({"manifest": manifest, "signature": signed}) + b"\n")
        pem = self.folder / f"keys/{fingerprint}.pem"
        pem.parent.mkdir(exist_ok=True)
        pem.write_bytes(_public(self.key, serialization.Encoding.PEM))
        if "totals" in manifest:
            self.list_entry(manifest, path)
        return path

    def reseal(self, path: Path) -> None:
        """What an insider with the signing key could do: the last manifest says what a changed file is now."""
        last = self.folder / f"manifests/{self.manifests:08}.json"
        manifest = json.loads(last.read_bytes())["manifest"]
        changed = path.relative_to(self.folder).as_posix()
        files = [
            self._file(changed, len(rows_of(path))) if file["path"] == changed else file for file in manifest["files"]
        ]
        self.manifests -= 1
        self.commit(manifest | {"files": files, "merkle_root": _root_of(files)})

    def list_entry(self, manifest: Mapping[str, Any], path: Path) -> None:
        """Writes what is told of the snapshot without its manifest."""
        as_of_ms = manifest["as_of_ms"]
        entry = {name: manifest[name] for name in ("as_of_ms", "totals")} | {
            "id": manifest["snapshot"],
            "created_ms": as_of_ms + 60_000,
            "manifest": {"number": manifest["number"], "sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        }
        digits = f"{9_999_999_999_999 - as_of_ms:013}"
        listed = self.folder / f"listed/{digits}-{manifest['snapshot']}.json"
        listed.parent.mkdir(exist_ok=True)
        listed.write_text(json.dumps(entry))

    def _file(self, path: str, rows: int) -> Row:
        content = (self.folder / path).read_bytes()
        return {"path": path, "bytes": len(content), "rows": rows, "sha256": hashlib.sha256(content).hexdigest()}

    def _manifest(self, as_of_ms: int, files: list[Row], totals: Row, *, adds: bool) -> Row:
        last = self.folder / f"manifests/{self.manifests:08}.json"
        return {
            "version": 1,
            "number": self.manifests + 1,
            "previous": {"number": self.manifests, "sha256": hashlib.sha256(last.read_bytes()).hexdigest()}
            if self.manifests
            else None,
            "snapshot": f"snap_{as_of_ms:012x}{hashlib.sha256(f'snapshot/{as_of_ms}'.encode()).hexdigest()[:20]}",
            "as_of": instant_name(as_of_ms),
            "as_of_ms": as_of_ms,
            "ledger_from_ms": self.sealed_until_ms if adds else None,
            "buckets": self.buckets,
            "writer": f"DuckDB v{duckdb.__version__}",
            "files": files,
            "totals": totals,
            "merkle_root": _root_of(files),
        }

    def _rows(self, as_of_ms: int, new: Sequence[int]) -> tuple[dict[str, tuple[str, str, str, list[Row]]], Row]:
        items, holds = self._items(as_of_ms), self._holds(as_of_ms)
        told = {source: [e for e in unique if new[0] < e["at"] <= new[1]] for source, unique in self._unique().items()}
        stock = [ledger_row(event) for source in (Source.STOCK, Source.ADJUSTMENTS) for event in told[source]]
        order = "item_id NULLS LAST, at_ms, record_key, rev"
        totals = {
            name: sum(row[name] for row in items)
            for name in ("available", "held", "on_hand", "adjusted", "executed", "holding", "shards")
        } | {
            "items": len({row["item_id"] for row in items}),
            "unsettled_holds": len({row["hold_id"] for row in holds}),
            "stock_events": len(told[Source.STOCK]),
            "hold_events": len(told[Source.HOLDS]),
            "adjustment_events": len(told[Source.ADJUSTMENTS]),
        }
        shards, directories, hold_states = self._states(as_of_ms)
        return {
            "snapshots/items": (SNAPSHOTS, "item_id, warehouse_id", "item_id", items),
            "holds/holds": (HOLDS, "hold_id, line, shard", "hold_id", holds),
            "ledger/items": (LEDGER, order, "item_id", stock),
            "ledger/holds": (LEDGER, order, "record_key", [ledger_row(event) for event in told[Source.HOLDS]]),
            "state/shards": (SHARDS, "item_id, warehouse_id, shard", "item_id", shards),
            "state/directories": (DIRECTORIES, "item_id", "item_id", directories),
            "state/holds": (HOLD_STATES, "hold_id", "hold_id", hold_states),
        }, totals

    def _unique(self) -> dict[Source, list[Event]]:
        return {source: list({e["event_id"]: e for e in events}.values()) for source, events in self.events.items()}

    def _fold(self, source: Source, as_of_ms: int) -> dict[str, dict[str, Any]]:
        return fold(self._unique()[source], until=as_of_ms)

    def _items(self, as_of_ms: int) -> list[Row]:
        rows: dict[tuple[str, str], Row] = {}

        def row(item: str, warehouse: str) -> Row:
            return rows.setdefault(
                (item, warehouse),
                {"item_id": item, "warehouse_id": warehouse, "at_ms": None, "last_event_at": None}
                | dict.fromkeys(("available", "held", "on_hand", "shards", "adjusted", "executed", "holding"), 0),
            )

        for record in self._fold(Source.STOCK, as_of_ms).values():
            if "warehouses" not in record:
                mine = row(record["item_id"], record["warehouse_id"])
                mine["available"] += record["available"]
                mine["held"] += record["held"]
                mine["on_hand"] += record["available"] + record["held"]
                mine["shards"] += 1
                mine["at_ms"] = max(mine["at_ms"] or 0, record["at"])
                mine["last_event_at"] = instant(mine["at_ms"])
        for record in self._fold(Source.ADJUSTMENTS, as_of_ms).values():
            if "from" in record:
                row(record["item"], record["from"])["adjusted"] -= record["quantity"]
                row(record["item"], record["to"])["adjusted"] += record["quantity"]
            else:
                row(record["item"], record["warehouse"])["adjusted"] += record["quantity"]
        for record in self._every_hold(as_of_ms):
            hold = hold_from(record)
            for line in hold.lines:
                mine = row(line.item, line.warehouse)
                if hold.settlement:
                    mine["executed"] += hold.executed(line)
                elif "gone" not in record:
                    mine["holding"] += sum(draw.quantity for draw in line.drawn)
        return list(rows.values())

    def _every_hold(self, as_of_ms: int) -> Iterable[dict[str, Any]]:
        """Holds as they were last, those that are removed by now too."""
        events = [event for event in self._unique()[Source.HOLDS] if event["at"] <= as_of_ms]
        removed = {record_key(event) for event in events if "by" in event}
        records = fold([event for event in events if "by" not in event])
        return [record | ({"gone": True} if key in removed else {}) for key, record in records.items()]

    def _holds(self, as_of_ms: int) -> list[Row]:
        return [
            {
                "hold_id": record["hold_id"],
                "line": number,
                "item_id": line["item"],
                "warehouse_id": line["warehouse"],
                "shard": draw["shard"],
                "quantity": draw["quantity"],
                "line_quantity": line["quantity"],
                "line_executed": line.get("executed"),
                "status": record["status"],
                "created_ms": record["created"],
                "expires_at_ms": record["expires_at"],
                "at_ms": record["at"],
                "created": instant(record["created"]),
                "expires_at": instant(record["expires_at"]),
                "actor": record["actor"],
            }
            for record in self._fold(Source.HOLDS, as_of_ms).values()
            if "settlement" not in record
            for number, line in enumerate(record["lines"])
            for draw in line["drawn"]
        ]

    def _states(self, as_of_ms: int) -> tuple[list[Row], list[Row], list[Row]]:
        shards, directories = [], []
        for record in self._fold(Source.STOCK, as_of_ms).values():
            stamp = {"item_id": record["item_id"], "rev": record["rev"], "at_ms": record["at"]}
            if "warehouses" in record:
                directories.append(stamp | {"warehouses": as_json(record["warehouses"])})
            else:
                names = ("warehouse_id", "shard", "available", "held", "inflow")
                shards.append(stamp | {name: record[name] for name in names})
        holds = [
            {name: record[name] for name in ("hold_id", "status", "actor", "fingerprint", "open", "rev")}
            | {name: as_json(record.get(name)) for name in ("lines", "metadata", "resolution")}
            | {"created_ms": record["created"], "expires_at_ms": record["expires_at"], "at_ms": record["at"]}
            for record in self._fold(Source.HOLDS, as_of_ms).values()
            if "settlement" not in record
        ]
        return shards, directories, holds

    def _bucket(self, name: str | None) -> int:
        return int(hashlib.sha256((name or "").encode()).hexdigest()[:8], 16) % self.buckets


def _root_of(files: Iterable[Mapping[str, Any]]) -> str:
    leaves = (f"{file['sha256']} {file['bytes']} {file['rows']} {file['path']}" for file in files)
    return merkle_root([leaf.encode() for leaf in leaves]).hex()


def ledger_row(event: Event) -> Row:
    """An event as the ledger has it."""
    key = record_key(event)
    told: Mapping[str, Any] = defaultdict(lambda: None, event.get("set", {}))
    cause: Mapping[str, Any] = defaultdict(lambda: None, event.get("cause", {}))
    row = {
        "event_id": event["event_id"],
        "record_key": key,
        "type": event["type"],
        "rev": revision(event),
        "at_ms": event["at"],
        "happened_at": instant(event["at"]),
        "item_id": told["item"],
        "warehouse_id": told["warehouse"] or told["from"],
        "to_warehouse_id": told["to"],
        "cause_type": cause["type"],
        "cause_id": cause["id"],
        "reason": cause["reason"] or told["reason"],
        "reference": cause["reference"] or told["reference"],
        "hops": cause["hops"],
        "actor": cause["actor"] or told["actor"] or (told["resolution"] or {}).get("actor"),
        "created_ms": told["created"],
        "expires_at_ms": told["expires_at"],
        "by": event.get("by"),
        "settled": event.get("settled"),
    }
    row |= {name: told[name] for name in ("quantity", "count", "status", "settlement", "ttl", "open", "fingerprint")}
    row |= {name: as_json(told[name]) for name in ("lines", "metadata", "resolution")}
    row |= {name: as_json(event.get(name)) for name in ("unset", "other")}
    if event["type"].startswith("shard"):
        row["item_id"], row["warehouse_id"], shard = key.split("#")
        row["shard"] = int(shard)
        for when in ("before", "after"):
            row |= {f"{name}_{when}": count for name, count in (event.get(when) or {}).items()}
    elif event["type"].startswith("directory"):
        row |= {"item_id": key.removesuffix("#*")}
        row |= {name: as_json(event.get(name)) for name in ("before", "after")}
    return row


def write_parquet(path: Path, columns: str, order: str, rows: Sequence[Row]) -> None:
    """Writes rows of these columns, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.with_suffix(".jsonl")
    text.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
    with scratch_database(memory_mb=256) as database:
        database.execute(f"CREATE TABLE told ({columns})")
        if rows:
            told = database.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'told'")
            source = "read_json(?, format = 'newline_delimited', columns = ?, hive_partitioning = false)"
            database.execute(f"INSERT INTO told FROM {source}", [str(text), dict(told.fetchall())])
        database.execute(f"COPY (SELECT * FROM told ORDER BY {order}) TO '{path}' (COMPRESSION zstd)")
    text.unlink()


def rewrite_parquet(path: Path, select: str) -> None:
    """Replaces a file by a selection of its own rows, which are called `told`."""
    with scratch_database(memory_mb=256) as database:
        database.execute(f"CREATE TABLE told AS FROM read_parquet('{path}', hive_partitioning = false)")
        database.execute(f"COPY ({select}) TO '{path}' (COMPRESSION zstd)")


def rewrite_object(path: Path, change: Callable[[list[Event]], list[Event]]) -> None:
    """Replaces an archived object by other events."""
    events = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    path.write_bytes(gzip.compress("".join(line_of(event) + "\n" for event in change(events)).encode(), mtime=0))


def instant(instant_ms: int) -> datetime:
    """UTC, as Parquet's timestamps have it."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC).replace(tzinfo=None)


def as_json(value: object) -> str | None:
    """Canonical text, None for nothing."""
    return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _public(key: rsa.RSAPrivateKey, encoding: serialization.Encoding) -> bytes:
    return key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
