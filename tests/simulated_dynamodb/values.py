"""Attribute values (`{"N": "5"}`): their checks, one canonical form, size, order and copies.

What is stored is canonical and never changed in place, so that two values are equal exactly if they compare equal.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from functools import lru_cache, partial
from typing import Any, TypeAlias

from .errors import invalid

Value: TypeAlias = dict[str, Any]
Item: TypeAlias = dict[str, Value]
Scalar: TypeAlias = str | Decimal | bytes


class Stored(dict[str, Value]):
    """An item as a table has it. It is never changed in place, so that its size is found only once."""

    __slots__ = ("size",)
    size: int


ITEM_BYTES_MAX = 400 * 1024
_NESTING_MAX = 32
_DIGITS_MAX = 38
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_PLAIN_INTEGER = re.compile(r"0|-?[1-9]\d{0,37}", re.ASCII)
_EXACT = Context(prec=_DIGITS_MAX, Emax=9999, Emin=-9999, traps=[Inexact, InvalidOperation, Overflow])
_SET_ELEMENTS = {"SS": "S", "NS": "N", "BS": "B"}


@lru_cache(maxsize=1 << 16)
def canonical_number(text: str) -> str:
    """The number as DynamoDB gives it back: plain notation, no leading or trailing zeros.

    Raises:
        Refused: It is no number, or outside of 38 digits and 1E-130 to 9.9E+125.
    """
    if _PLAIN_INTEGER.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    try:
        number = Decimal(text).normalize(_EXACT)
    except Inexact:
        raise invalid("Attempting to store more than 38 significant digits in a Number") from None
    if not number:
        return "0"
    if not -130 <= number.adjusted() <= 125:
        direction, than = ("overflow", "larger") if number.adjusted() > 0 else ("underflow", "smaller")
        raise invalid(f"Number {direction}. Attempting to store a number with magnitude {than} than supported range")
    return f"{number:f}"


def add(left: Value, right: Value) -> Value:
    """The exact sum of two numbers."""
    return _calculated(_EXACT.add, left, right)


def subtract(left: Value, right: Value) -> Value:
    """The exact difference of two numbers."""
    return _calculated(_EXACT.subtract, left, right)


def _calculated(calculate: Callable[[Decimal, Decimal], Decimal], left: Value, right: Value) -> Value:
    if "N" not in left or "N" not in right:
        raise invalid("An operand in the update expression has an incorrect data type")
    try:
        return {"N": canonical_number(str(calculate(Decimal(left["N"]), Decimal(right["N"]))))}
    except DecimalException:
        raise invalid("Attempting to store more than 38 significant digits in a Number") from None


def canonical_item(item: Mapping[str, Value]) -> Item:
    """A canonical copy of an item's attributes."""
    return _canonical_map(item, 0)


def canonical(value: Value, depth: int = 0) -> Value:
    """A canonical copy: numbers in one notation, sets sorted. boto3 has already checked types and names.

    Raises:
        Refused: It has no type or several, a set is empty or has duplicates, or it nests too deep.
    """
    if len(value) == 1:  # most values are of these two types
        if "S" in value:
            return {"S": value["S"]}
        if "N" in value:
            return {"N": canonical_number(value["N"])}
    else:
        found = "more than one datatypes set" if value else "is empty"
        raise invalid(f"Supplied AttributeValue has {found}, must contain exactly one of the supported datatypes")
    [(kind, content)] = value.items()
    return {kind: _CANONICAL[kind](content, depth) if kind in _CANONICAL else content}


def _canonical_map(members: Mapping[str, Value], depth: int) -> Item:
    if "" in members:
        raise invalid("Empty attribute name")
    _check_depth(depth)
    return {name: canonical(member, depth + 1) for name, member in members.items()}


def _canonical_list(elements: list[Value], depth: int) -> list[Value]:
    _check_depth(depth)
    return [canonical(element, depth + 1) for element in elements]


def _canonical_null(content: object, _depth: int) -> bool:
    if content is not True:
        raise invalid("Null attribute value types must have the value of true")
    return True


