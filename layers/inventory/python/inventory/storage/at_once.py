"""How several calls are made: one after another, or more at a time where the wiring has threads for it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")
A = TypeVar("A")


class AtOnce(Protocol):
    """Calls a function with each of some arguments, several at a time, and gives the results in their order."""

    def __call__(self, function: Callable[[A], T], arguments: Iterable[A], /) -> Iterator[T]:  # noqa: D102
        ...


def one_by_one(function: Callable[[A], T], arguments: Iterable[A], /) -> Iterator[T]:
    """Calls one after another."""
    return map(function, arguments)
