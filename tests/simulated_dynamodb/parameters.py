"""Checks arguments as boto3 does before it sends anything."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import validate_parameters

from .errors import service_model

Check: TypeAlias = Callable[[Any], bool]

_SCALARS: dict[str, Check] = {
    "boolean": lambda value: type(value) is bool,
    "blob": lambda value: type(value) is bytes,
}


def check_parameters(operation: str, arguments: Mapping[str, Any]) -> None:
    """Has botocore check what isn't plainly right: its check takes longer than most simulated calls.

    Raises:
        botocore.exceptions.ParamValidationError: An argument is unknown, missing, or of another type or length.
    """
    shape, plainly_right = _checked(operation)
    if not plainly_right(arguments):
        validate_parameters(arguments, shape)


@cache
def _checked(operation: str) -> tuple[Shape, Check]:
    shape = service_model().operation_model(operation).input_shape
    if shape is None:
        raise LookupError(operation)
    return shape, _check(shape, {})


def _check(shape: Shape, known: dict[str, Check]) -> Check:
    """Compiles a shape into a check that says no wherever it isn't sure. Shapes may contain themselves."""
    if shape.name in known:
        return lambda value: known[shape.name](value)  # noqa: PLW0108 - not yet compiled
    known[shape.name] = lambda _value: False  # until compiled
    match shape:
        case StructureShape():
            known[shape.name] = _structure(shape, known)
        case MapShape():
            of_value = _check(shape.value, known)
            known[shape.name] = lambda value: type(value) is dict and all(map(of_value, value.values()))
        case ListShape():
            of_member, least = _check(shape.member, known), shape.metadata.get("min", 0)
            known[shape.name] = lambda value: type(value) is list and len(value) >= least and all(map(of_member, value))
        case _:
            known[shape.name] = _scalar(shape)
    return known[shape.name]


def _scalar(shape: Shape) -> Check:
    least = shape.metadata.get("min", 0)
    if shape.type_name == "string":
        return lambda value: type(value) is str and len(value) >= least
    if shape.type_name == "integer":
        return lambda value: type(value) is int and value >= least
    return _SCALARS.get(shape.type_name, lambda _value: False)


def _structure(shape: StructureShape, known: dict[str, Check]) -> Check:
    members = {name: _check(member, known) for name, member in shape.members.items()}
    required = frozenset(shape.required_members)

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name, given in value.items():
            of_member = members.get(name)
            if of_member is None or not of_member(given):
                return False
        return required <= value.keys()

    return check
