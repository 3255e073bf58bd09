"""Streams: a record for every change and for nothing else, in order, with both images."""

from typing import Any

from contract.world import World, cancelled, record, values


def _plain(event: dict[str, Any]) -> tuple[str, Any, Any]:
    change = event["dynamodb"]
    return event["eventName"], change.get("OldImage"), change.get("NewImage")


def test_each_change_is_a_record_with_both_images_in_order(world: World) -> None:
    first = world.put_shard(rev=1)
    second = {**first, "rev": {"N": "2"}}
    third = record(stock_id="a", rev=3)
    world.update_shard("SET rev = :two", ExpressionAttributeValues=values(two=2))
    world.client.put_item(TableName=world.stock, Item=third)
    world.client.delete_item(TableName=world.stock, Key=record(stock_id="a"))
    assert [_plain(event) for event in world.stream(world.stock, 4)] == [
        ("INSERT", None, first),
        ("MODIFY", first, second),
        ("MODIFY", second, third),
        ("REMOVE", third, None),
    ]


def test_a_record_has_what_a_consumer_needs(world: World) -> None:
    world.put_shard()
    [event] = world.stream(world.stock, 1)
    assert event["eventSource"] == "aws:dynamodb"
    assert event["eventID"]
    assert event["dynamodb"]["Keys"] == record(stock_id="a")
    assert event["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert event["dynamodb"]["ApproximateCreationDateTime"]
    assert event["dynamodb"]["SequenceNumber"].isdigit()


def test_sequence_numbers_grow_with_each_change_of_an_item(world: World) -> None:
    world.put_shard(rev=0)
    for _ in range(5):
        world.update_shard("SET rev = rev + :one", ExpressionAttributeValues=values(one=1))
    numbers = [int(event["dynamodb"]["SequenceNumber"]) for event in world.stream(world.stock, 6)]
    assert numbers == sorted(set(numbers))


def test_event_ids_differ(world: World) -> None:
    for number in range(4):
        world.put_shard(f"s{number}")
    assert len({event["eventID"] for event in world.stream(world.stock, 4)}) == 4


def test_a_put_that_changes_nothing_leaves_no_record(world: World) -> None:
    item = world.put_shard()
    world.client.put_item(TableName=world.stock, Item=item)
    last = world.put_shard("last")
    events = world.stream(world.stock, 2)
    assert [_plain(event) for event in events] == [("INSERT", None, item), ("INSERT", None, last)]


def test_an_update_that_changes_nothing_leaves_no_record(world: World) -> None:
    item = world.put_shard()
    world.update_shard("SET rev = :one", ExpressionAttributeValues=values(one=1))
    last = world.put_shard("last")
    events = world.stream(world.stock, 2)
    assert [_plain(event) for event in events] == [("INSERT", None, item), ("INSERT", None, last)]


def test_a_delete_of_nothing_leaves_no_record(world: World) -> None:
    world.client.delete_item(TableName=world.stock, Key=record(stock_id="a"))
    item = world.put_shard()
    assert [_plain(event) for event in world.stream(world.stock, 1)] == [("INSERT", None, item)]


def test_a_transaction_leaves_a_record_for_each_item_that_it_changed(world: World) -> None:
    guard, deleted = world.put_shard("guard"), world.put_shard("deleted")
    made = record(stock_id="made", rev=1)
    world.transact(
        {"Put": {"TableName": world.stock, "Item": made}},
        {"Delete": {"TableName": world.stock, "Key": record(stock_id="deleted")}},
        {
            "ConditionCheck": {
                "TableName": world.stock,
                "Key": record(stock_id="guard"),
                "ConditionExpression": "attribute_exists(rev)",
            }
        },
    )
    events = [_plain(event) for event in world.stream(world.stock, 4)]
    assert sorted(events, key=str) == sorted(
        [("INSERT", None, guard), ("INSERT", None, deleted), ("INSERT", None, made), ("REMOVE", deleted, None)], key=str
    )


def test_what_was_refused_leaves_no_record(world: World) -> None:
    item = world.put_shard()
    with cancelled("None", "ConditionalCheckFailed"):
        world.transact(
            {"Put": {"TableName": world.stock, "Item": record(stock_id="b")}},
            {
                "Delete": {
                    "TableName": world.stock,
                    "Key": record(stock_id="a"),
                    "ConditionExpression": "attribute_not_exists(rev)",
                }
            },
        )
    last = world.put_shard("last")
    events = world.stream(world.stock, 2)
    assert [_plain(event) for event in events] == [("INSERT", None, item), ("INSERT", None, last)]
