"""An audit of a long history: no step reads what all of the others made, or keeps what a history has thousands of."""

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inventory.adapters.objects import NoSuchObject, Stored
from inventory.audit import listing, plan, steps
from inventory.audit.chain import check_chain, check_files_of
from inventory.audit.layout import keys_path
from inventory.audit.listing import archive_folders, cut_folder
from inventory.audit.parts import Part, read_part, write_part
from inventory.audit.plan import AuditPlan, Depth, make_plan
from inventory.audit.report import Reporter
from inventory.audit.steps import Auditor
from inventory.proof.chain import read_chain
from inventory.proof.findings import Check, Finding
from inventory.proof.manifest import TOTALS, Manifest, manifest_path
from inventory.proof.signatures import RsaVerifier
from support.objects import DirectoryObjects
from support.parquet import rows_of

DAYS = ("dt=2026-11-20", "dt=2026-11-21", "dt=2026-12-01")
FULL = AuditPlan("audit_x", 1_000, Depth.FULL, manifest=1, files=(1,))
NONE_LOOKED_AT = AuditPlan("audit_x", 1_000, Depth.FULL, manifest=1)


class Watched(DirectoryObjects):
    """A bucket that remembers what was read and listed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[str] = []
        self.lists: list[str] = []

    def read(self, key: str) -> bytes:
        self.reads.append(key)
        return super().read(key)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        if not after:
            self.lists.append(prefix)
        return super().list(prefix, after=after)


@pytest.fixture
def bucket(tmp_path: Path) -> Watched:
    bucket = Watched(tmp_path)
    for source in ("stock", "holds", "adjustments"):
        for day in DAYS:
            for hour in range(3):
                bucket.put(f"archive/{source}/{day}/hour=0{hour}/{source}.jsonl.gz", b"12345")
    bucket.put("archive/stock/planted.jsonl.gz", b"")
    bucket.put("archive/stock/planted/too.jsonl.gz", b"")
    return bucket


def auditor(bucket: DirectoryObjects) -> Auditor:
    return Auditor(
        objects=bucket,
        now=lambda: 0,
        verifier=RsaVerifier(()),
        scan_segments=1,
    )


def test_a_full_audit_lists_the_archive_day_by_day_and_misses_nothing(bucket: Watched) -> None:
    folders = list(archive_folders(bucket, FULL, 0))
    days = [f"archive/{source}/{day}/" for source in ("adjustments", "holds", "stock") for day in DAYS]
    assert sorted(folders) == sorted([*days, "archive/stock/planted.jsonl.gz", "archive/stock/planted/"])
    listed = [key for folder in folders for keys in cut_folder(bucket, folder) for key in keys]
    assert sorted(listed) == sorted(bucket.contents("archive/"))
    assert bucket.lists.count("archive/stock/") == 1, "what looks for folders reads no more than a name of each"


def test_a_task_is_told_the_names_that_it_reads_and_nobody_those_of_all(
    bucket: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "TASK_OBJECTS_MAX", 2)
    bucket.put(f"{FULL.run}plan.json", FULL.to_json())
    archived = set(bucket.contents("archive/"))
    steps_of = auditor(bucket)
    assert steps_of.run({"step": "folders", "run": FULL.run}) == {"folders": 11}
    for item in reversed(json.loads(bucket.read(f"{FULL.run}list.json"))):
        steps_of.run({"step": "list", **item})
    assert steps_of.run({"step": "tasks", "run": FULL.run}) == {"tasks": 9 * 2 + 2}
    items = json.loads(bucket.read(f"{FULL.run}read.json"))
    assert [item["number"] for item in items] == list(range(20))
    told = [json.loads(bucket.read(item["keys"])) for item in items]
    assert sorted(key for keys in told for key in keys) == sorted(archived)
    assert items[0]["keys"] == keys_path(FULL.run, 0, 0)
    for content in bucket.contents(FULL.run).values():
        assert sum(key in content.decode() for key in archived) <= 2


def test_buckets_join_what_reading_found_so_that_the_report_does_not_grow_with_the_archive(
    bucket: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, buckets = 50, 4
    planned = AuditPlan("audit_" + "0" * 32, 1_000, Depth.FULL, buckets=buckets, manifest=1, files=(1,))
    bucket.put(f"{planned.run}plan.json", planned.to_json())
    bucket.put(f"{planned.run}tasks.json", json.dumps(tasks).encode())
    bucket.put(manifest_path(1), manifest(1))
    for task in range(tasks):
        write_part(bucket, planned.run, "read", task, Part([Check("archive_readable", 7, 1, [Finding(str(task))])]))
    monkeypatch.setattr(steps, "audit_bucket", lambda *_: Part([Check("gapless", 1)], {"holds": 0}))
    for number in range(buckets):
        for step in ("holds", "items"):
            auditor(bucket).run({"step": step, "run": planned.run, "number": number})
    assert read_part(bucket, planned.run, "holds", 1).checks[0].looked_at == 7 * len(range(1, tasks, buckets))
    for step in ("chain", "files"):
        write_part(bucket, planned.run, step, int(step == "files"), Part([Check(step, 1)]))
    bucket.reads.clear()
    counted: dict[str, tuple[int, int]] = {}

    def count(name: str, looked_at: int, discrepancies: int) -> None:
        counted[name] = (looked_at, discrepancies)

    Reporter(bucket, NoCatalogue(), lambda *_: None, count).run(planned.run)
    assert counted["archive_readable"] == (7 * tasks, tasks)
    assert counted["gapless"] == (2 * buckets, 0)
    assert len(bucket.reads) <= 2 * buckets + 4


def test_a_report_keeps_of_each_check_what_it_tells_however_much_is_wrong(bucket: Watched) -> None:
    """In 256 buckets with a thousand findings each there is as much as the function has memory."""
    buckets, kept = 96, 1_000
    planned = AuditPlan("audit_" + "0" * 32, 1_000, Depth.FULL, buckets=buckets, manifest=1)
    bucket.put(f"{planned.run}plan.json", planned.to_json())
    bucket.put(manifest_path(1), manifest(1))
    write_part(bucket, planned.run, "chain", 0, Part([Check("manifest_chain", 1)]))
    for number in range(buckets):
        wrong = [Finding("It is wrong.", None, f"{number}-{each}", {"x": "y" * 300}) for each in range(kept)]
        write_part(bucket, planned.run, "holds", number, Part([Check("live_holds", 2_000, 1_500, wrong)], {"held": 1}))
        first = [Finding("It is wrong, too.", None, str(number))]
        write_part(bucket, planned.run, "items", number, Part([Check("gapless", 1, 1, first)], {"held": 2}))
    counted: dict[str, tuple[int, int]] = {}

    def count(name: str, looked_at: int, discrepancies: int) -> None:
        counted[name] = (looked_at, discrepancies)

    tracemalloc.start()
    Reporter(bucket, NoCatalogue(), lambda *_: None, count).run(planned.run)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counted == {
        "manifest_chain": (1, 0),
        "live_holds": (2_000 * buckets, 1_500 * buckets),
        "gapless": (buckets, buckets),
        "totals": (1, 1),
    }
    rows = rows_of(f"{bucket.root}/audit_findings/*/*.parquet")
    assert [row["record"] for row in rows] == [*(f"0-{n}" for n in range(kept)), *map(str, range(buckets)), "held"]
    assert json.loads(rows[-1]["evidence"]) == {"found": 0, "expected": 3 * buckets}
    assert most < 50_000_000, "of 96 parts with a megabyte each some are in memory at once"


class NoCatalogue:
    def register(self, table: str, as_of: str) -> None:
        """Nobody looks at tables here."""


def manifest(number: int) -> bytes:
    told = {
        "number": number,
        "snapshot": f"snap_{number}",
        "as_of": "19700101T000001Z",
        "as_of_ms": number * 1_000,
        "ledger_from_ms": (number - 1) * 1_000,
        "buckets": 4,
        "files": [],
        "totals": dict.fromkeys(sorted(TOTALS), 0),
    }
    return json.dumps({"manifest": told}).encode()


class Alive:
    """Counts manifests that are in memory."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def parsed(self, path: str, raw: bytes) -> Manifest:
        """In the place of the one that makes them."""
        alive = self

        class Counted(Manifest):
            def __del__(self) -> None:
                alive.now -= 1

        told: dict[str, Any] = json.loads(raw)["manifest"]
        self.now += 1
        self.most = max(self.most, self.now)
        return Counted(path=path, sha256=hashlib.sha256(raw).hexdigest(), **told)


