"""Get, batch get, query and scan."""

from typing import Any

import pytest

from contract.world import World, record, refused, values


def open_holds(world: World, condition: str = "#open = :slice", slice_: str = "3", **request: Any) -> dict[str, Any]:
    operands = {**values(slice=slice_), **request.pop("operands", {})}
    answer: dict[str, Any] = world.client.query(
        TableName=world.holds,
        IndexName="open_holds",
        KeyConditionExpression=condition,
        ExpressionAttributeNames={"#open": "open"},
        ExpressionAttributeValues=operands,
        **request,
    )
    return answer


def ids(answer: dict[str, Any], name: str = "hold_id") -> list[str]:
    return [item[name]["S"] for item in answer["Items"]]


@pytest.fixture
def due(world: World) -> World:
    """Holds due at 1 to 5 in slice 3, put in another order; one settled; one in slice 4; one without due."""
    for number in (4, 1, 5, 3, 2):
        world.put_hold(f"h{number}", open="3", due=f"{number:05d}", status="active")
    world.put_hold("settled", status="executed")
    world.put_hold("elsewhere", open="4", due="00001")
    world.put_hold("undated", open="3")
    return world


def test_get_gives_the_item_or_nothing(world: World) -> None:
    item = world.put_shard()
    get = world.client.get_item
    assert get(TableName=world.stock, Key=record(stock_id="a"), ConsistentRead=True)["Item"] == item
    assert "Item" not in get(TableName=world.stock, Key=record(stock_id="b"))


def test_get_gives_only_what_is_projected(world: World) -> None:
    world.put_shard(warehouses={"north": {"shards": 1, "counts": 2}}, lines=[0, 1, 2])
    found = world.client.get_item(
        TableName=world.stock,
        Key=record(stock_id="a"),
        ProjectionExpression="rev, warehouses.#w.shards, absent, #l[1]",
        ExpressionAttributeNames={"#w": "north", "#l": "lines"},
    )["Item"]
    assert found == record(rev=1, warehouses={"north": {"shards": 1}}, lines=[1])


def test_batch_get_gives_what_exists_from_several_tables(world: World) -> None:
    a, b = world.put_shard("a"), world.put_shard("b")
    hold = world.put_hold("h1", status="active")
    answer = world.client.batch_get_item(
        RequestItems={
            world.stock: {"Keys": [record(stock_id=each) for each in "abc"], "ConsistentRead": True},
            world.holds: {"Keys": [record(hold_id="h1")]},
        }
    )
    assert sorted(answer["Responses"][world.stock], key=lambda item: str(item["stock_id"])) == [a, b]
    assert answer["Responses"][world.holds] == [hold]
    assert answer["UnprocessedKeys"] == {}


def test_batch_get_takes_100_keys(world: World) -> None:
    world.put_shard("s99")
    keys = [record(stock_id=f"s{number}") for number in range(100)]
    answer = world.client.batch_get_item(RequestItems={world.stock: {"Keys": keys}})
    assert [item["stock_id"] for item in answer["Responses"][world.stock]] == [{"S": "s99"}]


def test_batch_get_refuses_101_keys(world: World) -> None:
    keys = [record(stock_id=f"s{number}") for number in range(101)]
    with refused("ValidationException"):
        world.client.batch_get_item(RequestItems={world.stock: {"Keys": keys}})


def test_batch_get_counts_the_keys_of_all_tables(world: World) -> None:
    with refused("ValidationException"):
        world.client.batch_get_item(
            RequestItems={
                world.stock: {"Keys": [record(stock_id=f"s{number}") for number in range(60)]},
                world.holds: {"Keys": [record(hold_id=f"h{number}") for number in range(60)]},
            }
        )


def test_batch_get_refuses_a_key_twice(world: World) -> None:
    with refused("ValidationException"):
        world.client.batch_get_item(RequestItems={world.stock: {"Keys": [record(stock_id="a")] * 2}})


def test_the_sparse_index_has_only_what_has_both_attributes_in_order(due: World) -> None:
    answer = open_holds(due)
    assert ids(answer) == ["h1", "h2", "h3", "h4", "h5"]
    assert (answer["Count"], answer["ScannedCount"]) == (5, 5)
    assert "LastEvaluatedKey" not in answer


