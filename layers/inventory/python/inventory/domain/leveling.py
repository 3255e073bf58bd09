"""Spreading stock over shards, and gathering it: which moves make it so. Each move can be made or left by itself."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Move:
    """Units from one shard of a warehouse to another."""

    source: int
    destination: int
    quantity: int


def leveling_moves(available: Mapping[int, int], shards: int) -> list[Move]:
    """Moves after which the shards 0 … shards-1 differ by at most one unit, and shards above have none.

    At most one move for each shard that has too much or too little.
    """
    total = sum(available.values())
    target = {number: total // shards + (1 if number < total % shards else 0) for number in range(shards)}
    surplus = {n: have - target.get(n, 0) for n, have in available.items() if have > target.get(n, 0)}
    deficit = {n: want - available.get(n, 0) for n, want in target.items() if want > available.get(n, 0)}
    moves = []
    givers = sorted(surplus.items(), key=lambda entry: (-entry[1], entry[0]))
    takers = sorted(deficit.items(), key=lambda entry: (-entry[1], entry[0]))
    while givers and takers:
        (giver, spare), (taker, lack) = givers.pop(), takers.pop()
        quantity = min(spare, lack)
        moves.append(Move(giver, taker, quantity))
        if spare > quantity:
            givers.append((giver, spare - quantity))
        if lack > quantity:
            takers.append((taker, lack - quantity))
    return moves
