"""Text that others wrote, for a terminal: none of it acts there, and none of it hides the rest of its line.

Rich takes a control character or a mark of direction to have no width. The mark in its place has one: it must stand
there before Rich measures a line, or as many characters as there are marks no longer fit, and are cut off at its end.
"""

import re
from typing import Final

from rich.text import Text

# What a terminal acts on instead of showing it: control characters but for tab and line feed, marks that turn the
# direction of a line, separators of lines, and surrogates, which stand for bytes that were no text.
_ACTED_ON: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """The text, with marks in the place of what a terminal would act on."""
    return _ACTED_ON.sub("\ufffd", text)


def harmless_text(text: Text) -> Text:
    """A styled text made harmless, each character of it as wide as Rich takes it to be: tabs too have no width yet."""
    copy = text.copy()
    copy.plain = harmless(text.plain)
    copy.expand_tabs()
    return copy


def escaped(json_text: str) -> str:
    """A JSON document that says the same, and is shown by a terminal without effect."""
    return _ACTED_ON.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)
