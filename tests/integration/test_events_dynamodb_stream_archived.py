"""The streams' sample events, played to the archiver's own module."""

import gzip
import json

import pytest

from support.functions import SAMPLES, Functions


def _archived(functions: Functions) -> list[str]:
    """The ids of the events that the archive has."""
    bodies = [body for key, body in functions.shelf.objects.items() if key.startswith("archive/")]
    return [json.loads(line)["event_id"] for body in bodies for line in gzip.decompress(body).splitlines()]


@pytest.mark.parametrize(
    ("event", "events"),
    [
        ("hold-placed", 1),
        ("hold-executed", 1),
        ("hold-executed-partly", 1),
        ("hold-released", 1),
        ("hold-expired", 1),
        ("hold-settled", 1),
        ("hold-removed-by-ttl", 1),
        ("hold-of-hot-item", 1),
        ("stock-received", 2),
        ("stock-held", 1),
        ("stock-split", 1),
        ("adjustment-made", 1),
        ("transfer-made", 1),
    ],
)
def test_what_a_stream_tells_is_archived_once(functions: Functions, event: str, events: int) -> None:
    told = SAMPLES[f"dynamodb-stream/{event}"].load()
    assert functions.invoke("archiver", told) == {"events": events, "objects": 1}
    assert functions.invoke("archiver", told) == {"events": events, "objects": 0}
    assert len(set(_archived(functions))) == len(_archived(functions)) == events


def test_an_event_delivered_twice_has_one_id(functions: Functions) -> None:
    told = SAMPLES["dynamodb-stream/hold-told-twice"].load()
    assert functions.invoke("archiver", told) == {"events": 2, "objects": 1}
    assert len(set(_archived(functions))) == 1


@pytest.mark.parametrize("event", ["hold-poison", "stock-poison"])
def test_poison_is_set_aside_and_what_is_behind_it_is_archived(functions: Functions, event: str) -> None:
    told = SAMPLES[f"dynamodb-stream/{event}"].load()
    assert functions.invoke("archiver", told) == {"events": 1, "objects": 1}
    (message,) = functions.queue.messages
    assert message["record"] == told["Records"][0]


def test_the_archiver_is_told_each_of_them() -> None:
    told = {event for event in SAMPLES if event.startswith("dynamodb-stream/")}
    assert {event for event in told if "archiver" in SAMPLES[event].functions} == told
