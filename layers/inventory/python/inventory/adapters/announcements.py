"""EventBridge: what has to be said, on the stack's own bus."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from inventory.metric import Metric
from inventory.telemetry import logger, report

SOURCE: Final = "inventory"


class NotAnnounced(Exception):
    """The bus did not take an event; says why."""


class EventBus:
    """A bus of EventBridge.

    Args:
        client: A boto3 EventBridge client, with its timeouts and retries set.
        name: The bus's name.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def announce(self, what: str, detail: Mapping[str, Any]) -> None:
        """Says that something happened. Said again, it is another event: its detail tells who hears it which it was.

        Args:
            what: The event's `detail-type`, for a person.
            detail: JSON values; 200 KB at most.

        Raises:
            NotAnnounced: The bus refused it.
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: EventBridge refused the request, or did
                not answer.
        """
        entry = {"EventBusName": self._name, "Source": SOURCE, "DetailType": what, "Detail": json.dumps(detail)}
        answer = self._client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            (refused,) = answer["Entries"]
            raise NotAnnounced(f"{refused.get('ErrorCode')}: {refused.get('ErrorMessage')}")


def counting_losses(bus: EventBus) -> Callable[[str, Mapping[str, Any]], None]:
    """Announces on a bus; what it does not take is counted and logged.

    Such events are for people and dashboards. Nothing of the service waits for one, and none is worth a second try
    that would hold up the stream behind it.
    """

    def announce(what: str, detail: Mapping[str, Any]) -> None:
        try:
            bus.announce(what, detail)
        except (NotAnnounced, BotoCoreError, ClientError) as error:
            logger.warning("event not published", extra={"event_name": what, "why": type(error).__name__})
            report(Metric.EVENTS_LOST, 1)

    return announce
