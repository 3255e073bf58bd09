"""What calls cost, as `ConsumedCapacity` says."""

import uuid
from typing import Any

from contract.world import World, record, values

TOTAL = {"ReturnConsumedCapacity": "TOTAL"}
INDEXES = {"ReturnConsumedCapacity": "INDEXES"}


def _put_hold(world: World, **attributes: object) -> dict[str, Any]:
    item = record(hold_id="h1", **attributes)
    consumed: dict[str, Any] = world.client.put_item(TableName=world.holds, Item=item, **INDEXES)["ConsumedCapacity"]
    return {name: part["CapacityUnits"] for name, part in consumed.get("GlobalSecondaryIndexes", {}).items()} | {
        "table": consumed["Table"]["CapacityUnits"],
        "all": consumed["CapacityUnits"],
    }


def test_a_call_says_what_it_cost_only_if_asked(world: World) -> None:
    assert "ConsumedCapacity" not in world.client.put_item(TableName=world.stock, Item=record(stock_id="a"))


def test_a_write_costs_a_unit_for_each_kilobyte_begun(world: World) -> None:
    small = world.client.put_item(TableName=world.stock, Item=record(stock_id="a"), **TOTAL)
    large = world.client.put_item(TableName=world.stock, Item=record(stock_id="a", v="x" * 2100), **TOTAL)
    shrunk = world.client.put_item(TableName=world.stock, Item=record(stock_id="a"), **TOTAL)
    costs = [answer["ConsumedCapacity"]["CapacityUnits"] for answer in (small, large, shrunk)]
    assert costs == [1, 3, 3]


def test_an_update_costs_by_the_larger_of_both_images(world: World) -> None:
    world.put_shard(v="x" * 1500)
    answer = world.update_shard("REMOVE v", **TOTAL)
    assert answer["ConsumedCapacity"] == {"TableName": world.stock, "CapacityUnits": 2}


def test_an_update_of_a_small_item_costs_one_unit(world: World) -> None:
    answer = world.update_shard("SET rev = :one", ExpressionAttributeValues=values(one=1), **TOTAL)
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1


def test_an_index_costs_a_unit_to_enter_two_to_move_and_one_to_leave(world: World) -> None:
    assert _put_hold(world, open="3", due="1") == {"open_holds": 1, "table": 1, "all": 2}
    assert _put_hold(world, open="3", due="1", rev=2) == {"table": 1, "all": 1}
    assert _put_hold(world, open="3", due="2") == {"open_holds": 2, "table": 1, "all": 3}
    assert _put_hold(world) == {"open_holds": 1, "table": 1, "all": 2}


def test_a_read_costs_half_if_it_may_be_stale(world: World) -> None:
    world.put_shard(v="x" * 4100)
    request: dict[str, Any] = {"TableName": world.stock, "Key": record(stock_id="a"), **TOTAL}
    strong = world.client.get_item(ConsistentRead=True, **request)["ConsumedCapacity"]["CapacityUnits"]
    stale = world.client.get_item(**request)["ConsumedCapacity"]["CapacityUnits"]
    assert (strong, stale) == (2, 1)


def test_a_read_of_nothing_costs_too(world: World) -> None:
    answer = world.client.get_item(TableName=world.stock, Key=record(stock_id="a"), **TOTAL)
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 0.5


def test_a_batch_get_costs_what_its_reads_cost(world: World) -> None:
    for stock_id in "ab":
        world.put_shard(stock_id)
    keys = [record(stock_id=stock_id) for stock_id in "ab"]
    answer = world.client.batch_get_item(RequestItems={world.stock: {"Keys": keys}}, **TOTAL)
    assert answer["ConsumedCapacity"] == [{"TableName": world.stock, "CapacityUnits": 1}]


def test_a_query_costs_by_all_that_it_read_together(world: World) -> None:
    for number in range(8):
        world.client.put_item(
            TableName=world.availability, Item=record(item_id="i", warehouse_id=str(number), v="x" * 900)
        )
    answer = world.client.query(
        TableName=world.availability,
        KeyConditionExpression="item_id = :i",
        ExpressionAttributeValues=values(i="i"),
        ConsistentRead=True,
        **TOTAL,
    )
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 2


def test_a_transaction_costs_twice_and_checks_too(world: World) -> None:
    world.put_shard("guard")
    answer = world.transact(
        {"Put": {"TableName": world.stock, "Item": record(stock_id="a")}},
        {
            "ConditionCheck": {
                "TableName": world.stock,
                "Key": record(stock_id="guard"),
                "ConditionExpression": "attribute_exists(rev)",
            }
        },
        **TOTAL,
    )
    assert [consumed["CapacityUnits"] for consumed in answer["ConsumedCapacity"]] == [4]


def test_a_transaction_enters_an_index_for_one_unit(world: World) -> None:
    put = {"Put": {"TableName": world.holds, "Item": record(hold_id="h1", open="3", due="1")}}
    [consumed] = world.transact(put, **INDEXES)["ConsumedCapacity"]
    assert consumed["CapacityUnits"] == 3
    assert consumed["GlobalSecondaryIndexes"]["open_holds"]["CapacityUnits"] == 1


def test_a_repeated_token_costs_reads(world: World) -> None:
    put = {"Put": {"TableName": world.stock, "Item": record(stock_id="a")}}
    token = str(uuid.uuid4())
    for kind in ("WriteCapacityUnits", "ReadCapacityUnits"):
        [consumed] = world.transact(put, ClientRequestToken=token, **TOTAL)["ConsumedCapacity"]
        assert consumed[kind] == 2
