"""What an opening says was lost and has changed, to the revision and to the unit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.proof.findings import Finding
from inventory.proof.manifest import After, File, Manifest, Opening, instant_name, manifest_path
from inventory.proof.openings import check_openings
from support.sealed import SNAPSHOTS, write_parquet

BEFORE, OPENED = 1_000_000, 5_000_000
SHARD, HOLD = "cup#berlin#0", "hold_" + "a" * 32
LOST = "record_key VARCHAR, what VARCHAR, from_rev BIGINT, until_rev BIGINT"
CHANGED = (
    "item_id VARCHAR, warehouse_id VARCHAR, available_before BIGINT, held_before BIGINT, available_after BIGINT, "
    "held_after BIGINT, on_hand_change BIGINT"
)
#: Of each kind of state file, the columns that name a record.
STATES = {
    "shards": "item_id VARCHAR, warehouse_id VARCHAR, shard INTEGER, rev BIGINT",
    "directories": "item_id VARCHAR, rev BIGINT",
    "holds": "hold_id VARCHAR, rev BIGINT",
}

#: Revisions of records, by their keys.
Revisions = Mapping[str, int]
#: Units that are available and held, by item and warehouse.
Stock = Mapping[tuple[str, str], tuple[int, int]]
#: What an opening says was lost: of a record, from which revision to which.
Lost = Sequence[tuple[str, int, int]]


def manifest(
    folder: Path, number: int, as_of_ms: int, tables: Mapping[str, tuple[str, list[dict[str, Any]]]], *, opens: bool
) -> Manifest:
    as_of, files = instant_name(as_of_ms), []
    for name, (columns, rows) in tables.items():
        table, kind = name.split("/")
        path = f"{table}/as_of={as_of}/{kind}-0000.parquet"
        write_parquet(folder / path, columns, "ALL", rows)
        files.append(File(path, 1, len(rows), "0" * 64))
    opening = Opening(reason="restored", actor="op", after=After(number=number - 1, as_of_ms=BEFORE)) if opens else None
    return Manifest(manifest_path(number), number, "", "", as_of, as_of_ms, None, 1, files, {}, opening)


def states(revisions: Revisions) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in STATES}
    for key, rev in revisions.items():
        if key.startswith("hold_"):
            rows["holds"].append({"hold_id": key, "rev": rev})
        elif key.endswith("#*"):
            rows["directories"].append({"item_id": key.removesuffix("#*"), "rev": rev})
        else:
            item, warehouse, shard = key.split("#")
            rows["shards"].append({"item_id": item, "warehouse_id": warehouse, "shard": int(shard), "rev": rev})
    return {f"state/{kind}": (columns, rows[kind]) for kind, columns in STATES.items()}


def stock(units: Stock) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    rows = [
        {"item_id": item, "warehouse_id": warehouse, "available": available, "held": held}
        for (item, warehouse), (available, held) in units.items()
    ]
    columns = ", ".join(each for each in SNAPSHOTS.split(", ") if each.split()[0] in rows[0]) if rows else SNAPSHOTS
    return {"snapshots/items": (columns, rows)}


def found(
    folder: Path,
    *,
    before: Revisions | None = None,
    after: Revisions | None = None,
    archived: Sequence[tuple[str, int]] = (),
    lost: Lost = (),
    given_again: Lost = (),
    stock_before: Stock | None = None,
    stock_after: Stock | None = None,
    changed: Sequence[tuple[str, str, int, int, int, int, int]] = (),
) -> list[Finding]:
    """What is found of an opening with these snapshots on both sides, and events (id, instant) in the hole."""
    told_lost = [
        {"record_key": key, "what": what, "from_rev": first, "until_rev": last}
        for what, told in (("missing", lost), ("given_again", given_again))
        for key, first, last in told
    ]
    names = [each.split()[0] for each in CHANGED.split(", ")]
    told_changed = [dict(zip(names, row, strict=True)) for row in changed]
    opened = {"opened/lost-items": (LOST, told_lost), "opened/changed-items": (CHANGED, told_changed)}
    one = manifest(folder, 1, BEFORE, states(before or {}) | stock(stock_before or {}), opens=False)
    other = manifest(folder, 2, OPENED, states(after or {}) | stock(stock_after or {}) | opened, opens=True)
    with duckdb.connect() as database:
        database.execute("CREATE TABLE hole_event (event_id VARCHAR, at_ms BIGINT)")
        if archived:
            database.executemany("INSERT INTO hole_event VALUES (?, ?)", [list(event) for event in archived])
        checks = check_openings(database, folder, [one, other])
    return [finding for check in checks for finding in check.findings]


def missing(found: Sequence[Finding]) -> list[tuple[str | None, Any]]:
    assert {each.what for each in found} <= {"What the opening says is missing is not what the archive lacks."}
    return [(each.record, each.evidence) for each in found]


@pytest.mark.parametrize("key", [SHARD, "cup#*", HOLD])
def test_of_each_kind_of_record_what_neither_side_has_and_no_object_tells_is_missing(tmp_path: Path, key: str) -> None:
    told: dict[str, Any] = {"before": {key: 2}, "after": {key: 7}, "archived": [(f"{key}@5", BEFORE + 1)]}
    assert found(tmp_path, **told, lost=[(key, 3, 4), (key, 6, 7)]) == []
    between = {"expected": {"from": 3, "until": 4}, "found": {"from": None, "until": None}}
    assert missing(found(tmp_path, **told, lost=[(key, 6, 7)])) == [(f"{key}@3", between)]


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        pytest.param({SHARD: 3}, {SHARD: 3}, [], id="nothing was written since"),
        pytest.param({SHARD: 3}, {SHARD: 4}, [(SHARD, 4, 4)], id="one revision"),
        pytest.param({}, {SHARD: 2}, [(SHARD, 1, 2)], id="a record of which nothing is known before"),
        pytest.param({SHARD: 3}, {}, [], id="one that is gone"),
        pytest.param({SHARD: 9}, {SHARD: 3}, [], id="one of an earlier time, as its table was restored"),
    ],
)
def test_what_is_missing_lies_between_the_revisions_on_both_sides(
    tmp_path: Path, before: Revisions, after: Revisions, lost: Lost
) -> None:
    assert found(tmp_path, before=before, after=after, lost=lost) == []
    if lost:
        told = missing(found(tmp_path, before=before, after=after))
        assert [record for record, _ in told] == [f"{SHARD}@{lost[0][1]}"]


def test_each_record_is_followed_by_itself(tmp_path: Path) -> None:
    before, after = {SHARD: 2, HOLD: 4, "cup#*": 1}, {SHARD: 9, HOLD: 5, "cup#*": 3}
    archived = [(f"{SHARD}@4", BEFORE + 1), ("cup#*@2", BEFORE + 1)]
    lost = [(SHARD, 3, 3), (SHARD, 5, 9), (HOLD, 5, 5), ("cup#*", 3, 3)]
    assert found(tmp_path, before=before, after=after, archived=archived, lost=lost) == []


def test_of_a_record_that_went_back_nobody_knows_how_far_it_had_come(tmp_path: Path) -> None:
    archived = [(f"{SHARD}@12", BEFORE + 1)]
    assert found(tmp_path, before={SHARD: 9}, after={SHARD: 3}, archived=archived, lost=[(SHARD, 10, 11)]) == []


def test_where_nothing_was_written_since_nothing_can_be_missing(tmp_path: Path) -> None:
    told = missing(found(tmp_path, before={SHARD: 3}, after={SHARD: 3}, lost=[(SHARD, 4, 5)]))
    wrong = {"expected": {"from": None, "until": None}, "found": {"from": 4, "until": 5}}
    assert told == [(f"{SHARD}@4", wrong)]


@pytest.mark.parametrize(
    ("at_ms", "is_of_the_hole"), [(BEFORE, False), (BEFORE + 1, True), (OPENED, True), (OPENED + 1, False)]
)
def test_only_what_is_archived_of_the_hole_is_not_missing(tmp_path: Path, at_ms: int, *, is_of_the_hole: bool) -> None:
    lost = [(SHARD, 2, 2), (SHARD, 4, 4)] if is_of_the_hole else [(SHARD, 2, 4)]
    told: dict[str, Any] = {"before": {SHARD: 1}, "after": {SHARD: 4}, "archived": [(f"{SHARD}@3", at_ms)]}
    assert found(tmp_path, **told, lost=lost) == []


@pytest.mark.parametrize("rev", [2, 3, 4])
def test_what_is_archived_is_not_said_to_be_missing(tmp_path: Path, rev: int) -> None:
    archived = [(f"{SHARD}@{rev}", BEFORE + 1)]
    told = missing(found(tmp_path, before={SHARD: 1}, after={SHARD: 4}, archived=archived, lost=[(SHARD, 2, 4)]))
    assert (f"{SHARD}@{rev}", {"missing": {"from": 2, "until": 4}}) in told


@pytest.mark.parametrize("rev", [1, 3, 7, 9])
def test_what_is_archived_beside_the_revisions_between_both_sides_cuts_nothing(tmp_path: Path, rev: int) -> None:
    """A restored table may have had others of its numbers."""
    archived = [(f"{SHARD}@{rev}", BEFORE + 1)]
    assert found(tmp_path, before={SHARD: 3}, after={SHARD: 6}, archived=archived, lost=[(SHARD, 4, 6)]) == []


@pytest.mark.parametrize("before", [3, 9])
def test_revisions_that_are_given_again_are_archived_and_not_missing(tmp_path: Path, before: int) -> None:
    archived = [(f"{SHARD}@{rev}", BEFORE + rev) for rev in (4, 5, 6)]
    again = [(SHARD, 5, 6)]
    assert found(tmp_path, before={SHARD: before}, after={SHARD: 4}, archived=archived, given_again=again) == []


PLACE = ("cup", "berlin")


@pytest.mark.parametrize(
    ("before", "after", "row"),
    [
        pytest.param({PLACE: (5, 2)}, {PLACE: (4, 2)}, (5, 2, 4, 2, -1), id="available alone"),
        pytest.param({PLACE: (5, 2)}, {PLACE: (5, 1)}, (5, 2, 5, 1, -1), id="held alone"),
        pytest.param({PLACE: (5, 2)}, {PLACE: (2, 5)}, (5, 2, 2, 5, 0), id="one for the other"),
        pytest.param({}, {PLACE: (4, 1)}, (0, 0, 4, 1, 5), id="a new place"),
        pytest.param({PLACE: (4, 1)}, {}, (4, 1, 0, 0, -5), id="a place that is gone"),
        pytest.param({PLACE: (5, 2)}, {PLACE: (5, 2)}, None, id="nothing"),
        pytest.param({}, {PLACE: (0, 0)}, None, id="a new place of nothing"),
        pytest.param({PLACE: (0, 0)}, {}, None, id="a place of nothing that is gone"),
    ],
)
def test_what_has_changed_is_how_the_stock_on_both_sides_differs(
    tmp_path: Path, before: Stock, after: Stock, row: tuple[int, int, int, int, int] | None
) -> None:
    sides: dict[str, Any] = {"stock_before": before, "stock_after": after}
    assert found(tmp_path, **sides, changed=[] if row is None else [(*PLACE, *row)]) == []
    wrong: list[list[Any]] = [[]] if row else [[(*PLACE, 1, 0, 2, 0, 1)]]
    if row is not None:  # each of its numbers
        wrong += [[(*PLACE, *(value + (place == each) for place, value in enumerate(row)))] for each in range(5)]
    for changed in wrong:
        [finding] = found(tmp_path, **sides, changed=changed)
        assert finding.what == "What the opening says has changed is not how the snapshots on both sides differ."
        assert finding.record == "cup berlin"
