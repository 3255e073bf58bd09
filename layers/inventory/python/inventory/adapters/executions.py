"""The port to a state machine: starts executions by name, and tells how they stand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError
from typing_extensions import override  # typing's own came with Python 3.12

from inventory.adapters.outages import outages_named
from inventory.aws_errors import code_of
from inventory.domain.clock import Milliseconds
from inventory.domain.runs import Failure, RunStatus, failure_called

_SERVICE: Final = "The workflow service"
_STATUSES: Final = {"RUNNING": RunStatus.PENDING, "PENDING_REDRIVE": RunStatus.PENDING, "SUCCEEDED": RunStatus.COMPLETE}
_ENDED_FROM_OUTSIDE: Final = {
    "TIMED_OUT": Failure("timed_out", "The workflow took too long and was stopped."),
    "ABORTED": Failure("aborted", "An operator stopped the workflow."),
}


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution.

    Attributes:
        status: How it stands.
        began: When it was started.
        input: What it was started with.
        failure: Why it failed, if it did.
    """

    status: RunStatus
    began: Milliseconds
    input: Mapping[str, Any]
    failure: Failure | None = None


class Machine(Protocol):
    """A state machine."""

    def start(self, execution: str, words: Mapping[str, Any]) -> Milliseconds | None:
        """Starts the execution of this name. There can be only one: a second call changes nothing.

        Returns:
            When it began, also where one of this name and input still runs; None where one of this name has ended, or
            was started with another input.

        Raises:
            Overloaded: Nothing answered in time; it may have been started.
        """
        ...

    def find(self, execution: str) -> Execution | None:
        """The execution of this name, or None. One that was started just now may not be found for a moment.

        Raises:
            Overloaded: Nothing answered in time.
        """
        ...


class StepFunctionsMachine(Machine):
    """A state machine of AWS Step Functions.

    Args:
        client: A boto3 client for Step Functions, with its timeouts and retries set.
        arn: The machine's ARN.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def arn_of(self, execution: str) -> str:
        """The ARN of an execution, as the platform's other tools take it."""
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{execution}"

    @override
    def start(self, execution: str, words: Mapping[str, Any]) -> Milliseconds | None:
        try:
            with outages_named(_SERVICE):
                answer = self._client.start_execution(
                    stateMachineArn=self._arn, name=execution, input=json.dumps(words)
                )
        except ClientError as error:
            if code_of(error) == "ExecutionAlreadyExists":
                return None
            raise
        return _milliseconds(answer["startDate"])

    @override
    def find(self, execution: str) -> Execution | None:
        try:
            with outages_named(_SERVICE):
                described = self._client.describe_execution(executionArn=self.arn_of(execution))
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return None
            raise
        status = _STATUSES.get(described["status"], RunStatus.FAILED)
        failure = None
        if status is RunStatus.FAILED:
            failure = _ENDED_FROM_OUTSIDE.get(described["status"]) or failure_called(
                described.get("error") or "", described.get("cause") or ""
            )
        return Execution(status, _milliseconds(described["startDate"]), json.loads(described["input"]), failure)


def _milliseconds(moment: datetime) -> Milliseconds:
    return round(moment.timestamp() * 1000)
