"""Verification finds nothing in a sound bucket, and names whatever is wrong in another."""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.domain.events import Source
from inventory.proof import archive
from inventory.proof.chain import CopyChanged
from inventory.proof.findings import Check, Finding
from inventory.proof.manifest import canonical
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import NoSuchSnapshot, Proof, verify
from support.auditing import findings, follow_with
from support.folding import revision
from support.sealed import Sealer, fingerprint_of, rewrite_object, rewrite_parquet, signing_key

#: What the archiver calls an object of the latest in the stream.
LAST = f"{'f' * 16}-{'9' * 20}-{'9' * 20}"


def proof_of(bucket: Sealer, **how: object) -> Proof:
    return verify(bucket.folder, RsaVerifier({fingerprint_of(bucket.key)}), every=True, **how)  # type: ignore[arg-type]


def objects(bucket: Sealer, source: Source) -> list[Path]:
    return sorted((bucket.folder / "archive" / source).rglob("*.gz"))


def of_manifests(chain: Check) -> list[Finding]:
    """What is wrong with the manifests themselves: what is listed of one that is none is named, too."""
    return [each for each in chain.findings if not (each.path or "").startswith("listed/")]


def name(bucket: Sealer, path: Path) -> str:
    return path.relative_to(bucket.folder).as_posix()


def test_a_sound_bucket_has_nothing_wrong_and_all_of_it_is_looked_at(sealed_day: Sealer) -> None:
    proof = proof_of(sealed_day)
    assert findings(proof) == []
    assert proof.discrepancies == 0
    looked_at = {check.name: check.looked_at for check in proof.checks}
    events = sum(map(len, sealed_day.events.values()))
    assert looked_at["manifest_chain"] == 4
    assert looked_at["sealed_files"] == (3 * 7 + 5) * sealed_day.buckets, "the last adds nothing to the ledger"
    assert looked_at["equal_twins"] == looked_at["gapless"] == looked_at["ledger_rows"] == events
    assert looked_at["snapshots_rows"] == 4 * 6
    assert looked_at["holds_rows"] > 40
    assert looked_at["state_rows"] > 4 * 3 + looked_at["holds_rows"] / 3


def test_events_told_twice_and_those_after_the_last_snapshot_are_no_discrepancy(bucket: Sealer) -> None:
    first = sorted(bucket.events[Source.STOCK], key=lambda event: event["at"])[:10]
    bucket.archive_object(Source.STOCK, f"{'a' * 16}-7-8", first)
    later = bucket.sealed_until_ms + 100
    last = next(event for event in reversed(bucket.events[Source.STOCK]) if event["type"] == "shard_changed")
    record, _, _ = last["event_id"].partition("@")
    skipped = {**last, "event_id": f"{record}@{revision(last) + 2}", "at": later}
    bucket.archive_object(Source.STOCK, f"{'b' * 16}-7-8", [skipped])  # the one between is still on its way
    assert findings(proof_of(bucket)) == []