def test_a_keys_only_index_gives_the_keys(due: World) -> None:
    assert open_holds(due, Limit=1)["Items"] == [record(hold_id="h1", open="3", due="00001")]


def test_an_item_leaves_the_index_with_its_attribute_and_comes_back(due: World) -> None:
    key = record(hold_id="h2")
    due.client.update_item(TableName=due.holds, Key=key, UpdateExpression="REMOVE due")
    assert ids(open_holds(due)) == ["h1", "h3", "h4", "h5"]
    due.client.update_item(
        TableName=due.holds, Key=key, UpdateExpression="SET due = :d", ExpressionAttributeValues=values(d="00009")
    )
    assert ids(open_holds(due)) == ["h1", "h3", "h4", "h5", "h2"]
    due.client.delete_item(TableName=due.holds, Key=record(hold_id="h3"))
    assert ids(open_holds(due)) == ["h1", "h4", "h5", "h2"]


def test_the_index_can_be_read_backwards(due: World) -> None:
    assert ids(open_holds(due, ScanIndexForward=False, Limit=2)) == ["h5", "h4"]


@pytest.mark.parametrize(
    ("condition", "operands", "expected"),
    [
        ("due = :d", {"d": "00003"}, ["h3"]),
        ("due < :d", {"d": "00003"}, ["h1", "h2"]),
        ("due <= :d", {"d": "00003"}, ["h1", "h2", "h3"]),
        ("due > :d", {"d": "00003"}, ["h4", "h5"]),
        ("due >= :d", {"d": "00003"}, ["h3", "h4", "h5"]),
        ("due BETWEEN :d AND :e", {"d": "00002", "e": "000035"}, ["h2", "h3"]),
        ("begins_with(due, :d)", {"d": "0000"}, ["h1", "h2", "h3", "h4", "h5"]),
        ("begins_with(due, :d)", {"d": "00005"}, ["h5"]),
    ],
)
def test_a_key_condition_selects_a_range(
    due: World, condition: str, operands: dict[str, str], expected: list[str]
) -> None:
    assert ids(open_holds(due, f"#open = :slice AND {condition}", operands=values(**operands))) == expected


def test_pages_follow_each_other_without_gap_or_repeat(due: World) -> None:
    found: list[str] = []
    start: dict[str, Any] = {}
    for _ in range(5):
        page = open_holds(due, Limit=2, **start)
        found += ids(page)
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert found == ["h1", "h2", "h3", "h4", "h5"]


def test_pages_go_on_where_the_last_item_was_deleted(due: World) -> None:
    first = open_holds(due, Limit=2)
    due.client.delete_item(TableName=due.holds, Key=record(hold_id="h2"))
    assert ids(open_holds(due, Limit=2, ExclusiveStartKey=first["LastEvaluatedKey"])) == ["h3", "h4"]


def test_equal_index_keys_page_without_gap_or_repeat(world: World) -> None:
    for number in range(7):
        world.put_hold(f"h{number}", open="3", due="00001")
    found: list[str] = []
    page = open_holds(world, Limit=3)
    found += ids(page)
    while "LastEvaluatedKey" in page:
        page = open_holds(world, Limit=3, ExclusiveStartKey=page["LastEvaluatedKey"])
        found += ids(page)
    assert sorted(found) == [f"h{number}" for number in range(7)]


def test_a_page_that_ends_with_its_limit_says_there_may_be_more(due: World) -> None:
    assert open_holds(due, Limit=5)["LastEvaluatedKey"] == record(hold_id="h5", open="3", due="00005")


def test_a_filter_counts_what_it_leaves_out(due: World) -> None:
    answer = due.client.scan(
        TableName=due.holds,
        FilterExpression="#status = :s",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues=values(s="active"),
    )
    assert (answer["Count"], answer["ScannedCount"]) == (5, 8)


def test_a_query_can_count_only(due: World) -> None:
    answer = open_holds(due, Select="COUNT")
    assert answer["Count"] == 5
    assert "Items" not in answer


