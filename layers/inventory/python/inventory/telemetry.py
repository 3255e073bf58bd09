"""Logs and metrics: one logger, and one collector of what is counted."""

import warnings
from typing import Final

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from inventory.metric import Metric

NAMESPACE: Final = "Inventory"

_IN_MILLISECONDS: Final = frozenset(
    {Metric.EXPIRY_LAG, Metric.SETTLEMENT_LAG, Metric.PROJECTION_LAG, Metric.ARCHIVE_LAG}
)

#: Structured, one JSON object per line. The service's name and the level come from POWERTOOLS_*.
logger = Logger(utc=True, use_rfc3339=True)

metrics = Metrics(namespace=NAMESPACE)

# A batch in which nothing happened has nothing to count: no reason to warn.
warnings.filterwarnings("ignore", message="No application metrics to publish")


def report(metric: Metric, value: int) -> None:
    """Counts something. It is written out by the next `flush`."""
    metrics.add_metric(name=metric.value, unit="Milliseconds" if metric in _IN_MILLISECONDS else "Count", value=value)


def report_check(check: str, looked_at: int, discrepancies: int) -> None:
    """Counts what an audit's check did: at once under the check's name, and with all others by the next `flush`."""
    for metric, value in ((Metric.AUDITED_RECORDS, looked_at), (Metric.AUDIT_DISCREPANCIES, discrepancies)):
        report(metric, value)
        with single_metric(name=metric.value, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as one:
            one.add_dimension("service", metrics.service or "")
            one.add_dimension("check", check)


def flush() -> None:
    """Writes what was counted as one line of embedded metrics; nothing where nothing was."""
    if metrics.metric_set:
        metrics.flush_metrics()
