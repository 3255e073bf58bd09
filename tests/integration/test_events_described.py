"""events/README.md says what each sample event is for; nothing is missing from it, and nothing goes unplayed."""

import re
from pathlib import Path

import pytest

from support.functions import EVENTS, ROOT, SAMPLES
from support.machines import definition, tasks
from support.played import called

_HERE = Path(__file__).parent
_SOURCES = {event.partition("/")[0] for event in SAMPLES}


def test_every_event_is_described_and_every_description_has_its_event() -> None:
    files = {
        str(path.relative_to(EVENTS).with_suffix("")) for source in _SOURCES for path in EVENTS.glob(f"{source}/*")
    }
    assert files == SAMPLES.keys()


def test_every_event_is_for_a_function_that_there_is_and_every_function_has_one() -> None:
    functions = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert {function for sample in SAMPLES.values() for function in sample.functions} == functions


@pytest.mark.parametrize(
    ("source", "machine"), [("snapshot-machine", "SnapshotMachine"), ("audit-machine", "AuditMachine")]
)
def test_every_step_of_a_state_machine_has_an_event_and_every_event_is_such_a_step(source: str, machine: str) -> None:
    samples = {event: sample for event, sample in SAMPLES.items() if event.startswith(f"{source}/")}
    passed: set[str] = set()
    for state, task in tasks(definition(machine)["States"]):
        function, always, names = called(task)
        events = {
            event
            for event, sample in samples.items()
            if sample.function == function and always.items() <= sample.load().items() and names == sample.load().keys()
        }
        assert events, f"no event of {source} is what {state} passes"
        passed |= events
    assert passed == samples.keys()


def test_every_event_is_played_by_the_test_of_its_source() -> None:
    for source in _SOURCES:
        tests = "".join(path.read_text() for path in _HERE.glob(f"test_events_{source.replace('-', '_')}*.py"))
        named = set(re.findall(r'["/]([a-z0-9-]+)"', tests))
        branches = {event.partition("/")[2] for event in SAMPLES if event.startswith(f"{source}/")}
        assert branches <= named, f"no test of {source} plays {branches - named}"