def test_a_plan_keeps_of_each_manifest_a_few_numbers(bucket: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = Alive()
    monkeypatch.setattr(plan, "parsed", alive.parsed)
    for number in range(1, 101):
        bucket.put(manifest_path(number), manifest(number))
    made = make_plan(bucket, "audit_x", 100_000, Depth.FULL)
    assert (made.manifest, made.files, made.ledgers[0]) == (100, tuple(range(1, 101)), (100_000, 4))
    assert 1 <= alive.most <= 2 * 16


@pytest.mark.parametrize("length", [40, 120])
def test_the_chain_is_followed_with_a_few_manifests_in_memory_however_long_it_is(
    bucket: Watched, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    alive = Alive()
    monkeypatch.setattr("inventory.proof.chain.parsed", alive.parsed)
    for number in range(1, length + 1):
        bucket.put(manifest_path(number), manifest(number))
    bucket.put("manifests/notes.txt", b"")
    [check, _] = check_chain(bucket, NONE_LOOKED_AT, RsaVerifier({"nobody"})).checks
    assert check.looked_at == length
    assert 1 <= alive.most <= 2 * 8
    unlinked = [each for each in check.findings if "does not name the manifest before it" in each.what]
    assert len(unlinked) == length - 1, "each was held against the one before it"
    assert sorted(key for key in bucket.reads if key.startswith("manifests/0")) == sorted(
        bucket.contents("manifests/0")
    )


def test_the_chain_is_followed_by_what_was_found_where_files_are_looked_at(bucket: Watched, tmp_path: Path) -> None:
    """Years of manifests are more than one function can take apart, and ask about their signatures."""
    for number in (1, 2, 3, 4, 6):
        bucket.put(manifest_path(number), b"no JSON" if number == 3 else manifest(number))
    made = make_plan(bucket, "audit_x", 6_000, Depth.FULL)
    assert made.files == (1, 2, 3, 4, 6), "one that is no manifest is looked at too, for the chain to say so"
    for number in made.files:
        check_files_of(bucket, made.run, number, RsaVerifier(()), tmp_path)
    bucket.put(manifest_path(7), manifest(7))  # since the audit was planned
    [by_itself, _] = check_chain(bucket, replace(made, files=()), RsaVerifier(())).checks
    bucket.reads.clear()
    [check, _] = check_chain(bucket, made, RsaVerifier(())).checks
    assert [key for key in bucket.reads if key.startswith("manifests/")] == [manifest_path(7)]
    assert check == by_itself
    assert check.looked_at == 6
    assert {"Manifest 5 is missing.", "It does not name the manifest before it by its hash."} <= {
        each.what for each in check.findings
    }
    assert any(each.what.startswith("It is no manifest") for each in check.findings)


def test_a_manifest_that_was_gone_when_its_files_were_to_be_looked_at_is_missing(
    bucket: Watched, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        bucket.put(manifest_path(number), manifest(number))
    made = make_plan(bucket, "audit_x", 3_000, Depth.FULL)
    (bucket.root / manifest_path(2)).unlink()
    for number in made.files:
        check_files_of(bucket, made.run, number, RsaVerifier(()), tmp_path)
    [check, _] = check_chain(bucket, made, RsaVerifier(())).checks
    assert "Manifest 2 is missing." in {each.what for each in check.findings}


@pytest.mark.parametrize("before", [None, b"no JSON", manifest(3)])
def test_the_chain_has_a_manifest_as_it_is_where_that_is_not_how_it_was_when_its_files_were_looked_at(
    bucket: Watched, tmp_path: Path, before: bytes | None
) -> None:
    """It was gone, and is back again; or somebody has written another over it since."""
    for number in (1, 2, 3):
        bucket.put(manifest_path(number), manifest(number))
    made = make_plan(bucket, "audit_x", 3_000, Depth.FULL)
    (bucket.root / manifest_path(2)).unlink()
    if before is not None:
        bucket.put(manifest_path(2), before)
    for number in made.files:
        check_files_of(bucket, made.run, number, RsaVerifier(()), tmp_path)
    bucket.put(manifest_path(2), manifest(2))
    told, as_it_is = (check_chain(bucket, each, RsaVerifier(())) for each in (made, replace(made, files=())))
    assert told == as_it_is
    assert told.checks[0].looked_at == 3


def test_the_chain_of_a_copy_leaves_the_names_of_its_files_on_disk(tmp_path: Path) -> None:
    def files(number: int) -> list[dict[str, Any]]:
        return [
            {"path": f"ledger/{number:032}/{each:032}", "bytes": 1, "rows": 1, "sha256": f"{each:064}"}
            for each in range(500)
        ]

    (tmp_path / "manifests").mkdir()
    for number in range(1, 41):
        told = json.loads(manifest(number))
        told["manifest"]["files"] = files(number)
        (tmp_path / manifest_path(number)).write_text(json.dumps(told))
    tracemalloc.start()
    chain, _ = read_chain(tmp_path, RsaVerifier(()))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(chain) == 40
    assert kept < 1_000_000, "40 times 500 files are 6 MB"
    assert [(each.path, each.sha256) for each in chain[7].files] == [(f["path"], f["sha256"]) for f in files(8)]
    assert (len(chain[7].files), chain[7].files[-1].path) == (500, files(8)[-1]["path"])


def test_a_manifest_that_goes_while_the_chain_is_followed_is_missing(bucket: Watched) -> None:
    for number in (1, 2, 3):
        bucket.put(manifest_path(number), manifest(number))
    read = bucket.read
    gone = manifest_path(2)

    def reading(key: str) -> bytes:
        if key == gone:
            raise NoSuchObject(key)
        return read(key)

    bucket.read = reading  # type: ignore[method-assign]
    [check, _] = check_chain(bucket, NONE_LOOKED_AT, RsaVerifier(())).checks
    assert [each.path for each in check.findings if each.what == "Manifest 2 is missing."] == [gone]
