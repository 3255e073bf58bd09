"""An item that splits by itself while it is sold, and is merged again once nobody wants it."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from inventory.storage.codec import Record
from support.shop import Shop, done, line, wait_until
from support.stack import Operator

pytestmark = pytest.mark.timeout(300)

_UNITS = 5_000
_BUYERS = 4
#: The emulator makes no conflicts and carries few sales, so little is hot here. On AWS it takes what the template says.
_SOON_HOT = {"CHANGES_PER_SHARD": "1", "HEAT_TRIES": "4"}
_SOON_COLD = {"COLD_AFTER_S": "2"}


def _shards(shop: Shop, item: str) -> int:
    (warehouse,) = shop.stock(item)["warehouses"]
    return int(warehouse["shards"])


def _by_shard(operator: Operator, item: str) -> dict[int, int]:
    """Available units of each shard that has a record."""
    records = operator.scan("StockTable", f"{item}#berlin#", "#key", {"#key": "stock_id"})
    return {int(record["shard"]): int(record["available"]) for record in records}


@contextmanager
def _sold(shop: Shop, item: str, outcomes: Counter[str]) -> Iterator[None]:
    """Buyers who take a unit, and every third one gives it back, for as long as this lasts."""
    enough = threading.Event()

    def buy() -> None:
        for number in itertools.count():
            if enough.is_set():
                return
            placed = shop.place(line(item))
            outcomes[str(placed.status)] += 1
            if placed.status == 200:
                ended = shop.release(placed.body) if number % 3 == 2 else shop.execute(placed.body)
                outcomes[str(done(ended)["status"])] += 1

    with ThreadPoolExecutor(_BUYERS) as pool:
        buying = [pool.submit(buy) for _ in range(_BUYERS)]
        try:
            yield
        finally:
            enough.set()
        for each in buying:
            each.result()


def _is_spread(operator: Operator, item: str) -> bool:
    return sum(units > 0 for units in _by_shard(operator, item).values()) > 1


def _told(operator: Operator, function: str, what: str, item: str) -> list[Record]:
    return [each for each in operator.logged(function) if each.get("message") == what and each.get("item") == item]


def _counted(operator: Operator, function: str, metric: str) -> float:
    return sum(sum(each[metric]) for each in operator.logged(function) if metric in each)


def test_a_hot_item_splits_by_itself_while_it_is_sold_and_is_merged_when_it_is_cold(
    shop: Shop, operator: Operator
) -> None:
    item, outcomes = shop.item("cup"), Counter[str]()
    shop.receive(item, _UNITS)
    with operator.listening("Item Split", "Item Merged") as heard:
        with operator.configured("ProjectorFunction", **_SOON_HOT), _sold(shop, item, outcomes):
            wait_until(lambda: _shards(shop, item) > 1, 60, "it is counted on more shards")
            wait_until(lambda: _is_spread(operator, item), 60, "stock is spread")
            sold_before = outcomes["executed"]
            wait_until(lambda: outcomes["executed"] >= sold_before + 40, 60, "sales go on")
        assert outcomes.keys() == {"200", "executed", "released"}, "nobody was refused"
        left = _UNITS - outcomes["executed"]
        shop.await_counters(item, left, 0, within_s=30)  # one thread of the emulator serves all streams
        split = _shards(shop, item)
        assert split >= 2
        first, *_ = [told for what, told in heard() if (what, told["item"]) == ("Item Split", item)]
        assert (first["warehouse"], first["shards_before"]) == ("berlin", 1)
        assert 1 < first["shards_after"] <= split
        assert _told(operator, "projector", "Item Split", item)[0].items() >= first.items()
        assert _counted(operator, "projector", "ItemsSplit") >= 1
        assert _counted(operator, "projector", "UnitsLeveled") >= 1

        with operator.configured("SweeperFunction", **_SOON_COLD):

            def merged() -> bool:
                operator.sweep()
                return _shards(shop, item) == 1

            wait_until(merged, 60, "what is cold is merged")
        assert ("Item Merged", item, split, 1) in {
            (what, told["item"], told["shards_before"], told["shards_after"]) for what, told in heard()
        }
        assert _told(operator, "sweeper", "Item Merged", item)
        assert _counted(operator, "sweeper", "ItemsMerged") >= 1
    assert shop.counters(item) == (left, 0)
    assert {number for number, units in _by_shard(operator, item).items() if units} == {0}
    assert done(shop.place(line(item, left)))["status"] == "active", "all that is left is found by one buyer"
