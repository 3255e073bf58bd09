"""What is refused before anything is done: sizes, keys, values, names and arguments."""

from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from contract.world import World, record, refused, values

_ITEM_BYTES_MAX = 400 * 1024
_NAMES_AND_KEY_BYTES = len("stock_id") + len("a") + len("v")


def _put(world: World, **attributes: object) -> None:
    world.client.put_item(TableName=world.stock, Item=record(**{"stock_id": "a", **attributes}))


def test_an_item_of_400_kilobytes_is_taken(world: World) -> None:
    _put(world, v="x" * (_ITEM_BYTES_MAX - _NAMES_AND_KEY_BYTES))
    assert world.shard()


def test_an_item_over_400_kilobytes_is_refused(world: World) -> None:
    with refused("ValidationException"):
        _put(world, v="x" * (_ITEM_BYTES_MAX - _NAMES_AND_KEY_BYTES + 1))
    assert world.shard() is None


def test_the_size_counts_bytes_not_characters(world: World) -> None:
    with refused("ValidationException"):
        _put(world, v="é" * (_ITEM_BYTES_MAX // 2))


def test_an_update_to_over_400_kilobytes_is_refused(world: World) -> None:
    _put(world, v="x" * 300_000)
    with refused("ValidationException"):
        world.update_shard("SET w = :w", ExpressionAttributeValues=values(w="x" * 200_000))
    assert "w" not in (world.shard() or {})


def test_an_empty_key_is_refused(world: World) -> None:
    with refused("ValidationException"):
        _put(world, stock_id="")
    with refused("ValidationException"):
        world.client.get_item(TableName=world.stock, Key=record(stock_id=""))


def test_an_empty_key_of_an_update_is_refused(world: World) -> None:
    with refused("ValidationException"):
        world.update_shard("SET rev = :one", "", ExpressionAttributeValues=values(one=1))


def test_an_empty_index_key_is_refused(world: World) -> None:
    with refused("ValidationException"):
        world.put_hold("h1", open="", due="1")


def test_an_index_key_of_another_type_is_refused(world: World) -> None:
    with refused("ValidationException"):
        world.put_hold("h1", open=3, due="1")


def test_an_empty_value_that_is_no_key_is_taken(world: World) -> None:
    _put(world, v="", m={}, l=[])
    assert world.shard() == record(stock_id="a", v="", m={}, l=[])


def test_a_key_over_2048_bytes_is_refused(world: World) -> None:
    _put(world, stock_id="k" * 2048)
    with refused("ValidationException"):
        _put(world, stock_id="k" * 2049)


def test_an_item_without_its_key_is_refused(world: World) -> None:
    with refused("ValidationException"):
        world.client.put_item(TableName=world.stock, Item=record(rev=1))


@pytest.mark.parametrize("key", [{"other": "a"}, {"stock_id": "a", "other": "b"}])
def test_a_key_of_other_attributes_is_refused(world: World, key: dict[str, object]) -> None:
    with refused("ValidationException"):
        world.client.get_item(TableName=world.stock, Key=record(**key))


def test_a_key_of_another_type_is_refused(world: World) -> None:
    with refused("ValidationException"):
        _put(world, stock_id=1)
    with refused("ValidationException"):
        world.client.get_item(TableName=world.stock, Key=record(stock_id=1))


def test_a_missing_table_is_not_found(world: World) -> None:
    with refused("ResourceNotFoundException"):
        world.client.get_item(TableName="contract-no-such-table", Key=record(stock_id="a"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"N": "abc"},
        {"N": "1_000"},
        {"N": "NaN"},
        {"N": "1" * 39},
        {"N": "1e126"},
        {"N": "1e-131"},
        {"SS": []},
        {"SS": ["a", "a"]},
        {"NULL": False},
        {"S": "a", "N": "1"},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with refused("ValidationException"):
        world.client.put_item(TableName=world.stock, Item={**record(stock_id="a"), "v": wrong})
    assert world.shard() is None


REFUSED_PUTS: dict[str, dict[str, Any]] = {
    "unused value": {"ConditionExpression": "attribute_exists(rev)", "ExpressionAttributeValues": values(v=1)},
    "unused name": {"ConditionExpression": "attribute_exists(rev)", "ExpressionAttributeNames": {"#v": "v"}},
    "undefined value": {"ConditionExpression": "rev = :v"},
    "undefined name": {"ConditionExpression": "attribute_exists(#v)"},
    "names without expression": {"ExpressionAttributeNames": {"#v": "v"}},
    "values without expression": {"ExpressionAttributeValues": values(v=1)},
    "no values": {"ConditionExpression": "attribute_exists(rev)", "ExpressionAttributeValues": {}},
    "value without colon": {"ConditionExpression": "rev = :v", "ExpressionAttributeValues": {"v": {"N": "1"}}},
    "empty condition": {"ConditionExpression": ""},
    "reserved word": {"ConditionExpression": "attribute_exists(status)"},
    "a path alone": {"ConditionExpression": "rev"},
    "unknown function": {"ConditionExpression": "is_there(rev)"},
    "two arguments": {"ConditionExpression": "attribute_exists(rev, held)"},
    "unbalanced": {"ConditionExpression": "(attribute_exists(rev)"},
    "doubled parentheses": {"ConditionExpression": "((attribute_exists(rev)))"},
    "a function of updates": {
        "ConditionExpression": "if_not_exists(rev, :v) = :v",
        "ExpressionAttributeValues": values(v=1),
    },
    "an attribute with itself": {"ConditionExpression": "rev = rev"},
    "order of a boolean": {"ConditionExpression": "rev < :v", "ExpressionAttributeValues": values(v=True)},
    "prefix of a number": {"ConditionExpression": "begins_with(rev, :v)", "ExpressionAttributeValues": values(v=1)},
    "unknown type": {"ConditionExpression": "attribute_type(rev, :v)", "ExpressionAttributeValues": values(v="X")},
    "bounds reversed": {
        "ConditionExpression": "rev BETWEEN :b AND :a",
        "ExpressionAttributeValues": values(a=1, b=2),
    },
    "new values of a put": {"ReturnValues": "ALL_NEW"},
}


@pytest.mark.parametrize("case", REFUSED_PUTS)
def test_a_wrong_put_is_refused_and_changes_nothing(world: World, case: str) -> None:
    item = world.put_shard()
    with refused("ValidationException"):
        world.client.put_item(TableName=world.stock, Item=record(stock_id="a"), **REFUSED_PUTS[case])
    assert world.shard() == item


@pytest.mark.parametrize(
    "request_",
    [
        {"Item": record(stock_id="a"), "Unknown": 1},
        {"Item": {"stock_id": {"S": 1}}},
        {"Item": {"stock_id": {"X": "1"}}},
        {},
    ],
    ids=["unknown argument", "another Python type", "unknown type", "missing argument"],
)
def test_arguments_are_checked_before_anything_is_sent(world: World, request_: dict[str, Any]) -> None:
    with pytest.raises(ParamValidationError):
        world.client.put_item(TableName=world.stock, **request_)


def test_an_empty_transaction_is_not_sent(world: World) -> None:
    with pytest.raises(ParamValidationError):
        world.client.transact_write_items(TransactItems=[])


def test_a_limit_is_at_least_one(world: World) -> None:
    with pytest.raises(ParamValidationError):
        world.client.scan(TableName=world.stock, Limit=0)
