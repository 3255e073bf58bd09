"""Transactions: all or nothing, a reason for each write, and once for each token."""

import uuid
from typing import Any

import pytest

from contract.world import World, cancelled, record, refused, values

ALL_OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


@pytest.fixture
def token() -> str:
    return str(uuid.uuid4())


def put_hold(world: World, hold_id: str = "h1") -> dict[str, Any]:
    item = record(hold_id=hold_id, status="active", rev=1, at=100, open="3", due="000100#h1")
    condition = "attribute_not_exists(hold_id)"
    return {"Put": {"TableName": world.holds, "Item": item, "ConditionExpression": condition, **ALL_OLD}}


def draw(world: World, quantity: int, stock_id: str = "a", at: int = 100) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": world.stock,
            "Key": record(stock_id=stock_id),
            "UpdateExpression": "SET available = available - :q, held = held + :q, rev = rev + :one, #at = :at",
            "ConditionExpression": "available >= :q AND #at <= :at",
            "ExpressionAttributeNames": {"#at": "at"},
            "ExpressionAttributeValues": values(q=quantity, one=1, at=at),
            **ALL_OLD,
        }
    }


def check(world: World, stock_id: str, condition: str, **operands: object) -> dict[str, Any]:
    request: dict[str, Any] = {"ConditionExpression": condition, **ALL_OLD}
    if operands:
        request["ExpressionAttributeValues"] = values(**operands)
    return {"ConditionCheck": {"TableName": world.stock, "Key": record(stock_id=stock_id), **request}}


def delete(world: World, stock_id: str, **request: Any) -> dict[str, Any]:
    return {"Delete": {"TableName": world.stock, "Key": record(stock_id=stock_id), **request}}


def hold(world: World, hold_id: str = "h1") -> dict[str, Any] | None:
    found: dict[str, Any] | None = world.client.get_item(
        TableName=world.holds, Key=record(hold_id=hold_id), ConsistentRead=True
    ).get("Item")
    return found


def test_a_transaction_writes_all_of_it(world: World) -> None:
    world.put_shard(available=5)
    world.put_shard("b")
    world.put_shard("guard", rev=7)
    world.transact(put_hold(world), draw(world, 2), delete(world, "b"), check(world, "guard", "rev = :r", r=7))
    assert world.shard() == record(stock_id="a", available=3, held=2, rev=2, at=100)
    assert world.shard("b") is None
    assert hold(world) == put_hold(world)["Put"]["Item"]


def test_a_cancelled_transaction_writes_nothing_and_gives_each_reason_with_its_item(world: World) -> None:
    short = world.put_shard("short", available=1)
    fine = world.put_shard("fine", available=9)
    with cancelled("None", "ConditionalCheckFailed", "None", "ConditionalCheckFailed") as reasons:
        world.transact(
            put_hold(world),
            draw(world, 2, "short"),
            draw(world, 2, "fine"),
            check(world, "guard", "attribute_exists(rev)"),
        )
    assert reasons[1]["Item"] == short
    assert "Item" not in reasons[0]
    assert "Item" not in reasons[2]
    assert "Item" not in reasons[3]
    assert (world.shard("short"), world.shard("fine"), hold(world)) == (short, fine, None)


def test_a_cancelled_transaction_shows_no_items_unless_asked(world: World) -> None:
    world.put_shard(available=1)
    wanted = draw(world, 2)
    del wanted["Update"]["ReturnValuesOnConditionCheckFailure"]
    with cancelled("ConditionalCheckFailed") as reasons:
        world.transact(wanted)
    assert "Item" not in reasons[0]


def test_a_hold_that_exists_cancels_and_is_shown(world: World) -> None:
    world.put_shard(available=5)
    world.transact(put_hold(world), draw(world, 2))
    with cancelled("ConditionalCheckFailed", "None") as reasons:
        world.transact(put_hold(world), draw(world, 2))
    assert reasons[0]["Item"] == put_hold(world)["Put"]["Item"]
    assert world.shard() == record(stock_id="a", available=3, held=2, rev=2, at=100)


def test_the_clock_condition_of_a_transaction_fails_on_a_later_record(world: World) -> None:
    later = world.put_shard(at=101)
    with cancelled("None", "ConditionalCheckFailed") as reasons:
        world.transact(put_hold(world), draw(world, 1, at=100))
    assert reasons[1]["Item"] == later


def test_a_condition_check_guards_without_writing(world: World) -> None:
    guard = world.put_shard("guard", rev=7)
    world.put_shard(available=5)
    with cancelled("ConditionalCheckFailed", "None") as reasons:
        world.transact(check(world, "guard", "rev = :r", r=6), draw(world, 1))
    assert reasons[0]["Item"] == guard
    assert world.shard() == record(stock_id="a", available=5, held=0, rev=1, at=100)


def test_a_condition_check_may_ask_for_a_missing_item(world: World) -> None:
    world.put_shard(available=5)
    world.transact(check(world, "guard", "attribute_not_exists(stock_id)"), draw(world, 1))
    assert (world.shard() or {})["available"] == {"N": "4"}
    assert world.shard("guard") is None


