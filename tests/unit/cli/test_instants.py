"""Instants are taken as they are written, or refused: whatever is written."""

import pytest

from inventory_cli.errors import WrongUse
from inventory_cli.instants import in_sql, unix_seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "-1", "1.5", "²", "253402300800", "100000000000000000", "99999999999999999999", "9" * 5000),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
    ],
)
def test_what_is_no_instant_or_none_that_a_calendar_has_is_refused(text: str) -> None:
    for reading in (unix_seconds, in_sql):
        with pytest.raises(WrongUse):
            reading(text)
