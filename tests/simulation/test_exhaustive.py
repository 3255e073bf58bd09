"""Small worlds, gone through whole; and that a missing guard would be found there."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from inventory.storage.hold_records import execute_hold, settle_hold
from inventory.storage.stock_records import change_shard
from inventory.storage.writes import Write
from simulation.exhaustive.actors import Buyer, Settler, Sweeper
from simulation.exhaustive.scenarios import CRASHES, EXPIRY, SCENARIOS, Scenario
from simulation.exhaustive.search import Search, Violation

_BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
_RUSH = replace(_BY_NAME["rush"], faults=CRASHES, preemptions=1)


@pytest.mark.parametrize("name", ["twins", "unseen", "one hold", "moved", "extended"])
def test_every_interleaving_with_a_fault_at_any_call(name: str) -> None:
    seen = Search(_BY_NAME[name]).run()
    assert seen.schedules > 5_000
    assert seen.ends >= 5


@pytest.mark.parametrize(
    "name",
    [
        *("torn", "covered", "regular", "all out", "moved up", "levelled", "counted up", "never made", "new item"),
        *("new warehouse", "given up", "ahead", "behind", "two counts", "one count", "labels", "two labels", "marked"),
        *("projectors", "new projection", "old news"),
    ],
)
def test_the_world_of_each_guard(name: str) -> None:
    assert Search(_BY_NAME[name]).run().ends >= 1


def test_one_preemption_and_one_crash_at_any_call() -> None:
    seen = Search(_RUSH).run()
    assert seen.schedules > 10_000
    assert seen.ends >= 10


def test_the_same_search_sees_the_same() -> None:
    first, second = (Search(_RUSH).run() for _ in range(2))
    assert replace(first, seconds=0) == replace(second, seconds=0)


def test_more_preemptions_are_more_schedules() -> None:
    calm = replace(_BY_NAME["rush"], faults_max=0)
    none, one, any_number = (Search(replace(calm, preemptions=limit)).run().schedules for limit in (0, 1, None))
    assert 1 < none < one < any_number


def _without(guard: str, make: Callable[..., Write]) -> Callable[..., Write]:
    """The write without one of its conditions."""

    def careless(*args: object, **kwargs: object) -> Write:
        write = make(*args, **kwargs)
        assert guard in write.condition
        return replace(write, condition=write.condition.replace(guard, f"({guard} OR NOT {guard})"))

    return careless


def test_a_hold_settled_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "inventory.protocol.settle.settle_hold", _without("attribute_not_exists(#settlement)", settle_hold)
    )
    with pytest.raises(Violation, match="settled_once") as found:
        Search(replace(_RUSH, preemptions=0)).run()
    assert any("killed after" in step for step in found.value.steps)


def test_an_oversold_unit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.protocol.place.change_shard", _without("#available >= :taken", change_shard))
    with pytest.raises(Violation, match="never_oversold"):
        Search(replace(_RUSH, faults_max=0)).run()


def test_a_hold_executed_after_its_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.protocol.resolve.execute_hold", _without("#expires_at > :at", execute_hold))
    world = Scenario("alone", "", (Buyer("ann", 2, "execute"), Settler(), Sweeper(1)), ticks=(EXPIRY,), faults_max=0)
    with pytest.raises(Violation, match="expiry_exact") as found:
        Search(world).run()
    assert any("jumps to 1000 ms" in step for step in found.value.steps)
