"""A simulated DynamoDB: fast, repeatable, and held to the truth by the contract suite in `tests/contract`."""

from .client import SimulatedClient, SimulatedDynamoDB
from .errors import conflict, throttled
from .streams import Stream

__all__ = ["SimulatedClient", "SimulatedDynamoDB", "Stream", "conflict", "throttled"]
