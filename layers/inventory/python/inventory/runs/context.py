"""The context in which snapshots and audits are asked for: the core, the bucket, the state machines."""

from dataclasses import dataclass

from inventory.adapters.executions import Machine
from inventory.adapters.objects import Objects
from inventory.domain.clock import Milliseconds
from inventory.protocol.core import Core


@dataclass(frozen=True, slots=True)
class HistoryContext:
    """What asking for snapshots and audits works with.

    Attributes:
        core: The clock, the records of keyed requests.
        objects: The history's bucket, where results are.
        snapshots: The state machine that makes snapshots.
        audits: The state machine that audits them.
        grace_ms: How long ago a snapshot's instant must be.
    """

    core: Core
    objects: Objects
    snapshots: Machine
    audits: Machine
    grace_ms: Milliseconds
