"""Stock at any instant, from a snapshot and the ledger, against the plain fold of all events up to that instant."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.adapters.objects import Stored
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.errors import InstantNotSealed, InvariantBroken, Missing, SnapshotNeeded
from inventory.domain.events import Event, Source
from inventory.domain.stock import is_directory_key
from inventory.history.layout import listed_path
from inventory.history.past import Past
from support.folding import fold
from support.objects import DirectoryObjects
from support.tape import Tape
from support.trade import ITEMS, trade
from support.workflow import History
from support.world import World


@pytest.fixture(scope="module")
def tape() -> Tape:
    world = World(seed=31)
    world.clock.pass_s(3600)
    tape = Tape(world)
    trade(world, 300, seed=31)
    world.clock.pass_s(60)
    world.receive("newcomer", 3)
    world.clock.pass_s(10)
    return tape


def stock_by_fold(events: list[Event], item: str, at_ms: int) -> ItemStock | None:
    """What there was, the plain way; None for an item that was not known."""
    records = fold(events, until=at_ms)
    directory = records.get(f"{item}#*")
    if directory is None:
        return None
    shards = [each for key, each in records.items() if not is_directory_key(key) and each["item_id"] == item]
    warehouses = [
        WarehouseStock(
            name,
            sum(each["available"] for each in shards if each["warehouse_id"] == name),
            sum(each["held"] for each in shards if each["warehouse_id"] == name),
            entry["shards"],
        )
        for name, entry in sorted(directory["warehouses"].items())
    ]
    return ItemStock(item, tuple(warehouses), at_ms)


def asked(past: Past, item: str, at_ms: int, work: Path) -> ItemStock | None:
    try:
        return past.stock_of(item, at_ms, work)
    except Missing:
        return None


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 10_000), snapshots=st.lists(st.floats(0, 1), min_size=1, max_size=2))
def test_stock_at_any_instant_is_what_the_fold_of_all_events_gives(
    tape: Tape, seed: int, snapshots: list[float]
) -> None:
    """Snapshots are made in any order, so that some add nothing to the ledger, and with changing numbers of buckets."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    first_s, last_s = tape.instants()[0] // 1000, -(-tape.instants()[-1] // 1000)
    made = [first_s + round(place * (last_s - first_s)) for place in snapshots] + [last_s]
    events = tape.events(Source.STOCK)
    with TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        for buckets in (2, 3):
            history = History(Path(folder) / "bucket", tape, buckets=buckets)
            history.archive()
            for as_of_s in made[: len(made) // 2] if buckets == 2 else made[len(made) // 2 :]:
                history.snapshot(as_of_s * 1000)
        past = Past(history.as_seen_by("stock_at"))
        instants = [*made, *(draw.randint(first_s - 3, last_s) for _ in range(8))]
        for at_ms in (instant_s * 1000 for instant_s in instants):
            for item in draw.sample((*ITEMS, "newcomer", "unheard-of"), 3):
                assert asked(past, item, at_ms, work) == stock_by_fold(events, item, at_ms), (item, at_ms)


@pytest.fixture(scope="module")
def history(tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> History:
    """Two snapshots, ten seconds before the last event and after it."""
    history = History(tmp_path_factory.mktemp("bucket"), tape)
    history.archive()
    for as_of_ms in (before_last(tape), after_last(tape)):
        history.snapshot(as_of_ms)
    return history


def after_last(tape: Tape) -> int:
    return -(-tape.instants()[-1] // 1000) * 1000


def before_last(tape: Tape) -> int:
    return after_last(tape) - 10_000


def test_the_past_ends_at_the_latest_snapshot_and_says_so(history: History, tape: Tape, tmp_path: Path) -> None:
    past = Past(history.as_seen_by("stock_at"))
    assert past.stock_of("newcomer", after_last(tape), tmp_path).available == 3
    with pytest.raises(InstantNotSealed) as refused:
        past.stock_of("newcomer", after_last(tape) + 1000, tmp_path)
    assert refused.value.latest_s == after_last(tape) // 1000
    assert str(refused.value.latest_s) in refused.value.message


def test_without_a_snapshot_there_is_no_past(tape: Tape, tmp_path: Path) -> None:
    with pytest.raises(InstantNotSealed, match="none yet") as refused:
        Past(DirectoryObjects(tmp_path)).stock_of("cup", after_last(tape), tmp_path)
    assert refused.value.latest_s is None


def test_an_item_is_unknown_before_its_first_event_and_at_the_beginning_of_time(
    history: History, tape: Tape, tmp_path: Path
) -> None:
    past = Past(history.as_seen_by("stock_at"))
    for item, at_ms in (("newcomer", before_last(tape)), ("cup", 0), ("unheard-of", after_last(tape))):
        with pytest.raises(Missing, match=item):
            past.stock_of(item, at_ms, tmp_path)


def test_where_too_much_happened_a_snapshot_of_the_instant_is_asked_for_and_helps(
    history: History, tape: Tape, tmp_path: Path
) -> None:
    with TemporaryDirectory() as folder:
        shutil.copytree(history.objects.root, Path(folder) / "bucket")
        copied = History(Path(folder) / "bucket", tape)
        sizes = {stored.key: stored.size for stored in copied.objects.list("")}
        at_ms = after_last(tape) - 40_000
        base = sum(size for key, size in sizes.items() if key.startswith("state/") and "holds" not in key)
        past = Past(copied.as_seen_by("stock_at"), bytes_max=base)
        with pytest.raises(SnapshotNeeded):
            past.stock_of("cup", at_ms, tmp_path)
        copied.now_ms = history.now_ms
        copied.snapshot(at_ms)
        assert past.stock_of("cup", at_ms, tmp_path) == stock_by_fold(tape.events(Source.STOCK), "cup", at_ms)


def test_a_snapshot_that_is_not_listed_is_no_silent_gap(history: History, tape: Tape, tmp_path: Path) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder) / "bucket"
        shutil.copytree(history.objects.root, root)
        (root / listed_path(before_last(tape))).unlink()
        with pytest.raises(InvariantBroken, match="not listed"):
            Past(DirectoryObjects(root)).stock_of("newcomer", after_last(tape) - 1000, tmp_path)


def test_an_instant_costs_a_few_requests_whatever_the_history_has(history: History, tape: Tape, tmp_path: Path) -> None:
    objects = Requests(history.objects.root)
    past = Past(objects)
    past.stock_of("cup", after_last(tape) - 5000, tmp_path)
    assert objects.count <= 16
    objects.count = 0
    past.stock_of("cup", after_last(tape) - 4000, tmp_path)
    assert objects.count <= 14, "manifests are remembered"


class Requests(DirectoryObjects):
    """Counts what is asked of it; a listing counts once, for it is of one page."""

    count = 0

    def read(self, key: str) -> bytes:
        self.count += 1
        return super().read(key)

    def page(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        self.count += 1
        return super().page(prefix, after=after, limit=limit)

    def first(self, prefix: str) -> Stored | None:
        self.count += 1
        return super().first(prefix)
