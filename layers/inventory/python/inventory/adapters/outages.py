"""A service that does not answer in time, refuses for load or is down: one named error for all of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from urllib3.exceptions import HTTPError as Urllib3Error

from inventory.domain.errors import Overloaded

_REFUSED: Final = frozenset(
    {"ExecutionLimitExceeded", "RequestTimeout", "SlowDown", "ThrottlingException", "TooManyRequestsException"}
)
_SERVER_ERROR: Final = 500


@contextmanager
def outages_named(service: str) -> Iterator[None]:
    """Turns an outage into a named error; any other error of the service passes.

    Args:
        service: What does not answer, at the beginning of a sentence: "The history".

    An answer that breaks off in its middle is not wrapped by botocore: urllib3 says it in its own words.

    Raises:
        Overloaded: The service refused for load, failed, or did not answer in time.
    """
    try:
        yield
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if error.response["Error"]["Code"] in _REFUSED or status >= _SERVER_ERROR:
            raise Overloaded(f"{service} did not answer. Try again in a moment.") from error
        raise
    except (HTTPClientError, BotocoreConnectionError, IncompleteReadError, Urllib3Error) as error:
        raise Overloaded(f"{service} could not be reached in time.") from error
