"""A key used again after TTL removed its hold: holds of one id, told apart wherever they are read."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from inventory.domain.events import Source, record_key
from inventory.domain.holds import Hold, Take
from inventory.domain.limits import KEPT_AFTER_SETTLEMENT_S
from inventory.history.fold import EventsDiffer
from inventory.history.layout import stamp_of
from inventory.history.manifest import fingerprint_of
from inventory.history.plan import Mode
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import Proof, verify
from inventory.protocol.extend import extend
from inventory.protocol.resolve import execute, release
from support.auditing import findings
from support.audits import Audits
from support.folding import revision
from support.tape import Tape, told_event
from support.workflow import History, Incomplete
from support.world import World

KEPT_MS = KEPT_AFTER_SETTLEMENT_S * 1000
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Shop:
    """A shop that gives out its carts' numbers again and again."""

    world: World
    tape: Tape
    ids: tuple[str, ...]
    instants: tuple[int, ...]

    @property
    def latest_ms(self) -> int:
        return self.instants[-1]


def next_second(world: World) -> int:
    """An instant that has all that happened; and the world goes on after it."""
    instant = world.clock.now_ms // 1000 * 1000 + 1000
    world.clock.now_ms = instant + 1000
    return instant


def sell(world: World, key: str, quantity: int) -> Hold:
    """A sale of half of what was held."""
    hold: Hold = world.place("cup", quantity, key=key).value
    execute(world.core, hold.id, [Take("cup", "W1", quantity // 2)], by=world.by())
    world.flow()
    return hold


def removed(world: World, *ids: str) -> None:
    """As TTL does it, when it does it soonest."""
    world.clock.now_ms += KEPT_MS + HOUR_MS
    for each in ids:
        world.database.expire(world.tables.holds, each)


def three_lives() -> Shop:
    """Key `a` makes three holds: sold, released, and one that is held. Key `b` makes two, `c` one."""
    world = World(seed=5)
    tape = Tape(world)
    world.receive("cup", 100)
    instants = []
    first, other = sell(world, "a", 8), sell(world, "b", 4)
    sell(world, "c", 2)
    instants.append(next_second(world))
    removed(world, first.id, other.id)
    second = world.place("cup", 3, key="a").value
    assert world.place("cup", 5, key="b").value.id == other.id
    world.flow()
    instants.append(next_second(world))
    release(world.core, second.id, by=world.by())
    world.flow()
    removed(world, second.id)
    assert first.id == second.id == world.place("cup", 1, key="a").value.id
    world.flow()
    instants.append(next_second(world))
    return Shop(world, tape, (first.id, other.id), tuple(instants))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return three_lives()


@pytest.fixture
def history(shop: Shop, tmp_path: Path) -> History:
    history = History(tmp_path / "bucket", shop.tape)
    history.archive()
    history.now_ms = shop.latest_ms + HOUR_MS
    return history


def verified(history: History) -> Proof:
    return verify(Path(history.objects.root), RsaVerifier({fingerprint_of(history.signer.public_key_der)}), every=True)


@pytest.mark.parametrize("taken", [(0, 1, 2), (1, 2), (2,)])
def test_snapshots_of_any_steps_are_the_rebuilds_byte_for_byte(
    history: History, shop: Shop, taken: tuple[int, ...]
) -> None:
    for number in taken:
        history.snapshot(shop.instants[number])
    for instant in shop.instants:
        history.snapshot(instant, mode=Mode.REBUILD)  # RebuildDiffers, where it makes other bytes
    told = [history.rows(f"snapshots/as_of={stamp_of(instant)}/*.parquet") for instant in shop.instants]
    names = ("available", "held", "adjusted", "executed", "holding")
    assert [tuple(row[name] for name in names) for [row] in told] == [
        (93, 0, 100, 7, 0),
        (85, 8, 100, 7, 8),
        (87, 6, 100, 7, 6),
    ]


@pytest.mark.parametrize("depth", ["full", "increment"])
def test_audits_find_nothing_wrong(history: History, shop: Shop, depth: str) -> None:
    """The increment's base has a hold that ended since; its id has come again."""
    for instant in shop.instants[1:]:
        history.snapshot(instant)
    told = Audits(history).run(shop.latest_ms, depth=depth)
    assert {check["name"]: check["discrepancies"] for check in told["checks"] if check["discrepancies"]} == {}


def test_verification_finds_nothing_wrong_in_any_snapshot(history: History, shop: Shop) -> None:
    for instant in shop.instants:
        history.snapshot(instant)
    assert findings(verified(history)) == []


def test_the_ledger_has_every_event_of_every_life_under_its_own_id(history: History, shop: Shop) -> None:
    history.snapshot(shop.latest_ms)
    told = history.rows("ledger/*/holds-*.parquet")
    archived = [event["event_id"] for event in shop.tape.events(Source.HOLDS)]
    assert sorted(row["event_id"] for row in told) == sorted(archived)
    assert len(archived) > len(set(archived))
    assert {row["record_key"] + "@" + str(row["rev"]) for row in told} == set(archived)


def test_a_removal_told_a_moment_after_what_follows_it_still_lies_between(tmp_path: Path) -> None:
    """The stream's clock may be ahead of an instance's; and an instant may lie between the two."""
    world = World(seed=6)
    tape = Tape(world)
    world.receive("cup", 100)
    first = sell(world, "a", 8)
    removed(world, first.id)
    [removal] = [record for _, record in tape.records if "userIdentity" in record]
    removal["dynamodb"]["ApproximateCreationDateTime"] += 1.9
    assert world.place("cup", 3, key="a").value.id == first.id
    [*_, placed] = tape.events(Source.HOLDS)
    between = -(-placed["at"] // 1000) * 1000
    assert told_event(Source.HOLDS, removal)["at"] > between
    world.clock.now_ms = between + 3000
    world.flow()
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.snapshot(between)
    [held] = history.rows(f"holds/as_of={stamp_of(between)}/*.parquet")
    assert (held["hold_id"], held["quantity"]) == (first.id, 3)
    assert findings(verified(history)) == []


def test_two_holds_of_one_id_with_no_removal_between_are_a_discrepancy(shop: Shop, tmp_path: Path) -> None:
    removals = [record for _, record in shop.tape.records if "userIdentity" in record]
    history = History(tmp_path / "bucket", shop.tape)
    history.archive([told for told in shop.tape.records if told[1] is not removals[1]])
    other = told_event(Source.HOLDS, removals[1])
    with pytest.raises(EventsDiffer, match=f"{record_key(other)}@1"):
        history.snapshot(shop.latest_ms)


@pytest.mark.parametrize(("life", "missing"), [(1, 2), (2, 2), (3, 1)])
def test_a_missing_event_of_any_life_stops_the_seal_and_is_named(
    shop: Shop, tmp_path: Path, life: int, missing: int
) -> None:
    """Of the last life here it is the only one: the live record tells that it must have been."""
    first, _ = shop.ids
    events = [(told[1], told_event(*told)) for told in shop.tape.records if told[0] is Source.HOLDS]
    of_id = [(record, event) for record, event in events if record_key(event) == first and "by" not in event]
    gone = [record for record, event in of_id if revision(event) == missing][life - 1]
    history = History(tmp_path / "bucket", shop.tape)
    history.archive([told for told in shop.tape.records if told[1] is not gone])
    with pytest.raises(Incomplete, match=first if life == 3 else f"{first}~{life}"):
        history.snapshot(shop.latest_ms)


@pytest.mark.parametrize("lost", [None, 3])
def test_an_instant_is_sealed_weeks_later_though_a_hold_of_then_has_ended_and_its_key_came_again(
    tmp_path: Path, lost: int | None
) -> None:
    """What followed the hold of then is archived, or else nothing of another with its id stands for it."""
    world = World(seed=7)
    tape = Tape(world)
    world.receive("cup", 100)
    first = world.place("cup", 8, key="a").value
    extend(world.core, first.id, expires_in_s=3600, metadata={}, by=world.by())
    world.flow()
    instant = next_second(world)
    release(world.core, first.id, by=world.by())
    world.flow()
    removed(world, first.id)
    assert world.place("cup", 3, key="a").value.id == first.id
    world.flow()
    history = History(tmp_path / "bucket", tape)
    gone = f"{first.id}@{lost}"
    history.archive([told for told in tape.records if told_event(*told)["event_id"] != gone])
    history.now_ms = world.clock.now_ms + HOUR_MS
    if lost is None:
        history.snapshot(instant)
        [held] = history.rows(f"holds/as_of={stamp_of(instant)}/*.parquet")
        assert (held["hold_id"], held["quantity"]) == (first.id, 8)
    else:
        with pytest.raises(Incomplete, match=first.id):
            history.snapshot(instant)


@pytest.mark.parametrize("lost", [(3,), (3, 4), (3, 4, 5)])
@pytest.mark.parametrize("extensions", [0, 1, 2, 3])
def test_no_later_hold_of_an_id_stands_for_what_the_archive_lost_of_the_one_before(
    tmp_path: Path, lost: tuple[int, ...], extensions: int
) -> None:
    """It was extended twice by the instant (@2, @3), and ended after it (@4, @5); the next one has any revision."""
    world = World(seed=8)
    tape = Tape(world)
    world.receive("cup", 100)
    first = world.place("cup", 8, key="a").value
    for _ in range(2):
        extend(world.core, first.id, expires_in_s=3600, metadata={}, by=world.by())
    instant = next_second(world)
    release(world.core, first.id, by=world.by())
    world.flow()
    removed(world, first.id)
    assert world.place("cup", 3, key="a").value.id == first.id
    for _ in range(extensions):
        extend(world.core, first.id, expires_in_s=3600, metadata={}, by=world.by())
    world.flow()
    history = History(tmp_path / "bucket", tape)
    gone = {f"{first.id}@{rev}" for rev in lost}
    weeks_ago_ms = world.clock.now_ms - KEPT_MS
    events = [(told, told_event(*told)) for told in tape.records]
    history.archive([told for told, event in events if event["event_id"] not in gone or event["at"] > weeks_ago_ms])
    history.now_ms = world.clock.now_ms + HOUR_MS
    with pytest.raises(Incomplete, match=first.id) as told:
        history.snapshot(instant)
    has_a_revision_of_the_first = extensions + 1 <= 2
    assert ("another hold of this id is live" in str(told.value)) is has_a_revision_of_the_first
