"""What the functions of the local stack logged."""

import time
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from stack.aws import Aws
from stack.console import StackError, console
from stack.state import Stack

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_PAUSE_SECONDS = 1.0


class Line(NamedTuple):
    """One log event. The emulator gives it no id, so that equal lines of one millisecond are shown once."""

    at_ms: int
    group: str
    message: str


def show(stack: Stack, *, function: str, minutes: int, follow: bool) -> None:
    """Prints the functions' log lines, oldest first, each with its function's name.

    Raises:
        StackError: There is no such function.
    """
    client = Aws(stack.aws_endpoint_url).logs
    prefix = f"/inventory/{stack.stack_name}/"
    groups = [group["logGroupName"] for group in client.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]]
    if function:
        if prefix + function not in groups:
            raise StackError(
                f"No function {function!r}. There are: {', '.join(g.removeprefix(prefix) for g in groups)}."
            )
        groups = [prefix + function]
    since = int((time.time() - minutes * 60) * 1000)
    seen: set[Line] = set()
    while True:
        for line in sorted(_lines(client, groups, since), key=attrgetter("at_ms")):
            if line in seen:
                continue
            seen.add(line)
            clock = time.strftime("%H:%M:%S", time.localtime(line.at_ms / 1000))
            console.print(f"[dim]{clock}[/] [cyan]{line.group.removeprefix(prefix):<11}[/]", end=" ")
            console.print(line.message.rstrip(), markup=False, soft_wrap=True)
        if not follow:
            return
        time.sleep(_PAUSE_SECONDS)


def _lines(client: "CloudWatchLogsClient", groups: list[str], since: int) -> Iterator[Line]:
    for group in groups:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                yield Line(event["timestamp"], group, event["message"])
