"""SQS: stream records that can never be handled, set aside where an operator finds them."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from inventory.adapters.outages import outages_named
from inventory.domain.clock import Milliseconds

#: So many records are set aside by one instance in so long a time. Where there are more, the function is wrong rather
#: than the records: they had better wait in their stream until it is mended.
ASIDE_MAX: Final = 10
ASIDE_MS: Final[Milliseconds] = 60_000

#: SQS takes messages of 256 KB in every region; in some, 1 MiB.
_BYTES_MAX: Final = 250_000
_WHY_LENGTH_MAX: Final = 1_000
#: What of a stream's record may be large.
_IMAGES: Final = frozenset({"NewImage", "OldImage", "data"})


class TooMuchPoison(Exception):
    """More records cannot be handled than a stream has by accident."""


class AsideQueue:
    """A queue that gets each record with the reason: the whole record, if the queue takes so much.

    A batch with one poison record costs one call more; without any, none.

    Args:
        client: A boto3 SQS client, with its timeouts and retries set.
        url: The queue's URL.
        elapsed: Milliseconds for measuring ages, see `Elapsed`.
    """

    def __init__(self, client: Any, url: str, elapsed: Callable[[], Milliseconds]) -> None:
        self._client = client
        self._url = url
        self._elapsed = elapsed
        self._last: deque[Milliseconds] = deque(maxlen=ASIDE_MAX)

    def set_aside(self, record: Mapping[str, Any], why: str) -> None:
        """Puts a stream's record on the queue.

        Raises:
            Overloaded: SQS did not answer.
            TooMuchPoison: As many were put there within the last minute; the batch must be given again.
        """
        now_ms = self._elapsed()
        if len(self._last) == ASIDE_MAX and now_ms - self._last[0] < ASIDE_MS:
            raise TooMuchPoison(f"{ASIDE_MAX} records were set aside within a minute, and now another: {why}")
        body = json.dumps({"why": why, "record": record})
        if len(body) > _BYTES_MAX:
            body = json.dumps({"why": why[:_WHY_LENGTH_MAX], "record": _without_images(record)})
        with outages_named("The queue for what is set aside"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        self._last.append(now_ms)


def _without_images(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What finds a record in its stream or its table again."""
    without = {
        source: {name: value for name, value in record[source].items() if name not in _IMAGES}
        for source in ("dynamodb", "kinesis")
        if isinstance(record.get(source), Mapping)
    }
    return {**record, **without, "images": "left out, too large"}
