"""The events of the snapshot's state machine: what it passes to the functions' own modules in a small history."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from inventory.history.layout import snapshot_id, stamp_of
from inventory.history.plan import InstantTooRecent, NotAnOpening
from inventory.proof.manifest import canonical
from support.functions import SAMPLES, Functions
from support.history_of_samples import AS_OF_MS, BEGAN_S, GRACE_S, answer_to, audits_started, sell, take_snapshot
from support.parquet import rows_of
from support.played import PlayedMachine
from support.workflow import KeyInMemory

OPENED = {"as_of_ms": None, "align_ms": 1000, "mode": "opening", "reason": "the archiver was down", "actor": "operator"}
STAMP = stamp_of(AS_OF_MS)


@pytest.fixture(autouse=True)
def sold(functions: Functions) -> None:
    sell(functions)


def answer(machine: PlayedMachine, event: str) -> dict[str, Any]:
    return answer_to(machine, f"snapshot-machine/{event}")


def manifest(functions: Functions, number: int = 1) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(functions.shelf.objects[f"manifests/{number:08d}.json"])
    return told


def public(functions: Functions) -> dict[str, bytes]:
    """All that a reader may rely on."""
    return {key: content for key, content in functions.shelf.objects.items() if not key.startswith("partials/")}


def rows(functions: Functions, prefix: str, folder: Path) -> list[dict[str, Any]]:
    """The rows of all files whose names begin so."""
    files = [content for key, content in functions.shelf.objects.items() if key.startswith(prefix)]
    assert files
    for number, content in enumerate(files):
        (folder / f"{number}.parquet").write_bytes(content)
    return rows_of(f"{folder}/*.parquet")


def test_what_was_sold_and_archived_is_read_mapped_reduced_sealed_and_committed(functions: Functions) -> None:
    functions.flow(archived=True)
    machine = take_snapshot(functions)

    assert answer(machine, "finish") == {}, "there is nothing to finish yet"
    began = answer(machine, "begin")
    assert (began["done"], began["scan"], began["snapshot"]) == (False, True, snapshot_id(AS_OF_MS))
    assert answer(machine, "scan-segment") == {"records": 2}
    planned = answer(machine, "plan")
    assert (planned["done"], planned["tasks"], planned["attempt"]) == (False, 3, 1)
    for event in ("map", "reduce-holds", "reduce-items", "seal-bucket"):
        assert answer(machine, event) == {}
    assert answer(machine, "seal") == {"complete": True, "incomplete": []}
    assert answer(machine, "commit") == {"outcome": "committed", "manifest": 1}
    audit = answer(machine, "audit")["audit"]
    assert audits_started(functions) == {"increment": {"audit": audit, "as_of_ms": AS_OF_MS, "depth": "increment"}}
    assert machine.entered[-1] == "Done"


def test_the_snapshot_tells_what_there_was_is_signed_and_found_by_athena(functions: Functions, tmp_path: Path) -> None:
    functions.flow(archived=True)
    take_snapshot(functions)

    (cups,) = rows(functions, f"snapshots/as_of={STAMP}/", tmp_path)
    assert (cups["item_id"], cups["warehouse_id"]) == ("espresso-cup", "berlin")
    assert (cups["available"], cups["held"], cups["on_hand"]) == (6, 4, 10), "what is settled later is held still"
    signed = manifest(functions)
    assert signed["manifest"]["as_of_ms"] == AS_OF_MS
    KeyInMemory().verify(base64.b64decode(signed["signature"]["value"]), canonical(signed["manifest"]))
    assert functions.glue.partitions == {
        (table, STAMP): f"s3://history/{table}/as_of={STAMP}/" for table in ("snapshots", "holds", "ledger")
    }


def test_each_step_may_be_done_again(functions: Functions) -> None:
    functions.flow(archived=True)
    machine = take_snapshot(functions)
    visible = public(functions)

    for event in ("finish", "map", "reduce-holds", "reduce-items", "seal-bucket", "seal", "commit", "audit"):
        assert functions.play(f"snapshot-machine/{event}") == answer(machine, event)
    for event in ("begin", "plan"):
        assert functions.play(f"snapshot-machine/{event}")["done"], "and then there is nothing left to do"
    assert public(functions) == visible
    assert len(functions.states.executions) == 1


def test_what_the_archive_lacks_is_named_and_waited_for(functions: Functions) -> None:
    waited: list[str] = []

    def wait(state: str) -> None:
        waited.append(state)
        if len(waited) == 2:
            functions.flow(archived=True)

    machine = take_snapshot(functions, waits=wait)

    found = answer(machine, "seal-incomplete")
    assert not found["complete"]
    assert {"espresso-cup#*", "espresso-cup#berlin#0"} <= {each["record_key"] for each in found["incomplete"]}
    assert waited == ["WaitForArchive"] * 2
    assert manifest(functions)["manifest"]["as_of_ms"] == AS_OF_MS


def test_what_a_commit_left_undone_is_finished(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: object) -> None:
        raise ClientError({"Error": {"Code": "InternalServiceException", "Message": ""}}, "CreatePartition")

    functions.flow(archived=True)
    with monkeypatch.context() as patch:
        patch.setattr(functions.glue, "create_partition", fails)
        with pytest.raises(ClientError):
            take_snapshot(functions)
    assert "published/00000001" not in functions.shelf.objects

    assert functions.play("snapshot-machine/finish") == {}

    assert "published/00000001" in functions.shelf.objects
    assert audits_started(functions)["increment"]["as_of_ms"] == AS_OF_MS


def test_a_rebuild_from_the_first_event_finds_the_same_bytes_and_is_audited_from_there(functions: Functions) -> None:
    functions.flow(archived=True)
    take_snapshot(functions)
    before = manifest(functions)

    machine = take_snapshot(functions, "rebuild")

    assert answer(machine, "finish-before-rebuild") == {}
    began = answer(machine, "begin-rebuild")
    assert (began["done"], began["scan"]) == (False, False), "made again, of an instant that is sealed"
    assert answer(machine, "commit-of-rebuild") == {"outcome": "existed", "manifest": 1}
    assert manifest(functions) == before
    assert answer(machine, "audit-of-rebuild")["audit"] == audits_started(functions)["full"]["audit"]
    assert audits_started(functions).keys() == {"increment", "full"}


def test_the_latest_whole_hour_is_taken_where_no_instant_is_named(functions: Functions) -> None:
    began = functions.play("snapshot-machine/begin-latest")
    assert (began["as_of_ms"], began["done"], began["scan"]) == (BEGAN_S * 1000, False, True)


def test_an_instant_of_which_writes_may_be_under_way_is_refused(functions: Functions) -> None:
    with pytest.raises(InstantTooRecent):
        functions.play("snapshot-machine/begin-too-recent")


def test_a_history_whose_archive_is_lost_is_opened_with_what_there_is(functions: Functions, tmp_path: Path) -> None:
    functions.flow()  # past the archiver
    functions.pass_s(GRACE_S)
    machine = PlayedMachine(functions, "SnapshotMachine")
    opened = SAMPLES["snapshot-machine/open"].load()
    machine.run({**OPENED, **{name: opened[name] for name in ("reason", "actor")}})

    assert answer(machine, "open")["wait_s"] > GRACE_S
    assert answer(machine, "read-segment") == {"records": 2}
    began = answer(machine, "begin-opening")
    assert answer(machine, "plan-opening")["tasks"] == 0
    assert began["opening"] == answer(machine, "open")
    (cups,) = rows(functions, f"snapshots/as_of={stamp_of(began['as_of_ms'])}/", tmp_path)
    assert (cups["available"], cups["held"], cups["on_hand"]) == (6, 2, 8)
    assert manifest(functions)["manifest"]["opening"]["reason"] == opened["reason"]


def test_nobody_opens_a_history_without_saying_why(functions: Functions) -> None:
    with pytest.raises(NotAnOpening):
        functions.play("snapshot-machine/open-without-reason")
