"""What the judge asks of a page of holds."""

from types import SimpleNamespace
from typing import Any

import pytest

from inventory.domain.holds import Status
from simulation.linear import Timeline

PLACED_US = 1_800_000_000_815_000


def timeline() -> Timeline:
    """One hold, whose `at` is in tenths of a second: it seems to be older than it is."""
    hold: Any = SimpleNamespace(id="hold_a", at=1_800_000_000_800, status=Status.ACTIVE, expires_at=1_800_000_900_000)
    told: Any = SimpleNamespace(holds=[(None, hold)], shards=[], directories=[])
    timeline = Timeline()
    timeline.note(PLACED_US, SimpleNamespace(directories={}), told)  # type: ignore[arg-type]
    return timeline


def test_a_hold_that_was_there_when_a_page_was_asked_for_must_be_on_it() -> None:
    with pytest.raises(AssertionError, match="hold_a is active, and not listed"):
        timeline().check_page([], PLACED_US + 1, PLACED_US + 9_000, last=True)


def test_one_that_was_placed_after_the_question_need_not_be() -> None:
    timeline().check_page([], PLACED_US - 8_000, PLACED_US + 9_000, last=True)
