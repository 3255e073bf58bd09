"""The collecting stream's sample events, played to the collector's own module."""

import pytest
from botocore.exceptions import EndpointConnectionError

from inventory.domain.errors import Overloaded
from support.functions import SAMPLES, Functions


@pytest.mark.parametrize(
    ("event", "counters"), [("holds-collected", (8, 0)), ("holds-released", (10, 0)), ("holds-told-twice", (8, 0))]
)
def test_what_was_passed_on_is_settled_once(functions: Functions, event: str, counters: tuple[int, int]) -> None:
    functions.prepare(f"kinesis/{event}")
    assert functions.counters() == (8, 2)

    assert functions.play(f"kinesis/{event}") == {"settled": 1}

    assert functions.counters() == counters
    (hold,) = functions.records("HoldsTable")
    assert hold["settlement"].startswith("stl_")
    assert "open" not in hold
    assert hold["metadata"], "it stays, though no metadata was passed on"
    assert functions.play(f"kinesis/{event}") == {"settled": 0}
    assert functions.counters() == counters


def test_what_the_settler_has_settled_itself_the_collector_passes_over(functions: Functions) -> None:
    functions.prepare("kinesis/holds-collected")
    functions.collected.full = lambda _key: True
    functions.flow()
    assert functions.counters() == (8, 0)
    assert functions.play("kinesis/holds-collected") == {"settled": 0}
    assert functions.counters() == (8, 0)
    assert functions.queue.messages == []


@pytest.mark.parametrize(("event", "which"), [("hold-gone", 0), ("poison", 0)])
def test_what_cannot_be_settled_is_set_aside_and_stops_nothing_else(
    functions: Functions, event: str, which: int
) -> None:
    functions.prepare(f"kinesis/{event}")

    assert functions.play(f"kinesis/{event}") == {"settled": 1}

    assert functions.counters() == (8, 0)
    (message,) = functions.queue.messages
    assert message["record"] == SAMPLES[f"kinesis/{event}"].load()["Records"][which]
    assert message["why"]


def test_a_batch_that_fails_for_a_passing_reason_is_raised_to_be_given_again(functions: Functions) -> None:
    functions.prepare("kinesis/holds-collected")

    def down(operation: str, _request: object) -> None:
        raise EndpointConnectionError(endpoint_url=operation)

    functions.database.before_call = down
    with pytest.raises(Overloaded):
        functions.play("kinesis/holds-collected")
    functions.database.before_call = lambda _operation, _request: None
    assert functions.queue.messages == [], "nothing is set aside that may yet be settled"
    assert functions.play("kinesis/holds-collected") == {"settled": 1}
