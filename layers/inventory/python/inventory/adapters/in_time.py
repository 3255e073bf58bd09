"""A call to the tables is sent, or sent again, only while the instant that it writes is fresh."""

from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import HTTPClientError

from inventory.domain.clock import Milliseconds

#: No write is sent later than 10 s after its instant was taken. What remains of that is for finding and reaching the
#: tables: a second to connect to each of two addresses.
SENT_WITHIN_MS: Final = 8_000
_BEGAN_MS: Final = "inventory_began_ms"


def sent_in_time(client: Any, now: Callable[[], Milliseconds]) -> Any:
    """A DynamoDB client that sends no call again long after it began: it fails then as if nothing could be reached.

    The client's timeouts and number of tries do not see to that: an answer may ask it to wait 5 s longer than it would
    by itself (`x-amz-retry-after`), before each further try.

    Args:
        client: boto3's low-level client.
        now: Milliseconds since 1970 by this instance's clock, which stamps the writes.

    Returns:
        The same client.
    """

    def check(request: Any, **_: object) -> None:
        now_ms = now()
        began_ms = request.context.setdefault(_BEGAN_MS, now_ms)  # all tries of a call share its context
        if now_ms - began_ms > SENT_WITHIN_MS:
            raise HTTPClientError(error=f"not sent again {now_ms - began_ms} ms after the call began")

    client.meta.events.register("request-created.dynamodb", check)
    return client
