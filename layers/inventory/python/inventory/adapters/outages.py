"""A service that does not answer in time, refuses for load or is down: one named error for all of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from inventory.aws_errors import THROTTLED, UNREACHABLE, code_of, is_outage
from inventory.domain.errors import Overloaded

T = TypeVar("T")

_REFUSED: Final = THROTTLED | {"OperationTimeoutException", "RequestTimeout"}


@contextmanager
def outages_named(service: str) -> Iterator[None]:
    """Turns an outage into a named error; any other error of the service passes.

    Args:
        service: What does not answer, at the beginning of a sentence: "The history".

    Raises:
        Overloaded: The service refused for load, failed, or did not answer in time.
    """
    try:
        yield
    except ClientError as error:
        if code_of(error) in _REFUSED or is_outage(error):
            raise Overloaded(f"{service} did not answer. Try again in a moment.") from error
        raise
    except UNREACHABLE as error:
        raise Overloaded(f"{service} could not be reached in time.") from error


def pages_named(service: str, pages: Iterable[T]) -> Iterator[T]:
    """The pages of a list; an outage while one is fetched is named. What whoever uses them raises passes as it is.

    Raises:
        Overloaded: As `outages_named`.
    """
    coming = iter(pages)
    while True:
        with outages_named(service):
            page = next(coming, None)
        if page is None:
            return
        yield page
