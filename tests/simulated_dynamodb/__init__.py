"""A simulated DynamoDB: fast, repeatable, and held to the truth by the contract suite in `tests/contract`."""

from .client import TIME_TO_LIVE, SimulatedClient, SimulatedDynamoDB
from .errors import conflict, throttled
from .replica import Replica, is_eventual
from .streams import Stream

__all__ = [
    "TIME_TO_LIVE",
    "Replica",
    "SimulatedClient",
    "SimulatedDynamoDB",
    "Stream",
    "conflict",
    "is_eventual",
    "throttled",
]
