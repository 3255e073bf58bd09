"""Spreading stock over shards, and gathering it: which moves make it so. Each move can be made or left by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inventory.domain.limits import TRANSACTION_RECORDS_MAX

#: Shards in one move: the directory is checked in the same transaction.
MOVED_SHARDS_MAX: Final = TRANSACTION_RECORDS_MAX - 1


@dataclass(frozen=True, slots=True)
class Move:
    """Units between shards of a warehouse, in one transaction: what is taken in all is given in all.

    Attributes:
        taken: Units taken, by shard.
        given: Units given, by shard.
    """

    taken: Mapping[int, int]
    given: Mapping[int, int]


def leveling_moves(available: Mapping[int, int], shards: int, *, one_source: bool = False) -> list[Move]:
    """Moves after which the shards 0 … shards-1 differ by at most one unit, and shards above have none.

    Args:
        available: Units by shard; shards not in it have none.
        shards: How many shards shall have stock.
        one_source: While sales go on, only what matters is moved, and so that it can win: each move takes from one
            shard, as each shard that is drawn from may be kept by a buyer; and gives to the poorest (those with less
            than half of their part), which buyers leave alone. The richest shards give first.
    """
    total = sum(available.values())
    target = {number: total // shards + (1 if number < total % shards else 0) for number in range(shards)}
    surplus = {n: have - target.get(n, 0) for n, have in available.items() if have > target.get(n, 0)}
    poor = {n: want for n, want in target.items() if not one_source or available.get(n, 0) * 2 < want}
    deficit = {n: want - available.get(n, 0) for n, want in poor.items() if want > available.get(n, 0)}
    givers = sorted(surplus.items(), key=lambda entry: (entry[1], -entry[0]))
    takers = sorted(deficit.items(), key=lambda entry: (entry[1], -entry[0]))
    moves: list[Move] = []
    taken: dict[int, int] = {}
    given: dict[int, int] = {}
    while givers and takers:
        (giver, spare), (taker, lack) = givers.pop(), takers.pop()
        full = len(taken.keys() | {giver}) + len(given.keys() | {taker}) > MOVED_SHARDS_MAX
        if taken and (full or (one_source and giver not in taken)):
            moves.append(Move(taken, given))
            taken, given = {}, {}
        quantity = min(spare, lack)
        taken[giver] = taken.get(giver, 0) + quantity
        given[taker] = given.get(taker, 0) + quantity
        if spare > quantity:
            givers.append((giver, spare - quantity))
        if lack > quantity:
            takers.append((taker, lack - quantity))
    return [*moves, Move(taken, given)] if taken else moves
