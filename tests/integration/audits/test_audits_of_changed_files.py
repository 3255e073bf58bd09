"""Whatever is done to sealed files and manifests, an audit finds it and names it."""

import json
import shutil

import pytest

from inventory.history.layout import data_path, stamp_of
from support.audits import Audits
from support.handiwork import LAST, found
from support.workflow import History


@pytest.mark.parametrize("table", ["snapshots", "holds", "ledger", "state"])
def test_a_changed_file_of_a_snapshot_is_named(history: History, audits: Audits, table: str) -> None:
    path = min((history.objects.root / table / f"as_of={stamp_of(LAST)}").iterdir())
    content = path.read_bytes()
    path.write_bytes(bytes([*content[:20], content[20] ^ 1, *content[21:]]))
    audits.run(LAST, depth="increment")
    [row] = found(audits)["sealed_files"]
    assert row["path"] == path.relative_to(history.objects.root).as_posix()


def test_a_file_that_no_manifest_names_and_one_that_is_gone_are_named(history: History, audits: Audits) -> None:
    kept = data_path("ledger", LAST, "items", 0)
    strange = kept.replace("items-0000", "items-9999")
    (history.objects.root / kept).rename(history.objects.root / strange)
    audits.run(LAST, depth="increment")
    rows = found(audits)
    assert {row["path"] for row in rows["sealed_files"]} == {kept, strange}
    assert rows["late_events"], "the archive's events are in no ledger now"


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
