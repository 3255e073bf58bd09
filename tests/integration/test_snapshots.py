"""The snapshot's workflow, step by step over a bucket that is a folder: one result, whatever happens on the way."""

import base64
import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.domain.events import EventsDiffer, Source, line_of
from inventory.domain.limits import KEPT_AFTER_SETTLEMENT_S
from inventory.history import merkle
from inventory.history.commit import FilesForgotten, RebuildDiffers
from inventory.history.layout import instant_of, instant_of_snapshot, listed_path, stamp_of
from inventory.history.manifest import canonical, fingerprint_of, leaf_of, read_manifest
from inventory.history.map_task import ObjectDamaged, UnknownVersion
from inventory.history.plan import InstantTooRecent, Mode
from inventory.pipeline.stream import StreamRecord, change_of
from inventory.protocol.resolve import execute
from inventory.storage.objects import AlteredObject, Stored
from support.objects import Killed
from support.tape import Tape
from support.trade import trade
from support.workflow import History, Incomplete, KeyInMemory
from support.world import START_MS, World

HOUR_MS = 3_600_000
DATA = ("snapshots/", "holds/", "ledger/", "state/", "manifests/")


@pytest.fixture(scope="module")
def tape() -> Tape:
    """Three spells of trade, an hour apart."""
    world = World(seed=7)
    tape = Tape(world)
    for spell in range(3):
        trade(world, 120, seed=spell)
        world.clock.now_ms = START_MS + (spell + 1) * HOUR_MS
    return tape


@pytest.fixture
def history(tape: Tape, tmp_path: Path) -> History:
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.now_ms = START_MS + 4 * HOUR_MS
    return history


def after_spell(number: int) -> int:
    return START_MS + number * HOUR_MS


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


def test_a_run_killed_at_any_write_and_started_again_ends_with_the_same_bytes(
    history: History, tape: Tape, tmp_path: Path
) -> None:
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
        killed.conclude({"step": "finish"})
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
    assert second.body["merkle_root"] == merkle.root([leaf_of(file) for file in second.files]).hex()
    assert second.signature["key"] == fingerprint_of(history.signer.public_key_der)
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
    history.conclude({"step": "finish"})
    planned = history.reduced(history.begin(after_spell(2)))
    history.snapshot(after_spell(1))
    before = history.visible()
    assert history.conclude({"step": "commit", "run": planned["run"]})["outcome"] == "overtaken"
    assert history.visible() == before
    assert history.snapshot(after_spell(2))["manifest"] == 2


def test_what_the_archiver_has_not_brought_yet_stops_the_seal_until_it_has(tape: Tape, tmp_path: Path) -> None:
    history = History(tmp_path / "late", tape)
    last = [record for record in tape.records if record[0] is Source.STOCK][-1]
    history.archive([record for record in tape.records if record is not last])
    history.now_ms = START_MS + 4 * HOUR_MS
    with pytest.raises(Incomplete, match="are not archived"):
        history.snapshot(after_spell(3))
    assert history.visible() == {}
    history.archive([last])
    assert history.snapshot(after_spell(3))["outcome"] == "committed"


