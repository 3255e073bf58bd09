"""The pure rules, for whatever numbers: drawing, levelling, settling, folding, time."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.availability import Availability, DirectoryCount, News, ShardCount, fold
from inventory.domain.clock import AHEAD_MAX_MS, READING_MAX_MS, TICK_MS, HybridClock
from inventory.domain.drawing import ItemView, Want, drawing_changes, merged, plan, shortage
from inventory.domain.errors import ClockSkewed, InvalidRequest, RecordAhead
from inventory.domain.holds import Draw, Hold, Line, Status, Take, executed_by_line, settling_changes
from inventory.domain.ids import digest, fingerprint
from inventory.domain.leveling import MOVED_SHARDS_MAX, Move, leveling_moves
from inventory.domain.stock import ShardKey

items = st.sampled_from("AB")
warehouses = st.sampled_from(["W1", "W2", "W3"])
shards = st.dictionaries(st.integers(0, 6), st.integers(0, 20), max_size=6)
views = st.dictionaries(items, st.dictionaries(warehouses, shards, max_size=3), max_size=2)
wants = st.lists(st.builds(Want, items, st.none() | warehouses, st.integers(1, 30)), min_size=1, max_size=6)
avoided = st.sets(st.builds(ShardKey, items, warehouses, st.integers(0, 6)), max_size=6)


def _total(view: ItemView) -> int:
    return sum(sum(shards.values()) for shards in view.values())


@given(views, wants, st.text(max_size=3), avoided)
def test_a_plan_draws_what_is_wanted_from_what_is_there(
    seen: dict[str, ItemView], asked: list[Want], seed: str, avoid: set[ShardKey]
) -> None:
    together = merged(asked)
    short = shortage(together, seen)
    if short is not None:
        assert short.available < short.wanted
        return
    lines = plan(together, seen, seed=seed, avoid=avoid)
    for change in drawing_changes(lines):
        item, warehouse, number = change.key
        assert 0 < change.held == -change.available <= seen[item][warehouse][number]
    keys = [change.key for change in drawing_changes(lines)]
    assert len(set(keys)) == len(keys), "a transaction takes no record twice"
    for item in {want.item for want in asked}:
        drawn = Counter({line.warehouse: line.quantity for line in lines if line.item == item})
        named = Counter[str]()
        for want in together:
            if want.item == item and want.warehouse is not None:
                named[want.warehouse] += want.quantity
        assert sum(drawn.values()) == sum(want.quantity for want in asked if want.item == item)
        assert not named - drawn, "what was asked of a warehouse comes from there"
    assert all(line.quantity == sum(draw.quantity for draw in line.drawn) for line in lines)
    assert lines == plan(together, seen, seed=seed, avoid=avoid), "the same seed draws the same"


@given(views, wants)
def test_nothing_is_called_short_that_could_be_drawn(seen: dict[str, ItemView], asked: list[Want]) -> None:
    together = merged(asked)
    enough = all(
        sum(want.quantity for want in asked if (want.item, want.warehouse) == (item, warehouse))
        <= sum(seen.get(item, {}).get(warehouse, {}).values())
        for item in "AB"
        for warehouse in ("W1", "W2", "W3")
    ) and all(
        sum(want.quantity for want in asked if want.item == item) <= _total(seen.get(item, {}))
        for item in {want.item for want in asked if want.warehouse is None}
    )
    assert (shortage(together, seen) is None) is enough


amounts = st.dictionaries(st.integers(0, 12), st.integers(0, 50), min_size=1)


def _made(moves: list[Move], available: dict[int, int]) -> Counter[int]:
    """What lies where after the moves, each of which can be made after those before it, in one transaction."""
    left = Counter(available)
    for move in moves:
        assert sum(move.taken.values()) == sum(move.given.values())
        assert not move.taken.keys() & move.given.keys()
        assert len(move.taken) + len(move.given) <= MOVED_SHARDS_MAX
        assert all(0 < units <= left[number] for number, units in move.taken.items())
        assert all(units > 0 for units in move.given.values())
        left.subtract(move.taken)
        left.update(move.given)
    return left


@given(amounts, st.integers(1, 12))
def test_levelling_moves_keep_the_total_and_level_it(available: dict[int, int], over: int) -> None:
    moves = leveling_moves(available, over)
    left = _made(moves, available)
    assert sum(left.values()) == sum(available.values())
    assert max(left[number] for number in range(over)) - min(left[number] for number in range(over)) <= 1
    assert not any(units for number, units in left.items() if number >= over)
    assert len(moves) <= 1


@given(st.dictionaries(st.integers(0, 255), st.integers(0, 10_000), min_size=1), st.integers(1, 256))
def test_levelling_many_shards_takes_few_transactions(available: dict[int, int], over: int) -> None:
    moves = leveling_moves(available, over)
    left = _made(moves, available)
    assert max(left[number] for number in range(over)) - min(left[number] for number in range(over)) <= 1
    assert len(moves) <= 1 + (len(available) + over) // (MOVED_SHARDS_MAX - 2)


@given(amounts, st.integers(1, 12))
def test_while_sales_go_on_one_shard_gives_to_those_in_need(available: dict[int, int], over: int) -> None:
    moves = leveling_moves(available, over, one_source=True)
    left = _made(moves, available)
    assert all(len(move.taken) == 1 for move in moves)
    part = sum(available.values()) // over
    for number in range(over):
        gained = left[number] - available.get(number, 0)
        assert gained <= 0 or available.get(number, 0) * 2 < part + 1
        assert left[number] * 2 >= part


draws = st.lists(st.builds(Draw, st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=4)


@st.composite
def ended_holds(draw: st.DrawFn) -> Hold:
    """A hold that has ended, executed in part or whole or not at all."""
    status = draw(st.sampled_from([Status.EXECUTED, Status.RELEASED, Status.EXPIRED]))
    lines = []
    for item in draw(st.sets(items, min_size=1)):
        drawn = draw(draws)
        quantity = sum(each.quantity for each in drawn)
        lines.append(Line(item, "W1", quantity, tuple(drawn), draw(st.none() | st.integers(0, quantity))))
    return Hold("hold_1", status, tuple(lines), 0, 1, 2, 0, "key", "f")


@given(ended_holds())
def test_a_settlement_lets_go_of_all_and_gives_back_what_was_not_executed(hold: Hold) -> None:
    changes = settling_changes(hold)
    assert len({change.key for change in changes}) == len(changes)
    for line in hold.lines:
        ours = [change for change in changes if change.key.item == line.item]
        assert -sum(change.held for change in ours) == line.quantity
        assert sum(change.available for change in ours) == line.quantity - hold.executed(line)
        drawn = Counter[int]()
        for each in line.drawn:
            drawn[each.shard] += each.quantity
        for change in ours:
            assert 0 <= change.available <= -change.held == drawn[change.key.number]


@given(ended_holds(), st.lists(st.builds(Take, items, warehouses, st.integers(0, 12)), max_size=4))
def test_takes_never_exceed_what_was_held(hold: Hold, takes: list[Take]) -> None:
    asked = Counter[tuple[str, str]]()
    for take in takes:
        asked[(take.item, take.warehouse)] += take.quantity
    held = {(line.item, line.warehouse): line.quantity for line in hold.lines}
    known = {(take.item, take.warehouse) for take in takes} <= held.keys()
    try:
        executed = executed_by_line(hold, takes)
    except InvalidRequest:
        assert not known or any(asked[key] > held[key] for key in held)
        return
    assert executed == [asked[(line.item, line.warehouse)] for line in hold.lines]
    assert all(taken <= line.quantity for taken, line in zip(executed, hold.lines, strict=True))


@given(st.data())
def test_news_in_any_order_and_any_pieces_fold_to_the_latest(data: st.DataObject) -> None:
    told = [
        (number, ShardCount(rev, data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9))))
        for number in range(data.draw(st.integers(1, 3)))
        for rev in range(1, data.draw(st.integers(1, 4)) + 1)
    ]
    directories = [DirectoryCount(rev, rev) for rev in range(1, 4)]
    known = Availability("A", "W1")
    versions = [known.version]
    repeated = data.draw(st.permutations([*told, *told]))
    while repeated:
        size = data.draw(st.integers(1, len(repeated)))
        news = News()
        for number, count in repeated[:size]:
            news = news.with_shard(number, count)
        news = news.with_directory(data.draw(st.sampled_from(directories)))
        repeated = repeated[size:]
        folded = fold(known, news)
        assert (folded == known) is (folded.version == known.version), "equal versions are equal records"
        known = folded
        versions.append(known.version)
    assert all(earlier <= later for earlier, later in pairwise(versions)), "a version never falls"
    latest = dict(sorted(told, key=lambda entry: entry[1].rev))
    assert known.shards == latest
    assert known.available == sum(count.available for count in latest.values())


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(-2_000, 2_000), st.booleans()), min_size=1, max_size=40))
def test_stamps_never_go_back_along_what_was_seen(steps: list[tuple[int, int, bool]]) -> None:
    """Writers with any clocks inside the bounds, one after the other on one record."""
    true_ms, record_at = 1_800_000_000_000, 0
    for passed_ms, off_ms, measured in steps:
        true_ms += passed_ms
        clock = HybridClock(lambda true_ms=true_ms, off_ms=off_ms: true_ms + off_ms, lambda: None, lambda: 0)  # type: ignore[misc]
        if measured:
            clock.observe(true_ms + off_ms, true_ms // 1000, true_ms + off_ms)
            assert clock.trusted
        at = clock.stamp(record_at)
        assert at >= record_at
        assert at % TICK_MS == 0
        assert true_ms + off_ms <= at < max(record_at, true_ms + off_ms) + TICK_MS
        assert at <= true_ms + 2_000 + TICK_MS, "no clock inside the bounds leads far ahead"
        record_at = at


@given(st.integers(-100_000, 100_000), st.integers(0, 999), st.integers(0, 5_000))
def test_a_clock_that_is_surely_wrong_never_stamps_and_one_that_is_right_always_does(
    off_ms: int, part_ms: int, took_ms: int
) -> None:
    true_ms = 1_800_000_000_000 + part_ms
    clock = HybridClock(lambda: true_ms + off_ms, lambda: None, lambda: 0)
    # The database stamps its answer somewhere between the sending and the receiving.
    clock.observe(true_ms + off_ms - took_ms, true_ms // 1000, true_ms + off_ms)
    if abs(off_ms) <= 2_000:
        assert clock.trusted is (took_ms <= READING_MAX_MS)
    if off_ms > 3_000 + took_ms or off_ms < -3_000:
        assert not clock.trusted
        try:
            clock.stamp()
        except ClockSkewed:
            return
        raise AssertionError("a wrong clock stamped")


@given(st.integers(0, 2 * AHEAD_MAX_MS))
def test_a_record_is_followed_up_to_ten_seconds_ahead(ahead_ms: int) -> None:
    clock = HybridClock(lambda: 1_000_000, lambda: None, lambda: 0)
    try:
        assert clock.stamp(1_000_000 + ahead_ms) == max(1_000_000 + ahead_ms, 1_000_000)
    except RecordAhead:
        assert ahead_ms > AHEAD_MAX_MS
    else:
        assert ahead_ms <= AHEAD_MAX_MS


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_a_digest_tells_any_two_lists_apart(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) is (left == right)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=5), st.randoms())
def test_a_fingerprint_is_the_same_in_any_order(parameters: dict[str, object], random: object) -> None:
    names = list(parameters)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert fingerprint(parameters) == fingerprint({name: parameters[name] for name in names})
