"""The function that knows the past: what it is asked, what it answers, and how it is asked.

It is a function of its own, because reading the history takes DuckDB, which nobody else on the API's path has to load.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from inventory.adapters.outages import outages_named
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InstantNotSealed, Missing, Overloaded, SnapshotNeeded

_NOT_IN_TIME: Final = "The past could not be read in time."


def answer(read: Callable[[str, Milliseconds], ItemStock], question: Mapping[str, Any]) -> dict[str, Any]:
    """What the function answers: a refusal is an answer too, so that only a defect is an error."""
    try:
        stock = read(question["item"], question["at_ms"])
    except InstantNotSealed as refusal:
        return {"refusal": "not_sealed", "latest_s": refusal.latest_s, "lost_until_s": refusal.lost_until_s}
    except SnapshotNeeded:
        return {"refusal": "snapshot_needed"}
    except Missing:
        return {"refusal": "missing"}
    except Overloaded:
        return {"refusal": "overloaded"}
    return {
        "warehouses": [[each.warehouse, each.available, each.held, each.shards] for each in stock.warehouses],
    }


class AskedPast:
    """Asks the function.

    Args:
        make_client: Makes a boto3 Lambda client, with its timeouts set, when it is first needed: few ask for the past.
        function: The function's name.
    """

    def __init__(self, make_client: Callable[[], Any], function: str) -> None:
        self._make_client = make_client
        self._function = function

    def __call__(self, item: str, at_ms: Milliseconds) -> ItemStock:
        """What there was of an item at an instant.

        Raises:
            InstantNotSealed: It is not known yet, or not any more.
            Missing: The item was not known then.
            SnapshotNeeded: Too much happened since the snapshot before it.
            Overloaded: The function did not answer, or failed.
        """
        document = self._ask({"item": item, "at_ms": at_ms})
        match document.get("refusal"):
            case "not_sealed":
                raise InstantNotSealed(document["latest_s"], lost_until_s=document["lost_until_s"])
            case "snapshot_needed":
                raise SnapshotNeeded(item)
            case "missing":
                raise Missing("item", item, param="item")
            case "overloaded":
                raise Overloaded(_NOT_IN_TIME)
        return ItemStock(item, tuple(WarehouseStock(*each) for each in document["warehouses"]), at_ms)

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        client = self._make_client()
        with outages_named("The past"):
            reply = client.invoke(FunctionName=self._function, Payload=json.dumps(question).encode())
            content = reply["Payload"].read()
        if reply.get("FunctionError"):
            raise Overloaded(_NOT_IN_TIME)
        document: dict[str, Any] = json.loads(content)
        return document
