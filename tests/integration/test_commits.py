"""What the seal lets through to the commit; and the commit, dead at whatever moment and done again."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.adapters.objects import NoSuchObject
from inventory.domain.clock import AHEAD_MAX_MS
from inventory.domain.errors import Overloaded
from inventory.domain.events import Source
from inventory.history.audits import AuditNotStarted
from inventory.history.layout import listed_path, manifest_path, published_path, stamp_of
from inventory.history.listed import EntryDamaged
from inventory.history.manifest import ManifestDamaged, canonical
from inventory.history.past import Past
from inventory.history.plan import Mode
from inventory.storage.codec import Record, encode
from support.objects import Killed
from support.tape import Tape
from support.trade import trade
from support.workflow import History, Incomplete
from support.world import START_MS, World

HOUR_MS = 3_600_000
FIRST, SECOND = START_MS + HOUR_MS, START_MS + 2 * HOUR_MS


def first_sealed(root: Path) -> History:
    """A snapshot, and trade after it."""
    world = World(seed=17)
    tape = Tape(world)
    history = History(root, tape)
    trade(world, 60, seed=17)
    history.archive()
    history.snapshot(FIRST)
    world.clock.now_ms = FIRST + 1000
    trade(world, 30, seed=18)
    history.archive()
    history.now_ms = SECOND + HOUR_MS
    return history


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> History:
    """For whoever only looks: at its tables, too."""
    return first_sealed(tmp_path_factory.mktemp("original") / "bucket")


@pytest.fixture
def history(original: History, tmp_path: Path) -> History:
    """A copy of its bucket, over the same tables."""
    history = History(shutil.copytree(original.objects.root, tmp_path / "bucket"), original.tape)
    history.now_ms = original.now_ms
    history.audits.update(original.audits)
    return history


@pytest.fixture
def own(tmp_path: Path) -> History:
    """Over tables that one may write to."""
    return first_sealed(tmp_path / "bucket")


def sealed(history: History) -> dict[str, Any]:
    """What the commit of the second snapshot is asked for."""
    words = history.begin(SECOND)
    history.scan(words)
    words = history.reduced(words)
    assert history.seal(words)["complete"]
    return {"step": "commit", "run": words["run"]}


def die_unpublished(history: History, writes: int = 2) -> dict[str, Any]:
    """The second snapshot's commit dies right after it wrote the manifest; gives what it was asked for."""
    words = sealed(history)
    history.objects.writes_left = writes  # where its files wait, and the manifest
    with pytest.raises(Killed):
        history.conclude(words)
    history.objects.writes_left = None
    return words


def audited(history: History) -> list[int]:
    """The instants whose audits were started, in this order."""
    return [words["as_of_ms"] for words in history.audits.values()]


def test_a_commit_that_is_done_again_was_not_overtaken_and_changes_nothing(history: History) -> None:
    words = sealed(history)
    committed = history.conclude(words)
    before = history.visible()
    assert committed == history.conclude(words) == {"outcome": "committed", "manifest": 2}
    assert history.visible() == before


def test_a_commit_that_died_at_any_write_is_finished_by_the_next_run_or_done_again(
    history: History, tmp_path: Path
) -> None:
    words = sealed(history)
    root = shutil.copytree(history.objects.root, tmp_path / "sealed")
    history.objects.writes_left = 10_000
    history.conclude(words)
    writes, expected = 10_000 - history.objects.writes_left, history.visible()
    finished = 0
    for deaths in range(writes):
        killed = History(shutil.copytree(root, tmp_path / f"killed-{deaths}"), history.tape)
        killed.now_ms = history.now_ms
        killed.objects.writes_left = deaths
        with pytest.raises(Killed):
            killed.conclude(words)
        killed.objects.writes_left = None
        assert killed.visible().items() <= expected.items()
        killed.finish()
        finished += killed.visible() == expected
        assert killed.conclude(words) == {"outcome": "committed", "manifest": 2}
        assert killed.visible() == expected
        assert audited(killed) == [SECOND]
        shutil.rmtree(killed.objects.root)
    files = len(history.head().files)
    assert writes > files
    assert finished == files + 2, "from the manifest on: its files, the list, and that it is published"


