"""The history's bucket in memory, behind the same unreliable network."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ReadTimeoutError

from simulation.faults import Fault
from simulation.line import latency_s

if TYPE_CHECKING:
    from simulation.service import Instance, Service

_READ_TIMEOUT_S = 20.0


class Bucket:
    """As much of `inventory.adapters.objects.Objects` as the archiver needs.

    Args:
        service: Whose bucket it is.
        instance: Who calls.
    """

    def __init__(self, service: "Service", instance: "Instance") -> None:
        self._service = service
        self._instance = instance

    def put_new(self, key: str, body: bytes) -> bool:
        """Writes an object unless there is one of this name; tells whether it did."""
        service = self._service
        self._instance.pause(latency_s(service.rng))
        if service.faults.happens(Fault.OBJECT_REFUSED):
            self._note(f"PutObject refused {key}")
            raise ClientError(
                {"Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."}}, "PutObject"
            )
        new = service.objects.setdefault(key, body) is body
        service.calls += 1
        if service.faults.happens(Fault.OBJECT_LOST):
            self._note(f"PutObject answer lost {key}")
            self._instance.pause(_READ_TIMEOUT_S)
            raise ReadTimeoutError(endpoint_url="https://s3")
        self._note(f"PutObject {'new' if new else 'there already'} {key}")
        self._instance.pause(latency_s(service.rng))
        return new

    def _note(self, what: str) -> None:
        self._service.trace.note(self._instance.name, what)
