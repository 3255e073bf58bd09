"""Several calls at a time, as an instance on AWS makes them; here one after another, and counted."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
A = TypeVar("A")


class Together:
    """An `AtOnce`.

    Attributes:
        calls: How many calls were made at a time.
    """

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, function: Callable[[A], T], arguments: Iterable[A], /) -> Iterator[T]:
        listed = list(arguments)
        self.calls.append(len(listed))
        return iter([function(each) for each in listed])