def test_whoever_publishes_what_a_dead_commit_left_starts_its_audit_too(history: History) -> None:
    die_unpublished(history)
    assert history.head().number == 2
    assert audited(history) == [FIRST]
    history.snapshot(SECOND + HOUR_MS // 2)
    assert audited(history) == [FIRST, SECOND, SECOND + HOUR_MS // 2]
    assert {words["depth"] for words in history.audits.values()} == {"increment"}


def test_an_audit_is_started_once_however_often_and_late_its_snapshot_is_published(history: History) -> None:
    history.snapshot(SECOND)
    started = dict(history.audits)
    assert audited(history) == [FIRST, SECOND]
    (history.objects.root / published_path(2)).unlink()  # as if it had died right before
    history.now_ms += HOUR_MS
    history.snapshot(SECOND)
    assert history.objects.first(published_path(2)) is not None
    assert history.audits == started


def test_a_snapshot_whose_audit_cannot_be_started_does_not_count_as_published(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Overloaded("The workflow service did not answer.")

    monkeypatch.setattr(history.audits, "start", refuse)
    for instant in (SECOND, SECOND, SECOND + HOUR_MS // 2):
        with pytest.raises(AuditNotStarted, match=rf"{stamp_of(SECOND)} .*The workflow service did not answer\."):
            history.snapshot(instant)
    assert history.head().number == 2
    assert history.objects.first(listed_path(SECOND)) is not None
    assert history.objects.first(published_path(2)) is None
    monkeypatch.undo()
    history.snapshot(SECOND)
    assert history.objects.first(published_path(2)) is not None
    assert audited(history) == [FIRST, SECOND]


def test_a_gap_in_the_chain_is_filled_by_no_commit(history: History) -> None:
    """Somebody took a manifest out: a run that was planned before it may not put another in its place."""
    words = sealed(history)
    history.snapshot(FIRST + HOUR_MS // 2)
    history.snapshot(SECOND + HOUR_MS // 2)
    (history.objects.root / manifest_path(2)).unlink()
    before = history.visible()
    with pytest.raises(NoSuchObject, match=manifest_path(2)):
        history.conclude(words)
    assert history.visible() == before


def test_a_file_that_is_no_manifest_under_the_highest_number_is_named_and_hinders_no_reader(
    history: History, tmp_path: Path
) -> None:
    """Nothing is made until somebody hides it, as docs/runbook.md says: who lists sees no delete marker."""
    forged = manifest_path(9)
    history.objects.put(forged, b'{"manifest":{},"signature":{}}')
    before = history.visible()
    with pytest.raises(ManifestDamaged, match=f"^{forged} is no manifest: it has no 'number'$"):
        history.snapshot(SECOND)
    with pytest.raises(ManifestDamaged, match=forged):
        history.open()
    assert history.visible() == before
    assert Past(history.objects).stock_of("cup", FIRST, tmp_path).item == "cup"
    (history.objects.root / forged).unlink()
    history.now_ms = SECOND + HOUR_MS
    assert history.snapshot(SECOND)["manifest"] == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda told: told.update(note="x"), "not written as the commit writes it"),
        (lambda told: told["signature"].update(note="x"), "not written as the commit writes it"),
        (lambda told: told["manifest"]["totals"].update(available=0), "no key that may sign"),
        (lambda told: told["signature"].update(key="0" * 64), "no key that may sign"),
    ],
)
@pytest.mark.parametrize("planned", [False, True])
def test_what_was_written_into_the_newest_manifest_is_sealed_by_no_other(
    history: History, change: Callable[[dict[str, Any]], object], why: str, *, planned: bool
) -> None:
    """Whether the next run begins after it, or is about to commit."""
    words = sealed(history) if planned else {}
    original = history.objects.read(manifest_path(1))
    told = json.loads(original)
    change(told)
    history.objects.put(manifest_path(1), canonical(told) + b"\n")
    before = history.visible()
    with pytest.raises(ManifestDamaged, match=f"^{manifest_path(1)} .*{why}"):
        history.conclude(words) if planned else history.snapshot(SECOND)
    assert history.visible() == before
    history.objects.put(manifest_path(1), original)
    assert (history.conclude(words) if planned else history.snapshot(SECOND))["manifest"] == 2


def test_the_history_goes_on_from_a_manifest_whose_key_is_gone_where_somebody_vouches_for_it(history: History) -> None:
    told = json.loads(history.objects.read(manifest_path(1)))
    told["signature"]["key"] = "0" * 64
    content = canonical(told) + b"\n"
    history.objects.put(manifest_path(1), content)
    history.trusted_head = hashlib.sha256(content[:-1]).hexdigest()
    with pytest.raises(ManifestDamaged, match="no key that may sign"):
        history.snapshot(SECOND)
    history.trusted_head = hashlib.sha256(content).hexdigest()
    assert history.snapshot(SECOND)["manifest"] == 2
    history.trusted_head = ""  # what goes on from the next one asks for that one's key
    assert history.snapshot(FIRST, mode=Mode.REBUILD)["outcome"] == "existed"
    assert history.snapshot(SECOND + HOUR_MS // 2)["manifest"] == 3


def test_a_manifest_that_waits_to_be_published_is_published_as_it_was_signed(history: History) -> None:
    """Also by the rebuild that makes its files again, whether it begins after that or is about to commit."""
    words = die_unpublished(history)
    rebuilt = history.reduced(history.begin(SECOND, Mode.REBUILD))
    told = json.loads(history.objects.read(manifest_path(2)))
    told["manifest"]["totals"]["available"] = 0
    history.objects.put(manifest_path(2), canonical(told) + b"\n")
    before = history.visible()
    assert history.conclude(words)["outcome"] == "overtaken"
    with pytest.raises(ManifestDamaged, match="no key that may sign"):
        history.snapshot(SECOND, mode=Mode.REBUILD)
    with pytest.raises(ManifestDamaged, match="no key that may sign"):
        history.conclude({"step": "commit", "run": rebuilt["run"]})
    assert history.visible() == before
    assert history.objects.first(listed_path(SECOND)) is None


@pytest.mark.parametrize(("writes", "outcome"), [(1, "committed"), (2, "existed")])
def test_files_that_were_forgotten_are_made_again_though_what_tells_where_they_waited_is_still_there(
    history: History, writes: int, outcome: str
) -> None:
    """Partials expire one by one; whether the manifest had been written by then or not."""
    die_unpublished(history, writes)
    shutil.rmtree(history.objects.root / "partials/run")
    assert history.snapshot(SECOND, mode=Mode.REBUILD)["outcome"] == outcome
    assert history.objects.first(published_path(2)) is not None


def test_where_the_newest_manifest_was_hidden_the_next_snapshot_names_it_and_goes_on_once_it_is_shown_again(
    history: History,
) -> None:
    hidden = history.objects.read(manifest_path(1))
    (history.objects.root / manifest_path(1)).unlink()
    with pytest.raises(NoSuchObject, match=manifest_path(1)):
        history.finish()
    with pytest.raises(NoSuchObject, match=manifest_path(1)):
        history.snapshot(SECOND)
    history.objects.put(manifest_path(1), hidden)
    assert history.snapshot(SECOND)["manifest"] == 2


def test_a_forged_entry_of_a_later_instant_leaves_nothing_out_of_the_ledger(history: History) -> None:
    """It would count as proof that all is archived, and be in no later ledger either."""
    forged = listed_path(SECOND + HOUR_MS // 2)
    history.objects.put(forged, b'{"manifest":{"number":1}}')
    before = history.visible()
    with pytest.raises(EntryDamaged, match=forged):
        history.snapshot(SECOND)
    assert history.visible() == before
    (history.objects.root / forged).unlink()
    assert history.snapshot(SECOND)["manifest"] == 2
    assert history.head().body["ledger_from_ms"] == FIRST


def test_the_number_of_a_hidden_manifest_is_given_to_no_other(history: History) -> None:
    """Neither to a run that begins once it is hidden, which needs no base, nor to one that was planned before."""
    words = sealed(history)
    history.snapshot(SECOND)
    hidden = history.objects.read(manifest_path(2))
    (history.objects.root / manifest_path(2)).unlink()
    before = history.visible()
    with pytest.raises(NoSuchObject, match=manifest_path(2)):
        history.snapshot(SECOND + HOUR_MS // 2, mode=Mode.REBUILD)
    with pytest.raises(NoSuchObject, match=manifest_path(2)):
        history.conclude(words)
    assert history.visible() == before
    history.objects.put(manifest_path(2), hidden)
    assert history.snapshot(SECOND + HOUR_MS // 2, mode=Mode.REBUILD)["manifest"] == 3


def put_hold(history: History, *, settled: bool, at_ms: int) -> Record:
    """A hold that no event tells of, put into the table by hand."""
    world, table = history.tape.world, history.tape.tables[Source.HOLDS]
    hold = next(each for each in world.records(table) if ("settlement" in each) == settled)
    strange = {**hold, "hold_id": "hold_" + "f" * 32, "at": at_ms}
    world.database.client.put_item(TableName=table, Item=encode(strange))
    del history.tape.records[-1]
    return strange


def test_an_unsettled_hold_that_the_base_does_not_know_stops_the_seal_however_old_it_is(own: History) -> None:
    strange = put_hold(own, settled=False, at_ms=FIRST - 1000)
    with pytest.raises(Incomplete) as stopped:
        own.snapshot(SECOND)
    [[told]] = stopped.value.args
    assert told["record_key"] == strange["hold_id"]


@pytest.mark.parametrize(("at_ms", "complete"), [(FIRST, True), (FIRST + 1000, False)])
def test_a_settled_hold_that_the_base_does_not_know_is_of_its_time_or_stops_the_seal(
    own: History, at_ms: int, *, complete: bool
) -> None:
    put_hold(own, settled=True, at_ms=at_ms)
    if complete:
        assert own.snapshot(SECOND)["outcome"] == "committed"
    else:
        with pytest.raises(Incomplete):
            own.snapshot(SECOND)


def test_an_opening_waits_until_no_write_that_was_read_can_be_ahead_of_its_instant(history: History) -> None:
    told = history.steps.run({"step": "open", "reason": "the archiver was down", "actor": "operator"})
    assert told["wait_s"] * 1000 >= history.steps.grace_ms + AHEAD_MAX_MS
