"""Many callers at once: never more than there is, never less than nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contract.world import World, record, values

THREADS = 16
UNITS = 100
BUYERS = 160


def _place(world: World, buyer: int) -> bool:
    """One unit for this buyer, or False if none is left; conflicts and throttling are tried again."""
    place: list[dict[str, Any]] = [
        {
            "Put": {
                "TableName": world.holds,
                "Item": record(hold_id=f"h{buyer}", open=str(buyer % 4), due=f"{buyer:05d}"),
                "ConditionExpression": "attribute_not_exists(hold_id)",
            }
        },
        {
            "Update": {
                "TableName": world.stock,
                "Key": record(stock_id="a"),
                "UpdateExpression": "SET available = available - :q, held = held + :q, rev = rev + :q",
                "ConditionExpression": "available >= :q",
                "ExpressionAttributeValues": values(q=1),
            }
        },
    ]
    while True:
        try:
            world.client.transact_write_items(TransactItems=place)
        except world.client.exceptions.TransactionCanceledException as error:
            if error.response["CancellationReasons"][1]["Code"] == "ConditionalCheckFailed":
                return False
        else:
            return True


def test_never_oversold_by_16_threads_after_100_units(world: World) -> None:
    world.put_shard(available=UNITS, held=0, rev=0)
    with ThreadPoolExecutor(THREADS) as pool:
        sold = sum(pool.map(lambda buyer: _place(world, buyer), range(BUYERS)))
    assert sold == UNITS
    assert world.shard() == record(stock_id="a", available=0, held=UNITS, rev=UNITS, at=100)
    assert world.client.scan(TableName=world.holds, Select="COUNT")["Count"] == UNITS


def test_no_increment_is_lost(world: World) -> None:
    def increment(_: int) -> None:
        world.update_shard("SET n = if_not_exists(n, :zero) + :one", ExpressionAttributeValues=values(zero=0, one=1))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(increment, range(BUYERS)))
    assert world.shard() == record(stock_id="a", n=BUYERS)


def test_each_change_of_a_contended_item_is_in_the_stream_once_and_in_order(world: World) -> None:
    world.put_shard(rev=0)
    with ThreadPoolExecutor(THREADS) as pool:
        update = "SET rev = rev + :one"
        list(pool.map(lambda _: world.update_shard(update, ExpressionAttributeValues=values(one=1)), range(50)))
    events = world.stream(world.stock, 51)
    assert [event["dynamodb"]["NewImage"]["rev"]["N"] for event in events] == [str(rev) for rev in range(51)]
