"""How much the properties are searched: little and repeatably by default, a lot with PROPERTY_PROFILE=large."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from inventory.telemetry import logger, metrics

_CHECKS_OFF = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "default",
    max_examples=500,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=_CHECKS_OFF,
)
settings.register_profile(
    "large",
    max_examples=3_000,
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=_CHECKS_OFF,
)
# As the default, but a failure is shown as it was met: for seeing whether a mutant is noticed at all.
settings.register_profile("unshrunk", settings.get_profile("default"), phases=[Phase.generate])
settings.load_profile(os.environ.get("PROPERTY_PROFILE", "default"))


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Thousands of runs print neither log nor metrics; other tests, in the same process, do."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(metrics, "add_metric", lambda **_: None)
        yield
    logger.setLevel(level)
