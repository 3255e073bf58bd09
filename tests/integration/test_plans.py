"""Which archived objects a snapshot reads, how they are cut into tasks, and what makes a task another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.adapters.objects import AlteredObject, Objects, Stored
from inventory.audit.listing import cut_folder
from inventory.domain.events import Source
from inventory.history.layout import archive_hour
from inventory.history.plan import MapTask, Mode, Plan, make_plan, read_plan, read_task
from support.objects import DirectoryObjects
from support.tape import Tape
from support.trade import trade
from support.workflow import History
from support.world import START_MS, World

SECOND_MS = 1_000
HOUR_MS = 3_600_000
MEGABYTE = 1024 * 1024


@pytest.fixture
def history(tmp_path: Path) -> History:
    world = World(seed=11)
    tape = Tape(world)
    trade(world, 60, seed=11)
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.now_ms = START_MS + 10 * HOUR_MS
    return history


def plan_of(history: History, as_of_ms: int, *, mode: Mode = Mode.INCREMENT, buckets: int = 2) -> Plan:
    return make_plan(history.objects, as_of_ms=as_of_ms, mode=mode, now_ms=history.now_ms, buckets=buckets)


def planted(history: History, hour_ms: int) -> str:
    """An object of the archive in an hour."""
    key = f"{archive_hour(Source.STOCK, hour_ms)}{'0' * 16}-1-2.jsonl.gz"
    history.objects.put(key, b"")
    return key


def keys_of(objects: Objects, task: MapTask) -> list[str]:
    return [stored.key for stored in read_task(objects, task)]


def read_by(history: History, plan: Plan) -> set[str]:
    return {key for task in plan.tasks for key in keys_of(history.objects, task)}


def test_the_hour_before_the_base_is_read_where_the_stream_may_have_been_behind_the_events(history: History) -> None:
    """An event after the base, a moment past the hour, can lie in the stream's hour before."""
    base = START_MS + 5 * HOUR_MS + 5 * SECOND_MS
    history.snapshot(base)
    wanted, older = planted(history, base - HOUR_MS), planted(history, base - 2 * HOUR_MS)
    read = read_by(history, plan_of(history, base + HOUR_MS))
    assert wanted in read
    assert older not in read


def test_the_hour_after_an_earlier_instant_is_read_where_the_stream_may_have_been_ahead(history: History) -> None:
    instant = START_MS + 5 * HOUR_MS - 5 * SECOND_MS
    history.snapshot(START_MS + 8 * HOUR_MS)
    wanted, later = planted(history, instant + HOUR_MS), planted(history, instant + 2 * HOUR_MS)
    read = read_by(history, plan_of(history, instant))
    assert wanted in read
    assert later not in read


def test_what_was_mapped_for_another_instant_base_or_number_of_buckets_is_another_task(history: History) -> None:
    instant = START_MS + HOUR_MS
    told = [plan_of(history, instant, mode=Mode.REBUILD, buckets=buckets) for buckets in (2, 5)]
    told.append(plan_of(history, instant + SECOND_MS, mode=Mode.REBUILD))
    history.snapshot(START_MS + SECOND_MS)
    told.append(plan_of(history, instant))
    folders = [task.folder for plan in told for task in plan.tasks]
    assert len(told[0].tasks) == len(Source)
    assert len(set(folders)) == len(folders)


def test_an_object_that_was_overwritten_makes_another_task_until_its_first_version_is_back(history: History) -> None:
    def folders() -> list[str]:
        return [task.folder for task in plan_of(history, START_MS + HOUR_MS).tasks]

    written = folders()
    key, first = next(iter(history.objects.contents("archive/stock/").items()))
    history.objects.put(key, first + first)
    forged = folders()
    assert len(set(written) & set(forged)) == len(Source) - 1
    history.objects.put(key, first)
    assert folders() == written


def test_what_was_overwritten_after_it_was_listed_is_not_read_and_nothing_is_made_of_it(history: History) -> None:
    words = history.begin(START_MS + HOUR_MS)
    planned = history.steps.run({**words, "step": "plan"})
    [task] = [each for each in read_plan(history.objects, planned["run"]).tasks if each.source is Source.STOCK]
    key, first = next(iter(history.objects.contents("archive/stock/").items()))
    history.objects.put(key, first + first)
    with pytest.raises(AlteredObject, match=key):
        history.each(planned, "map", "map")
    assert list(history.objects.contents(task.folder)) == [f"{task.folder}objects.json"]
    history.objects.put(key, first)
    history.each(planned, "map", "map")
    assert f"{task.folder}done.json" in history.objects.contents(task.folder)


def test_a_rebuild_after_the_number_of_buckets_was_changed_takes_nothing_of_one_that_was_given_up(
    history: History, tmp_path: Path
) -> None:
    instant = START_MS + HOUR_MS
    history.reduced(history.begin(instant, Mode.REBUILD))
    wider, fresh = (History(root, history.tape, buckets=5) for root in (history.objects.root, tmp_path / "fresh"))
    fresh.archive()
    for each in (wider, fresh):
        each.snapshot(instant, mode=Mode.REBUILD)
    assert wider.visible() == fresh.visible()


def test_an_instant_that_is_no_whole_second_is_refused_before_anything_is_written(history: History) -> None:
    history.objects.writes_left = 0
    with pytest.raises(ValueError, match="whole second"):
        history.begin(START_MS + 500)


class Many(DirectoryObjects):
    """An archive with very many objects in one folder, or with very large ones."""

    def __init__(self, root: Path, sizes: list[int]) -> None:
        super().__init__(root)
        self.sizes = {f"{archive_hour(Source.STOCK, START_MS)}{n:016x}-1-2.jsonl.gz": s for n, s in enumerate(sizes)}

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        if not prefix.startswith("archive/"):
            return super().list(prefix, after=after)
        return iter(
            [Stored(key, size, "") for key, size in self.sizes.items() if key.startswith(prefix) and key > after]
        )


@pytest.mark.parametrize("sizes", [[10] * 1_300, [MEGABYTE] * 100, [40 * MEGABYTE] * 3, []])
def test_no_task_of_a_snapshot_or_an_audit_reads_more_than_a_function_can(tmp_path: Path, sizes: list[int]) -> None:
    """Of more than one object, 32 MB, and 500 objects of whatever size."""
    objects = Many(tmp_path, sizes)
    as_of_ms = START_MS + HOUR_MS
    plan = make_plan(objects, as_of_ms=as_of_ms, mode=Mode.INCREMENT, now_ms=as_of_ms, buckets=2)
    of_audit = cut_folder(objects, "archive/stock/")
    for cut in ([keys_of(objects, task) for task in plan.tasks], list(of_audit)):
        assert [key for keys in cut for key in keys] == list(objects.sizes), "each is read once"
        for keys in cut:
            assert len(keys) <= 500
            assert len(keys) == 1 or sum(objects.sizes[key] for key in keys) <= 32 * MEGABYTE
        assert len(cut) <= max(len(sizes) / 500, sum(sizes) / (30 * MEGABYTE)) + 1, "as few as can be"
