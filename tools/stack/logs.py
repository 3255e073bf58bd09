"""What the functions of the local stack logged."""

import time
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from stack.aws import Aws
from stack.console import StackError, console
from stack.state import Stack

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_PAUSE_SECONDS = 1.0
_LATE_MS = 5_000  # functions write at one time, and their groups are asked one after the other


class Line(NamedTuple):
    """One log event. The emulator gives it no id, so that equal lines of one millisecond are shown once."""

    at_ms: int
    group: str
    message: str


class Following:
    """Which lines are still to be shown. What comes later than a later line is looked for a little while longer.

    Attributes:
        since_ms: From when on lines have to be fetched.
    """

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        self._shown: set[Line] = set()

    def new(self, lines: Iterable[Line]) -> list[Line]:
        """Those that were not shown yet, oldest first; they are taken for shown from now on."""
        unknown = (line for line in dict.fromkeys(lines) if line not in self._shown)
        fresh = sorted(unknown, key=attrgetter("at_ms"))  # lines of one instant stay as they were told
        newest = max((line.at_ms for line in fresh), default=0)
        self.since_ms = max(self.since_ms, newest - _LATE_MS)
        self._shown = {line for line in self._shown.union(fresh) if line.at_ms >= self.since_ms}
        return fresh


def show(stack: Stack, *, function: str, minutes: int, follow: bool) -> None:
    """Prints the functions' log lines, oldest first, each with its function's name.

    Raises:
        StackError: There is no such function.
    """
    client = Aws(stack.aws_endpoint_url).logs
    prefix = f"/inventory/{stack.stack_name}/"
    groups = [group["logGroupName"] for group in client.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]]
    if function:
        function = function.replace("_", "-")  # logs have names with hyphens, folders with underscores: either will do
        if prefix + function not in groups:
            raise StackError(
                f"No function {function!r}. There are: {', '.join(g.removeprefix(prefix) for g in groups)}."
            )
        groups = [prefix + function]
    following = Following(int((time.time() - minutes * 60) * 1000))
    while True:
        for line in following.new(_lines(client, groups, following.since_ms)):
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
