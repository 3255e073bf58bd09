"""Choosing shards: which shard each line of a hold is drawn from, given what is thought to lie where."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeVar

from inventory.domain.holds import Draw, Line
from inventory.domain.ids import rank
from inventory.domain.stock import Change, ShardKey

#: Available units by shard number, by warehouse. What is not in it is thought to be empty.
ItemView = dict[str, dict[int, int]]

Place = TypeVar("Place", int, str)

#: What one shard takes a second at most, about: a transaction keeps its record for some 10 ms.
HOLDS_PER_SHARD_PER_S: Final = 100
HOLDS_WHILE_HINTED: Final = 2 * HOLDS_PER_SHARD_PER_S  # a hint may be two seconds behind
_POORER_MAX = 2  # a shard with less than half of what the others have is left to fewer buyers


def _nowhere(_item: str, _warehouse: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Want:
    """Units asked for, from one warehouse or (None) from any."""

    item: str
    warehouse: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """What cannot be drawn: of this item, in this warehouse (None: in any), less is thought to be there than wanted."""

    item: str
    warehouse: str | None
    wanted: int
    available: int


def merged(wants: Iterable[Want]) -> list[Want]:
    """Wants of the same item and warehouse added up, those that name a warehouse first."""
    totals: dict[tuple[str, str | None], int] = {}
    for want in wants:
        key = (want.item, want.warehouse)
        totals[key] = totals.get(key, 0) + want.quantity
    whole = [Want(item, warehouse, quantity) for (item, warehouse), quantity in totals.items()]
    return sorted(whole, key=lambda want: want.warehouse is None)


def shortage(wants: Sequence[Want], views: Mapping[str, ItemView]) -> Shortage | None:
    """The first of the (merged) wants that cannot be met, or None.

    A want without a warehouse is short where all wants of its item together exceed all of its stock.
    """
    for want in wants:
        view = views.get(want.item, {})
        if want.warehouse is not None:
            wanted, there = want.quantity, sum(view.get(want.warehouse, {}).values())
        else:
            wanted = sum(other.quantity for other in wants if other.item == want.item)
            there = sum(sum(shards.values()) for shards in view.values())
        if wanted > there:
            return Shortage(want.item, want.warehouse, wanted, there)
    return None


def lasts_ms(view: ItemView) -> int | None:
    """How long what was seen of a hot item lasts at least, milliseconds, if all its shards are sold from at once.

    None where it does not matter: the item is counted on one shard in each warehouse, so that few want it, or nothing
    was there.
    """
    shards = sum(map(len, view.values()))
    there = sum(sum(of_warehouse.values()) for of_warehouse in view.values())
    return there * 1000 // (shards * HOLDS_PER_SHARD_PER_S) if there and shards > len(view) else None


def plan(
    wants: Sequence[Want],
    views: Mapping[str, ItemView],
    *,
    seed: str,
    avoid: Set[ShardKey] = frozenset(),
    usual: Callable[[str, str], int | None] = _nowhere,
) -> list[Line]:
    """Draws for (merged) wants that are not short: one line for each item and warehouse.

    A line comes from one shard that has all of it, picked by the seed (a restored process may share its random
    numbers with others, the hold's id it shares with nobody); where none has, from as few as possible.
    Shards in `avoid` were contended a moment ago and are taken only where no other will do. Where each of many
    instances keeps to a shard of its own, they meet less often: `usual` says which that is, by item and warehouse, and
    it is picked as long as it has about as much as the others.
    """
    left: dict[str, ItemView] = {
        item: {warehouse: dict(shards) for warehouse, shards in view.items()} for item, view in views.items()
    }
    drawn: dict[tuple[str, str], dict[int, int]] = {}
    for want in wants:
        item_left = left.get(want.item, {})
        taken = {warehouse for item, warehouse in drawn if item == want.item}
        for warehouse, quantity in _from_warehouses(want, item_left, seed, taken):
            shards = item_left[warehouse]
            preferred = usual(want.item, warehouse)
            for draw in _from_shards(want.item, warehouse, shards, quantity, seed, avoid, preferred):
                shards[draw.shard] -= draw.quantity
                line = drawn.setdefault((want.item, warehouse), {})
                line[draw.shard] = line.get(draw.shard, 0) + draw.quantity
    return [
        Line(item, warehouse, sum(line.values()), tuple(Draw(n, quantity) for n, quantity in line.items()))
        for (item, warehouse), line in drawn.items()
    ]


def drawing_changes(lines: Iterable[Line]) -> list[Change]:
    """What placing a hold with these lines does to each shard."""
    return [
        Change(ShardKey(line.item, line.warehouse, draw.shard), -draw.quantity, draw.quantity)
        for line in lines
        for draw in line.drawn
    ]


def taking_changes(lines: Iterable[Line]) -> list[Change]:
    """What taking these lines away for good (an adjustment, a transfer) does to each shard."""
    return [Change(change.key, change.available) for change in drawing_changes(lines)]


def _from_warehouses(want: Want, view: ItemView, seed: str, taken: Set[str]) -> Iterator[tuple[str, int]]:
    if want.warehouse is not None:
        yield want.warehouse, want.quantity
        return
    totals = {warehouse: sum(shards.values()) for warehouse, shards in view.items()}
    whole = [warehouse for warehouse, total in totals.items() if total >= want.quantity]
    if whole:
        whole = [warehouse for warehouse in whole if warehouse in taken] or whole  # so that it adds no line
        yield max(whole, key=lambda warehouse: rank(seed, want.item, warehouse)), want.quantity
        return
    yield from _from_the_fullest(want.quantity, totals)


def _from_shards(
    item: str,
    warehouse: str,
    shards: Mapping[int, int],
    quantity: int,
    seed: str,
    avoid: Set[ShardKey],
    usual: int | None,
) -> Iterator[Draw]:
    enough = sorted(number for number, available in shards.items() if available >= quantity)
    if enough:
        met = {number for of_item, of_warehouse, number in avoid if (of_item, of_warehouse) == (item, warehouse)}
        calm = [number for number in enough if number not in met] if met else enough
        if usual in calm and shards[usual] * _POORER_MAX * len(enough) >= sum(shards[number] for number in enough):
            yield Draw(usual, quantity)
            return
        yield Draw(_picked(calm or enough, shards, quantity, rank(seed, item, warehouse)), quantity)
        return
    yield from (Draw(number, part) for number, part in _from_the_fullest(quantity, shards))


def _from_the_fullest(quantity: int, stock: Mapping[Place, int]) -> Iterator[tuple[Place, int]]:
    """The quantity from as few places as have it together."""
    for place in sorted(stock, key=lambda each: (-stock[each], each)):
        part = min(quantity, stock[place])
        if part > 0:
            yield place, part
            quantity -= part


def _picked(candidates: Sequence[int], shards: Mapping[int, int], quantity: int, number: int) -> int:
    """One of the shards, by the number: equally often, but one that others may empty meanwhile more rarely."""
    weights = list(accumulate(min(shards[each] // quantity, HOLDS_WHILE_HINTED) for each in candidates))
    return candidates[bisect_right(weights, number % weights[-1])]
