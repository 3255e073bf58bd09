"""The columnar fold against the plain one: whatever order, doubles and batches the archive has, at any instant."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.domain.events import Event, Source
from inventory.history.layout import stamp_of
from support.reference import Expected
from support.tape import Tape
from support.trade import trade
from support.workflow import History
from support.world import World


@pytest.fixture(scope="module")
def tape() -> Tape:
    world = World(seed=23)
    tape = Tape(world)
    trade(world, 350, seed=23)
    return tape


def events_of(tape: Tape) -> dict[Source, list[Event]]:
    return {source: tape.events(source) for source in Source}


def second_after(instant_ms: int) -> int:
    return -(-instant_ms // 1000) * 1000


@pytest.mark.timeout(300)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 10_000), batch=st.integers(1, 300), cuts=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_any_order_any_doubles_any_batches_any_instants(tape: Tape, seed: int, batch: int, cuts: list[float]) -> None:
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    told = list(tape.records) + draw.sample(tape.records, 40)
    draw.shuffle(told)
    instants = tape.instants()
    with TemporaryDirectory() as folder:
        history = History(Path(folder), tape, buckets=draw.randint(1, 3))
        history.archive(told, batch=batch)
        for cut in sorted({second_after(instants[int(cut * (len(instants) - 1))]) for cut in cuts}):
            history.snapshot(cut)
            as_of = f"as_of={stamp_of(cut)}"
            Expected(events_of(tape), cut).check_snapshot(
                history.rows(f"snapshots/{as_of}/*.parquet"), history.rows(f"holds/{as_of}/*.parquet")
            )


@pytest.mark.parametrize("skews_ms", [(0,), (-1_900, 0, 1_900)])
@pytest.mark.parametrize("seed", range(4))
def test_every_instant_of_a_recorded_run_is_a_consistent_cut(seed: int, skews_ms: tuple[int, ...]) -> None:
    """atomic_instant: stock_conserved and held_matches_holds at every millisecond, by instances whose clocks differ.

    Nothing changes between two events' instants, so these are all the milliseconds that there are.
    """
    world = World(seed=seed)
    tape = Tape(world)
    trade(world, 250, seed=seed, instances=[world.instance(skew_ms=skew_ms) for skew_ms in skews_ms])
    events = events_of(tape)
    instants = tape.instants()
    assert len(instants) > 60
    holds = world.holds()
    assert [hold for hold in holds if len(hold.shard_keys()) > 1], "holds over several shards could be torn apart"
    assert [hold for hold in holds if len({line.item for line in hold.lines}) > 1], "and over several items"
    in_flight = 0
    for instant in sorted(set(instants)):
        expected = Expected(events, instant)
        expected.check_invariants()
        in_flight += len(expected.unsettled) > 1
    assert in_flight > 30, "and most of them while others were under way"


def test_a_cut_by_the_order_of_the_streams_would_tear_transactions_apart() -> None:
    """So that the test above can fail: only `at` makes a cut consistent, not the place in the streams."""
    world = World(seed=1)
    tape = Tape(world)
    trade(world, 150, seed=1)
    torn = 0
    for length in range(0, len(tape.records), 7):
        told = [source for source, _ in tape.records[:length]]
        events = {source: tape.events(source)[: told.count(source)] for source in Source}
        try:
            Expected(events, tape.instants()[-1]).check_invariants()
        except AssertionError:
            torn += 1
    assert torn > 0
