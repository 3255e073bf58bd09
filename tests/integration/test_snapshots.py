"""The snapshot's workflow, step by step over a bucket that is a folder: one result, whatever happens on the way."""

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inventory.adapters.objects import AlteredObject, Stored
from inventory.domain.events import Source
from inventory.history.commit import FilesForgotten
from inventory.history.layout import instant_of, instant_of_snapshot, listed_path, stamp_of
from inventory.history.manifest import canonical, fingerprint_of, leaf_of, merkle_root, read_manifest
from inventory.history.plan import InstantTooRecent, Mode
from support.objects import Killed
from support.spells import HOUR_MS, after_spell
from support.tape import Tape
from support.workflow import History, KeyInMemory, private_key
from support.world import START_MS, World

DATA = ("snapshots/", "holds/", "ledger/", "state/", "manifests/")


def test_increments_and_a_rebuild_from_the_first_event_make_the_same_bytes(
    history: History, tape: Tape, tmp_path: Path
) -> None:
    for spell in (1, 2, 3):
        history.snapshot(after_spell(spell))
    rebuilt = history.snapshot(after_spell(3), mode=Mode.REBUILD)
    assert rebuilt["outcome"] == "existed"
    assert history.snapshot(after_spell(2), mode=Mode.REBUILD)["outcome"] == "existed"

    other = History(tmp_path / "other", tape)
    other.archive(batch=13)
    other.now_ms = history.now_ms
    for spell in (1, 2, 3):
        other.snapshot(after_spell(spell), mode=Mode.REBUILD)
    assert other.visible() == history.visible()


def test_the_ledger_has_each_event_once_and_every_event_can_be_made_again_from_it(history: History, tape: Tape) -> None:
    history.snapshot(after_spell(2))
    history.snapshot(after_spell(1))
    history.snapshot(after_spell(3))
    rows = history.rows("ledger/*/*.parquet")
    events = {event["event_id"]: event for source in Source for event in tape.events(source)}
    assert sorted(row["event_id"] for row in rows) == sorted(events)
    for row in rows:
        event = events[row["event_id"]]
        assert (row["type"], row["at_ms"]) == (event["type"], event["at"])
        if row["shard"] is not None:
            assert row["available_after"] == event["after"]["available"]
            assert row["held_before"] == (event["before"] or {}).get("held")
            assert row["cause_id"] == event["cause"]["id"]
        if row["lines"] is not None:
            assert json.loads(row["lines"]) == event["set"]["lines"]


@pytest.mark.parametrize("mode", [Mode.INCREMENT, Mode.REBUILD])
def test_atomic_instant_what_is_written_at_the_very_instant_of_a_snapshot_is_in_it_and_in_no_later_ledger(
    tmp_path: Path, mode: Mode
) -> None:
    world = World(seed=3)
    tape = Tape(world)
    instants = [START_MS + 1_000, START_MS + 11_000]
    for instant in instants:
        world.clock.now_ms = instant - 1_000
        world.receive("cup", 5)
        world.place("cup", 2, key=str(instant))
        assert tape.instants()[-1] == instant
    history = History(tmp_path / "bucket", tape)
    history.archive()
    for number, instant in enumerate(instants, 1):
        history.snapshot(instant, mode=mode)
        as_of = f"as_of={stamp_of(instant)}"
        [row] = history.rows(f"snapshots/{as_of}/*.parquet")
        assert (row["available"], row["held"], row["holding"], row["adjusted"]) == (
            3 * number,
            2 * number,
            2 * number,
            5 * number,
        )
        assert {row["at_ms"] for row in history.rows(f"ledger/{as_of}/*.parquet")} == {instant - 1_000, instant}
        assert len(history.rows(f"holds/{as_of}/*.parquet")) == number


def test_a_snapshot_of_an_earlier_instant_adds_nothing_to_the_ledger_and_is_the_same(
    history: History, tape: Tape, tmp_path: Path
) -> None:
    for spell in (1, 3, 2):
        history.snapshot(after_spell(spell))
    assert history.head().body["ledger_from_ms"] is None
    straight = History(tmp_path / "straight", tape)
    straight.archive()
    straight.snapshot(after_spell(2))
    early = {key: value for key, value in straight.visible().items() if key.startswith(("snapshots", "holds", "state"))}
    assert early.items() <= history.visible().items()


def test_two_runs_of_one_instant_have_one_result(history: History) -> None:
    first = history.snapshot(after_spell(1))
    before = history.visible()
    again = history.snapshot(after_spell(1))
    assert again["done"]
    assert again["snapshot"] == first["snapshot"] == history.head().body["snapshot"]
    assert history.visible() == before


