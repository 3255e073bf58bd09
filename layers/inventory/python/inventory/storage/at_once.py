"""How several calls are made: one after another, or more at a time where the wiring has threads for it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Executor, wait
from typing import Protocol, TypeVar

T = TypeVar("T")
A = TypeVar("A")


class AtOnce(Protocol):
    """Calls a function with each of some arguments, several at a time, and gives the results in their order.

    They may be on several threads. So the function may use the database and stamp with the clock, which threads can
    share, but neither what an instance remembers (`Hints`, `TtlCache`) nor the `Attempts` of another.
    """

    def __call__(self, function: Callable[[A], T], arguments: Iterable[A], /) -> Iterator[T]:  # noqa: D102
        ...


def one_by_one(function: Callable[[A], T], arguments: Iterable[A], /) -> Iterator[T]:
    """Calls one after another."""
    return map(function, arguments)


def together_on(pool: Executor) -> AtOnce:
    """Calls on the threads of a pool.

    Where one fails, those that have not begun never do, and those under way end before anybody hears of it: one that
    went on would be frozen with its instance after the invocation, and write hours later what was stamped before.
    """

    def at_once(function: Callable[[A], T], arguments: Iterable[A], /) -> Iterator[T]:
        calls = [pool.submit(function, each) for each in arguments]
        _, under_way = wait(calls, return_when=FIRST_EXCEPTION)
        for call in under_way:
            call.cancel()
        wait(under_way)
        return (call.result() for call in calls)  # they begin in this order: a failure comes before what is cancelled

    return at_once
