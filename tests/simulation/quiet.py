"""Thousands of runs print neither log nor metrics."""

from inventory.telemetry import logger, metrics


def hush() -> None:
    """Nothing is logged or counted in this process any more."""
    logger.setLevel("CRITICAL")
    metrics.add_metric = _nothing  # type: ignore[method-assign, assignment]


def _nothing(**_metric: object) -> None:
    return None
