"""A hot item on many shards: what its buyers resolve settles shard by shard, through the stream and the collector."""

from collections import Counter
from functools import partial

from inventory.adapters.collecting import holds_in
from inventory.storage.codec import Record
from support.shop import Body, Shop, at_once, done, line, wait_until
from support.stack import Operator

SHARDS, SOLD, GIVEN_BACK = 8, 24, 12


def _on_many_shards(shop: Shop, units: int) -> str:
    item = shop.item("cup")
    shop.receive(item, units)
    done(shop.split(item, SHARDS))
    return item


def _bought(shop: Shop, item: str, number: int) -> list[Body]:
    answers = at_once([lambda: shop.place(line(item))] * number)
    assert {answer.status for answer in answers} == {200}
    return [answer.body for answer in answers]


def _records(operator: Operator, item: str) -> list[Record]:
    return list(operator.scan("HoldsTable", item, "#lines[0].#item", {"#lines": "lines", "#item": "item"}))


def test_what_many_buyers_resolve_at_once_is_settled_through_the_stream(shop: Shop, operator: Operator) -> None:
    item = _on_many_shards(shop, 80)
    holds = _bought(shop, item, SOLD + GIVEN_BACK)

    with operator.stopped("CollectorFunction"):
        at_once([partial(shop.execute, hold) for hold in holds[:SOLD]])
        at_once([partial(shop.release, hold) for hold in holds[SOLD:]])
        each_is = "each is passed on, or settled at once"
        wait_until(lambda: _settled_at_once(operator, item) is not None, 30, each_is)
        alone = _settled_at_once(operator, item)
        assert alone is not None, each_is
        given_back = sum(record["status"] == "released" for record in alone)
        held = SOLD + GIVEN_BACK - len(alone)
        assert held > 0
        assert shop.counters(item) == (80 - SOLD - GIVEN_BACK + given_back, held), "no counter has heard of the others"
        assert {_shard_of(record) for record in alone} <= {0}, "in a batch of the first shard's alone"

    shop.await_counters(item, 80 - SOLD, 0, within_s=30)
    records = _records(operator, item)
    assert all("open" not in record and record["settlement"] for record in records)
    shards_of: dict[str, set[int]] = {}
    for record in records:
        shards_of.setdefault(record["settlement"], set()).add(_shard_of(record))
    assert {len(shards) for shards in shards_of.values()} == {1}, "each transaction was about one shard"
    assert len(shards_of) < len(records) / 2, "and took several holds: what had come meanwhile"


def test_an_ordinary_item_is_settled_by_the_settler_itself(shop: Shop, operator: Operator) -> None:
    item = shop.item("cup")
    shop.receive(item, 20)
    holds = _bought(shop, item, 10)
    with operator.stopped("CollectorFunction"):
        at_once([partial(shop.execute, hold) for hold in holds])
        shop.await_counters(item, 10, 0, within_s=15)


def test_where_the_stream_cannot_be_written_to_a_hot_item_settles_all_the_same(shop: Shop, operator: Operator) -> None:
    item = _on_many_shards(shop, 60)
    holds = _bought(shop, item, 20)
    with operator.configured("SettlerFunction", COLLECTING_STREAM="nowhere"):
        at_once([partial(shop.release, hold) for hold in holds])
        shop.await_counters(item, 60, 0, within_s=15)
    told = Counter(record.get("error") for record in operator.logged("settler"))
    assert told["StreamRefused"] > 0


def _settled_at_once(operator: Operator, item: str) -> list[Record] | None:
    """The holds of an item that were not passed on, but settled by the settler; None while some are neither."""
    passed_on = _passed_on(operator, item)
    others = [record for record in _records(operator, item) if record["hold_id"] not in passed_on]
    return others if all("settlement" in record for record in others) else None


def _shard_of(record: Record) -> int:
    return int(record["lines"][0]["drawn"][0]["shard"])


def _passed_on(operator: Operator, item: str) -> set[str]:
    """Which holds of an item are on the stream that the collector reads."""
    name, found = operator.stack.outputs["CollectingStream"], set()
    for shard in operator.kinesis.list_shards(StreamName=name)["Shards"]:
        place: str | None = operator.kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while place and (answer := operator.kinesis.get_records(ShardIterator=place))["Records"]:
            told = [hold for record in answer["Records"] for hold in holds_in(record["Data"])]
            found |= {hold.id for hold in told if hold.lines[0].item == item}
            place = answer.get("NextShardIterator")
    return found
