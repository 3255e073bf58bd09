"""Stock of an instant, from snapshots and a ledger made by hand: what it is made from, and up to which moment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from inventory.adapters.objects import NoSuchObject
from inventory.adapters.scratch import scratch_database
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.errors import InstantNotSealed, InvariantBroken, Missing, SnapshotNeeded
from inventory.history.columnar import DIRECTORIES, LEDGER, MEMORY_MB, SHARDS, Columns, save
from inventory.history.layout import data_path, listed_path, manifest_path
from inventory.history.manifest import ManifestDamaged
from inventory.history.past import Past
from support.chain import GOES_ON, Chain

START_MS = 1_764_000_000_000
Row = Mapping[str, Any]


def at(seconds: float) -> int:
    return START_MS + round(1000 * seconds)


def shard(
    rev: int, available: int, held: int = 0, *, warehouse: str = "berlin", number: int = 0, item: str = "cup"
) -> Row:
    return {
        "item_id": item,
        "warehouse_id": warehouse,
        "shard": number,
        "rev": rev,
        "available": available,
        "held": held,
        "at_ms": 0,
    }


def directory(warehouses: str, rev: int = 1, item: str = "cup") -> Row:
    return {"item_id": item, "warehouses": warehouses, "rev": rev, "at_ms": 0}


def changed(at_ms: int, told: Row) -> Row:
    """The event of a shard, or of a directory, that made it what it is."""
    if "shard" in told:
        counts = {"available_after": told["available"], "held_after": told["held"]}
        kept = {name: told[name] for name in ("item_id", "warehouse_id", "shard", "rev")}
        return kept | counts | {"type": "shard_changed", "at_ms": at_ms}
    kept = {name: told[name] for name in ("item_id", "rev")}
    return kept | {"type": "directory_changed", "after": told["warehouses"], "at_ms": at_ms}


class Shelf:
    """A history of one bucket."""

    def __init__(self, root: Path) -> None:
        self.chain = Chain(root / "bucket")
        self._root = root

    def seal(
        self,
        as_of_ms: int,
        shards: Sequence[Row] = (),
        directories: Sequence[Row] = (),
        ledger: Sequence[Row] | None = None,
        *,
        ledger_from_ms: int | None = None,
        opens_after_ms: int | None = GOES_ON,
    ) -> None:
        """A snapshot; `ledger` is None where it adds nothing to it."""
        self.chain.seal(as_of_ms, buckets=1, ledger_from_ms=ledger_from_ms, opens_after_ms=opens_after_ms)
        self._put(data_path("state", as_of_ms, "shards", 0), SHARDS, shards)
        self._put(data_path("state", as_of_ms, "directories", 0), DIRECTORIES, directories)
        if ledger is not None:
            self._put(data_path("ledger", as_of_ms, "items", 0), LEDGER, ledger)

    def asked(self, at_ms: int, item: str = "cup", *, bytes_max: int = 10**9) -> ItemStock:
        """By a function that knows nothing yet."""
        return Past(self.chain.objects, bytes_max=bytes_max).stock_of(item, at_ms, self._root)

    def _put(self, path: str, columns: Columns, rows: Sequence[Row]) -> None:
        spelled = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        file = self._root / "made.parquet"
        with scratch_database(memory_mb=MEMORY_MB) as sql:
            sql.execute(f"CREATE TABLE made ({spelled})")
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                sql.execute(f"INSERT INTO made ({names}) VALUES ({', '.join('?' for _ in row)})", list(row.values()))
            save(sql, "FROM made", columns, "item_id, at_ms", file, path)
        self.chain.objects.upload(file, path)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Snapshots of seconds 10 and 20; what is asked for begins at 2, and changes at 15, with another beside it."""
    shelf = Shelf(tmp_path)
    told = [directory('{"berlin":{"shards":1}}'), directory('{"lyon":{"shards":9}}', item="pot")]
    first = [changed(at(2), told[0]), changed(at(2), shard(1, 5)), changed(at(9), shard(1, 77, item="pot"))]
    shelf.seal(at(10), [shard(1, 5), shard(1, 77, item="pot")], told, first, ledger_from_ms=0)
    ledger = [changed(at(15), shard(2, 4, 1)), changed(at(15.1), shard(3, 3, 2)), changed(at(20), shard(4, 9))]
    other = [changed(at(12), shard(9, 66, 6, item="pot")), changed(at(12), directory('{"oslo":null}', 9, item="pot"))]
    shelf.seal(at(20), [shard(4, 9), shard(9, 66, 6, item="pot")], told, [*ledger, *other], ledger_from_ms=at(10))
    return shelf


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [(2, (5, 0)), (9, (5, 0)), (10, (5, 0)), (14, (5, 0)), (15, (4, 1)), (16, (3, 2)), (19, (3, 2)), (20, (9, 0))],
)
def test_archive_complete_every_write_up_to_the_instant_counts_and_none_after_it(
    shelf: Shelf, seconds: int, counts: tuple[int, int]
) -> None:
    assert shelf.asked(at(seconds)) == ItemStock("cup", (WarehouseStock("berlin", *counts, 1),), at(seconds))


