"""Simulated time: tasks that run one at a time, each until it waits, in an order that a seed decides.

A task is ordinary blocking code on a greenlet of its own. Wherever the real code would wait (for a call's answer, for
a pause between tries) it calls `Kernel.wait`, and the task whose time comes next goes on. Nothing else switches, so
whatever happens can happen again.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from greenlet import GreenletExit, getcurrent, greenlet


class Killed(GreenletExit):
    """The task was killed while it waited, as a function's process may be: no `except` of the code's stops it."""


@dataclass(eq=False)
class Task:
    """A piece of work under way.

    Attributes:
        name: For traces.
        ended: Whether it has returned, raised or been killed.
        failure: What it raised, or None.
    """

    name: str
    ended: bool = False
    failure: Exception | None = None
    _greenlet: greenlet = field(init=False, repr=False)
    _turn: int = field(default=0, init=False, repr=False)
    _waiting: list["Task"] = field(default_factory=list, init=False, repr=False)


class Kernel:
    """Runs tasks in simulated time.

    Args:
        start_us: The first instant, microseconds since 1970.

    Attributes:
        now_us: The present instant. It moves only while every task waits.
    """

    def __init__(self, start_us: int) -> None:
        self.now_us = start_us
        self._due: list[tuple[int, int, Task]] = []
        self._numbers = itertools.count()
        self._tasks: dict[greenlet, Task] = {}
        self._hub = getcurrent()

    @property
    def current(self) -> Task | None:
        """The task that is running, or None between tasks."""
        return self._tasks.get(getcurrent())

    def spawn(self, name: str, work: Callable[[], object], *, after_s: float = 0.0) -> Task:
        """Starts a task after so many seconds."""
        task = Task(name)
        task._greenlet = greenlet(lambda: self._run(task, work), parent=self._hub)
        self._tasks[task._greenlet] = task
        self._schedule(task, after_s)
        return task

    def wait(self, seconds: float) -> None:
        """Lets the running task wait, and the others go on.

        Raises:
            Killed: The task was killed meanwhile.
        """
        task = self.current
        if task is None:
            raise RuntimeError("only a task can wait")
        self._schedule(task, seconds)
        self._hub.switch()

    def wait_for(self, task: Task, seconds: float) -> bool:
        """Lets the running task wait until another has ended, but no longer than so many seconds.

        Returns:
            Whether it has ended.

        Raises:
            Killed: The waiting task was killed meanwhile.
        """
        waiting = self.current
        if waiting is not None and not task.ended:
            task._waiting.append(waiting)
            try:
                self.wait(seconds)
            finally:
                if waiting in task._waiting:
                    task._waiting.remove(waiting)
        return task.ended

    def kill(self, task: Task) -> None:
        """Ends a waiting task where it stands; what it had done stays done."""
        if not task.ended:
            task._greenlet.throw(Killed)

    def close(self) -> None:
        """Ends all tasks: one that waits for ever would keep what it knows for ever."""
        for task in list(self._tasks.values()):
            self.kill(task)

    def run(self, *, until_us: int | None = None) -> None:
        """Runs until no task waits for anything, or nothing is due by an instant, which then is the present.

        Raises:
            Exception: What a task raised: the simulation stops there.
        """
        while self._due and (until_us is None or self._due[0][0] <= until_us):
            due_us, turn, task = heapq.heappop(self._due)
            if task.ended or turn != task._turn:
                continue
            self.now_us = max(self.now_us, due_us)
            task._greenlet.switch()
            if task.failure is not None:
                raise task.failure
        if until_us is not None:
            self.now_us = max(self.now_us, until_us)

    def _schedule(self, task: Task, seconds: float) -> None:
        task._turn = next(self._numbers)  # an earlier turn, should one still be due, is void
        heapq.heappush(self._due, (self.now_us + round(seconds * 1_000_000), task._turn, task))

    def _run(self, task: Task, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as failure:  # noqa: BLE001 - the hub raises it
            task.failure = failure
        finally:
            task.ended = True
            del self._tasks[task._greenlet]
            for waiting in task._waiting:
                self._schedule(waiting, 0)
            task._waiting = []
