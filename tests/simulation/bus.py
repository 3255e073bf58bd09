"""EventBridge, as far as a function that announces something sees of it."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from simulation.faults import Fault

if TYPE_CHECKING:
    from simulation.service import Instance, Service


class Bus:
    """A client of EventBridge.

    Args:
        service: Whose bus it is.
        instance: Who calls.
    """

    def __init__(self, service: "Service", instance: "Instance") -> None:
        self._service = service
        self._instance = instance

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3 calls it
        """Takes events, or refuses them, or does not answer."""
        service = self._service
        self._instance.pause(0.005)
        service.calls += 1
        service.trace.note(self._instance.name, f"PutEvents {Entries[0]['DetailType']}")
        if service.faults.happens(Fault.EVENT_LOST):
            raise ClientError({"Error": {"Code": "InternalException", "Message": "internal"}}, "PutEvents")
        if service.faults.happens(Fault.EVENT_REFUSED):
            return {
                "FailedEntryCount": 1,
                "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}],
            }
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