@pytest.mark.parametrize("seconds", [0, 1])
def test_before_its_first_event_there_is_no_item(shelf: Shelf, seconds: int) -> None:
    with pytest.raises(Missing, match="cup"):
        shelf.asked(at(seconds))


def test_the_past_ends_at_the_latest_snapshot(shelf: Shelf) -> None:
    with pytest.raises(InstantNotSealed) as refused:
        shelf.asked(at(21))
    assert (refused.value.latest_s, refused.value.lost_until_s) == (at(20) // 1000, None)


def test_a_snapshots_own_instant_needs_no_ledger(shelf: Shelf) -> None:
    for seconds in (10, 20):
        (shelf.chain.objects.root / data_path("ledger", at(seconds), "items", 0)).unlink()
    assert [shelf.asked(at(seconds)).available for seconds in (10, 20)] == [5, 9]


def test_a_directory_is_what_all_changes_up_to_the_instant_made_of_it_and_tells_which_warehouses_there_are(
    tmp_path: Path,
) -> None:
    shelf = Shelf(tmp_path)
    base = directory('{"oslo":{"shards":1},"berlin":{"shards":2}}')
    shards = [shard(1, 5, 1), shard(1, 7, 2, number=1), shard(1, 50, warehouse="oslo")]
    shelf.seal(at(10), shards, [base], [], ledger_from_ms=0)
    changes = [
        changed(at(11), directory('{"berlin":{"shards":4}}', 2)),
        changed(at(11), directory('{"berlin":{"shards":8},"lyon":{"shards":1}}', 3)),
        changed(at(12), directory('{"oslo":null}', 4)),
    ]
    shelf.seal(at(20), shards, [base], [changes[1], changes[2], changes[0]], ledger_from_ms=at(10))
    berlin, lyon = WarehouseStock("berlin", 12, 3, 8), WarehouseStock("lyon", 0, 0, 1)
    assert shelf.asked(at(11)).warehouses == (berlin, lyon, WarehouseStock("oslo", 50, 0, 1))
    assert shelf.asked(at(12)).warehouses == (berlin, lyon)


def test_one_question_reads_no_more_than_it_may_of_all_its_files_together(shelf: Shelf) -> None:
    sizes = {stored.key: stored.size for stored in shelf.chain.objects.list("")}
    needed = sum(
        sizes[path]
        for path in (
            data_path("state", at(10), "shards", 0),
            data_path("state", at(10), "directories", 0),
            data_path("ledger", at(20), "items", 0),
        )
    )
    assert shelf.asked(at(15), bytes_max=needed).available == 4
    with pytest.raises(SnapshotNeeded):
        shelf.asked(at(15), bytes_max=needed - 1)


def test_where_the_snapshot_is_not_listed_that_a_part_of_the_ledger_begins_at_nothing_is_told(shelf: Shelf) -> None:
    (shelf.chain.objects.root / listed_path(at(10))).unlink()
    with pytest.raises(InvariantBroken, match="is not listed"):
        shelf.asked(at(15))


@pytest.mark.parametrize(("seconds", "lost"), [(20, False), (21, True), (29, True), (30, False)])
def test_nothing_is_told_of_a_time_that_was_given_up(shelf: Shelf, seconds: int, *, lost: bool) -> None:
    shelf.seal(at(30), [shard(8, 6)], [directory('{"berlin":{"shards":1}}')], opens_after_ms=at(20))
    if not lost:
        assert shelf.asked(at(seconds)).available == (9 if seconds == 20 else 6)
        return
    with pytest.raises(InstantNotSealed) as refused:
        shelf.asked(at(seconds))
    assert (refused.value.latest_s, refused.value.lost_until_s) == (at(20) // 1000, at(30) // 1000)


@pytest.mark.parametrize(("number", "seconds"), [(1, 10), (1, 15), (2, 15), (2, 20)])
def test_a_manifest_that_is_needed_and_that_somebody_wrote_over_or_deleted_is_named(
    shelf: Shelf, number: int, seconds: int
) -> None:
    shelf.chain.objects.put(manifest_path(number), b"{}")
    with pytest.raises(ManifestDamaged, match=f"^{manifest_path(number)} is no manifest"):
        shelf.asked(at(seconds))
    (shelf.chain.objects.root / manifest_path(number)).unlink()
    with pytest.raises(NoSuchObject, match=manifest_path(number)):
        shelf.asked(at(seconds))


@pytest.mark.parametrize(("number", "seconds"), [(1, 20), (2, 10)])
def test_one_that_is_not_needed_hinders_nobody(shelf: Shelf, number: int, seconds: int) -> None:
    shelf.chain.objects.put(manifest_path(number), b"{}")
    assert shelf.asked(at(seconds)).available == (9 if seconds == 20 else 5)
