"""Events of what the service did by itself: published in one call, or counted as lost; never in anybody's way."""

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from inventory.adapters import announcements
from inventory.adapters.announcements import EventBus, counting_losses
from inventory.wiring import EVENTS_CONFIG


class Bus:
    """Takes events, or fails as it is told to."""

    def __init__(self, failure: Exception | int = 0) -> None:
        self.failure = failure
        self.entries: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        self.entries += Entries
        if isinstance(self.failure, Exception):
            raise self.failure
        return {"FailedEntryCount": self.failure, "Entries": [{"ErrorCode": "ThrottlingException"}]}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counts = Counter[str]()
    monkeypatch.setattr(announcements, "report", lambda name, value: counts.update({name: value}))
    return counts


def test_an_event_says_where_it_comes_from_and_what_happened(counted: Counter[str]) -> None:
    bus = Bus()
    counting_losses(EventBus(bus, "inventory-test"))("Item Split", {"item": "A", "shards_after": 4})
    (entry,) = bus.entries
    assert json.loads(entry.pop("Detail")) == {"item": "A", "shards_after": 4}
    assert entry == {"EventBusName": "inventory-test", "Source": "inventory", "DetailType": "Item Split"}
    assert not counted


@pytest.mark.parametrize(
    "failure",
    [
        1,
        ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents"),
        ReadTimeoutError(endpoint_url="https://events.example"),
    ],
)
def test_one_that_cannot_be_published_is_counted_and_stops_nothing(
    counted: Counter[str], failure: Exception | int
) -> None:
    counting_losses(EventBus(Bus(failure), "inventory-test"))("Item Split", {})
    assert counted == {"EventsLost": 1}


def test_it_takes_two_seconds_at_most() -> None:
    options = vars(EVENTS_CONFIG)
    assert options["connect_timeout"] + options["read_timeout"] <= 2
    assert options["retries"]["total_max_attempts"] == 1
