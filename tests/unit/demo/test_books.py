from dataclasses import replace

import pytest

from demo.books import Books, Counters, checks
from inventory.domain.adjustments import Adjustment
from inventory.domain.holds import Draw, Hold, Line, Status
from inventory.domain.stock import Shard, ShardKey

SHARD = Shard(ShardKey("cup", "berlin", 0), available=7, held=1, inflow=1, rev=4, at=0)
LINE = Line("cup", "berlin", 2, (Draw(0, 2),))
SOLD = Hold("hold_a", Status.EXECUTED, (LINE,), 0, 9, 3, 0, "key_1", "f", settlement="s1")
OPEN = Hold("hold_b", Status.ACTIVE, (replace(LINE, quantity=1, drawn=(Draw(0, 1),)),), 0, 9, 1, 0, "key_1", "f")
RECEIVED = Adjustment("adj_1", "cup", "berlin", 10, "received", 0, "key_1", "f")
BOOKS = Books([SHARD], [SOLD, OPEN], [RECEIVED])
ENDED = {"hold_a": Status.EXECUTED}
READ = {"cup": Counters(7, 1)}


def _broken(books: Books) -> set[str]:
    return {check.name for check in checks(books, ENDED, READ) if not check.holds}


def test_sound_books_pass() -> None:
    assert _broken(BOOKS) == set()
    assert (BOOKS.received("cup"), BOOKS.sold("cup"), BOOKS.counters("cup")) == (10, 2, (7, 1))
    assert (BOOKS.received("tea"), BOOKS.sold("tea"), BOOKS.counters("tea")) == (0, 0, (0, 0))


@pytest.mark.parametrize(
    ("books", "name"),
    [
        (replace(BOOKS, shards=[replace(SHARD, available=-1)]), "never_oversold"),
        (replace(BOOKS, shards=[replace(SHARD, available=8)]), "stock_conserved"),
        (replace(BOOKS, shards=[replace(SHARD, held=2)]), "held_matches_holds"),
        (replace(BOOKS, holds=[replace(SOLD, status=Status.RELEASED), OPEN]), "resolved_once"),
        (replace(BOOKS, holds=[replace(SOLD, settlement=None), OPEN]), "everything_settles"),
        (replace(BOOKS, shards=[replace(SHARD, available=6)]), "reads_agree"),
    ],
)
def test_each_fault_is_found_by_the_invariant_named_for_it(books: Books, name: str) -> None:
    assert name in _broken(books)
