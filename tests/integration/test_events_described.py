"""events/README.md says what each sample event is for; nothing is missing from it, and nothing goes unplayed."""

import re
from pathlib import Path

from support.functions import EVENTS, ROOT, SAMPLES

_HERE = Path(__file__).parent
_SOURCES = {event.partition("/")[0] for event in SAMPLES}


def test_every_event_is_described_and_every_description_has_its_event() -> None:
    files = {
        str(path.relative_to(EVENTS).with_suffix("")) for source in _SOURCES for path in EVENTS.glob(f"{source}/*")
    }
    assert files == SAMPLES.keys()


def test_every_event_is_for_a_function_that_there_is() -> None:
    functions = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert {sample.function for sample in SAMPLES.values()} <= functions


def test_every_event_is_played_by_the_test_of_its_source() -> None:
    for source in _SOURCES:
        tests = (_HERE / f"test_events_{source.replace('-', '_')}.py").read_text()
        named = set(re.findall(r'["/]([a-z0-9-]+)"', tests))
        branches = {event.partition("/")[2] for event in SAMPLES if event.startswith(f"{source}/")}
        assert branches <= named, f"no test of {source} plays {branches - named}"