def test_a_run_killed_at_every_seventeenth_write_and_started_again_ends_with_the_same_bytes(
    history: History, tape: Tape, tmp_path: Path
) -> None:
    """Its commit is killed at each of its writes elsewhere (test_commits)."""
    history.snapshot(after_spell(1))
    shutil.copytree(history.objects.root, tmp_path / "start")
    history.objects.writes_left = 10_000
    history.snapshot(after_spell(2))
    writes, expected = 10_000 - history.objects.writes_left, history.visible()
    assert writes > 60
    for deaths in range(0, writes, 17):
        root = tmp_path / f"killed-{deaths}"
        shutil.copytree(tmp_path / "start", root)
        killed = History(root, tape)
        killed.now_ms = history.now_ms
        killed.objects.writes_left = deaths
        with pytest.raises(Killed):
            killed.snapshot(after_spell(2))
        torn = {key for key in killed.visible() if key.startswith(("snapshots", "ledger"))}
        assert len(torn - expected.keys()) == 0
        killed.objects.writes_left = None
        killed.snapshot(after_spell(2))
        killed.finish()
        assert killed.visible() == expected
        shutil.rmtree(root)


def test_nothing_is_visible_before_the_commit(history: History) -> None:
    history.now_ms = after_spell(3)
    history.reduced(history.begin(after_spell(1)))
    assert history.visible() == {}
    assert history.catalogue.registered == set()


def test_partitions_are_registered_for_every_table_that_got_files(history: History) -> None:
    history.snapshot(after_spell(2))
    history.snapshot(after_spell(1))
    first, second = stamp_of(after_spell(1)), stamp_of(after_spell(2))
    assert history.catalogue.registered == {
        *((table, second) for table in ("snapshots", "holds", "ledger")),
        *((table, first) for table in ("snapshots", "holds")),
    }


def test_published_snapshots_are_listed_from_the_latest_instant_to_the_earliest(history: History) -> None:
    for spell in (2, 1, 3):
        history.snapshot(after_spell(spell))
    listed = [json.loads(history.objects.read(stored.key)) for stored in history.objects.list("listed/")]
    assert [each["as_of_ms"] for each in listed] == [after_spell(spell) for spell in (3, 2, 1)]
    for each, number in zip(listed, (3, 1, 2), strict=True):
        manifest = read_manifest(history.objects, number)
        assert each == {
            "id": manifest.body["snapshot"],
            "as_of_ms": manifest.as_of_ms,
            "created_ms": history.now_ms,
            "totals": manifest.body["totals"],
            "manifest": {"number": number, "sha256": manifest.sha256},
        }
        assert history.objects.first(listed_path(manifest.as_of_ms)) is not None


def test_what_a_dead_commit_left_unpublished_is_published_before_the_chain_goes_on(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: str) -> None:
        raise Killed

    monkeypatch.setattr(history.catalogue, "register", die)
    with pytest.raises(Killed):
        history.snapshot(after_spell(1))
    monkeypatch.undo()
    assert history.head().number == 1
    assert history.objects.contents("published/", "listed/") == {}

    # A run that was past its first step by then, which would have finished it.
    conclude = history.conclude
    monkeypatch.setattr(history, "conclude", lambda words: {} if words["step"] == "finish" else conclude(words))
    history.snapshot(after_spell(2))
    assert set(history.objects.contents("published/")) == {"published/00000001", "published/00000002"}
    assert set(history.objects.contents("listed/")) == {listed_path(after_spell(1)), listed_path(after_spell(2))}
    assert [words["as_of_ms"] for words in history.audits.values()] == [after_spell(1), after_spell(2)]


def test_a_sealed_file_that_was_altered_is_named_and_does_not_reach_the_history(history: History) -> None:
    conclude = history.conclude

    def altering(words: dict[str, Any]) -> dict[str, Any]:
        if words["step"] == "commit":
            sealed = next(each.key for each in history.objects.list("partials/run/") if "/sealed/ledger/" in each.key)
            history.objects.put(sealed, history.objects.read(sealed) + b"!")
        return conclude(words)

    history.conclude = altering  # type: ignore[method-assign]
    with pytest.raises(AlteredObject, match="/sealed/ledger/"):
        history.snapshot(after_spell(1))
    assert history.objects.contents("published/", "listed/") == {}
    hashes = {file.path: file.sha256 for file in history.head().files}
    copied = history.objects.contents("snapshots/", "holds/", "ledger/", "state/")
    assert {path: hashlib.sha256(content).hexdigest() for path, content in copied.items()}.items() < hashes.items()


