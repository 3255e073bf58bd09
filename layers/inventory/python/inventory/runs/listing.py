"""Lists of results, each an object in the bucket whose name sorts as the list does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from inventory.adapters.objects import Objects
from inventory.domain.errors import InvalidRequest
from inventory.protocol.core import Page

T = TypeVar("T")

_READS_AT_ONCE: Final = 8
#: A snapshot's entry has less than 1 KB, an audit's result some 4 KB. Whoever may write to the bucket could make one
#: that no memory holds.
_BYTES_MAX: Final = 1 << 16


def page_of(objects: Objects, prefix: str, parse: Callable[[bytes], T], *, limit: int, after: str = "") -> Page[T]:
    """The results whose names begin so and come after this one.

    Raises:
        Overloaded: The bucket did not answer in time.
    """
    found = objects.page(prefix, after=after, limit=limit + 1)
    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        contents = pool.map(lambda stored: read_result(objects, stored.key), found[:limit])
        return Page([parse(content) for content in contents], has_more=len(found) > limit)


def read_result(objects: Objects, key: str) -> bytes:
    """A result; of what is larger than any, its beginning.

    Raises:
        NoSuchObject: There is none of this name.
        Overloaded: The bucket did not answer in time.
    """
    return objects.read_start(key, _BYTES_MAX)


def cursor(objects: Objects, kind: str, identifier: str, name: str | None) -> str:
    """The name to list on from.

    Args:
        objects: The bucket.
        kind: What is listed: snapshot or audit.
        identifier: The id of the last result already seen.
        name: The name of its object; None where no result can have this id.

    Raises:
        InvalidRequest: There is no such result.
        Overloaded: The bucket did not answer in time.
    """
    if name is None or objects.first(name) is None:
        raise InvalidRequest(
            "parameter_invalid", f"No complete {kind} has this id: '{identifier}'.", param="starting_after"
        )
    return name