def test_one_changed_byte_of_an_archived_object_is_found(bucket: Sealer) -> None:
    path = objects(bucket, Source.HOLDS)[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = findings(proof_of(bucket))
    assert found[0][0] == "archive_readable"
    assert found[0][1].path == name(bucket, path)
    lost = {finding.record for check, finding in found if check == "ledger_rows"}
    assert lost == {event["event_id"] for event in bucket.events[Source.HOLDS][50:100]}


def test_a_changed_byte_of_the_checksum_alone_is_found_too(bucket: Sealer) -> None:
    path = objects(bucket, Source.STOCK)[0]
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    assert ("archive_readable", name(bucket, path)) in [
        (check, each.path) for check, each in findings(proof_of(bucket))
    ]


def test_a_line_that_is_no_event_is_found(bucket: Sealer) -> None:
    no_json, no_event = objects(bucket, Source.STOCK)[:2]
    no_json.write_bytes(gzip.compress(gzip.decompress(no_json.read_bytes()) + b"{oops\n"))
    no_event.write_bytes(gzip.compress(gzip.decompress(no_event.read_bytes()) + b'{"at": 1, "event_id": "x"}\n'))
    found = [each for check, each in findings(proof_of(bucket)) if check == "archive_readable"]
    assert [each.path for each in found] == [name(bucket, no_json), name(bucket, no_event)]
    assert found[0].what.startswith("Line 51 is not JSON")
    assert found[1].record == "x"


def test_a_missing_event_is_named(bucket: Sealer) -> None:
    of_shards = (event for event in bucket.events[Source.STOCK] if event["type"] == "shard_changed")
    missing = next(event for event in of_shards if revision(event) == 3)
    for path in objects(bucket, Source.STOCK):
        rewrite_object(path, lambda events: [each for each in events if each["event_id"] != missing["event_id"]])
    found = findings(proof_of(bucket))
    assert [each.record for check, each in found if check in ("gapless", "ledger_rows")] == [missing["event_id"]] * 2
    assert missing["cause"]["id"] in {
        (each.record or "").split()[0] for check, each in found if check.endswith("_match")
    }


def test_an_event_with_a_twin_that_differs_is_named(bucket: Sealer) -> None:
    event = bucket.events[Source.ADJUSTMENTS][0]
    twin = {**event, "set": {**event["set"], "quantity": event["set"]["quantity"] + 1}}
    path = bucket.archive_object(Source.ADJUSTMENTS, LAST, [twin])
    (check, found) = findings(proof_of(bucket))[0]
    assert (check, found.record) == ("equal_twins", event["event_id"])
    assert name(bucket, path) in found.evidence["paths"]


def test_an_altered_event_is_named_with_what_differs(bucket: Sealer) -> None:
    event = next(each for each in bucket.events[Source.HOLDS] if each["type"] == "hold_placed")

    def alter(events: list[dict[str, object]]) -> list[dict[str, object]]:
        change = {"set": {**event["set"], "metadata": {"cart": "other"}}}
        return [{**each, **change} if each["event_id"] == event["event_id"] else each for each in events]

    for path in objects(bucket, Source.HOLDS):
        rewrite_object(path, alter)  # type: ignore[arg-type]
    [(check, found)] = findings(proof_of(bucket))
    assert (check, found.record) == ("ledger_rows", event["event_id"])
    assert found.evidence["expected"] == {"metadata": {"cart": "other"}}


def test_an_event_that_came_after_its_snapshot_was_sealed_is_late(bucket: Sealer, instants: tuple[int, ...]) -> None:
    event = {**bucket.events[Source.ADJUSTMENTS][0], "event_id": "adj_" + "f" * 32 + "@1", "at": instants[0]}
    path = bucket.archive_object(Source.ADJUSTMENTS, LAST, [event])
    found = [each for check, each in findings(proof_of(bucket)) if check == "late_events"]
    assert [(each.record, each.path) for each in found] == [(event["event_id"], name(bucket, path))]
    assert "came late" in found[0].what


@pytest.mark.parametrize("many", [9 * 10**18, -9 * 10**18])
def test_holds_of_more_than_a_counter_counts_are_found_whatever_they_add_up_to(bucket: Sealer, many: int) -> None:
    """Of two items, so that what each is said to have lost is the most, and the total is more."""
    placed = next(each for each in bucket.events[Source.HOLDS] if each["type"] == "hold_placed")
    [line, *_] = placed["set"]["lines"]
    forged = {**line, "quantity": many, "drawn": [{"shard": 0, "quantity": many}]}
    for number, item in enumerate(("cup", "mug")):
        hold = "hold_" + f"{number}" * 32
        told = [{**placed, "event_id": f"{hold}@1", "set": {**placed["set"], "lines": [{**forged, "item": item}] * 2}}]
        follow_with(told, hold, "hold_executed", set={"status": "executed"})
        follow_with(told, hold, "hold_settled", set={"settlement": "stl_forged"})
        bucket.archive_object(Source.HOLDS, f"{LAST}{number}", told)
    found = {check for check, _ in findings(proof_of(bucket))}
    assert {"placements_match", "settlements_match", "stock_conserved", "totals"} <= found


@pytest.mark.parametrize("resealed", [False, True])
def test_a_changed_row_of_a_snapshot_is_named_whoever_changed_it(bucket: Sealer, *, resealed: bool) -> None:
    last = json.loads((bucket.folder / f"manifests/{bucket.manifests:08}.json").read_bytes())["manifest"]["as_of"]
    path = next(
        path for path in sorted((bucket.folder / f"snapshots/as_of={last}").iterdir()) if b"cup" in path.read_bytes()
    )
    rewrite_parquet(
        path,
        "SELECT * REPLACE (CASE WHEN item_id = 'cup' AND warehouse_id = 'lyon' THEN available + 1 ELSE available END "
        "AS available) FROM told",
    )
    if resealed:
        bucket.reseal(path)
    found = findings(proof_of(bucket))
    assert all(each.path == name(bucket, path) for _, each in found)
    assert [check for check, _ in found] == [*([] if resealed else ["sealed_files"]), "snapshots_rows"]
    assert found[-1][1].record == "cup lyon"
    assert found[-1][1].evidence["found"]["available"] == found[-1][1].evidence["expected"]["available"] + 1


@pytest.mark.parametrize("table", ["snapshots", "holds", "ledger", "state"])
def test_files_that_are_missing_unreadable_or_added_are_named(bucket: Sealer, table: str) -> None:
    first, second, *_ = sorted((bucket.folder / table).rglob("*.parquet"))
    first.unlink()
    second.write_bytes(b"PAR1" + bytes(second.stat().st_size - 4))
    added = second.with_name("more.parquet")
    shutil.copy(max((bucket.folder / table).rglob("*.parquet")), added)
    found = [each.path for check, each in findings(proof_of(bucket)) if check == "sealed_files"]
    assert found == [name(bucket, path) for path in (first, second, added)]


def test_rows_that_are_missing_or_too_many_are_named(bucket: Sealer) -> None:
    paths = sorted((bucket.folder / "holds").rglob("*.parquet"), key=lambda path: -path.stat().st_size)[:2]
    rewrite_parquet(paths[0], "SELECT * FROM told WHERE hold_id <> (SELECT min(hold_id) FROM told)")
    rewrite_parquet(
        paths[1], "FROM told UNION ALL SELECT * REPLACE ('hold_0' AS hold_id) FROM told WHERE line = 0 LIMIT 1000"
    )
    found = [each for check, each in findings(proof_of(bucket)) if check == "holds_rows"]
    assert {each.what for each in found} == {
        "The row is missing.",
        "The archive gives no such row.",
        "The row is there more than once.",
    }
    assert {each.path for each in found} == {name(bucket, path) for path in paths[:2]}


def test_a_dropped_manifest_is_named(bucket: Sealer) -> None:
    (bucket.folder / "manifests/00000002.json").unlink()
    found = findings(proof_of(bucket))
    assert found[0] == ("manifest_chain", Finding("Manifest 2 is missing.", "manifests/00000002.json"))
    assert "No manifest names this file." in {each.what for _, each in found}


def test_the_newest_manifest_dropped_with_all_its_files_shows_only_against_one_seen_before(bucket: Sealer) -> None:
    import hashlib

    last = bucket.folder / f"manifests/{bucket.manifests:08}.json"
    head = hashlib.sha256(last.read_bytes()).hexdigest()
    as_of = json.loads(last.read_bytes())["manifest"]["as_of"]
    assert findings(proof_of(bucket, head=head)) == []
    last.unlink()
    for path in bucket.folder.rglob(f"as_of={as_of}"):
        shutil.rmtree(path)
    [(_, listed)] = findings(proof_of(bucket))
    assert (listed.path or "").startswith("listed/")
    (bucket.folder / str(listed.path)).unlink()
    assert findings(proof_of(bucket)) == []
    [(check, found)] = findings(proof_of(bucket, head=head))
    assert (check, found.path) == ("manifest_chain", name(bucket, last))


def _edited(bucket: Sealer, number: int, edit: Callable[[dict[str, Any]], object]) -> None:
    path = bucket.folder / f"manifests/{number:08}.json"
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_bytes(canonical(content) + b"\n")


def test_an_edited_manifest_is_named_and_so_is_the_next_that_knew_its_hash(bucket: Sealer) -> None:
    _edited(bucket, 2, lambda content: content["manifest"]["totals"].update(available=1))
    found = [(each.path, each.what) for check, each in findings(proof_of(bucket)) if check == "manifest_chain"]
    assert found == [
        ("manifests/00000002.json", "Its signature is wrong."),
        ("manifests/00000003.json", "It does not name the manifest before it by its hash."),
    ]


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        ({"merkle_root": "00" * 32}, "Its Merkle root is not that of its files."),
        ({"number": 7}, "It has another number than its name."),
        ({"version": 2}, "Its version is not 1."),
        ({"as_of": "20200101T000000Z"}, "Its two ways to say its instant differ."),
        ({"snapshot": "snap_0"}, "Its snapshot's id is not that of its instant."),
        ({"previous": None}, "It does not name the manifest before it by its hash."),
    ],
)
def test_a_manifest_that_is_signed_and_makes_no_sense_is_named(
    bucket: Sealer, edit: dict[str, object], what: str
) -> None:
    last = bucket.folder / f"manifests/{bucket.manifests:08}.json"
    told = json.loads(last.read_bytes())["manifest"]
    bucket.manifests -= 1
    bucket.commit(told | edit)
    chain = proof_of(bucket).checks[0]
    assert [(each.path, each.what) for each in of_manifests(chain)] == [(name(bucket, last), what)]