def test_a_manifest_whose_files_were_forgotten_says_so_and_they_can_be_made_again(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/runbook.md has it under "An unpublished manifest"."""

    def die(*_: str) -> None:
        raise Killed

    monkeypatch.setattr(history.objects, "copy_new", die)
    with pytest.raises(Killed):
        history.snapshot(after_spell(1))
    monkeypatch.undo()
    shutil.rmtree(history.objects.root / "partials")
    with pytest.raises(FilesForgotten, match=rf"manifest 1 .*\"as_of_ms\": {after_spell(1)}, .*docs/runbook\.md"):
        history.snapshot(after_spell(2))

    with pytest.raises(FilesForgotten):
        history.snapshot(after_spell(1))
    with pytest.raises(FilesForgotten):
        history.snapshot(after_spell(2), mode=Mode.REBUILD)

    assert history.snapshot(after_spell(1), mode=Mode.REBUILD)["outcome"] == "existed"
    assert history.objects.contents("published/").keys() == {"published/00000001"}
    assert [words["depth"] for words in history.audits.values()] == ["increment", "full"]
    history.snapshot(after_spell(2))
    assert history.head().number == 2
    visible = history.visible()
    for file in read_manifest(history.objects, 1).files:
        assert visible[file.path] == file.sha256


def test_the_chain_is_hashed_signed_and_has_one_root_over_its_files(history: History) -> None:
    for spell in (1, 2):
        history.snapshot(after_spell(spell))
    first, second = read_manifest(history.objects, 1), history.head()
    assert first.body["previous"] is None
    assert second.body["previous"] == {"number": 1, "sha256": first.sha256}
    assert second.body["ledger_from_ms"] == first.as_of_ms == after_spell(1)
    assert second.body["merkle_root"] == merkle_root([leaf_of(file) for file in second.files]).hex()
    assert second.signature["key"] == fingerprint_of(history.signer.public_key_der)
    pem = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert history.objects.contents("keys/") == {f"keys/{second.signature['key']}.pem": pem}
    KeyInMemory().verify(base64.b64decode(second.signature["value"]), canonical(second.body))
    visible = history.visible()
    for file in second.files:
        assert visible[file.path] == file.sha256
        assert len(history.objects.read(file.path)) == file.bytes
        assert len(history.rows(file.path)) == file.rows
    totals: Any = second.body["totals"]
    assert totals["on_hand"] == totals["adjusted"] - totals["executed"]
    assert totals["held"] == totals["holding"]


def test_a_commit_that_was_overtaken_writes_nothing(history: History) -> None:
    history.finish()
    planned = history.reduced(history.begin(after_spell(2)))
    history.snapshot(after_spell(1))
    before = history.visible()
    assert history.conclude({"step": "commit", "run": planned["run"]})["outcome"] == "overtaken"
    assert history.visible() == before
    assert history.snapshot(after_spell(2))["manifest"] == 2


def test_an_instant_within_the_grace_is_refused(history: History) -> None:
    history.now_ms = START_MS + 60_000
    with pytest.raises(InstantTooRecent):
        history.begin(START_MS + 1000)
    assert history.begin(None)["as_of_ms"] == START_MS


def test_a_snapshot_before_the_first_event_is_empty_and_right(history: History) -> None:
    history.snapshot(START_MS - HOUR_MS)
    assert set(history.head().body["totals"].values()) == {0}
    history.snapshot(after_spell(1))
    assert history.head().body["totals"]["stock_events"] > 50


def test_an_increment_on_an_ancient_snapshot_lists_the_archive_once_and_not_by_each_hour_since(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.snapshot(1000)  # a second after 1970 began
    listings: list[str] = []
    listing = history.objects.list

    def counted(prefix: str, *, after: str = "") -> Iterator[Stored]:
        listings.append(prefix)
        return listing(prefix, after=after)

    monkeypatch.setattr(history.objects, "list", counted)
    history.snapshot(after_spell(1))
    assert sorted(prefix for prefix in listings if prefix.startswith("archive/")) == [
        *("archive/adjustments/", "archive/holds/", "archive/stock/")
    ]
    assert history.head().body["totals"]["stock_events"] > 50


def test_another_number_of_buckets_begins_from_the_first_event_and_goes_on(
    history: History, tape: Tape, tmp_path: Path
) -> None:
    history.snapshot(after_spell(1))
    wider = History(history.objects.root, tape, buckets=5)
    wider.now_ms = history.now_ms
    wider.snapshot(after_spell(2))
    ids = [row["event_id"] for row in wider.rows("ledger/*/*.parquet")]
    assert len(ids) == len(set(ids))
    assert wider.head().buckets == 5


def test_a_snapshots_id_tells_its_instant_and_no_other_text_does(history: History) -> None:
    identifier = history.snapshot(after_spell(1))["snapshot"]
    assert instant_of_snapshot(identifier) == after_spell(1) == instant_of(stamp_of(after_spell(1)))
    assert instant_of_snapshot(identifier[:-1] + ("0" if identifier[-1] != "0" else "1")) is None
    assert instant_of_snapshot("snap_" + "z" * 32) is None
