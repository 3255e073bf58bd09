"""Lines on the command line: ``ITEM[@WAREHOUSE][:QUANTITY]``."""

from typing import Any, Final

from inventory_cli.errors import WrongUse

#: The API takes far less, and says so. Python makes no number of thousands of digits.
_DIGITS_MAX: Final = 20
_SHOWN_MAX: Final = 40


def line_from(text: str) -> dict[str, Any]:
    """One line of a hold: ``cup`` is one cup from anywhere, ``cup@berlin:2`` two from Berlin.

    Raises:
        WrongUse: It is not of this form.
    """
    named, colon, quantity = text.partition(":")
    item, at, warehouse = named.partition("@")
    number = whole(quantity, text) if colon else 1
    if not item or (at and not warehouse):
        raise WrongUse(f"{text!r} is no line: write ITEM:QUANTITY or ITEM@WAREHOUSE:QUANTITY.")
    line: dict[str, Any] = {"item": item, "quantity": number}
    return line | {"warehouse": warehouse} if at else line


def whole(text: str, where: str) -> int:
    """A whole number, with or without a sign.

    Raises:
        WrongUse: It is none.
    """
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise WrongUse(f"{text[:_SHOWN_MAX]!r} in {where[:_SHOWN_MAX]!r} is no whole number.")
    if len(digits) > _DIGITS_MAX:
        raise WrongUse(f"A number in {where[:_SHOWN_MAX]!r} has {len(digits):,} digits.")
    return int(text)


def metadata_from(pairs: list[str] | None) -> dict[str, str] | None:
    """Metadata from ``NAME=VALUE`` pairs, or None where there are none.

    Raises:
        WrongUse: One is not of this form.
    """
    metadata = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise WrongUse(f"{pair!r} is no metadata: write NAME=VALUE.")
        metadata[name] = value
    return metadata or None
