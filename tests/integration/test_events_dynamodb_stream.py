"""The streams' sample events, played to the settler's and the projector's own modules."""

import pytest
from botocore.exceptions import EndpointConnectionError

from inventory.domain.errors import Overloaded
from support.functions import SAMPLES, Functions


def _availability(functions: Functions) -> dict[str, object]:
    (record,) = functions.records("AvailabilityTable")
    return {name: record[name] for name in ("available", "held", "directory") if name in record}


@pytest.mark.parametrize(
    ("event", "counters"),
    [
        ("hold-executed", (8, 0)),
        ("hold-executed-partly", (9, 0)),
        ("hold-released", (10, 0)),
        ("hold-told-twice", (8, 0)),
    ],
)
def test_what_was_resolved_is_settled_once(functions: Functions, event: str, counters: tuple[int, int]) -> None:
    functions.prepare(f"dynamodb-stream/{event}")
    assert functions.counters() == (8, 2)

    assert functions.play(f"dynamodb-stream/{event}") == {"settled": 1}

    assert functions.counters() == counters
    (hold,) = functions.records("HoldsTable")
    assert hold["settlement"].startswith("stl_")
    assert hold["ttl"] * 1000 > hold["at"]
    assert "open" not in hold
    assert "due" not in hold
    assert functions.play(f"dynamodb-stream/{event}") == {"settled": 0}
    assert functions.counters() == counters


def test_a_hold_of_a_hot_item_is_passed_on_and_settled_by_the_collector(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-of-hot-item")

    assert functions.play("dynamodb-stream/hold-of-hot-item") == {"settled": 0}

    assert functions.counters() == (8, 2)
    records = functions.collected.drain()
    assert [record["kinesis"]["partitionKey"] for record in records] == ["espresso-cup#berlin#3"]
    assert functions.invoke("collector", {"Records": records}) == {"settled": 1}
    assert functions.counters() == (8, 0)


def test_a_hold_that_the_stream_does_not_take_is_settled_at_once(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-of-hot-item")
    functions.collected.full = lambda _key: True
    assert functions.play("dynamodb-stream/hold-of-hot-item") == {"settled": 1}
    assert functions.counters() == (8, 0)


def test_what_an_operator_gives_back_is_settled_at_once(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-of-hot-item")
    event = SAMPLES["dynamodb-stream/hold-of-hot-item"].load() | {"redrive": True}
    assert functions.invoke("settler", event) == {"settled": 1}
    assert functions.collected.drain() == []


def test_what_the_sweeper_expired_is_settled(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-expired")
    functions.pass_s(601)
    assert functions.play("schedule/sweep")["expired"] == 1

    assert functions.play("dynamodb-stream/hold-expired") == {"settled": 1}
    assert functions.counters() == (10, 0)


@pytest.mark.parametrize("event", ["hold-placed", "hold-settled", "hold-removed-by-ttl"])
def test_what_has_nothing_to_settle_changes_nothing(functions: Functions, event: str) -> None:
    functions.prepare(f"dynamodb-stream/{event}")
    before = functions.counters()
    assert functions.play(f"dynamodb-stream/{event}") == {"settled": 0}
    assert functions.counters() == before
    assert functions.queue.messages == []


def test_an_event_that_the_records_contradict_is_set_aside(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-placed")
    assert functions.play("dynamodb-stream/hold-executed") == {"settled": 0}, "by its record the hold is active"
    (message,) = functions.queue.messages
    assert message["record"] == SAMPLES["dynamodb-stream/hold-executed"].load()["Records"][0]
    assert functions.counters() == (8, 2)


def test_poison_on_the_holds_stream_stops_nothing_behind_it(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-poison")
    poison, _ = SAMPLES["dynamodb-stream/hold-poison"].load()["Records"]

    assert functions.play("dynamodb-stream/hold-poison") == {"settled": 1}

    assert functions.counters() == (8, 0)
    (message,) = functions.queue.messages
    assert message["record"] == poison
    assert message["why"]


def test_stock_is_projected(functions: Functions) -> None:
    assert functions.play("dynamodb-stream/stock-received") == {"written": 1}
    assert _availability(functions) == {"available": 10, "held": 0, "directory": [1, 1]}

    functions.play("dynamodb-stream/stock-held")
    functions.play("dynamodb-stream/stock-split")
    assert _availability(functions) == {"available": 8, "held": 2, "directory": [2, 4]}


def test_an_older_revision_never_replaces_a_newer_one(functions: Functions) -> None:
    functions.play("dynamodb-stream/stock-held")
    functions.play("dynamodb-stream/stock-split")
    assert functions.play("dynamodb-stream/stock-received") == {"written": 0}
    assert _availability(functions) == {"available": 8, "held": 2, "directory": [2, 4]}


def test_poison_on_the_stock_stream_stops_nothing_behind_it(functions: Functions) -> None:
    poison, _ = SAMPLES["dynamodb-stream/stock-poison"].load()["Records"]

    assert functions.play("dynamodb-stream/stock-poison") == {"written": 1}

    assert _availability(functions).items() >= {"available": 8, "held": 2}.items()
    (message,) = functions.queue.messages
    assert message["record"] == poison


def test_a_batch_that_fails_for_a_passing_reason_is_raised_to_be_given_again(functions: Functions) -> None:
    functions.prepare("dynamodb-stream/hold-executed")

    def down(operation: str, _request: object) -> None:
        raise EndpointConnectionError(endpoint_url=operation)

    functions.database.before_call = down
    with pytest.raises(Overloaded):
        functions.play("dynamodb-stream/hold-executed")
    assert functions.queue.messages == [], "nothing is set aside that may yet be settled"
    functions.database.before_call = lambda _operation, _request: None
    assert functions.play("dynamodb-stream/hold-executed") == {"settled": 1}
