"""What holds for every property."""

from collections.abc import Iterator

import pytest

from inventory.telemetry import logger, metrics


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Thousands of runs print neither log nor metrics; other tests, in the same process, do."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(metrics, "add_metric", lambda **_: None)
        yield
    logger.setLevel(level)
