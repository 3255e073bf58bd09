"""The audits that follow snapshots by themselves: each is started once, however often it is asked for."""

from botocore.exceptions import ClientError

from inventory.adapters.executions import Machine
from inventory.adapters.objects import Objects
from inventory.domain.clock import Milliseconds
from inventory.domain.errors import Overloaded
from inventory.history.layout import audit_after, listed_path, stamp_of
from inventory.history.listed import listed_since


class AuditNotStarted(Exception):
    """The audit of a snapshot could not be started; names the snapshot, and why."""

    def __init__(self, as_of_ms: Milliseconds, why: Exception) -> None:
        super().__init__(f"the audit of the snapshot of {stamp_of(as_of_ms)} could not be started: {why!r}")


def start_audit(objects: Objects, audits: Machine, as_of_ms: Milliseconds, *, full: bool = False) -> str:
    """Starts the audit of a listed snapshot and gives its id; done again, it does no more.

    It looks back to the snapshot before, or to the first event where it is to be full.

    Raises:
        NoSuchObject: The snapshot is not listed.
        EntryDamaged: What is listed does not say since when.
        AuditNotStarted: The workflow service refused, or did not answer in time.
    """
    audit = audit_after(as_of_ms, listed_since(objects, listed_path(as_of_ms)), full=full)
    try:
        audits.start(audit, {"audit": audit, "as_of_ms": as_of_ms, "depth": "full" if full else "increment"})
    except (ClientError, Overloaded) as error:
        raise AuditNotStarted(as_of_ms, error) from error
    return audit
