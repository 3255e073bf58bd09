"""Conditional writes: what holds, what doesn't, and what comes back when it doesn't."""

from typing import Any

import pytest

from contract.world import World, record, refused, values

ALL_OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def test_a_put_that_must_be_the_first_succeeds_once_and_shows_what_stood_there(world: World) -> None:
    request: dict[str, Any] = {"TableName": world.stock, "ConditionExpression": "attribute_not_exists(stock_id)"}
    world.client.put_item(Item=record(stock_id="a", rev=1), **request)
    with refused("ConditionalCheckFailedException") as response:
        world.client.put_item(Item=record(stock_id="a", rev=2), **request, **ALL_OLD)
    assert response["Item"] == record(stock_id="a", rev=1)
    assert world.shard() == record(stock_id="a", rev=1)


def test_a_failed_condition_shows_no_item_unless_asked(world: World) -> None:
    world.put_shard()
    with refused("ConditionalCheckFailedException") as response:
        world.update_shard("SET rev = :one", ConditionExpression="rev > :one", ExpressionAttributeValues=values(one=1))
    assert "Item" not in response


def test_a_failed_condition_on_a_missing_item_shows_none(world: World) -> None:
    with refused("ConditionalCheckFailedException") as response:
        world.update_shard(
            "SET rev = :one",
            ConditionExpression="attribute_exists(stock_id)",
            ExpressionAttributeValues=values(one=1),
            **ALL_OLD,
        )
    assert "Item" not in response
    assert world.shard() is None


def test_a_failed_update_shows_the_item_that_it_met_and_changes_nothing(world: World) -> None:
    item = world.put_shard(available=1)
    with refused("ConditionalCheckFailedException") as response:
        world.update_shard(
            "SET available = available - :q",
            ConditionExpression="available >= :q",
            ExpressionAttributeValues=values(q=2),
            **ALL_OLD,
        )
    assert response["Item"] == item
    assert world.shard() == item


def test_a_conditional_delete_happens_only_if_it_holds(world: World) -> None:
    item = world.put_shard(available=1)
    request: dict[str, Any] = {
        "TableName": world.stock,
        "Key": record(stock_id="a"),
        "ConditionExpression": "available = :zero",
        "ExpressionAttributeValues": values(zero=0),
    }
    with refused("ConditionalCheckFailedException") as response:
        world.client.delete_item(**request, **ALL_OLD)
    assert response["Item"] == item
    world.update_shard("SET available = :zero", ExpressionAttributeValues=values(zero=0))
    world.client.delete_item(**request)
    assert world.shard() is None


ITEM: dict[str, Any] = {
    "n": 5,
    "s": "hold_1",
    "m": {"x": 1, "deep": {"y": "z"}},
    "l": [1, "two"],
    "tags": {"p", "q"},
    "flag": True,
}

HOLDS = [
    ("n = :v", {"v": 5}),
    ("n <> :v", {"v": 6}),
    ("n <> :v", {"v": "5"}),
    ("n < :v", {"v": 10}),
    ("n >= :v", {"v": 5}),
    ("n BETWEEN :low AND :high", {"low": 5, "high": 6}),
    ("s BETWEEN :low AND :high", {"low": "hold", "high": "hole"}),
    ("n IN (:v, :w)", {"v": 4, "w": 5}),
    ("s IN (:v)", {"v": "hold_1"}),
    ("attribute_exists(m.deep.y)", {}),
    ("attribute_not_exists(m.deep.absent)", {}),
    ("attribute_not_exists(l[2])", {}),
    ("l[1] = :v", {"v": "two"}),
    ("attribute_type(tags, :v)", {"v": "SS"}),
    ("begins_with(s, :v)", {"v": "hold_"}),
    ("contains(s, :v)", {"v": "ld"}),
    ("contains(tags, :v)", {"v": "q"}),
    ("contains(l, :v)", {"v": 1}),
    ("size(s) = :v", {"v": 6}),
    ("size(l) < :v", {"v": 3}),
    ("m.x = :v AND n = :w", {"v": 1, "w": 5}),
    ("m.x = :v OR n = :w", {"v": 9, "w": 5}),
    ("NOT n = :v", {"v": 4}),
    ("n = :v AND (m.x = :w OR s = :v)", {"v": 5, "w": 1}),
    ("n = :v OR n = :w AND s = :x", {"v": 5, "w": 6, "x": "no"}),
    ("flag = :v", {"v": True}),
    ("m = :v", {"v": {"deep": {"y": "z"}, "x": 1}}),
    ("NOT absent <= :v", {"v": 5}),
    ("absent <> :v", {"v": 5}),
    ("attribute_not_exists(absent) OR absent <= :v", {"v": 5}),
]

DOES_NOT_HOLD = [
    ("n = :v", {"v": "5"}),
    ("n > :v", {"v": 5}),
    ("n < :v", {"v": "9"}),
    ("n BETWEEN :low AND :high", {"low": 6, "high": 7}),
    ("n IN (:v)", {"v": 4}),
    ("absent = :v", {"v": 5}),
    ("absent < :v", {"v": 5}),
    ("absent <= :v", {"v": 5}),
    ("absent >= :v", {"v": 5}),
    ("begins_with(n, :v)", {"v": "5"}),
    ("contains(s, :v)", {"v": "x"}),
    ("size(n) > :v", {"v": 0}),
    ("attribute_type(n, :v)", {"v": "S"}),
    ("(n = :v OR n = :w) AND s = :x", {"v": 5, "w": 6, "x": "no"}),
    ("NOT (n = :v OR n = :w)", {"v": 5, "w": 6}),
]


def _holds(world: World, condition: str, operands: dict[str, object]) -> bool:
    world.put_shard("a", **ITEM)
    request: dict[str, Any] = {"ConditionExpression": condition}
    if operands:
        request["ExpressionAttributeValues"] = values(**operands)
    try:
        world.update_shard("REMOVE nothing", **request)
    except world.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


@pytest.mark.parametrize(("condition", "operands"), HOLDS, ids=str)
def test_a_condition_holds(world: World, condition: str, operands: dict[str, object]) -> None:
    assert _holds(world, condition, operands)


@pytest.mark.parametrize(("condition", "operands"), DOES_NOT_HOLD, ids=str)
def test_a_condition_does_not_hold(world: World, condition: str, operands: dict[str, object]) -> None:
    assert not _holds(world, condition, operands)


def test_the_clock_condition_fails_on_a_later_record_and_on_a_missing_attribute(world: World) -> None:
    world.put_shard("later", at=200)
    world.client.put_item(TableName=world.stock, Item=record(stock_id="timeless"))
    for stock_id in ("later", "timeless"):
        with refused("ConditionalCheckFailedException"):
            world.update_shard(
                "SET #at = :at",
                stock_id,
                ConditionExpression="#at <= :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues=values(at=199),
            )


def test_the_condition_sees_the_item_before_the_update(world: World) -> None:
    world.put_shard(available=1)
    world.update_shard(
        "SET available = available - :one",
        ConditionExpression="available = :one",
        ExpressionAttributeValues=values(one=1),
    )
    assert world.shard() == record(stock_id="a", available=0, held=0, rev=1, at=100)


def test_numbers_are_compared_by_value_not_as_text(world: World) -> None:
    world.put_shard(at=9)
    world.update_shard(
        "SET rev = :big",
        ConditionExpression="#at < :big AND #at = :nine",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={**values(big=10), ":nine": {"N": "9.0"}},
    )
    assert world.shard() == record(stock_id="a", available=5, held=0, rev=10, at=9)