def test_the_range_key_of_a_table_orders_its_items(world: World) -> None:
    for warehouse in ("north", "east", "west"):
        world.client.put_item(TableName=world.availability, Item=record(item_id="i", warehouse_id=warehouse))
    world.client.put_item(TableName=world.availability, Item=record(item_id="j", warehouse_id="north"))
    answer = world.client.query(
        TableName=world.availability,
        KeyConditionExpression="item_id = :i",
        ExpressionAttributeValues=values(i="i"),
        ConsistentRead=True,
    )
    assert ids(answer, "warehouse_id") == ["east", "north", "west"]


def test_the_index_by_warehouse_has_what_is_in_stock(world: World) -> None:
    for item, stocked in (("c", True), ("a", True), ("b", False)):
        flag = {"in_stock": "north"} if stocked else {}
        world.client.put_item(TableName=world.availability, Item=record(item_id=item, warehouse_id="north", **flag))
    answer = world.client.query(
        TableName=world.availability,
        IndexName="in_stock",
        KeyConditionExpression="in_stock = :w",
        ExpressionAttributeValues=values(w="north"),
    )
    assert ids(answer, "item_id") == ["a", "c"]


REFUSED_QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "no partition": ("due = :slice", {}),
    "a range of partitions": ("#open > :slice", {}),
    "another attribute": ("#open = :slice AND other = :slice", {}),
    "OR": ("#open = :slice OR due = :slice", {}),
    "not equal": ("#open = :slice AND due <> :slice", {}),
    "two conditions on one key": ("#open = :slice AND due > :slice AND due < :slice", {}),
    "bounds reversed": ("#open = :slice AND due BETWEEN :b AND :a", {"operands": values(a="1", b="2")}),
    "another type": ("#open = :number", {"operands": values(number=3)}),
    "consistent read of an index": ("#open = :slice", {"ConsistentRead": True}),
    "filter on a key": ("#open = :slice", {"FilterExpression": "due = :slice"}),
    "attributes not in the index": ("#open = :slice", {"ProjectionExpression": "metadata"}),
    "all attributes of an index of keys": ("#open = :slice", {"Select": "ALL_ATTRIBUTES"}),
    "half a starting key": ("#open = :slice", {"ExclusiveStartKey": record(hold_id="h1")}),
    "unused value": ("#open = :slice", {"operands": values(unused=1)}),
}


@pytest.mark.parametrize("case", REFUSED_QUERIES)
def test_a_wrong_query_is_refused(world: World, case: str) -> None:
    condition, request = REFUSED_QUERIES[case]
    with refused("ValidationException"):
        open_holds(world, condition, **request)


def test_a_query_on_an_unknown_index_is_refused(world: World) -> None:
    with refused("ValidationException"):
        world.client.query(
            TableName=world.holds,
            IndexName="closed_holds",
            KeyConditionExpression="status = :s",
            ExpressionAttributeValues=values(s="x"),
        )


def test_segments_together_scan_each_item_once(world: World) -> None:
    for number in range(40):
        world.put_shard(f"s{number}")
    found: list[str] = []
    for segment in range(4):
        request: dict[str, Any] = {"TableName": world.stock, "Segment": segment, "TotalSegments": 4, "Limit": 3}
        while True:
            page = world.client.scan(ConsistentRead=True, **request)
            found += ids(page, "stock_id")
            if "LastEvaluatedKey" not in page:
                break
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert sorted(found) == sorted(f"s{number}" for number in range(40))


def test_a_segment_past_the_last_is_refused(world: World) -> None:
    for request in ({"Segment": 3, "TotalSegments": 3}, {"Segment": 0}):
        with refused("ValidationException"):
            world.client.scan(TableName=world.stock, **request)


def test_a_page_holds_one_megabyte(world: World) -> None:
    for number in range(4):
        world.client.put_item(
            TableName=world.availability,
            Item=record(item_id="i", warehouse_id=str(number), padding="x" * 390_000),
        )
    request: dict[str, Any] = {
        "TableName": world.availability,
        "KeyConditionExpression": "item_id = :i",
        "ExpressionAttributeValues": values(i="i"),
    }
    first = world.client.query(**request)
    assert 2 <= first["Count"] <= 3
    rest = world.client.query(**request, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert first["Count"] + rest["Count"] == 4
