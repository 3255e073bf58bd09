"""Whatever is done to sealed files and manifests, an audit finds it and names it."""

import json
import shutil

import pytest

from inventory.history.layout import data_path, stamp_of
from support.audits import Audits
from support.handiwork import INSTANTS, LAST, found, named
from support.parquet import rows_of
from support.sealed import rewrite_parquet
from support.workflow import History


@pytest.mark.parametrize("table", ["snapshots", "holds", "ledger", "state"])
def test_a_changed_file_of_a_snapshot_is_named(history: History, audits: Audits, table: str) -> None:
    path = min((history.objects.root / table / f"as_of={stamp_of(LAST)}").iterdir())
    content = path.read_bytes()
    path.write_bytes(bytes([*content[:20], content[20] ^ 1, *content[21:]]))
    audits.run(LAST, depth="increment")
    [row] = found(audits)["sealed_files"]
    assert row["path"] == path.relative_to(history.objects.root).as_posix()


@pytest.mark.parametrize("depth", ["increment", "full"])
@pytest.mark.parametrize(("kind", "column"), [("shards", "available"), ("directories", "rev"), ("holds", "rev")])
def test_a_changed_row_of_what_the_next_snapshot_begins_with_is_named(
    history: History, audits: Audits, kind: str, column: str, depth: str
) -> None:
    """Its file's hash tells of it as well, but not where the state was wrong before it was sealed."""
    path = data_path("state", LAST, kind, 0)
    file = history.objects.root / path
    row = rows_of(file)[0]
    name = "hold_id" if kind == "holds" else "item_id"
    rewrite_parquet(file, f"SELECT * REPLACE ({column} + ({name} = '{row[name]}')::BIGINT AS {column}) FROM told")
    audits.run(LAST, depth=depth)
    rows = found(audits)
    assert set(rows) == {"sealed_files", "state_rows"}
    assert {row["path"] for row in rows["state_rows"]} == {path}
    assert {record.split()[0] for record in named(rows["state_rows"])} == {row[name]}


def test_a_file_that_no_manifest_names_and_one_that_is_gone_are_named(history: History, audits: Audits) -> None:
    kept = data_path("ledger", LAST, "items", 0)
    strange = kept.replace("items-0000", "items-9999")
    (history.objects.root / kept).rename(history.objects.root / strange)
    audits.run(LAST, depth="increment")
    rows = found(audits)
    assert {row["path"] for row in rows["sealed_files"]} == {kept, strange}
    assert rows["late_events"], "the archive's events are in no ledger now"


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("kind", ["items", "holds"])
def test_a_ledger_s_file_that_is_gone_is_named_and_so_are_the_events_that_are_in_no_ledger_now(
    history: History, audits: Audits, instant: int, kind: str
) -> None:
    gone = data_path("ledger", instant, kind, 0)
    (history.objects.root / gone).unlink()
    audits.run(LAST)
    rows = found(audits)
    assert set(rows) == {"sealed_files", "late_events"}
    assert [row["path"] for row in rows["sealed_files"]] == [gone]


@pytest.mark.parametrize("instant", INSTANTS)
def test_an_edited_ledger_is_named_as_a_file_and_by_its_event(history: History, audits: Audits, instant: int) -> None:
    path = data_path("ledger", instant, "items", 0)
    file = history.objects.root / path
    event = rows_of(file)[0]
    rewrite_parquet(file, f"SELECT * REPLACE (rev + (event_id = '{event['event_id']}')::BIGINT AS rev) FROM told")
    audits.run(LAST)
    rows = found(audits)
    assert {row["path"] for row in rows["sealed_files"]} == {path}
    assert named(rows["ledger_rows"]) == {event["event_id"]}


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_ledger_s_file_that_its_manifest_does_not_name_any_more_is_found_by_its_name(
    history: History, audits: Audits, instant: int
) -> None:
    """It is read nevertheless: what counts as the ledger is where it lies, and every file there must be named."""
    path, number = data_path("ledger", instant, "items", 0), INSTANTS.index(instant) + 1
    manifest = history.objects.root / f"manifests/{number:08}.json"
    told = json.loads(manifest.read_bytes())
    told["manifest"]["files"] = [file for file in told["manifest"]["files"] if file["path"] != path]
    manifest.write_text(json.dumps(told, sort_keys=True, separators=(",", ":")) + "\n")
    audits.run(LAST)
    rows = found(audits)
    assert [row["path"] for row in rows["sealed_files"]] == [path]
    assert rows["manifest_chain"]


def test_files_of_an_instant_that_no_manifest_has_are_named_by_an_audit_from_the_first_event(
    history: History, audits: Audits
) -> None:
    root, strange = history.objects.root, set()
    for table in ("snapshots", "ledger", "holds"):
        sealed = root / table / f"as_of={stamp_of(LAST)}"
        copied = shutil.copytree(sealed, sealed.with_name(f"as_of={stamp_of(LAST + 1000)}"))
        strange |= {path.relative_to(root).as_posix() for path in copied.iterdir()}
    audits.run(LAST)
    rows = found(audits)
    assert set(rows) == {"sealed_files"}
    assert {row["path"] for row in rows["sealed_files"]} == strange


@pytest.mark.parametrize(("number", "depth"), [(1, "increment"), (1, None), (2, "increment"), (3, "increment")])
def test_a_dropped_manifest_is_named_be_it_the_newest(
    history: History, audits: Audits, number: int, depth: str | None
) -> None:
    (history.objects.root / f"manifests/{number:08}.json").unlink()
    result = audits.run(LAST, depth=depth)
    rows = found(audits)
    assert f"manifests/{number:08}.json" in {row["path"] for row in rows["manifest_chain"]}
    if number == 3:
        assert [each["name"] for each in result["checks"]] == ["manifest_chain", "sealed_files"]


def test_a_manifest_signed_by_anyone_else_is_named(history: History, audits: Audits) -> None:
    path = history.objects.root / "manifests/00000003.json"
    told = json.loads(path.read_bytes())
    told["signature"]["value"] = json.loads((path.parent / "00000002.json").read_bytes())["signature"]["value"]
    path.write_bytes(json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    audits.run(LAST, depth="increment")
    assert [row["what"] for row in found(audits)["manifest_chain"]] == ["Its signature is wrong."]
