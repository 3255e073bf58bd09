"""Text that comes from outside: what of it can be kept, and how it is shown."""

import re
from typing import Final

SHOWN_LENGTH_MAX: Final = 200

#: What readable text looks like, as the reference tells it (no JSON text can carry half of a surrogate pair).
READABLE_PATTERN: Final = r"^[^\u0000-\u001f\u007f-\u009f\ufffd]*$"

# Controls, halves of a surrogate pair, and U+FFFD: a gateway puts that where the bytes were not UTF-8.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")


def is_readable(text: str) -> bool:
    """Whether the text has no control characters and is well-formed."""
    return _UNREADABLE.search(text) is None


def shown(text: str) -> str:
    """The text as a message can carry it: with `?` for what is not readable, and cut where it is long."""
    return _UNREADABLE.sub("?", text[:SHOWN_LENGTH_MAX])
