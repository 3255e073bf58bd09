"""Bodies: JSON and forms, read more strictly than their parsers do by themselves."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any, Final
from urllib.parse import parse_qsl

from inventory.api.brackets import DEPTH_MAX, bracketed, tree_from
from inventory.api.requests import HttpRequest
from inventory.api.text import is_readable, shown
from inventory.domain.errors import InvalidRequest
from inventory.domain.limits import BODY_BYTES_MAX

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
FORM_FIELDS_MAX: Final = 1_000
_NUMBER_DIGITS_MAX: Final = 20
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})

_CONTENT_TYPE = re.compile(r"\s*([^\s;]+)\s*(?:;(.*))?", re.DOTALL)
_CHARSET = re.compile(r"(?:^|;)\s*charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)


def body_of(request: HttpRequest, *, lists: Set[str]) -> tuple[Mapping[str, Any], bool]:
    """The parameters in the body, and whether their values are typed (JSON) or all text (a form).

    Args:
        request: The request.
        lists: The fields that are lists, which a form does not tell by itself.

    Raises:
        InvalidRequest: The body is too large, of another type, malformed, or has text that cannot be kept.
    """
    raw = _raw(request)
    if not raw.strip():
        return {}, True
    _check_encoding(request.header("content-encoding") or "")
    is_json = _is_json(request.header("content-type") or "")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _invalid("is not valid UTF-8") from None
    if not is_json and text.lstrip().startswith(("{", "[")):
        raise InvalidRequest(
            "content_type_unsupported", f"The Content-Type is '{FORM}', and the body looks like JSON: say '{JSON}'."
        )
    body = _json_object(text) if is_json else tree_from(_form_pairs(text), lists=lists)
    check_text(body)
    return body, is_json


def check_text(value: object, location: tuple[str | int, ...] = ()) -> None:
    """Checks that all text in a value can be stored and shown, that nothing is null, nor nested too deep.

    Raises:
        InvalidRequest: Names the field that is to blame.
    """
    if isinstance(value, str) and not is_readable(value):
        param = bracketed(location)
        raise InvalidRequest(
            "parameter_invalid", f"'{param}' contains a control character or invalid text.", param=param
        )
    if value is None:
        param = bracketed(location)
        raise InvalidRequest("parameter_invalid", f"'{param}' is null. Leave it out instead.", param=param)
    if not isinstance(value, dict | list):
        return
    if len(location) >= DEPTH_MAX:
        raise _invalid(f"is nested more than {DEPTH_MAX} deep")
    entries: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    for name, entry in entries:
        if isinstance(name, str):
            check_text(name, (*location, name))
        check_text(entry, (*location, name))


def _raw(request: HttpRequest) -> bytes:
    try:
        # Halves of surrogate pairs become bytes that are no UTF-8, which is then said in one place.
        raw = request.body.encode("utf-8", "surrogatepass")
        if request.body_is_base64:
            raw = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("is not valid base64") from None
    if len(raw) > BODY_BYTES_MAX:
        raise InvalidRequest("body_too_large", f"The body has {len(raw)} bytes; {BODY_BYTES_MAX} are allowed.")
    return raw


def _check_encoding(encoding: str) -> None:
    if encoding.strip().lower() not in {"", "identity"}:
        raise InvalidRequest(
            "content_type_unsupported", f"The Content-Encoding is '{shown(encoding)}'; send the body as it is."
        )


def _is_json(content_type: str) -> bool:
    match = _CONTENT_TYPE.fullmatch(content_type)
    media_type = match[1].lower() if match else ""
    if media_type not in {JSON, FORM}:
        given = f"'{media_type[:100]}'" if media_type else "missing"
        raise InvalidRequest(
            "content_type_unsupported", f"The Content-Type is {given}; the body must be {JSON} or {FORM}."
        )
    charset = _CHARSET.search((match[2] if match else "") or "")
    if charset and charset[1].lower() not in _CHARSETS:
        raise InvalidRequest("content_type_unsupported", "The charset of the body must be UTF-8.")
    return media_type == JSON


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, object_pairs_hook=_object_of, parse_constant=_refuse_constant, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        raise _invalid(f"is not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos}") from None
    except RecursionError:
        raise _invalid(f"is nested more than {DEPTH_MAX} deep") from None
    if not isinstance(value, dict):
        raise _invalid("is not a JSON object")
    return value


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _invalid(f"names '{bracketed([name])}' twice in one object")
        found[name] = value
    return found


def _refuse_constant(name: str) -> None:
    raise _invalid(f"contains {name}, which is not JSON")


def _whole_number(digits: str) -> int:
    if len(digits) > _NUMBER_DIGITS_MAX:
        raise _invalid(f"contains a number of more than {_NUMBER_DIGITS_MAX} digits")
    return int(digits)


def _form_pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX)
    except UnicodeDecodeError:
        raise _invalid("is not valid UTF-8") from None
    except ValueError:
        raise _invalid(f"has more than {FORM_FIELDS_MAX} fields") from None


def _invalid(why: str) -> InvalidRequest:
    return InvalidRequest("body_invalid", f"The body {why}.")
