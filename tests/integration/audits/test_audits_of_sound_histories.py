"""Audits of what nobody touched find nothing, whatever else goes on; and each snapshot starts one."""

import json
from typing import Any

import pytest

from inventory.domain.events import Source
from inventory.history.layout import data_path, instant_of_audit, published_path
from inventory.history.manifest import fingerprint_of
from inventory.history.plan import Mode
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import verify
from inventory.storage.codec import Record
from support.auditing import findings
from support.audits import Audits
from support.handiwork import (
    HOUR_MS,
    INSTANTS,
    LAST,
    archived,
    change_archive,
    edit,
    found,
    is_shard,
    named,
    next_snapshot,
    remove_hold,
)
from support.sealed import rewrite_parquet
from support.trade import trade
from support.workflow import History
from support.world import START_MS

DAY_MS = 86_400_000


def test_a_day_that_nobody_touched_has_nothing_wrong_whatever_an_audit_begins_with(audits: Audits) -> None:
    for instant, depth in ((LAST, "increment"), (LAST, None), (INSTANTS[1], "increment"), (INSTANTS[0], "increment")):
        result = audits.run(instant, depth=depth)
        assert audits.findings(instant) == []
        assert result["discrepancies"] == 0
        looked_at = {check["name"]: check["looked_at"] for check in result["checks"]}
        assert looked_at.pop("removals") == 0
        assert all(looked_at.values())
        live = {name for name in looked_at if name.startswith("live_")}
        all_live = {"live_stock", "live_directories", "live_adjustments", "live_holds"}
        assert live == (all_live if depth is None or instant != INSTANTS[1] else set())
    assert audits.announced == []
    assert audits.catalogue.registered == set()


def test_an_increment_says_how_far_back_it_looked_and_reads_nothing_older(audits: Audits) -> None:
    increment, full = (audits.run(LAST, depth=depth) for depth in ("increment", None))
    assert (increment["depth"], increment["since_ms"]) == ("increment", INSTANTS[1])
    assert (full["depth"], full["since_ms"]) == ("full", 0)
    assert audits.run(INSTANTS[0], depth="increment")["depth"] == "full"
    looked_at = [{each["name"]: each["looked_at"] for each in result["checks"]} for result in (increment, full)]
    events = sum(len(archived(audits.history, source)) for source in Source)
    assert looked_at[0]["gapless"] == looked_at[0]["ledger_rows"] == events < looked_at[1]["gapless"] / 2
    assert looked_at[0]["sealed_files"] < looked_at[1]["sealed_files"]
    assert looked_at[0]["archive_readable"] < looked_at[1]["archive_readable"]


def test_an_audit_whose_base_is_days_old_takes_nothing_of_its_day_for_late(history: History, audits: Audits) -> None:
    """The hours before it are on the same day, and their ledgers are not brought."""
    assert START_MS // DAY_MS == LAST // DAY_MS
    instant = LAST + 3 * DAY_MS
    history.snapshot(instant)
    result = audits.run(instant, depth="increment")
    assert (result["depth"], result["since_ms"]) == ("increment", LAST)
    assert found(audits, instant) == {}


EARLY = INSTANTS[0] - HOUR_MS // 2


def test_a_snapshot_of_before_the_first_one_is_audited_up_to_its_instant(history: History, audits: Audits) -> None:
    history.snapshot(EARLY)
    result = audits.run(EARLY, depth="increment")
    assert (result["depth"], result["since_ms"], found(audits, EARLY)) == ("increment", 0, {})
    looked_at = {each["name"]: each["looked_at"] for each in result["checks"]}
    events = sum(len(archived(history, source, 0, EARLY)) for source in Source)
    assert looked_at["gapless"] == looked_at["ledger_rows"] == looked_at["late_events"] == events > 0
    assert looked_at["manifest_chain"] == 2


def test_and_what_is_wrong_with_it_is_found(history: History, audits: Audits) -> None:
    history.snapshot(EARLY)
    lost = archived(history, Source.STOCK, 0, EARLY)[0]["event_id"]
    change_archive(history, Source.STOCK, lambda events: [each for each in events if each["event_id"] != lost])
    file = history.objects.root / data_path("snapshots", EARLY, "items", 0)
    rewrite_parquet(file, "SELECT * REPLACE (available + 1 AS available) FROM told")
    manifest = history.objects.root / "manifests/00000003.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"snap_', b'"snap_0'))
    assert audits.run(EARLY, depth="increment")["depth"] == "increment"
    rows = found(audits, EARLY)
    assert lost in named(rows["ledger_rows"])
    assert {row["path"] for row in rows["sealed_files"]} == {file.relative_to(history.objects.root).as_posix()}
    assert rows["snapshots_rows"]
    assert {row["path"] for row in rows["manifest_chain"]} == {f"manifests/{number:08}.json" for number in (3, 4)}


def test_one_asked_for_between_two_whose_base_was_overwritten_is_audited_in_full_and_the_cause_named(
    history: History, audits: Audits
) -> None:
    between = INSTANTS[0] + HOUR_MS // 2
    history.snapshot(between)
    (history.objects.root / "manifests/00000001.json").write_bytes(b"{}")
    assert audits.run(between, depth="increment")["depth"] == "full"
    assert "manifests/00000001.json" in {row["path"] for row in found(audits, between)["manifest_chain"]}