@pytest.mark.parametrize(("copied", "number"), [(1, 5), (1, 99_999_999), (3, 5), (4, 6)])
def test_a_copy_of_a_manifest_under_another_number_is_named_alone_and_is_no_head(
    bucket: Sealer, copied: int, number: int
) -> None:
    content = (bucket.folder / f"manifests/{copied:08}.json").read_bytes()
    (bucket.folder / f"manifests/{number:08}.json").write_bytes(content)
    proof = proof_of(bucket)
    found = findings(proof)
    assert {check for check, _ in found} == {"manifest_chain"}
    assert "It has another number than its name." in {each.what for _, each in found}
    assert proof.head is not None
    assert proof.head.number == 4
    assert len(proof.rebuilt) == 4


def test_manifests_that_changed_places_are_named_and_what_they_name_is_still_theirs(bucket: Sealer) -> None:
    second, third = (bucket.folder / f"manifests/{number:08}.json" for number in (2, 3))
    contents = second.read_bytes(), third.read_bytes()
    third.write_bytes(contents[0])
    second.write_bytes(contents[1])
    assert {check for check, _ in findings(proof_of(bucket))} == {"manifest_chain"}


def test_of_two_copies_of_a_manifest_that_is_gone_one_is_looked_at(bucket: Sealer) -> None:
    path = bucket.folder / "manifests/00000002.json"
    for number in (6, 7):
        (bucket.folder / f"manifests/{number:08}.json").write_bytes(path.read_bytes())
    path.unlink()
    assert {check for check, _ in findings(proof_of(bucket))} == {"manifest_chain"}


