"""How much properties are searched: little and repeatably by default, a lot with PROPERTY_PROFILE=large."""

import os

from hypothesis import HealthCheck, settings

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


def load_profile() -> None:
    """For all tests alike, wherever a property stands: what is collected beside it makes no difference."""
    settings.load_profile(os.environ.get("PROPERTY_PROFILE", "default"))
