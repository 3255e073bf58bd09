"""How the chain stands towards an instant: what is sealed, what can be a base, and what was given up."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from inventory.adapters.objects import NoSuchObject, Stored
from inventory.history.layout import LISTED, listed_path, manifest_path
from inventory.history.listed import EntryDamaged
from inventory.history.standing import Known, Opened, Standing, base_before, latest_buckets, openings, standing_of
from support.chain import GOES_ON, Chain
from support.objects import DirectoryObjects

START_MS = 1_764_000_000_000


def at(seconds: int) -> int:
    return START_MS + 1000 * seconds


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_without_a_snapshot_nothing_is_sealed(chain: Chain) -> None:
    standing = standing_of(chain.objects, at(1))
    assert standing == Standing(at(1), 0, 0, None)
    assert not standing.sealed
    assert base_before(chain.objects, at(1), 2) is None
    assert latest_buckets(chain.objects) is None
    assert openings(chain.objects) == []


@pytest.mark.parametrize(("seconds", "sealed"), [(9, True), (10, True), (11, False)])
def test_all_instants_up_to_the_latest_are_sealed_whichever_was_made_last(
    chain: Chain, seconds: int, *, sealed: bool
) -> None:
    chain.seal(at(10))
    chain.seal(at(5))
    standing = standing_of(chain.objects, at(seconds))
    assert (standing.head, standing.latest_ms, standing.sealed) == (2, at(10), sealed)


def test_an_instant_exists_whatever_came_after_it_and_its_numbers_are_known(chain: Chain) -> None:
    chain.seal(at(5), buckets=3, ledger_from_ms=0)
    chain.seal(at(10), buckets=4, ledger_from_ms=at(5))
    assert standing_of(chain.objects, at(5)).exists == Known(1, at(5), 3, 0)
    assert standing_of(chain.objects, at(10)).exists == Known(2, at(10), 4, at(5))
    assert standing_of(chain.objects, at(7)).exists is None


def test_the_newest_manifest_counts_though_its_commit_died_before_it_was_listed(chain: Chain) -> None:
    chain.seal(at(5))
    chain.seal(at(10), listed=False)
    for seconds, exists in ((10, Known(2, at(10), 2, None)), (7, None)):
        assert standing_of(chain.objects, at(seconds)) == Standing(at(seconds), 2, at(10), exists)


def test_a_base_is_the_nearest_before_the_instant_and_never_of_it_or_after_it(chain: Chain) -> None:
    for seconds in (5, 20, 10, 15):
        chain.seal(at(seconds))
    assert [base_before(chain.objects, at(seconds), 2) for seconds in (5, 6, 10, 11, 19, 21)] == [
        None,
        at(5),
        at(5),
        at(10),
        at(15),
        at(20),
    ]


def test_a_base_is_cut_alike_and_one_before_others_that_are_not_is_taken(chain: Chain) -> None:
    chain.seal(at(5), buckets=2)
    for seconds in (6, 7):
        chain.seal(at(seconds), buckets=3)
    assert base_before(chain.objects, at(9), 2) == at(5)
    assert base_before(chain.objects, at(9), 3) == at(7)
    assert base_before(chain.objects, at(9), 4) is None


@pytest.mark.parametrize(("others", "base"), [(23, at(0)), (24, None)])
def test_of_two_dozen_before_an_instant_one_may_be_its_base(chain: Chain, others: int, base: int | None) -> None:
    chain.seal(at(0))
    for seconds in range(1, others + 1):
        chain.seal(at(seconds), buckets=3)
    assert base_before(chain.objects, at(50), 2) == base


def test_a_base_has_to_be_listed(chain: Chain) -> None:
    chain.seal(at(5))
    chain.seal(at(10), listed=False)
    assert base_before(chain.objects, at(20), 2) == at(5)


def test_openings_are_told_in_the_order_of_their_instants_and_once_they_are_listed(chain: Chain) -> None:
    chain.seal(at(5), opens_after_ms=None, buckets=3)
    chain.seal(at(10))
    chain.seal(at(20), opens_after_ms=at(10), buckets=4)
    later = [at(seconds) for seconds in (30, 31, 35, 44, 60)]
    for after_ms, as_of_ms in pairwise([at(20), *later]):
        chain.seal(as_of_ms, opens_after_ms=after_ms, listed=as_of_ms != at(60))
    told = openings(chain.objects)
    assert told[:2] == [Opened(0, at(5), 3), Opened(at(10), at(20), 4)]
    assert [each.as_of_ms for each in told[2:]] == later[:-1]


@pytest.mark.parametrize(
    ("seconds", "lost"), [(9, False), (10, False), (11, True), (19, True), (20, False), (21, False)]
)
def test_what_is_lost_lies_between_the_snapshot_before_an_opening_and_its_own_instant(
    seconds: int, *, lost: bool
) -> None:
    assert Opened(at(10), at(20), 2).lost(at(seconds)) == lost


def test_buckets_are_those_of_the_latest_instant_and_not_of_the_newest_manifest(chain: Chain) -> None:
    chain.seal(at(10), buckets=5)
    chain.seal(at(5), buckets=2)
    assert latest_buckets(chain.objects) == 5
    (chain.objects.root / listed_path(at(10))).unlink()
    assert latest_buckets(chain.objects) == 2


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (b"", "names no manifest"),
        (b"{}", "names no manifest"),
        (b"[]", "names no manifest"),
        (b'{"manifest":1}', "names no manifest"),
        (b" " * 100_000 + b'{"manifest":{"number":1}}', "names no manifest"),
        (b"[" * 100_000, "names no manifest"),
        (b'{"manifest":{"number":"1"}}', "names no manifest"),
        (b'{"manifest":{"number":true}}', "names no manifest"),
        (b'{"manifest":{"number":1}}', "manifest 1 is of another instant"),
    ],
)
def test_what_is_listed_counts_for_no_instant_but_that_of_its_manifest(chain: Chain, entry: bytes, why: str) -> None:
    """Else a name alone could have everything up to it counted as sealed."""
    chain.seal(at(5))
    forged = listed_path(at(20))
    chain.objects.put(forged, entry)
    with pytest.raises(EntryDamaged, match=f"^{forged} lists no snapshot: .*{why}$"):
        standing_of(chain.objects, at(10))
    with pytest.raises(EntryDamaged, match=forged):
        standing_of(chain.objects, at(20))
    with pytest.raises(EntryDamaged, match=forged):
        base_before(chain.objects, at(30), 2)
    with pytest.raises(EntryDamaged, match=forged):
        latest_buckets(chain.objects)
    assert base_before(chain.objects, at(10), 2) == at(5)


def test_what_is_listed_of_a_manifest_that_somebody_hid_is_not_passed_over(chain: Chain) -> None:
    """Else one that was sealed would be made again, and the next would begin from an earlier one."""
    for seconds in (5, 10, 20):
        chain.seal(at(seconds), opens_after_ms=None if seconds == 10 else GOES_ON)
    (chain.objects.root / manifest_path(2)).unlink()
    asked: list[Callable[[], object]] = [
        lambda: standing_of(chain.objects, at(10)),
        lambda: base_before(chain.objects, at(15), 2),
        lambda: openings(chain.objects),
    ]
    for ask in asked:
        with pytest.raises(NoSuchObject, match=manifest_path(2)):
            ask()


def test_what_is_sealed_while_the_chain_is_looked_at_overtakes_whoever_looked(tmp_path: Path) -> None:
    """A plan that has the number of the newest, and not the instant of one before it, would be committed."""
    chain = Chain(tmp_path)
    chain.seal(at(5))

    class Sealing(DirectoryObjects):
        def first(self, prefix: str) -> Stored | None:
            found = super().first(prefix)
            if prefix == LISTED:
                chain.seal(at(20))
                chain.seal(at(10))
            return found

    assert standing_of(Sealing(tmp_path), at(15)).head == 1


def test_a_name_that_lists_no_instant_is_named(chain: Chain) -> None:
    chain.seal(at(5))
    chain.objects.put("listed/!", b'{"manifest":{"number":1}}')
    with pytest.raises(EntryDamaged, match=r"^listed/! lists no snapshot"):
        standing_of(chain.objects, at(10))
