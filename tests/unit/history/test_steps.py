"""What the first steps of a snapshot settle by the clock and the chain."""

import json
from pathlib import Path
from typing import Any

import pytest

from inventory.domain.events import Source
from inventory.history.plan import InstantLost, InstantTooRecent, Mode, NotAnOpening
from inventory.history.steps import SnapshotSteps
from support.chain import Chain

START_MS = 1_764_000_000_000
NOW_MS = START_MS + 100_500
GRACE_MS = 60_000
OPENED = {"reason": "why", "actor": "who", "read": "partials/live/opening-1/", "read_from_ms": START_MS}


def at(seconds: int) -> int:
    return START_MS + 1000 * seconds


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def step(chain: Chain, name: str, **words: Any) -> dict[str, Any]:
    steps = SnapshotSteps(
        objects=chain.objects,
        now=lambda: NOW_MS,
        grace_ms=GRACE_MS,
        buckets=7,
        scan_segments=2,
        archive_lag_s=5,
    )
    return steps.run({"step": name, **words})


def begun(chain: Chain, as_of_ms: int | None, mode: Mode = Mode.INCREMENT, **words: Any) -> dict[str, Any]:
    return step(chain, "begin", as_of_ms=as_of_ms, mode=mode, **words)


@pytest.mark.parametrize(
    ("align", "seconds"), [({}, 40), ({"align_ms": 1_000}, 40), ({"align_ms": 60_000}, 0), ({"align_ms": 7_000}, 35)]
)
def test_without_an_instant_it_is_the_latest_multiple_of_what_it_is_aligned_to(
    chain: Chain, align: dict[str, Any], seconds: int
) -> None:
    assert begun(chain, None, **align)["as_of_ms"] == at(seconds)


def test_an_instant_within_the_grace_is_refused(chain: Chain) -> None:
    assert begun(chain, at(40))["as_of_ms"] == at(40)
    with pytest.raises(InstantTooRecent):
        begun(chain, at(41))


def test_the_live_tables_are_read_in_all_their_segments_unless_the_instant_is_sealed(chain: Chain) -> None:
    told = begun(chain, at(10))
    assert (told["scan"], told["done"], told["attempt"], told["archive_lag_s"], told["buckets"]) == (
        True,
        False,
        0,
        5,
        7,
    )
    entries = json.loads(chain.objects.read(told["lists"]["scan"]))
    assert {(each["source"], each["number"], each["of"]) for each in entries} == {
        (source, number, 2) for source in Source for number in range(2)
    }
    assert {(each["live"], each["buckets"]) for each in entries} == {(told["live"], 7)}
    chain.seal(at(20))
    before = len(chain.objects.contents("partials/"))
    assert not begun(chain, at(15))["scan"]
    assert len(chain.objects.contents("partials/")) == before


@pytest.mark.parametrize(("seconds", "mode", "done"), [
    (10, Mode.INCREMENT, True),
    (10, Mode.REBUILD, False),
    (20, Mode.INCREMENT, True),
    (20, Mode.REBUILD, True),
    (30, Mode.INCREMENT, True),
    (30, Mode.REBUILD, False),
    (35, Mode.REBUILD, False),
])  # fmt: skip
def test_one_that_exists_is_only_made_again_by_a_rebuild_and_an_opening_never(
    chain: Chain, seconds: int, mode: Mode, *, done: bool
) -> None:
    chain.seal(at(10))
    chain.seal(at(20), opens_after_ms=at(10))
    chain.seal(at(30), ledger_from_ms=at(20))
    assert begun(chain, at(seconds), mode)["done"] == done


def test_buckets_are_the_settings_until_an_opening_and_then_those_of_the_latest(chain: Chain) -> None:
    chain.seal(at(5), buckets=3)
    assert begun(chain, at(30))["buckets"] == 7
    chain.seal(at(10), opens_after_ms=at(5), buckets=3)
    chain.seal(at(20), opens_after_ms=at(10), buckets=4)
    assert begun(chain, at(30))["buckets"] == 4


@pytest.mark.parametrize("seconds", [11, 19])
def test_no_instant_is_begun_of_which_nothing_is_proved(chain: Chain, seconds: int) -> None:
    chain.seal(at(10))
    chain.seal(at(20), opens_after_ms=at(10))
    with pytest.raises(InstantLost, match="between 20251124T160010Z and 20251124T160020Z"):
        begun(chain, at(seconds))


@pytest.mark.parametrize(
    ("mode", "opening"), [("opening", None), ("opening", {}), ("increment", OPENED), ("rebuild", OPENED)]
)
def test_a_history_is_opened_by_the_mode_of_this_name_alone(
    chain: Chain, mode: str, opening: dict[str, Any] | None
) -> None:
    with pytest.raises(NotAnOpening):
        begun(chain, at(10), Mode(mode), opening=opening)


def test_an_opening_reads_all_and_waits_until_nothing_that_it_read_can_be_ahead_of_its_instant(chain: Chain) -> None:
    told = step(chain, "open", reason=" the archiver was down ", actor=" operator\n")
    assert (told["reason"], told["actor"]) == ("the archiver was down", "operator")
    assert (told["read_from_ms"], told["wait_s"]) == (NOW_MS - GRACE_MS, 60 + 15)
    entries = json.loads(chain.objects.read(told["list"]))
    assert {(each["live"], each["buckets"]) for each in entries} == {(told["read"], 7)}
    chain.seal(at(10), buckets=3)
    chain.seal(at(5), buckets=4)
    entries = json.loads(chain.objects.read(step(chain, "open", reason="why", actor="who")["list"]))
    assert {each["buckets"] for each in entries} == {3}, "those of the snapshot that it is held against"


@pytest.mark.parametrize("words", [{}, {"reason": "why"}, {"actor": "who"}, {"reason": "why", "actor": " \n"}])
def test_an_opening_needs_a_reason_and_someone_who_answers_for_it(chain: Chain, words: dict[str, str]) -> None:
    with pytest.raises(NotAnOpening, match="needs a reason"):
        step(chain, "open", **words)
    assert chain.objects.contents("partials/") == {}
