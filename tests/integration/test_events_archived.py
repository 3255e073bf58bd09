"""The streams' sample events, played to the archiver's own module."""

import gzip
import json

import pytest

from support.functions import SAMPLES, Functions


def _archived(functions: Functions) -> list[str]:
    """The ids of the events that the archive has."""
    bodies = [body for key, body in functions.shelf.objects.items() if key.startswith("archive/")]
    return [json.loads(line)["event_id"] for body in bodies for line in gzip.decompress(body).splitlines()]


@pytest.mark.parametrize(("event", "events"), [("hold-placed", 1), ("hold-executed", 1), ("stock-received", 2)])
def test_what_a_stream_tells_is_archived_once(functions: Functions, event: str, events: int) -> None:
    told = SAMPLES[f"dynamodb-stream/{event}"].load()
    assert functions.invoke("archiver", told) == {"events": events, "objects": 1}
    assert functions.invoke("archiver", told) == {"events": events, "objects": 0}
    assert len(set(_archived(functions))) == len(_archived(functions)) == events


@pytest.mark.parametrize("event", ["hold-poison", "stock-poison"])
def test_poison_is_set_aside_and_what_is_behind_it_is_archived(functions: Functions, event: str) -> None:
    told = SAMPLES[f"dynamodb-stream/{event}"].load()
    assert functions.invoke("archiver", told) == {"events": 1, "objects": 1}
    (message,) = functions.queue.messages
    assert message["record"] == told["Records"][0]
