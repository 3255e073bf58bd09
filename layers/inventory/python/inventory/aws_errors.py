"""How AWS's client says that a service is down, refuses, or cannot be reached."""

from typing import Final

from boto3.exceptions import RetriesExceededError
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from urllib3.exceptions import HTTPError as Urllib3Error

#: No answer, or none in time. The last three: an answer broke off in its middle (as botocore calls it, and urllib3), or
#: did so in every try of a download.
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
#: DynamoDB has one code for a signature of the wrong time and one of the wrong key: only the sentence tells them apart.
_UNTIMELY: Final = ("Signature expired", "Signature not yet current")


def code_of(error: ClientError) -> str:
    """What the service calls the error."""
    return str(error.response["Error"]["Code"])


def is_outage(error: ClientError) -> bool:
    """Whether the service, or a gateway on the way, failed, whatever it calls that."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= _SERVER_ERROR


def is_untimely(error: ClientError) -> bool:
    """Whether the service refused a signature for its time: the clock of whoever signed is minutes off."""
    code, why = code_of(error), str(error.response["Error"].get("Message", ""))
    return code == "RequestTimeTooSkewed" or (code == "InvalidSignatureException" and why.startswith(_UNTIMELY))