def test_a_manifest_signed_by_somebody_else_is_not_believed(bucket: Sealer) -> None:
    last = bucket.folder / f"manifests/{bucket.manifests:08}.json"
    told = json.loads(last.read_bytes())["manifest"]
    trusted = {fingerprint_of(bucket.key)}
    forger = Sealer(bucket.folder, bucket.events, key=signing_key(1), manifests=bucket.manifests - 1)
    forger.commit(told)
    chain = verify(bucket.folder, RsaVerifier(trusted)).checks[0]
    assert [(each.path, each.what) for each in chain.findings] == [
        (name(bucket, last), "It is signed with a key that is not trusted.")
    ]
    # Its public key under the trusted name does not help it.
    (bucket.folder / f"keys/{fingerprint_of(bucket.key)}.pem").write_bytes(
        (bucket.folder / f"keys/{fingerprint_of(forger.key)}.pem").read_bytes()
    )
    _edited(bucket, 4, lambda content: content["signature"].update(key=fingerprint_of(bucket.key)))
    chain = verify(bucket.folder, RsaVerifier(trusted)).checks[0]
    assert {each.what for each in chain.findings} == {
        "Its signature is wrong.",
        "The key that signed it is another than its name says.",
    }


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"manifest": {"files": 3}}', b"\xff"])
def test_what_is_no_manifest_is_named(bucket: Sealer, content: bytes) -> None:
    last = bucket.folder / f"manifests/{bucket.manifests:08}.json"
    last.write_bytes(content)
    chain = proof_of(bucket).checks[0]
    assert chain.findings[0].what.startswith("It is no manifest")
    assert chain.findings[0].path == name(bucket, last)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"as_of_ms": "1000"}, "manifest.as_of_ms"),
        ({"as_of_ms": 10**30}, "manifest.as_of_ms"),
        ({"as_of_ms": True}, "manifest.as_of_ms"),
        ({"number": 0}, "manifest.number"),
        ({"buckets": 0}, "manifest.buckets"),
        ({"totals": []}, "manifest.totals"),
        ({"opening": "x"}, "manifest.opening"),
        ({"opening": {"after": {"number": "1", "as_of_ms": 0}}}, "manifest.opening.after.number"),
        ({"opening": {"reason": [], "after": None}}, "manifest.opening.reason"),
        ({"files": [{"path": 1, "bytes": 1, "rows": 1, "sha256": ""}]}, "manifest.files.0.path"),
        ({"files": [{"path": "ü", "bytes": 1, "rows": 1, "sha256": ""}]}, "manifest.files.0.path"),
        ({"files": [{"path": "a", "bytes": -1, "rows": 1, "sha256": ""}]}, "manifest.files.0.bytes"),
    ],
)
def test_a_manifest_of_another_form_is_named_with_the_field(bucket: Sealer, told: dict[str, Any], field: str) -> None:
    _edited(bucket, 4, lambda content: content["manifest"].update(told))
    chain = proof_of(bucket).checks[0]
    assert [each.what.split(": ")[:2] for each in of_manifests(chain)] == [["It is no manifest", field]]


