"""The table of deviations names tests that exist: a renamed test would leave its entry behind unseen."""

import re
from pathlib import Path

import pytest

from contract.deviations import DEVIATIONS


@pytest.mark.parametrize("implementation", DEVIATIONS)
def test_each_deviation_names_a_test_once(implementation: str) -> None:
    named = [test for tests in DEVIATIONS[implementation].values() for test in tests]
    written = "".join(file.read_text() for file in Path(__file__).parent.glob("test_dynamodb_*.py"))
    assert {test.split("[")[0] for test in named} <= set(re.findall(r"def (test_\w+)", written))
    assert len(named) == len(set(named))