def test_sales_while_an_audit_runs_are_no_discrepancy(audits: Audits) -> None:
    world = audits.history.tape.world

    def sell() -> None:
        trade(world, 30, seed=3)
        audits.history.archive(batch=400)

    sell()
    audits.run(LAST, depth="increment", meanwhile=sell)
    audits.run(LAST, meanwhile=sell)
    assert audits.findings(LAST) == []


def test_a_settled_hold_that_expired_from_the_table_is_no_discrepancy_though_the_base_does_not_know_it(
    history: History, audits: Audits
) -> None:
    def is_old(hold: Record) -> bool:
        return "settlement" in hold and hold["at"] <= INSTANTS[1]

    remove_hold(history, is_old, at=LAST + 100_000, by="ttl", settled=True)
    instant = next_snapshot(history)
    result = audits.run(instant, depth="increment")
    assert found(audits, instant) == {}
    assert {each["name"]: each["looked_at"] for each in result["checks"]}["removals"] == 1


@pytest.mark.parametrize("depth", ["increment", "full"])
def test_a_settled_hold_s_expiry_that_is_archived_after_the_seal_is_no_discrepancy(
    history: History, audits: Audits, depth: str
) -> None:
    """A seal asks for no evidence of it, so no ledger has it."""
    sealed = LAST + 3 * DAY_MS
    history.snapshot(sealed)
    remove_hold(history, lambda hold: "settlement" in hold, at=sealed - 100, by="ttl", settled=True)
    after = sealed + HOUR_MS
    history.snapshot(after)
    for instant in (sealed, after):
        result = audits.run(instant, depth=depth)
        assert found(audits, instant) == {}
        assert {each["name"]: each["looked_at"] for each in result["checks"]}["late_events"] > 0
    trusted = {fingerprint_of(history.signer.public_key_der)}
    assert findings(verify(history.objects.root, RsaVerifier(trusted), every=True)) == []


@pytest.mark.parametrize(("wider", "common"), [(4, 2), (3, 1)])
@pytest.mark.parametrize("depth", ["increment", "full"])
def test_where_the_number_of_buckets_changed_audits_are_cut_into_as_many_as_all_have_in_common(
    history: History, depth: str, wider: int, common: int
) -> None:
    changed = History(history.objects.root, history.tape, buckets=wider)
    changed.now_ms = history.now_ms
    trade(history.tape.world, 30, seed=7)
    instant, audits = next_snapshot(changed), Audits(changed)
    audit = f"audit_{instant:012x}{'0' * 20}"
    began = audits.auditor.run({"step": "begin", "input": {"audit": audit, "as_of_ms": instant, "depth": depth}})
    assert [len(json.loads(changed.objects.read(began["lists"][each]))) for each in ("holds", "items")] == [common] * 2
    result = audits.run(instant, depth=depth)
    assert (result["depth"], result["discrepancies"]) == (depth, 0)
    assert all(each["looked_at"] for each in result["checks"] if each["name"] != "removals")
    record = edit(history, Source.STOCK, is_shard, available=10_000)
    audits.run(instant, depth=depth)
    assert named(found(audits, instant)["live_stock"]) == {record["stock_id"]}


def test_each_snapshot_starts_one_audit_however_often_it_is_told_to(history: History) -> None:
    for instant in (LAST, INSTANTS[0], LAST):
        history.conclude({"step": "audit", "as_of_ms": instant, "mode": Mode.INCREMENT})
    started = history.audits
    assert [words["as_of_ms"] for words in started.values()] == [LAST, INSTANTS[0]]
    assert {words["depth"] for words in started.values()} == {"increment"}
    assert all(name == words["audit"] and instant_of_audit(name) for name, words in started.items())


def test_a_rebuild_starts_one_audit_from_the_first_event_beside_the_one_of_its_snapshot(
    history: History, audits: Audits
) -> None:
    for mode in (Mode.INCREMENT, Mode.REBUILD, Mode.REBUILD, Mode.INCREMENT):
        history.conclude({"step": "audit", "as_of_ms": LAST, "mode": mode})
    started = history.audits
    assert [words["depth"] for words in started.values()] == ["increment", "full"]
    told = [audits.run(words["as_of_ms"], depth=words["depth"]) for words in started.values()]
    assert [each["since_ms"] for each in told] == [INSTANTS[1], 0]


def test_an_audit_that_is_over_before_its_snapshot_counts_as_published_finds_nothing(
    history: History, audits: Audits, monkeypatch: pytest.MonkeyPatch
) -> None:
    results: list[Any] = []

    def run(_: str, words: Any) -> int:
        if history.objects.first(published_path(len(INSTANTS) + 1)) is None:
            results.append(audits.run(words["as_of_ms"], depth=words["depth"]))
        return 1

    trade(history.tape.world, 30, seed=5)
    monkeypatch.setattr(history.audits, "start", run)
    instant = next_snapshot(history)
    (result,) = results
    assert (result["as_of_ms"], result["since_ms"], result["discrepancies"]) == (instant, LAST, 0)
    looked_at = {each["name"] for each in result["checks"] if each["looked_at"]}
    assert looked_at > {"live_stock", "live_holds", "ledger_rows"}