def test_a_manifest_nested_beyond_all_depth_is_named(bucket: Sealer) -> None:
    (bucket.folder / "manifests/00000004.json").write_bytes(b'{"manifest": ' + b"[" * 200_000)
    assert proof_of(bucket).checks[0].findings[0].what.startswith("It is no manifest: It is no JSON: ")


@pytest.mark.parametrize("signature", ["x", [1], 7, {"key": [], "value": 1}, None])
def test_a_signature_of_another_form_is_found(bucket: Sealer, signature: object) -> None:
    _edited(bucket, 4, lambda content: content.update(signature=signature))
    chain = proof_of(bucket).checks[0]
    assert "It is signed with a key that is not trusted." in {each.what for each in chain.findings}


def test_an_empty_bucket_proves_nothing(tmp_path: Path) -> None:
    proof = verify(tmp_path, RsaVerifier(set()))
    assert [each.what for _, each in findings(proof)] == ["There is no manifest."]


def test_one_snapshot_is_rebuilt_by_its_id_its_instant_or_by_default_the_latest(sealed_day: Sealer) -> None:
    trusted = {fingerprint_of(sealed_day.key)}
    latest = verify(sealed_day.folder, RsaVerifier(trusted))
    assert [each.number for each in latest.rebuilt] == [3], "the fourth was made later, of an earlier instant"
    second = latest.manifests[1]
    for wanted in (second.snapshot, second.as_of):
        proof = verify(sealed_day.folder, RsaVerifier(trusted), wanted=wanted)
        assert [each.number for each in proof.rebuilt] == [2]
        assert proof.discrepancies == 0
    with pytest.raises(NoSuchSnapshot):
        verify(sealed_day.folder, RsaVerifier(trusted), wanted="snap_0")


