"""As much of Step Functions as the API uses: executions that run until a test ends them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

Told = dict[str, Any]


class States:
    """A client for Step Functions.

    Attributes:
        executions: What was started, by ARN, in the order of the starts.
        outage: The code of the error that every call ends with, if it does.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.executions: dict[str, Told] = {}
        self.outage: str | None = None
        self._now_ms = now_ms

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> Told:  # noqa: A002, N803 - boto3's names
        """Starts one; the same again, while it runs, is the same one."""
        self._fail("StartExecution")
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        began = self.executions.setdefault(
            arn,
            {
                "executionArn": arn,
                "stateMachineArn": stateMachineArn,
                "name": name,
                "status": "RUNNING",
                "startDate": datetime.fromtimestamp(self._now_ms() / 1000, UTC),
                "input": input,
            },
        )
        if began["status"] != "RUNNING" or began["input"] != input:
            raise _refusal("ExecutionAlreadyExists", "StartExecution")
        return {"executionArn": arn, "startDate": began["startDate"]}

    def describe_execution(self, *, executionArn: str) -> Told:  # noqa: N803 - boto3's names
        """Tells of one."""
        self._fail("DescribeExecution")
        if executionArn not in self.executions:
            raise _refusal("ExecutionDoesNotExist", "DescribeExecution")
        return dict(self.executions[executionArn])

    def end(self, name: str, status: str = "SUCCEEDED", **more: str) -> None:
        """Ends the execution of this name."""
        next(each for each in self.executions.values() if each["name"] == name).update(status=status, **more)

    @property
    def names(self) -> list[str]:
        """The names of all that was started."""
        return [each["name"] for each in self.executions.values()]

    def _fail(self, operation: str) -> None:
        if self.outage is not None:
            raise _refusal(self.outage, operation)


def _refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