def test_a_transaction_makes_missing_items_by_update(world: World) -> None:
    upsert = {
        "Update": {
            "TableName": world.stock,
            "Key": record(stock_id="new"),
            "UpdateExpression": "SET available = if_not_exists(available, :zero) + :q",
            "ExpressionAttributeValues": values(zero=0, q=3),
        }
    }
    world.transact(upsert)
    assert world.shard("new") == record(stock_id="new", available=3)


def test_one_item_may_stand_in_a_transaction_once(world: World) -> None:
    world.put_shard(available=5)
    for again in (draw(world, 1), check(world, "a", "attribute_exists(rev)"), delete(world, "a")):
        with refused("ValidationException"):
            world.transact(draw(world, 1), again)
    assert (world.shard() or {})["available"] == {"N": "5"}


def _numbered(world: World, count: int) -> list[dict[str, Any]]:
    return [{"Put": {"TableName": world.stock, "Item": record(stock_id=f"s{number}")}} for number in range(count)]


def test_a_transaction_takes_100_writes(world: World) -> None:
    world.transact(*_numbered(world, 100))
    assert world.shard("s99") == record(stock_id="s99")


def test_a_transaction_refuses_101_writes(world: World) -> None:
    with refused("ValidationException"):
        world.transact(*_numbered(world, 101))
    assert world.shard("s0") is None


def test_an_entry_holds_one_operation(world: World) -> None:
    with refused("ValidationException"):
        world.transact({**_numbered(world, 1)[0], **delete(world, "b")})


@pytest.mark.parametrize("update", ["SET rev = absent + :v", "SET absent.north = :v"])
def test_an_update_that_does_not_fit_its_item_cancels_with_a_validation_error(world: World, update: str) -> None:
    item = world.put_shard()
    wrong = {
        "Update": {
            "TableName": world.stock,
            "Key": record(stock_id="a"),
            "UpdateExpression": update,
            "ExpressionAttributeValues": values(v=1),
        }
    }
    with cancelled("None", "ValidationError"):
        world.transact(put_hold(world), wrong)
    assert (world.shard(), hold(world)) == (item, None)


def test_an_update_over_the_size_limit_cancels_with_a_validation_error(world: World) -> None:
    world.put_shard(padding="x" * 300_000)
    grow = {
        "Update": {
            "TableName": world.stock,
            "Key": record(stock_id="a"),
            "UpdateExpression": "SET more = :v",
            "ExpressionAttributeValues": values(v="x" * 200_000),
        }
    }
    with cancelled("None", "ValidationError"):
        world.transact(put_hold(world), grow)
    assert hold(world) is None


def test_a_wrong_expression_refuses_the_whole_request(world: World) -> None:
    world.put_shard()
    wrong = draw(world, 1)
    wrong["Update"]["ExpressionAttributeValues"] |= values(unused=1)
    with refused("ValidationException"):
        world.transact(put_hold(world), wrong)
    assert hold(world) is None


def test_a_missing_table_refuses_the_whole_request(world: World) -> None:
    with refused("ResourceNotFoundException"):
        world.transact(put_hold(world), {"Put": {"TableName": "contract-no-such-table", "Item": record(id="a")}})
    assert hold(world) is None


def test_the_same_token_takes_effect_once(world: World, token: str) -> None:
    world.put_shard(available=5)
    for _ in range(3):
        world.transact(draw(world, 2), ClientRequestToken=token)
    assert (world.shard() or {})["available"] == {"N": "3"}


def test_the_same_token_with_another_request_is_refused(world: World, token: str) -> None:
    world.put_shard(available=5)
    world.transact(draw(world, 2), ClientRequestToken=token)
    with refused("IdempotentParameterMismatchException"):
        world.transact(draw(world, 1), ClientRequestToken=token)
    assert (world.shard() or {})["available"] == {"N": "3"}


def test_a_token_of_a_cancelled_transaction_may_be_used_again(world: World, token: str) -> None:
    world.put_shard(available=1)
    with cancelled("ConditionalCheckFailed"):
        world.transact(draw(world, 2), ClientRequestToken=token)
    world.update_shard("SET available = :v", ExpressionAttributeValues=values(v=2))
    world.transact(draw(world, 2), ClientRequestToken=token)
    assert (world.shard() or {})["available"] == {"N": "0"}


def test_a_token_is_at_most_36_characters(world: World) -> None:
    world.put_shard()
    with refused("ValidationException"):
        world.transact(draw(world, 1), ClientRequestToken="t" * 37)


def test_a_transactional_get_sees_every_item_in_order(world: World) -> None:
    item = world.put_shard()
    gets = [{"Get": {"TableName": world.stock, "Key": record(stock_id=stock_id)}} for stock_id in ("missing", "a")]
    assert world.client.transact_get_items(TransactItems=gets)["Responses"] == [{}, {"Item": item}]


def test_a_transactional_get_takes_an_item_once(world: World) -> None:
    get = {"Get": {"TableName": world.stock, "Key": record(stock_id="a")}}
    with refused("ValidationException"):
        world.client.transact_get_items(TransactItems=[get, get])
