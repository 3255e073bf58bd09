"""Logs and metrics: one logger, and a fixed vocabulary of what is counted."""

import warnings
from enum import StrEnum
from typing import Final

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE: Final = "Inventory"


class Metric(StrEnum):
    """Everything that is counted. An alarm or a dashboard may rely on these names."""

    HOLDS_PLACED = "HoldsPlaced"
    HOLDS_REFUSED = "HoldsRefused"
    HOLDS_SHED = "HoldsShed"
    HOLDS_REPLAYED = "HoldsReplayed"
    HOLDS_EXECUTED = "HoldsExecuted"
    HOLDS_RELEASED = "HoldsReleased"
    HOLDS_EXPIRED = "HoldsExpired"
    HOLDS_SETTLED = "HoldsSettled"
    SETTLEMENT_LAG = "SettlementLag"
    HOLDS_COLLECTED = "HoldsCollected"
    COLLECTING_REFUSED = "CollectingRefused"
    SHARD_CONFLICTS = "ShardConflicts"
    HOPS = "Hops"
    PROJECTION_LAG = "ProjectionLag"
    POISON_RECORDS = "PoisonRecords"
    CLOCK_SKEW = "ClockSkew"
    INVARIANT_BROKEN = "InvariantBroken"
    UNVERIFIED_KEYS = "UnverifiedKeys"
    EVENTS_ARCHIVED = "EventsArchived"
    ARCHIVE_LAG = "ArchiveLag"
    STAMPS_APART = "StampsApart"
    ITEMS_SPLIT = "ItemsSplit"
    ITEMS_MERGED = "ItemsMerged"
    UNITS_LEVELED = "UnitsLeveled"
    REBALANCES_PUT_OFF = "RebalancesPutOff"
    EVENTS_LOST = "EventsLost"
    AUDITED_RECORDS = "AuditedRecords"
    AUDIT_DISCREPANCIES = "AuditDiscrepancies"


_IN_MILLISECONDS: Final = frozenset({Metric.SETTLEMENT_LAG, Metric.PROJECTION_LAG, Metric.ARCHIVE_LAG})

#: Structured, one JSON object per line. The service's name and the level come from POWERTOOLS_*.
logger = Logger(utc=True, use_rfc3339=True)

metrics = Metrics(namespace=NAMESPACE)

# A batch in which nothing happened has nothing to count: no reason to warn.
warnings.filterwarnings("ignore", message="No application metrics to publish")


def report(name: str, value: int) -> None:
    """Counts something. It is written out by the next `flush`.

    Raises:
        ValueError: The name is not in the vocabulary.
    """
    metric = Metric(name)
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
