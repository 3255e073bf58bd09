"""What docs/performance.md says of calls with an Idempotency-Key, as the bench counts it on the simulated tables."""

import pytest
from bench.calls import over_simulated_tables


@pytest.fixture(scope="module")
def counted() -> dict[str, str]:
    return {figure.name: figure.note for figure in over_simulated_tables().figures}


@pytest.mark.parametrize("operation", ["adjust", "take away", "count", "transfer", "split"])
def test_a_key_costs_one_reading_of_what_it_would_have_made(counted: dict[str, str], operation: str) -> None:
    assert "GetItem" not in counted[operation].replace("BatchGetItem", "")
    assert "1 GetItem" in counted[f"{operation}, with a key"].split(" + ")


@pytest.mark.parametrize("operation", ["adjust", "take away", "count", "transfer"])
def test_a_key_used_before_costs_that_reading_alone(counted: dict[str, str], operation: str) -> None:
    assert counted[f"{operation} again with the same key"] == "1 GetItem"
