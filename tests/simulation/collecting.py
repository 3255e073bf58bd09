"""The stream between settler and collector, behind the same unreliable network."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from simulation.faults import Fault
from simulation.kernel import Killed
from simulation.line import latency_s

if TYPE_CHECKING:
    from simulation.service import Instance, Service

_TIMEOUT_S = 1.0


class Collecting:
    """A client of Kinesis, where boto3's stands. What it takes is told to the collectors at once, or lost for ever.

    Args:
        service: Whose stream it is.
        instance: Who calls.
        tell: Tells the collector of each shard what came.
    """

    def __init__(
        self, service: "Service", instance: "Instance", tell: Sequence[Callable[[Sequence[dict[str, Any]]], None]]
    ) -> None:
        self._service = service
        self._instance = instance
        self._tell = tell

    def put_records(self, *, StreamName: str, Records: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Takes all of the records, some or none."""
        service, faults = self._service, self._service.faults
        self._wait(latency_s(service.rng))
        if faults.happens(Fault.STREAM_UNREACHABLE):
            self._note("PutRecords unreachable")
            self._wait(_TIMEOUT_S)
            raise ConnectTimeoutError(endpoint_url="https://kinesis")
        service.collected.full = lambda _key: faults.happens(Fault.STREAM_FULL)
        answer = service.collected.put_records(StreamName=StreamName, Records=Records)
        service.calls += 1
        for shard, tell in enumerate(self._tell):
            taken = service.collected.drain(shard)
            if taken and faults.happens(Fault.PASSED_ON_GONE):
                self._note(f"{len(taken)} records passed on are gone")
            elif taken:
                tell(taken)
        self._note(f"PutRecords {len(Records)}, {answer['FailedRecordCount']} refused")
        if faults.happens(Fault.STREAM_LOST):
            self._note("PutRecords answer lost")
            self._wait(_TIMEOUT_S)
            raise ReadTimeoutError(endpoint_url="https://kinesis")
        self._wait(latency_s(service.rng))
        return answer

    def _wait(self, seconds: float) -> None:
        self._instance.pause(seconds)
        if self._service.faults.happens(Fault.KILLED):
            self._note("killed")
            raise Killed

    def _note(self, what: str) -> None:
        self._service.trace.note(self._instance.name, what)