def test_a_manifest_that_is_changed_while_it_is_verified_proves_nothing(bucket: Sealer) -> None:
    """Its file names are read again when they are needed, after its signature was looked at."""
    path = bucket.folder / "manifests/00000002.json"

    def begin(name: str, _size: int) -> Callable[[int], None]:
        if name == "archive":
            path.write_bytes(path.read_bytes() + b" ")
        return lambda _done: None

    with pytest.raises(CopyChanged, match=re.escape(str(path))):
        verify(bucket.folder, RsaVerifier({fingerprint_of(bucket.key)}), begin=begin)


def test_of_very_many_findings_the_first_are_kept_and_all_are_counted() -> None:
    check = Check("any")
    check.extend(Finding(str(number)) for number in range(5_000))
    assert (check.discrepancies, len(check.findings)) == (5_000, 1_000)


@pytest.mark.parametrize("planted", ["[0]{}", "?{}", "*{}", "[0-9a-f]{}"])
def test_an_object_whose_name_is_a_pattern_is_found_like_any_other(bucket: Sealer, planted: str) -> None:
    event = bucket.events[Source.ADJUSTMENTS][0]
    first = objects(bucket, Source.ADJUSTMENTS)[0]
    forged = bucket.archive_object(Source.ADJUSTMENTS, LAST, [{**event, "event_id": "adj_" + "e" * 32 + "@1"}])
    path = forged.rename(first.with_name(planted.format(first.name[1:])))
    assert [(check, each.path) for check, each in findings(proof_of(bucket))] == [
        ("archive_readable", name(bucket, path))
    ]


def test_what_was_left_out_of_the_copy_is_named(bucket: Sealer) -> None:
    left_out = ["archive/stock/dt=2026-11-22/", "ledger/as_of=20261122T180000Z/", "manifests/"]
    proof = proof_of(bucket, left_out=left_out)
    assert [(check, each.path) for check, each in findings(proof)] == [
        ("manifest_chain", left_out[2]),
        ("sealed_files", left_out[1]),
        ("archive_readable", left_out[0]),
    ]
    before = {check.name: check.looked_at for check in proof_of(bucket).checks}
    for check in proof.checks:
        assert check.looked_at == before[check.name] + (check.name in ("sealed_files", "archive_readable"))


def test_a_copy_is_read_itself_and_not_one_that_its_name_would_match(bucket: Sealer, tmp_path: Path) -> None:
    shutil.copytree(bucket.folder, tmp_path / "copy1")
    bucket.folder = bucket.folder.rename(tmp_path / "copy[1]")
    for path in objects(bucket, Source.ADJUSTMENTS):
        rewrite_object(path, lambda events: [{**each, "set": {**each["set"], "reason": "other"}} for each in events])
    found = findings(proof_of(bucket))
    assert {check for check, _ in found} >= {"ledger_rows"}
    assert all(str(tmp_path) not in (each.path or "") for _, each in found)


def test_an_object_that_would_fill_memory_is_named_and_not_read(
    bucket: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = objects(bucket, Source.STOCK)[0]
    size = len(gzip.decompress(path.read_bytes()))
    monkeypatch.setattr(archive, "OBJECT_BYTES_MAX", max(size, 60_000))
    assert findings(proof_of(bucket)) == []
    path.write_bytes(gzip.compress(b" " * 10_000_000, mtime=0))
    [(check, found), *lost] = findings(proof_of(bucket))
    assert (check, found.path) == ("archive_readable", name(bucket, path))
    assert "bytes, decompressed" in found.what
    assert {check for check, _ in lost} >= {"gapless", "ledger_rows"}
