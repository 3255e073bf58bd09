"""Instants as a person writes them."""

from datetime import UTC, datetime

from inventory_cli.errors import WrongUse


def unix_seconds(text: str) -> int:
    """The instant in a text: Unix seconds, or a date and time, which is in UTC if it does not say otherwise.

    Raises:
        WrongUse: It is no instant, or none of a whole second.
    """
    instant = _instant(text)
    if instant.microsecond:
        raise WrongUse("An instant is a whole second.")
    return round(instant.timestamp())


def in_sql(text: str) -> str:
    """The instant in a text as the questions' SQL has it: UTC, to the millisecond.

    Raises:
        WrongUse: It is no instant.
    """
    return _instant(text).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3].removesuffix(".000")


def stamp(text: str) -> str:
    """The instant in a text as the history's folders and partitions are named: UTC, to the second.

    Raises:
        WrongUse: It is no instant.
    """
    spelled = _instant(text).replace(tzinfo=None).isoformat(timespec="seconds")
    return spelled.replace("-", "").replace(":", "") + "Z"


def _instant(text: str) -> datetime:
    """In UTC, where some of the first and last hours that can be written no longer are in the calendar."""
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        raise WrongUse(f"An instant is '2026-11-22 18:00:00' (UTC) or Unix seconds, unlike {text!r}.") from None
