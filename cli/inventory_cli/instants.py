"""Instants as a person writes them."""

from datetime import UTC, datetime

from inventory_cli.errors import WrongUse


def unix_seconds(text: str) -> int:
    """The instant in a text: Unix seconds, or a date and time, which is in UTC if it does not say otherwise.

    Raises:
        WrongUse: It is no instant, or none of a whole second.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"An instant is '2026-11-22 18:00:00' (UTC) or Unix seconds, unlike {text!r}.") from None
    if instant.microsecond:
        raise WrongUse("An instant is a whole second.")
    return round((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
