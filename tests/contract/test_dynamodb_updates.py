"""Update expressions and what they return."""

from typing import Any

import pytest

from contract.world import World, record, refused, values


def test_an_update_makes_a_missing_item_with_if_not_exists_arithmetic(world: World) -> None:
    for _ in range(2):
        world.update_shard(
            "SET available = if_not_exists(available, :zero) + :q, rev = if_not_exists(rev, :zero) + :one",
            ExpressionAttributeValues=values(zero=0, q=7, one=1),
        )
    assert world.shard() == record(stock_id="a", available=14, rev=2)


def test_set_reads_every_operand_from_before_the_update(world: World) -> None:
    world.put_shard(available=5, held=1)
    world.update_shard("SET available = held, held = available")
    assert world.shard() == record(stock_id="a", available=1, held=5, rev=1, at=100)


def test_one_update_sets_removes_and_adds(world: World) -> None:
    world.put_shard(gone="x")
    answer = world.update_shard(
        "SET rev = rev + :one REMOVE gone, never_there ADD held :one",
        ExpressionAttributeValues=values(one=1),
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == record(stock_id="a", available=5, held=1, rev=2, at=100)


def test_a_nested_member_is_set_without_touching_its_neighbours(world: World) -> None:
    world.put_shard(warehouses={"north": {"shards": 1, "counts": 3}})
    world.update_shard(
        "SET warehouses.#w.shards = :four, warehouses.#new = :made",
        ExpressionAttributeNames={"#w": "north", "#new": "south.1"},
        ExpressionAttributeValues=values(four=4, made={"shards": 1, "counts": 0}),
    )
    shard = world.shard()
    assert shard
    assert (
        shard["warehouses"]
        == record(w={"north": {"shards": 4, "counts": 3}, "south.1": {"shards": 1, "counts": 0}})["w"]
    )


def test_a_nested_member_cannot_be_set_where_its_map_is_missing(world: World) -> None:
    world.put_shard()
    with refused("ValidationException"):
        world.update_shard("SET warehouses.north = :v", ExpressionAttributeValues=values(v=1))
    with refused("ValidationException"):
        world.update_shard("SET available.north = :v", ExpressionAttributeValues=values(v=1))


def test_nested_arithmetic_counts_up(world: World) -> None:
    world.put_shard(warehouses={"north": {"counts": 3}})
    answer = world.update_shard(
        "SET warehouses.north.counts = warehouses.north.counts + :one",
        ExpressionAttributeValues=values(one=1),
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"]["warehouses"] == record(w={"north": {"counts": 4}})["w"]


def test_list_elements_are_set_appended_and_removed_by_the_index_they_had(world: World) -> None:
    world.put_shard(lines=[0, 1, 2, 3])
    world.update_shard(
        "SET #l[1] = :v, #l[9] = :v", ExpressionAttributeNames={"#l": "lines"}, ExpressionAttributeValues=values(v=9)
    )
    assert (world.shard() or {})["lines"] == record(x=[0, 9, 2, 3, 9])["x"]


def test_two_list_elements_are_removed_by_the_index_they_had(world: World) -> None:
    world.put_shard(lines=[0, 1, 2, 3])
    world.update_shard("REMOVE #l[0], #l[1]", ExpressionAttributeNames={"#l": "lines"})
    assert (world.shard() or {})["lines"] == record(x=[2, 3])["x"]


def test_add_and_delete_work_on_sets(world: World) -> None:
    world.put_shard(tags={"a", "b"})
    world.update_shard("ADD tags :t", ExpressionAttributeValues=values(t={"b", "c"}))
    assert set((world.shard() or {})["tags"]["SS"]) == {"a", "b", "c"}
    world.update_shard("DELETE tags :t", ExpressionAttributeValues=values(t={"a", "b", "c"}))
    assert "tags" not in (world.shard() or {})


@pytest.mark.parametrize(
    ("wanted", "returned"),
    [
        ("NONE", None),
        ("ALL_OLD", {"stock_id": "a", "available": 5, "held": 0, "rev": 1, "at": 100}),
        ("ALL_NEW", {"stock_id": "a", "available": 4, "held": 0, "rev": 2, "at": 100}),
        ("UPDATED_OLD", {"available": 5, "rev": 1}),
        ("UPDATED_NEW", {"available": 4, "rev": 2}),
    ],
)
def test_an_update_returns_what_was_asked_for(world: World, wanted: str, returned: dict[str, Any] | None) -> None:
    world.put_shard()
    answer = world.update_shard(
        "SET available = available - :one, rev = rev + :one",
        ExpressionAttributeValues=values(one=1),
        ReturnValues=wanted,
    )
    assert answer.get("Attributes") == (record(**returned) if returned else None)


def test_updated_new_shows_only_the_member_that_was_set(world: World) -> None:
    world.put_shard(warehouses={"north": {"shards": 1, "counts": 3}})
    answer = world.update_shard(
        "SET warehouses.north.shards = :v", ExpressionAttributeValues=values(v=2), ReturnValues="UPDATED_NEW"
    )
    assert answer["Attributes"] == record(warehouses={"north": {"shards": 2}})


def test_an_update_that_makes_an_item_has_nothing_old_to_return(world: World) -> None:
    for stock_id, wanted in (("a", "ALL_OLD"), ("b", "UPDATED_OLD")):
        answer = world.update_shard(
            "SET rev = :one", stock_id, ExpressionAttributeValues=values(one=1), ReturnValues=wanted
        )
        assert "Attributes" not in answer


def test_a_put_and_a_delete_return_the_old_item(world: World) -> None:
    item = world.put_shard()
    replaced = world.client.put_item(TableName=world.stock, Item=record(stock_id="a", rev=2), ReturnValues="ALL_OLD")
    assert replaced["Attributes"] == item
    key = record(stock_id="a")
    deleted = world.client.delete_item(TableName=world.stock, Key=key, ReturnValues="ALL_OLD")
    assert deleted["Attributes"] == record(stock_id="a", rev=2)
    assert "Attributes" not in world.client.delete_item(TableName=world.stock, Key=key, ReturnValues="ALL_OLD")


def test_an_update_that_only_removes_makes_the_item(world: World) -> None:
    world.update_shard("REMOVE nothing")
    assert world.shard() == record(stock_id="a")


def test_an_update_without_expression_makes_the_item(world: World) -> None:
    world.client.update_item(TableName=world.stock, Key=record(stock_id="a"))
    assert world.shard() == record(stock_id="a")


def test_arithmetic_is_exact_on_38_digits(world: World) -> None:
    world.put_shard(available={"N": "12345678901234567890123456789012345678"})
    world.update_shard("SET available = available - :one", ExpressionAttributeValues=values(one=1))
    assert (world.shard() or {})["available"] == {"N": "12345678901234567890123456789012345677"}


def test_numbers_come_back_in_one_notation(world: World) -> None:
    world.put_shard(numbers={"L": [{"N": text} for text in ("007", "1.50", "-0", "1e3", "1E-5", "+5", ".5")]})
    found = (world.shard() or {})["numbers"]["L"]
    assert [element["N"] for element in found] == ["7", "1.5", "0", "1000", "0.00001", "5", "0.5"]


REFUSED_UPDATES: dict[str, tuple[str, dict[str, Any]]] = {
    "arithmetic on nothing": ("SET absent = absent + :v", {"v": 1}),
    "a text added": ("SET rev = rev + :v", {"v": "1"}),
    "a number added to text": ("SET rev = words + :v", {"v": 1}),
    "a copy of nothing": ("SET rev = absent", {}),
    "ADD to text": ("ADD words :v", {"v": 1}),
    "ADD of text": ("ADD rev :v", {"v": "1"}),
    "a key": ("SET stock_id = :v", {"v": "b"}),
    "one path twice": ("SET rev = :v, rev = :v", {"v": 1}),
    "one path within another": ("SET cause = :v, cause.id = :v", {"v": 1}),
    "one section twice": ("SET rev = :v SET held = :v", {"v": 1}),
    "two equals signs": ("SET rev = = :v", {"v": 1}),
    "no equals sign": ("SET rev :v", {"v": 1}),
    "unknown section": ("PUT rev = :v", {"v": 1}),
    "nothing": ("", {}),
    "a reserved word": ("SET status = :v", {"v": "reserved word"}),
    "an undefined value": ("SET rev = :v", {"w": 1}),
    "an unused value": ("SET rev = :v", {"v": 1, "unused": 2}),
    "undefined name": ("SET #undefined = :v", {"v": 1}),
    "removal from nothing": ("REMOVE absent.north", {}),
}


@pytest.mark.parametrize("case", REFUSED_UPDATES)
def test_a_wrong_update_is_refused_and_changes_nothing(world: World, case: str) -> None:
    update, operands = REFUSED_UPDATES[case]
    item = world.put_shard(words="x", cause={"id": "adj_1"})
    request: dict[str, Any] = {"ExpressionAttributeValues": values(**operands)} if operands else {}
    with refused("ValidationException"):
        world.update_shard(update, **request)
    assert world.shard() == item