@pytest.mark.parametrize("snapshots", [0, 1])
def test_a_history_with_a_hole_ends_before_it_and_one_that_begins_in_the_middle_never_seals(
    tape: Tape, tmp_path: Path, snapshots: int
) -> None:
    """Unless somebody opens it anew (test_openings.py)."""
    history = History(tmp_path / "bucket", tape)
    history.now_ms = START_MS + 4 * HOUR_MS
    spells: dict[int, list[tuple[Source, StreamRecord]]] = {1: [], 2: [], 3: []}
    for source, record in tape.records:
        change = change_of(record)
        at = (change.after or change.before or {})["at"]
        spells[1 + (at - START_MS) // HOUR_MS].append((source, record))
    if snapshots:
        history.archive()
        history.snapshot(after_spell(1))
        shutil.rmtree(history.objects.root / "archive")
        history.archive(spells[1])
    before = history.visible()
    history.archive(spells[3])
    for mode in (Mode.INCREMENT, Mode.REBUILD):
        with pytest.raises(Incomplete):
            history.snapshot(after_spell(3), mode=mode)
    assert history.visible() == before
    assert sum(key.startswith("manifests/") for key in before) == snapshots


@pytest.mark.parametrize("source", Source)
def test_any_one_event_that_is_missing_is_found(tape: Tape, tmp_path: Path, source: Source) -> None:
    told = [record for record in tape.records if record[0] is source]
    for number, missing in enumerate(told[:: len(told) // 6]):
        history = History(tmp_path / f"{number}", tape, buckets=1)
        history.archive([record for record in tape.records if record is not missing])
        history.now_ms = START_MS + 4 * HOUR_MS
        with pytest.raises(Incomplete):
            history.snapshot(after_spell(3))


def test_a_key_used_again_after_its_hold_was_removed_stops_no_hourly_snapshot(tmp_path: Path) -> None:
    """Only what begins at the first event cannot tell the two holds of one id apart (docs/history.md)."""
    world = World(seed=5)
    tape = Tape(world)
    world.receive("cup", 10)
    first = world.place("cup", key="cart-1").value
    execute(world.core, first.id, None, by=world.by())
    world.flow()
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.snapshot(world.clock.now_ms // 1000 * 1000 + 1000)

    world.clock.now_ms += KEPT_AFTER_SETTLEMENT_S * 1000 + HOUR_MS
    world.database.expire(world.tables.holds, first.id)
    again = world.place("cup", key="cart-1").value
    assert again.id == first.id
    world.flow()
    history.archive()
    latest_ms = world.clock.now_ms // 1000 * 1000 + 1000
    assert history.snapshot(latest_ms)["outcome"] == "committed"
    [held] = history.rows(f"holds/as_of={stamp_of(latest_ms)}/*.parquet")
    assert (held["hold_id"], held["quantity"]) == (again.id, 1)
    with pytest.raises(EventsDiffer, match=f"{again.id}@1"):
        history.snapshot(latest_ms, mode=Mode.REBUILD)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95, "checksum", "length", "cut", "a line"])
def test_a_damaged_object_of_the_archive_fails_its_map_task_and_is_named(history: History, place: float | str) -> None:
    objects = list(history.objects.list("archive/holds/"))
    key = objects[len(objects) // 2].key
    body = bytearray(history.objects.read(key))
    if place == "cut":
        del body[-20:]
    elif place == "a line":
        body = bytearray(gzip.compress(gzip.decompress(bytes(body)).replace(b'"at":', b'"at";', 1)))
    else:
        body[{"checksum": -8, "length": -4}.get(str(place)) or int(float(place) * len(body))] ^= 0x10
    history.objects.put(key, bytes(body))
    with pytest.raises(ObjectDamaged, match=key):
        history.snapshot(after_spell(3))
    assert history.visible() == {}


@pytest.mark.parametrize("source", Source)
def test_an_event_of_another_version_fails_its_map_task_and_is_named(history: History, source: Source) -> None:
    key = list(history.objects.list(f"archive/{source}/"))[-1].key
    lines = gzip.decompress(history.objects.read(key)).splitlines(keepends=True)
    told = json.loads(lines[-1])
    lines[-1] = f"{line_of({**told, 'v': 2})}\n".encode()
    history.objects.put(key, gzip.compress(b"".join(lines)))
    with pytest.raises(UnknownVersion, match=f"^event {re.escape(told['event_id'])}$"):
        history.snapshot(after_spell(3))


def test_an_event_that_is_doubled_does_not_stand_for_one_that_is_missing(tape: Tape, tmp_path: Path) -> None:
    events = tape.events(Source.STOCK)
    of_one = [index for index, event in enumerate(events) if event["event_id"].startswith(events[0]["event_id"][:-1])]
    of_stock = tape.of(Source.STOCK)
    missing, doubled = of_stock[of_one[2]], of_stock[of_one[1]]
    history = History(tmp_path / "bucket", tape)
    history.archive([record for record in tape.records if record[1] is not missing])
    history.archive([(Source.STOCK, doubled)])
    history.now_ms = START_MS + 4 * HOUR_MS
    with pytest.raises(Incomplete) as told:
        history.snapshot(after_spell(3))
    assert events[of_one[2]]["event_id"] in str(told.value)


def test_an_event_doubled_with_other_contents_is_named(history: History) -> None:
    event = history.tape.events(Source.STOCK)[30]
    forged = {**event, "after": {**event["after"], "available": 999}}
    hour = next(history.objects.list("archive/stock/")).key.rsplit("/", 1)[0]
    history.objects.put(f"{hour}/forged-0-0.jsonl.gz", gzip.compress(f"{line_of(forged)}\n".encode()))
    with pytest.raises(EventsDiffer, match=event["event_id"].replace("*", r"\*")):
        history.snapshot(after_spell(3))


def test_an_event_that_turns_up_in_a_sealed_hour_makes_the_rebuild_fail_loudly(tape: Tape, tmp_path: Path) -> None:
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.snapshot(after_spell(3))
    event = {**tape.events(Source.ADJUSTMENTS)[3], "event_id": "adj_" + "0" * 32 + "@1"}
    hour = next(history.objects.list("archive/adjustments/")).key.rsplit("/", 1)[0]
    history.objects.put(f"{hour}/late-0-0.jsonl.gz", gzip.compress(f"{line_of(event)}\n".encode()))
    with pytest.raises(RebuildDiffers, match="snapshots/as_of"):
        history.snapshot(after_spell(3), mode=Mode.REBUILD)


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
