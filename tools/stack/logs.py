"""What the functions of the local stack logged."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stack.aws import Aws
from stack.console import StackError, console
from stack.state import Stack

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_PAUSE_SECONDS = 1.0


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
    seen: set[tuple[str, str]] = set()
    while True:
        for at, group, event_id, message in sorted(_events(client, groups, since)):
            if (group, event_id) not in seen:
                seen.add((group, event_id))
                clock = time.strftime("%H:%M:%S", time.localtime(at / 1000))
                console.print(f"[dim]{clock}[/] [cyan]{group.removeprefix(prefix):<11}[/]", end=" ")
                console.print(message.rstrip(), markup=False, soft_wrap=True)
        if not follow:
            return
        time.sleep(_PAUSE_SECONDS)


def _events(client: "CloudWatchLogsClient", groups: list[str], since: int) -> Iterator[tuple[int, str, str, str]]:
    for group in groups:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                yield event["timestamp"], group, event["eventId"], event["message"]
