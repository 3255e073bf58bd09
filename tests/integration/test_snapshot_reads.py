"""How much of the bucket a snapshot's steps read: it must not grow with the tasks of others, nor with the chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.adapters.objects import NoSuchObject, Stored
from inventory.domain.events import Source
from inventory.history import plan as planning
from inventory.history import standing
from inventory.history.plan import Mode, make_plan, plan_from
from inventory.history.reduced import heads_path, result_path, sealed_path
from support.chain import Chain
from support.objects import DirectoryObjects
from support.tape import Tape
from support.trade import trade
from support.workflow import History
from support.world import START_MS, World

SECOND_MS = 1_000
AS_OF_MS = START_MS + 3_600_000


class Watched(DirectoryObjects):
    """Remembers what was asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[str] = []
        self.listings: list[str] = []

    def read(self, key: str) -> bytes:
        self.reads.append(key)
        return super().read(key)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        self.listings.append(prefix)
        return super().list(prefix, after=after)


@pytest.fixture(scope="module")
def tape() -> Tape:
    world = World(seed=11)
    tape = Tape(world)
    trade(world, 80, seed=11)
    return tape


@pytest.fixture
def history(tape: Tape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """An archive of many small tasks."""
    monkeypatch.setattr(planning, "TASK_OBJECTS_MAX", 1)
    history = History(tmp_path / "bucket", tape)
    history.archive(batch=10)
    history.now_ms = AS_OF_MS + 120_000
    return history


def watched(history: History) -> Watched:
    """The history's bucket, watched from now on."""
    objects = Watched(history.objects.root)
    object.__setattr__(history.steps, "objects", objects)
    return objects


def test_a_plan_is_hashed_when_it_is_made_and_never_again(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(history.objects, as_of_ms=AS_OF_MS, mode=Mode.REBUILD, now_ms=history.now_ms, buckets=2)
    assert len(plan.tasks) > 10
    monkeypatch.delattr(planning, "hashlib")
    read = plan_from(plan.to_json())
    assert read == plan
    assert plan.run.startswith("partials/run/")
    paths = (result_path(read, "items", 1), heads_path(read, "items", 1), sealed_path(read, "ledger/x"))
    assert all(path.startswith(plan.run) for path in paths)


def test_equal_plans_share_a_run_and_others_do_not(history: History) -> None:
    def run(as_of_ms: int, mode: Mode) -> str:
        return make_plan(history.objects, as_of_ms=as_of_ms, mode=mode, now_ms=history.now_ms, buckets=2).run

    assert run(AS_OF_MS, Mode.REBUILD) == run(AS_OF_MS, Mode.REBUILD)
    assert len({run(AS_OF_MS, mode) for mode in Mode} | {run(AS_OF_MS + SECOND_MS, Mode.REBUILD)}) == len(Mode) + 1
    before = run(AS_OF_MS, Mode.REBUILD)
    history.objects.put("archive/stock/dt=2000-01-01/hour=00/0123456789abcdef-0-0.jsonl.gz", b"")
    assert run(AS_OF_MS, Mode.REBUILD) != before, "another object of the archive is another plan"


def test_each_map_task_reads_the_list_of_its_own_objects_and_no_list_names_them_all(history: History) -> None:
    planned = history.steps.run({**history.begin(AS_OF_MS), "step": "plan"})
    for name in ("plan", "map", "reduce"):
        assert b"archive/" not in history.objects.read(f"{planned['run']}{name}.json"), name
    objects = watched(history)
    told = []
    for item in history.items(planned, "map"):
        objects.reads.clear()
        history.steps.run({"step": "map", **item})
        told.append([key for key in objects.reads if key.endswith("/objects.json")])
    assert len(told) > 10
    assert all(len(keys) == 1 for keys in told)
    assert len({keys[0] for keys in told}) == len(told)


def test_reducers_list_nothing_of_what_was_mapped(history: History) -> None:
    words = history.begin(AS_OF_MS)
    planned = history.steps.run({**words, "step": "plan"})
    history.each(planned, "map", "map")
    objects = watched(history)
    history.each(planned, "reduce", "reduce_holds")
    history.each(planned, "reduce", "reduce_items")
    assert {prefix.removeprefix(planned["run"]).split("/")[0] for prefix in objects.listings} == {"effects"}


@pytest.mark.parametrize("source", list(Source))
def test_a_part_that_was_forgotten_fails_the_reducer_and_is_mapped_again(history: History, source: Source) -> None:
    """archive_complete: partials expire one by one, and what vouches for them may be the last to go."""
    history.scan(words := history.begin(AS_OF_MS))
    planned = history.reduced(words)
    [folder, *_] = [task.folder for task in history.plan_of(planned).tasks if task.source is source]
    parts = [stored.key for stored in history.objects.list(f"{folder}events-")]
    whole = history.objects.contents(f"{planned['run']}sealed/")
    (history.objects.root / parts[-1]).unlink()
    step = "reduce_holds" if source is Source.HOLDS else "reduce_items"
    with pytest.raises(NoSuchObject, match=parts[-1]):
        history.each(planned, "reduce", step)
    history.reduced(words)
    assert history.objects.contents(f"{planned['run']}sealed/") == whole


def test_what_was_mapped_and_is_there_is_not_mapped_again(history: History) -> None:
    planned = history.steps.run({**history.begin(AS_OF_MS), "step": "plan"})
    history.each(planned, "map", "map")
    history.objects.writes_left = 0  # from here on a write is an error
    history.each(planned, "map", "map")


def test_planning_reads_a_few_manifests_however_long_the_chain_is(history: History) -> None:
    """Also for an instant of the past, which is nearest to the oldest of them."""
    chain = Chain(history.objects.root)
    instants = [AS_OF_MS + 2 * number * SECOND_MS for number in range(8)]
    for instant in instants:
        chain.seal(instant)
    history.now_ms = instants[-1] + 120_000
    objects = watched(history)
    for as_of_ms, base_ms in (
        (instants[0] - SECOND_MS, None),
        (instants[0] + SECOND_MS, instants[0]),
        (instants[4], instants[3]),
        (instants[-1] + SECOND_MS, instants[-1]),
    ):
        objects.reads.clear()
        history.begin(as_of_ms)
        plan = make_plan(objects, as_of_ms=as_of_ms, mode=Mode.INCREMENT, now_ms=history.now_ms, buckets=2)
        assert plan.head == len(instants)
        assert plan.sealed == (as_of_ms <= instants[-1])
        assert plan.exists == (5 if as_of_ms == instants[4] else None)
        assert plan.done or plan.ledger_from_ms == (None if plan.sealed else instants[-1])
        assert plan.base_ms == base_ms
        assert len([key for key in objects.reads if key.startswith("manifests/")]) <= 5, "two to begin, three to plan"


def test_what_was_committed_and_not_published_yet_counts_as_the_latest_and_is_no_base(history: History) -> None:
    chain = Chain(history.objects.root)
    first, second = AS_OF_MS, AS_OF_MS + SECOND_MS
    chain.seal(first, ledger_from_ms=0)
    chain.seal(second, ledger_from_ms=first, listed=False)
    for as_of_ms, base_ms in ((second, first), (second + SECOND_MS, first)):
        plan = make_plan(history.objects, as_of_ms=as_of_ms, mode=Mode.INCREMENT, now_ms=history.now_ms, buckets=2)
        assert (plan.head, plan.exists) == (2, 2 if as_of_ms == second else None)
        assert plan.base_ms == base_ms
        assert plan.ledger_from_ms == (first if as_of_ms == second else second)


def test_of_many_snapshots_that_are_cut_otherwise_only_some_are_asked(history: History) -> None:
    chain = Chain(history.objects.root)
    for number in range(4):
        chain.seal(AS_OF_MS + number * SECOND_MS)
    bases = {looked_at: _base(history, looked_at) for looked_at in (1, 24)}
    assert bases == {1: (None, 1), 24: (None, 4)}


def _base(history: History, looked_at: int) -> tuple[int | None, int]:
    """The base of a plan with other buckets, and how many manifests were read for it."""
    objects = Watched(history.objects.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standing, "_BASES_LOOKED_AT_MAX", looked_at)
        base_ms = standing.base_before(objects, AS_OF_MS + 9 * SECOND_MS, 3)
    return base_ms, len([key for key in objects.reads if key.startswith("manifests/")])
