"""The fields that requests share, and how a request's parameters are checked against its model."""

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from inventory.api.brackets import bracketed
from inventory.api.text import READABLE_PATTERN
from inventory.domain.errors import InvalidRequest
from inventory.domain.ids import AUDIT, HOLD, NAME_PATTERN, SNAPSHOT, id_pattern
from inventory.domain.limits import (
    ID_LENGTH_MAX,
    METADATA_KEY_LENGTH_MAX,
    METADATA_KEYS_MAX,
    METADATA_VALUE_LENGTH_MAX,
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MAX,
    QUANTITY_MAX,
    TEXT_LENGTH_MAX,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NAME_RULE: Final = f"It should be 1 to {ID_LENGTH_MAX} characters, each a letter A-Z or a-z, a digit, '.', '_' or '-'"
_PATTERNS: Final = {
    NAME_PATTERN: NAME_RULE,
    id_pattern(HOLD): "It should be the id of a hold",
    id_pattern(SNAPSHOT): "It should be the id of a snapshot",
    id_pattern(AUDIT): "It should be the id of an audit",
}

_WHOLE = re.compile(r"-?[0-9]{1,20}", re.ASCII)


def _plain_digits(value: object) -> object:
    """Forms and queries carry text: only plain digits are a number, not '1_000', ' 1 ' or '1.0'."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("Input should be a whole number, in digits")
    return value


_READABLE: Final[dict[str, Any]] = {"pattern": READABLE_PATTERN}  # `check_text` sees to it, for all text at once

#: To be named after the limits of a number: what comes first in an annotation is checked last.
InDigits: Final = BeforeValidator(_plain_digits)

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
HoldId = Annotated[str, StringConstraints(pattern=id_pattern(HOLD))]
SnapshotId = Annotated[str, StringConstraints(pattern=id_pattern(SNAPSHOT))]
AuditId = Annotated[str, StringConstraints(pattern=id_pattern(AUDIT))]
Text = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH_MAX, json_schema_extra=_READABLE)]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX), InDigits]
_Entries = dict[
    Annotated[str, Field(min_length=1, max_length=METADATA_KEY_LENGTH_MAX, json_schema_extra=_READABLE)],
    Annotated[str, Field(max_length=METADATA_VALUE_LENGTH_MAX, json_schema_extra=_READABLE)],
]
Metadata = Annotated[
    _Entries,
    Field(
        max_length=METADATA_KEYS_MAX,
        description="Anything you want to find again; not looked at.",
    ),
]
#: All that there may be removed, and as much added.
MetadataChange = Annotated[
    _Entries,
    Field(
        max_length=2 * METADATA_KEYS_MAX,
        description="Merged key by key; an empty value removes its key.",
    ),
]
Limit = Annotated[int, Field(ge=1, le=PAGE_SIZE_MAX, description="How many to answer with."), InDigits]


class Parameters(BaseModel):
    """What a request may carry, in its body or (GET) in its query. Nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(Parameters):
    """A request that carries nothing."""


class PageParameters(Parameters):
    """Which part of a list is asked for."""

    limit: Limit = PAGE_SIZE_DEFAULT


P = TypeVar("P", bound=Parameters)


@cache
def list_fields(model: type[Parameters]) -> frozenset[str]:
    """The names of the model's fields that are lists."""
    return frozenset(name for name, field in model.model_fields.items() if _is_list(field.annotation))


def _is_list(annotation: object) -> bool:
    kind = get_origin(annotation)
    return kind is list or (kind is not dict and any(map(_is_list, get_args(annotation))))


def checked(model: type[P], parameters: Mapping[str, Any], *, typed: bool) -> P:
    """The parameters as the model.

    Args:
        model: What the request may carry.
        parameters: What it carries.
        typed: Whether values must have the right type already (JSON), or come as text (forms and queries).

    Raises:
        InvalidRequest: The first parameter that is missing, unknown or invalid.
    """
    try:
        return model.model_validate(parameters, strict=typed)
    except ValidationError as failure:
        raise _first_error(failure) from None


def _first_error(failure: ValidationError) -> InvalidRequest:
    error = failure.errors(include_url=False, include_input=False)[0]
    location = [part for part in error["loc"] if part != "[key]"]
    param = bracketed(location) if location else None
    if error["type"] == "missing":
        return InvalidRequest("parameter_missing", f"The parameter '{param}' is required.", param=param)
    if error["type"] == "extra_forbidden":
        return InvalidRequest("parameter_unknown", f"There is no parameter '{param}'.", param=param)
    return InvalidRequest("parameter_invalid", f"The parameter '{param}' is invalid. {_why(error)}.", param=param)


def _why(error: "ErrorDetails") -> str:
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS[error["ctx"]["pattern"]]
    if error["type"] in {"model_type", "dict_type"}:
        return "It should be an object"
    subject, _, rest = error["msg"].removeprefix("Value error, ").replace(" after validation", "").partition(" ")
    return f"It {rest}" if subject in {"Input", "String", "List", "Dictionary"} else f"{subject} {rest}"
