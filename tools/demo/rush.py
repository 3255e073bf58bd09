"""Many buyers at the same instant."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

T = TypeVar("T")


class Rush(NamedTuple, Generic[T]):
    """What came of it.

    Attributes:
        results: One for each buyer, in their order.
        took_s: From the start until the last was served.
        waits_ms: How long each waited, the shortest first.
    """

    results: list[T]
    took_s: float
    waits_ms: list[float]

    def percentile(self, share: float) -> float:
        """The wait that this share of the buyers did not exceed, in milliseconds."""
        return self.waits_ms[min(len(self.waits_ms) - 1, int(share * len(self.waits_ms)))]


def all_at_once(console: Console, what: str, tasks: Sequence[Callable[[], T]]) -> Rush[T]:
    """Starts a thread for each task, lets all go at the same instant, and shows how they get on.

    Raises:
        Exception: Whatever the first of the tasks that failed has raised.
    """
    start = threading.Barrier(len(tasks) + 1)
    waits_ms: list[float] = []
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, console=console, transient=True) as progress,
        ThreadPoolExecutor(max_workers=len(tasks)) as pool,
    ):
        shown = progress.add_task(what, total=len(tasks))

        def run(task: Callable[[], T]) -> T:
            start.wait()
            started = time.monotonic()
            try:
                return task()
            finally:
                waits_ms.append((time.monotonic() - started) * 1000)
                progress.advance(shown)

        running = [pool.submit(run, task) for task in tasks]
        start.wait()
        started = time.monotonic()
        results = [each.result() for each in running]
        took_s = time.monotonic() - started
    return Rush(results, took_s, sorted(waits_ms))
