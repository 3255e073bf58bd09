"""Three small tables, modelled on the product's: stock, holds with a sparse index, availability with a range key."""

from typing import Any

_STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def stock(name: str) -> dict[str, Any]:
    return {**_table(name, "stock_id"), "StreamSpecification": _STREAM}


def holds(name: str) -> dict[str, Any]:
    return {
        **_table(name, "hold_id", attributes=("open", "due")),
        "GlobalSecondaryIndexes": [_index("open_holds", "open", "due")],
        "StreamSpecification": _STREAM,
    }


def availability(name: str) -> dict[str, Any]:
    return {
        **_table(name, "item_id", "warehouse_id", attributes=("in_stock",)),
        "GlobalSecondaryIndexes": [_index("in_stock", "in_stock", "item_id")],
    }


def _table(name: str, *key: str, attributes: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "TableName": name,
        "KeySchema": _schema(*key),
        "AttributeDefinitions": [{"AttributeName": each, "AttributeType": "S"} for each in (*key, *attributes)],
        "BillingMode": "PAY_PER_REQUEST",
    }


def _index(name: str, *key: str) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _schema(*key), "Projection": {"ProjectionType": "KEYS_ONLY"}}


def _schema(*key: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": role} for name, role in zip(key, ("HASH", "RANGE"), strict=False)]