def _canonical_binary(content: str | bytes | bytearray, _depth: int) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content)


def _check_depth(depth: int) -> None:
    if depth > _NESTING_MAX:
        raise invalid("Nesting Levels have exceeded supported limits")


def _canonical_set(kind: str, content: list[Any], _depth: int = 0) -> list[Any]:
    if not content:
        raise invalid("One or more parameter values were invalid: A set may not be empty")
    elements = sorted((canonical({kind: element}) for element in content), key=scalar)
    canonical_content = [element[kind] for element in elements]
    if len(set(canonical_content)) < len(canonical_content):
        raise invalid("One or more parameter values were invalid: Input collection contains duplicates")
    return canonical_content


_CANONICAL: dict[str, Callable[[Any, int], Any]] = {
    "N": lambda content, _depth: canonical_number(content),
    "B": _canonical_binary,
    "M": _canonical_map,
    "L": _canonical_list,
    "NULL": _canonical_null,
    **{name: partial(_canonical_set, kind) for name, kind in _SET_ELEMENTS.items()},
}


def scalar(value: Value) -> Scalar:
    """What a string, number or binary is ordered and found by: strings by UTF-8, as Python orders code points."""
    [(kind, content)] = value.items()
    return Decimal(content) if kind == "N" else content


def united(left: Value, right: Value) -> Value:
    """The union of two sets of one type."""
    [(kind, content)] = left.items()
    return {kind: _canonical_set(_SET_ELEMENTS[kind], list({*content, *right[kind]}))}


def without(left: Value, right: Value) -> Value | None:
    """The first set without the second's elements; None where nothing is left, as there are no empty sets."""
    [(kind, content)] = left.items()
    rest = [element for element in content if element not in right[kind]]
    return {kind: rest} if rest else None


def copied(value: Value) -> Value:
    """A copy that its taker may change."""
    [(kind, content)] = value.items()
    if kind == "M":
        return {"M": copied_item(content)}
    if kind == "L":
        return {"L": [each.copy() if "N" in each or "S" in each else copied(each) for each in content]}
    return {kind: list(content) if kind in _SET_ELEMENTS else content}


def copied_item(item: Item) -> Item:
    """A copy of an item that its taker may change."""
    return {name: value.copy() if "S" in value or "N" in value else copied(value) for name, value in item.items()}


def item_bytes(item: Item) -> int:
    """An item's size in bytes as DynamoDB counts it: names and values in UTF-8, 3 for a container, 1 an element."""
    if type(item) is not Stored:
        return _item_bytes(item)
    if not hasattr(item, "size"):
        item.size = _item_bytes(item)
    return item.size


def _item_bytes(item: Item) -> int:
    size = 0
    for name, value in item.items():
        size += len(name) if name.isascii() else _text_bytes(name)
        if "N" in value:
            size += _number_bytes(value["N"])
        elif "S" in value:
            size += _text_bytes(value["S"])
        else:
            size += _value_bytes(value)
    return size


def _value_bytes(value: Value) -> int:
    [(kind, content)] = value.items()
    if kind == "S":
        return _text_bytes(content)
    if kind == "N":
        return _number_bytes(content)
    if kind == "M":
        return 3 + len(content) + _item_bytes(content)
    if kind == "L":
        inside = sum([_number_bytes(each["N"]) if "N" in each else _value_bytes(each) for each in content])
        return 3 + len(content) + inside
    if kind in _SET_ELEMENTS:
        return sum(_value_bytes({_SET_ELEMENTS[kind]: element}) for element in content)
    return len(content) if kind == "B" else 1


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@lru_cache(maxsize=1 << 16)
def _number_bytes(text: str) -> int:
    digits = text.lstrip("-0.").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def check_item_size(item: Item, message: str = "Item size has exceeded the maximum allowed size") -> None:
    """Refuses what is over 400 KB."""
    if item_bytes(item) > ITEM_BYTES_MAX:
        raise invalid(message)
