"""How AWS's client says that a service is down, refuses, or cannot be reached."""

from typing import Final

from boto3.exceptions import RetriesExceededError
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from urllib3.exceptions import HTTPError as Urllib3Error

#: No answer, or none in time. The last three: it broke off in its middle, in botocore's words or in urllib3's own, or
#: again and again.
UNREACHABLE: Final = (
    HTTPClientError,
    BotocoreConnectionError,
    IncompleteReadError,
    Urllib3Error,
    RetriesExceededError,
)

#: What its services call it when they are asked too much.
THROTTLED: Final = frozenset(
    {
        "ExecutionLimitExceeded",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_SERVER_ERROR: Final = 500


def code_of(error: ClientError) -> str:
    """What the service calls the error."""
    return str(error.response["Error"]["Code"])


def is_outage(error: ClientError) -> bool:
    """Whether the service, or a gateway on the way, failed, whatever it calls that."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= _SERVER_ERROR
