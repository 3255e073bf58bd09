"""How many calls a second the simulated DynamoDB answers, by kind of call.

PYTHONPATH=tests python -m bench.simulated_dynamodb [--calls 20000]
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

from simulated_dynamodb import SimulatedDynamoDB

STREAMED = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
TABLES: list[dict[str, Any]] = [
    {
        "TableName": "stock",
        "KeySchema": [{"AttributeName": "stock_id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "stock_id", "AttributeType": "S"}],
        "StreamSpecification": STREAMED,
    },
    {
        "TableName": "holds",
        "KeySchema": [{"AttributeName": "hold_id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("hold_id", "open", "due")],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "open_holds",
                "KeySchema": [
                    {"AttributeName": "open", "KeyType": "HASH"},
                    {"AttributeName": "due", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "StreamSpecification": STREAMED,
    },
]
SHARDS = 64


def shard(number: int) -> dict[str, Any]:
    return {
        "stock_id": {"S": f"item-1#main#{number % SHARDS}"},
        "available": {"N": "1000000"},
        "held": {"N": "0"},
        "inflow": {"N": "1"},
        "rev": {"N": "1"},
        "at": {"N": "17000000000"},
        "cause": {"M": {"type": {"S": "receipt"}, "id": {"S": "adj_1"}, "actor": {"S": "key_1"}}},
    }


def hold(number: int) -> dict[str, Any]:
    drawn = {"M": {"shard": {"N": str(number % SHARDS)}, "quantity": {"N": "1"}}}
    line = {"item": {"S": "item-1"}, "warehouse": {"S": "main"}, "quantity": {"N": "1"}, "drawn": {"L": [drawn]}}
    return {
        "hold_id": {"S": f"hold_{number:032x}"},
        "status": {"S": "active"},
        "lines": {"L": [{"M": line}]},
        "created": {"N": "17000000000"},
        "expires_at": {"N": "17000009000"},
        "rev": {"N": "1"},
        "at": {"N": "17000000000"},
        "actor": {"S": "key_1"},
        "open": {"S": str(number % SHARDS)},
        "due": {"S": f"{17000009000:015d}#hold_{number:032x}"},
    }


def draw(number: int) -> dict[str, Any]:
    return {
        "TableName": "stock",
        "Key": {"stock_id": shard(number)["stock_id"]},
        "UpdateExpression": (
            "SET available = available - :q, held = held + :q, rev = rev + :one, #at = :at, cause = :cause"
        ),
        "ConditionExpression": "available >= :q AND #at <= :at",
        "ExpressionAttributeNames": {"#at": "at"},
        "ExpressionAttributeValues": {
            ":q": {"N": "1"},
            ":one": {"N": "1"},
            ":at": {"N": "17000000000"},
            ":cause": {"M": {"type": {"S": "hold"}, "id": {"S": f"hold_{number}"}, "actor": {"S": "key_1"}}},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def place(number: int) -> dict[str, Any]:
    put = {"TableName": "holds", "Item": hold(number), "ConditionExpression": "attribute_not_exists(hold_id)"}
    return {"TransactItems": [{"Put": put}, {"Update": draw(number)}]}


def due(number: int) -> dict[str, Any]:
    return {
        "TableName": "holds",
        "IndexName": "open_holds",
        "KeyConditionExpression": "#open = :slice AND due <= :now",
        "ExpressionAttributeNames": {"#open": "open"},
        "ExpressionAttributeValues": {":slice": {"S": str(number % SHARDS)}, ":now": {"S": "1"}},
        "Limit": 25,
    }


def rate(call: Callable[[int], object], calls: int) -> float:
    started = time.perf_counter()
    for number in range(calls):
        call(number)
    return calls / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    calls = parser.parse_args().calls
    client = SimulatedDynamoDB(TABLES).client
    kinds: dict[str, Callable[[int], object]] = {
        "put_item (shard)": lambda number: client.put_item(TableName="stock", Item=shard(number)),
        "update_item (conditional draw)": lambda number: client.update_item(**draw(number)),
        "transact_write_items (place)": lambda number: client.transact_write_items(**place(number)),
        "get_item (hold)": lambda number: client.get_item(
            TableName="holds", Key={"hold_id": {"S": f"hold_{number:032x}"}}
        ),
        "query (index, page of 25)": lambda number: client.query(**due(number)),
    }
    for name, call in kinds.items():
        print(f"{name:32} {rate(call, calls):10,.0f} calls/s")


if __name__ == "__main__":
    main()
