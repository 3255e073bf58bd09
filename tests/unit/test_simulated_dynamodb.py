"""What only the simulated DynamoDB has: its clock, its faults, its shards, and that it works on what changed only.

How fast it is depends on the machine: `bench/simulated_dynamodb.py` shows it, nothing here asserts it.
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from contract import tables
from simulated_dynamodb import Replica, SimulatedDynamoDB, conflict, expressions, is_eventual, throttled, updates

TABLES = [tables.stock("stock"), tables.holds("holds"), tables.availability("availability")]
KEY = {"stock_id": {"S": "a"}}
ADD_ONE: dict[str, Any] = {
    "TableName": "stock",
    "Key": KEY,
    "UpdateExpression": "ADD n :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


@pytest.fixture
def database() -> SimulatedDynamoDB:
    return SimulatedDynamoDB(TABLES)


def count(database: SimulatedDynamoDB) -> str | None:
    item = database.client.get_item(TableName="stock", Key=KEY).get("Item")
    return item["n"]["N"] if item else None


def test_a_fault_before_a_call_keeps_it_from_happening(database: SimulatedDynamoDB) -> None:
    def throttle(operation: str, _request: dict[str, Any]) -> None:
        if operation == "UpdateItem":
            raise throttled(operation)

    database.before_call = throttle
    with pytest.raises(database.client.exceptions.ThrottlingException):
        database.client.update_item(**ADD_ONE)
    assert count(database) is None


def test_what_ttl_removes_is_told_as_its_doing_and_nothing_else_is(database: SimulatedDynamoDB) -> None:
    heard: list[str] = []
    database.client.update_item(**ADD_ONE)
    database.after_call = lambda operation, _request, _answer: heard.append(operation)
    database.expire("stock", "a")
    assert count(database) is None
    database.client.update_item(**ADD_ONE)
    database.client.delete_item(TableName="stock", Key=KEY)
    told = [(record["eventName"], record.get("userIdentity")) for record in database.stream("stock").drain()]
    ttl = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert told == [("INSERT", None), ("REMOVE", ttl), ("INSERT", None), ("REMOVE", None)]
    assert heard == ["TimeToLive", "GetItem", "UpdateItem", "DeleteItem"]


def test_a_fault_after_a_call_leaves_its_effect(database: SimulatedDynamoDB) -> None:
    def lose_the_answer(operation: str, _request: dict[str, Any], answer: dict[str, Any]) -> None:
        if operation == "UpdateItem":
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
            raise ReadTimeoutError(endpoint_url="simulated")

    database.after_call = lose_the_answer
    with pytest.raises(ReadTimeoutError):
        database.client.update_item(**ADD_ONE)
    assert count(database) == "1"


def test_the_hook_after_a_call_sees_refusals_too(database: SimulatedDynamoDB) -> None:
    codes: list[str | None] = []
    database.after_call = lambda _operation, _request, answer: codes.append(answer.get("Error", {}).get("Code"))
    with pytest.raises(ClientError):
        database.client.update_item(**ADD_ONE, ConditionExpression="attribute_exists(n)")
    database.client.update_item(**ADD_ONE)
    assert codes == ["ConditionalCheckFailedException", None]


def test_the_hook_after_a_call_may_answer_with_what_was(database: SimulatedDynamoDB) -> None:
    database.client.update_item(**ADD_ONE)

    def stale(operation: str, _request: dict[str, Any], answer: dict[str, Any]) -> None:
        if operation == "GetItem":
            answer["Item"]["n"] = {"N": "0"}

    database.after_call = stale
    assert count(database) == "0"
    database.client.update_item(**ADD_ONE)
    assert [item["n"] for item in database.items("stock")] == [{"N": "2"}]


def test_a_conflict_names_the_writes_in_the_way(database: SimulatedDynamoDB) -> None:
    def collide(operation: str, request: dict[str, Any]) -> None:
        raise conflict(operation, request, positions=[1])

    database.before_call = collide
    puts = [{"Put": {"TableName": "stock", "Item": {"stock_id": {"S": name}}}} for name in "abc"]
    with pytest.raises(database.client.exceptions.TransactionCanceledException) as caught:
        database.client.transact_write_items(TransactItems=puts)
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "TransactionConflict", "None"]
    with pytest.raises(database.client.exceptions.TransactionConflictException):
        database.client.update_item(**ADD_ONE)


def test_a_replica_is_as_late_as_it_is_told_to_be() -> None:
    clock = [1_000.0]
    database = SimulatedDynamoDB(TABLES, now=lambda: clock[0])
    replica = Replica(database, lambda: clock[0])
    for clock[0] in (1_001.0, 1_002.0, 1_003.0):
        database.client.update_item(**ADD_ONE)

    def seen(instant: float) -> dict[str, Any]:
        item: dict[str, Any] = replica.as_of(instant).get_item(TableName="stock", Key=KEY).get("Item", {})
        return item

    assert seen(1_000.5) == {}
    assert seen(1_002.0)["n"] == {"N": "2"}
    assert seen(1_000.5)["n"] == {"N": "2"}, "it never goes back"
    assert count(database) == "3"


def test_what_may_be_stale_is_what_does_not_ask_for_consistency() -> None:
    keys = {"Keys": [KEY]}
    assert is_eventual("Query", {})
    assert is_eventual("BatchGetItem", {"RequestItems": {"stock": keys}})
    assert not is_eventual("BatchGetItem", {"RequestItems": {"stock": {**keys, "ConsistentRead": True}}})
    assert not is_eventual("GetItem", {"ConsistentRead": True})
    assert not is_eventual("TransactWriteItems", {})


def test_a_batch_get_leaves_keys_for_later(database: SimulatedDynamoDB) -> None:
    database.client.update_item(**ADD_ONE)
    asked = {"stock": {"Keys": [KEY, {"stock_id": {"S": "later"}}], "ConsistentRead": True}}
    database.unprocessed = lambda table, key: table == "stock" and key["stock_id"]["S"] == "later"
    answer = database.client.batch_get_item(RequestItems=asked)
    assert [item["stock_id"]["S"] for item in answer["Responses"]["stock"]] == ["a"]
    later = {"stock": {"Keys": [{"stock_id": {"S": "later"}}], "ConsistentRead": True}}
    assert answer["UnprocessedKeys"] == later


def test_a_batch_get_of_more_than_16_megabytes_leaves_the_rest(database: SimulatedDynamoDB) -> None:
    keys = [{"stock_id": {"S": f"s{number}"}} for number in range(50)]
    for key in keys:
        database.client.put_item(TableName="stock", Item={**key, "v": {"S": "x" * 400_000}})
    answer = database.client.batch_get_item(RequestItems={"stock": {"Keys": keys}})
    read, left = len(answer["Responses"]["stock"]), len(answer["UnprocessedKeys"]["stock"]["Keys"])
    assert (read, read + left) == (42, 50)


def test_the_clock_dates_answers_refusals_and_stream_records() -> None:
    database = SimulatedDynamoDB(TABLES, now=lambda: 1_700_000_000.9)
    answer = database.client.update_item(**ADD_ONE)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    with pytest.raises(ClientError) as caught:
        database.client.update_item(**ADD_ONE, ConditionExpression="attribute_not_exists(n)")
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    [record] = database.stream("stock").drain()
    assert record["dynamodb"]["ApproximateCreationDateTime"] == 1_700_000_000


def test_a_token_holds_for_ten_minutes() -> None:
    clock = [1_700_000_000.0]
    database = SimulatedDynamoDB(TABLES, now=lambda: clock[0])
    request = {"TransactItems": [{"Update": ADD_ONE}], "ClientRequestToken": "token"}
    database.client.transact_write_items(**request)
    clock[0] += 599
    database.client.transact_write_items(**request)
    assert count(database) == "1"
    clock[0] += 1
    database.client.transact_write_items(**request)
    assert count(database) == "2"


def test_each_key_keeps_to_one_shard_of_the_stream_in_order() -> None:
    database = SimulatedDynamoDB(TABLES, stream_shards=4)
    for _ in range(3):
        for number in range(40):
            database.client.update_item(**{**ADD_ONE, "Key": {"stock_id": {"S": f"s{number}"}}})
    stream = database.stream("stock")
    assert sum(stream.pending) == 120
    assert all(stream.pending)
    homes: dict[str, int] = {}
    for shard in range(4):
        records = stream.drain(shard)
        numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in records]
        assert numbers == sorted(numbers)
        for each in records:
            assert homes.setdefault(each["dynamodb"]["Keys"]["stock_id"]["S"], shard) == shard
    assert len(homes) == 40


def test_a_stream_is_drained_batch_by_batch(database: SimulatedDynamoDB) -> None:
    for _ in range(5):
        database.client.update_item(**ADD_ONE)
    stream = database.stream("stock")
    batches = [len(stream.drain(limit=2)) for _ in range(4)]
    assert (batches, stream.pending) == ([2, 2, 1, 0], [0])


def test_what_a_caller_does_with_its_dicts_changes_nothing(database: SimulatedDynamoDB) -> None:
    item: dict[str, Any] = {**KEY, "m": {"M": {"x": {"L": [{"N": "1"}]}}}}
    database.client.put_item(TableName="stock", Item=item)
    item["m"]["M"]["x"]["L"].append({"N": "2"})
    read = database.client.get_item(TableName="stock", Key=KEY)["Item"]
    read["m"]["M"]["x"]["L"].clear()
    [record] = database.stream("stock").drain()
    record["dynamodb"]["NewImage"]["m"]["M"].clear()
    assert [stored["m"] for stored in database.items("stock")] == [{"M": {"x": {"L": [{"N": "1"}]}}}]


def test_an_update_copies_only_the_containers_on_its_path(database: SimulatedDynamoDB) -> None:
    warehouses = {"M": {"north": {"M": {"shards": {"N": "1"}}}, "south": {"M": {"shards": {"N": "1"}}}}}
    database.client.put_item(TableName="stock", Item={**KEY, "warehouses": warehouses, "cause": {"M": {}}})
    [before] = database.items("stock")
    database.client.update_item(
        TableName="stock",
        Key=KEY,
        UpdateExpression="SET warehouses.north.shards = :v",
        ExpressionAttributeValues={":v": {"N": "2"}},
    )
    [after] = database.items("stock")
    assert after["warehouses"]["M"]["north"] == {"M": {"shards": {"N": "2"}}}
    assert after["warehouses"]["M"]["south"] is before["warehouses"]["M"]["south"]
    assert after["cause"] is before["cause"]
    assert before["warehouses"]["M"]["north"] == {"M": {"shards": {"N": "1"}}}


def test_an_expression_is_read_once_however_often_it_is_used(database: SimulatedDynamoDB) -> None:
    updates.parse_update.cache_clear()
    for number in range(20):
        database.client.update_item(**{**ADD_ONE, "Key": {"stock_id": {"S": f"s{number}"}}})
    assert (updates.parse_update.cache_info().misses, updates.parse_update.cache_info().hits) == (1, 19)


def test_the_same_calls_give_the_same_answers_and_records() -> None:
    def run() -> str:
        database = SimulatedDynamoDB(TABLES, now=lambda: 1_700_000_000.0, stream_shards=3)
        for number in range(50):
            key = {"hold_id": {"S": f"h{number * 7 % 50}"}, "open": {"S": str(number % 3)}, "due": {"S": "1"}}
            database.client.put_item(TableName="holds", Item=key)
        pages = database.client.get_paginator("scan").paginate(TableName="holds", PaginationConfig={"PageSize": 7})
        return str(list(pages)) + str([database.stream("holds").drain(shard) for shard in range(3)])

    assert run() == run()


def test_a_paginator_walks_all_pages(database: SimulatedDynamoDB) -> None:
    for number in range(10):
        database.client.put_item(TableName="stock", Item={"stock_id": {"S": f"s{number}"}})
    pages = database.client.get_paginator("scan").paginate(TableName="stock", PaginationConfig={"PageSize": 3})
    assert sorted(len(page["Items"]) for page in pages) == [1, 3, 3, 3]


@pytest.mark.parametrize("legacy", [{"Expected": {}}, {"ReturnItemCollectionMetrics": "SIZE"}])
def test_what_is_not_simulated_says_so(database: SimulatedDynamoDB, legacy: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        database.client.put_item(TableName="stock", Item=KEY, **legacy)
    with pytest.raises(LookupError):
        database.stream("availability")


def test_the_reserved_words_are_all_there() -> None:
    assert sorted(expressions.RESERVED_WORDS) == sorted(ReservedKeywords.get_reserved_keywords())
