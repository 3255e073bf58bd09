"""How long is waited between two tries."""

from collections.abc import Sequence

import pytest

from inventory.domain.errors import Overloaded
from inventory.domain.limits import THROTTLED_MAX
from inventory.domain.stock import ShardKey
from inventory.protocol.attempts import Attempts
from inventory.storage.codec import Record
from inventory.storage.database import Contended, Database, Reason, Throttled, TransactionCancelled
from inventory.storage.tables import Key
from inventory.storage.writes import Write


def _met(write: Write) -> Reason:
    return Reason(write, condition_failed=False, contended=True, throttled=False, record=None)


class _Contended(Database):
    """Every transaction meets another on the shard that it draws from."""

    def __init__(self) -> None: ...

    def transact(self, writes: Sequence[Write]) -> None:
        raise TransactionCancelled([_met(write) for write in writes])


class _Throttled(_Contended):
    """Every transaction is refused for load."""

    def transact(self, writes: Sequence[Write]) -> None:
        raise Throttled


class _Refusing(_Contended):
    """Every single write is refused."""

    def __init__(self, refused: Exception) -> None:
        self._refused = refused

    def write(self, write: Write) -> Record:
        raise self._refused


def _draw(number: int) -> Write:
    return Write("Update", Key("stock", {"stock_id": f"A#W1#{number}"}), "#at <= :at", ShardKey("A", "W1", number))


def _waits_ms(
    shards: list[int], *, gives_way: bool, seed: str = "seed", database: Database | None = None
) -> list[float]:
    """The waits between tries that meet others on these shards in turn; each is jittered by half of it."""
    waited: list[float] = []
    attempts = Attempts(lambda seconds: waited.append(seconds * 1000), seed, gives_way=gives_way)
    for shard in shards:
        attempts.begin()
        attempts.transact(database or _Contended(), [_draw(shard)])
    attempts.begin()
    return waited


def test_who_gives_way_waits_as_long_as_records_are_kept_and_then_for_ever_less() -> None:
    waits = _waits_ms([0, 1, 2, 3, 4, 5, 6, 7, 8], gives_way=True)
    means = [20 / (number + 2) for number in range(9)]  # 10, 6.7, 5, 4 …
    assert all(mean / 2 <= wait <= mean * 1.5 for wait, mean in zip(waits, means, strict=True))


def test_who_meets_the_same_shard_again_and_again_waits_ever_longer() -> None:
    waits = _waits_ms([0] * 12, gives_way=True)
    means = [20 / (number + 2) * 2**number for number in range(12)]
    assert all(min(400, mean) / 2 <= wait <= min(400, mean) * 1.5 for wait, mean in zip(waits, means, strict=True))


def test_others_try_again_soon() -> None:
    assert all(wait <= 1.5 for wait in _waits_ms([0, 1, 2, 3], gives_way=False))


def test_who_is_refused_for_load_waits_ever_longer() -> None:
    """As long as somebody tries: settling does, in rounds of its own."""
    attempts, waits = Attempts(lambda _: None, "seed"), []
    for _ in range(5):
        attempts.transact(_Throttled(), [_draw(0)])
        waits.append(attempts.wait_s * 1000)
    means = [100, 200, 400, 400, 400]
    assert all(mean / 2 <= wait <= mean * 1.5 for wait, mean in zip(waits, means, strict=True))


@pytest.mark.parametrize("database", [_Contended(), _Throttled()])
def test_those_who_were_refused_at_once_do_not_come_again_at_once(database: Database) -> None:
    firsts = [_waits_ms([0], gives_way=False, seed=f"hold_{number}", database=database)[0] for number in range(200)]
    mean = sum(firsts) / len(firsts)
    assert len(set(firsts)) > 150
    assert min(firsts) < 0.6 * mean
    assert max(firsts) > 1.4 * mean


def test_few_of_the_tries_may_be_refused_for_load_whatever_comes_between() -> None:
    attempts = Attempts(lambda _: None, "seed")
    for number in range(2 * THROTTLED_MAX - 1):
        attempts.begin()
        attempts.transact(_Contended() if number % 2 else _Throttled(), [_draw(0)])
    with pytest.raises(Overloaded):
        attempts.begin()


@pytest.mark.parametrize(
    ("refused", "unknown"), [(Throttled(), True), (Contended(resent=True), True), (Contended(resent=False), False)]
)
def test_a_write_that_the_client_sent_again_may_have_been_made_by_its_first_send(
    refused: Exception, *, unknown: bool
) -> None:
    attempts = Attempts(lambda _: None, "seed")
    assert attempts.write(_Refusing(refused), _draw(0)) is None
    assert attempts.unknown is unknown


@pytest.mark.parametrize("gives_way", [True, False])
def test_no_wait_is_long(*, gives_way: bool) -> None:
    assert max(_waits_ms([0] * 20, gives_way=gives_way)) <= 600
