"""Copies of manifests under other numbers, which anyone may have put there."""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Placed(Protocol):
    """What is kept of a manifest."""

    @property
    def as_of_ms(self) -> int:
        """The instant that it says it is of, milliseconds since 1970."""
        ...

    @property
    def in_place(self) -> bool:
        """Whether its file has its own number."""
        ...


_Kept = TypeVar("_Kept", bound=Placed)


def without_copies(manifests: Iterable[_Kept]) -> list[_Kept]:
    """Manifests, but for those under another's number whose instant another one has: they would tell all of it twice.

    One that is nowhere else stays: what it names would have nobody's name.
    """
    kept = list(manifests)
    instants = {each.as_of_ms for each in kept if each.in_place}

    def is_first(each: _Kept) -> bool:
        known = each.as_of_ms in instants
        instants.add(each.as_of_ms)
        return each.in_place or not known

    return list(filter(is_first, kept))
